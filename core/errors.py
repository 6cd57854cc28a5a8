"""Everything that can go wrong and that a person can mend.

HoneError                 what went wrong, which value, what to do
├── DataError             a file, a column or a row
│   ├── NotATable         the file is no table Hone can read
│   └── ColumnMissing     a task needs a column that is not there
├── SettingsError         one or more settings are out of range (all of them, together)
├── ModelError            a base model cannot be loaded, or does not fit the task
├── RunError              a run cannot start, go on or be read
├── Missing               no project, run or label of that name
├── NotAllowed            this user or this mode may not do that
└── Cancelled             the person asked for it to stop
"""

from __future__ import annotations

from dataclasses import dataclass

from core.words import Message


class HoneError(Exception):
    """An error with its repair. `message` says what and which value; `fix` says what to do."""

    def __init__(self, message: Message, fix: Message | None = None):
        super().__init__(str(message))
        self.message = message
        self.fix = fix


class DataError(HoneError): ...


class NotATable(DataError): ...


class ColumnMissing(DataError): ...


@dataclass(frozen=True)
class Problem:
    """One setting that is off: which field, and what to say beside it."""

    field: str
    message: Message


class SettingsError(HoneError):
    """All settings that are off, not only the first."""

    def __init__(self, problems: list[Problem]):
        first = problems[0].message
        if len(problems) == 1:
            message = Message("One setting needs a look: {what}", what=first)
        else:
            message = Message("{n} settings need a look. The first: {what}", n=len(problems), what=first)
        super().__init__(message)
        self.problems = problems


class ModelError(HoneError): ...


class RunError(HoneError): ...


class Missing(HoneError): ...


class NotAllowed(HoneError): ...


class Cancelled(HoneError):
    def __init__(self) -> None:
        super().__init__(Message("Cancelled. Nothing was changed."))
