"""Languages in the check-up: a data set in which some texts are in another language than most."""

from __future__ import annotations

import numpy as np

from core.data import languages
from core.data.checkup.finding import Check, Finding, Fix, Mask, examples_of, left_out
from core.data.kept import Arrays, Measure, Progress
from core.data.state import State
from core.words import Message, plural

BLOCK = 5_000
REAL = 0.02  # share of the texts whose language is clear, from which a second language counts
FEWEST = 10  # texts of it
CODES = ("", *languages.OWN, "zh", "ja", *(name for _, name, _ in languages.SCRIPTS))


def measure(state: State, progress: Progress) -> Arrays:
    """The place of each text's language among CODES; 0 where it is not clear."""
    found = np.zeros(len(state), np.int8)
    if state.shape.inputs[0].kind == "text":
        number = {code: i for i, code in enumerate(CODES)}
        for at in range(0, len(state), BLOCK):
            places = np.arange(at, min(at + BLOCK, len(state)))
            found[places] = [number[languages.of_text(text)] for text in state.texts(places)]
            progress(at, len(state))
    return {"language": found}


LANGUAGES = Measure("languages", "1", Message("Telling languages apart …"), measure)


def shares(state: State) -> dict[str, int]:
    """Texts of each language that has a real share, the commonest first; texts whose language is not clear are not counted."""
    counts = np.bincount(LANGUAGES.of(state)["language"][state.usable], minlength=len(CODES))[1:]
    least = max(FEWEST, REAL * counts.sum())
    order = np.argsort(-counts, kind="stable")
    return {CODES[i + 1]: int(counts[i]) for i in order.tolist() if counts[i] >= least}


def _other_rows(state: State) -> Mask:
    """Texts that are clearly in another language than most."""
    found = LANGUAGES.of(state)["language"]
    most = CODES.index(next(iter(shares(state)), ""))
    mask: Mask = (found > 0) & (found != most) & state.usable
    return mask


def _mixed(state: State) -> Finding | None:
    found = shares(state)
    if len(found) < 2:
        return None
    first, *others = found
    mask = _other_rows(state)
    n = int(mask.sum())
    said: Message | None = None
    for code in others[:3]:
        one = Message("{language} {p:.0f} %", language=languages.NAMES[code], p=100 * found[code] / sum(found.values()))
        said = one if said is None else Message("{one}, {other}", one=said, other=one)
    return Finding(
        "languages",
        "languages",
        "info",
        plural(
            n,
            "{n} text is not in {most}, as most are: {others}.",
            "{n:,} texts are not in {most}, as most are: {others}.",
            most=languages.NAMES[first],
            others=said,
        ),
        Message(
            "A base that knows one language reads the others as gaps. Take one that knows all of them, or leave the others out."
        ),
        n,
        (Fix("leave_out", Message("Leave the others out")),),
        examples=examples_of(state, mask),
    )


MIXED = Check("languages", _mixed, _other_rows, {"leave_out": left_out(_other_rows)}, (LANGUAGES,))
