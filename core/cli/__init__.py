"""`hone`: the whole job without a browser, on the same workspace as the page, also while the page uses it.

    hone train FILE [--task NAME] [--text COLUMN] [--label COLUMN] [--test F] [--recipe R] [--preset balanced] [--learning-rate 3e-5]
    hone compare FILE --methods head,lora,full · folds FILE --k 5 · search FILE --trials 20 · untrained FILE --way similar · smaller RUN --way int8
    hone check FILE [--report F.html] · resume RUN · retune RUN [FILE] · predict RUN FILE · evaluate RUN · export RUN · tasks · runs · projects · recipe RUN · labels export PROJECT --format csv ·
    user add NAME --auth FILE

Flags for settings are read from their declarations. Progress goes to standard error; with --json the last line of standard output
is one JSON object. Exit codes: 0 done, 1 something a person can mend (said in plain words), 2 a wrong command, 130 interrupted.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from core.cli.parser import build_parser, flag
from core.cli.saying import Saying, plain_output, unexpected
from core.errors import HoneError, SettingsError
from core.words import Message


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; the exit code."""
    plain_output()
    parser = build_parser()
    options = parser.parse_args(arguments)
    say = Saying(options.language, getattr(options, "json", False))
    try:
        return int(options.command(options, say) or 0)
    except KeyboardInterrupt:
        say.note(Message("Interrupted."))
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except SettingsError as error:
        for problem in error.problems:
            say.error(Message("{flag}: {what}", flag=flag(problem.field), what=problem.message))
        return 1
    except HoneError as error:
        say.error(error.message, error.fix)
        return 1
    except Exception as error:
        if options.debug:
            raise
        say.error(*unexpected(error, options))
        return 1
