"""How a file is read, and what came of it: the values that travel between the readers, the data set and the page.

Knows nothing of any file format; the limits that keep hostile files small stand here too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from core.errors import Cancelled, DataError
from core.words import Message, listed, plural

Progress = Callable[[int, int], None]  # rows so far, rows expected (an estimate that settles)
Stop = Callable[[], bool]

KINDS = ("csv", "txt", "xlsx", "json", "jsonl", "parquet", "conll", "semeval", "pictures")
ENCODINGS: dict[str, str] = {  # Python's name -> what a person calls it
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8 with BOM",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16 LE",
    "utf-16-be": "UTF-16 BE",
    "utf-32": "UTF-32",
    "gb18030": "GB18030",
    "big5": "Big5",
    "shift_jis": "Shift-JIS",
    "euc_jp": "EUC-JP",
    "euc_kr": "EUC-KR",
    "cp1252": "Latin-1 (Windows-1252)",
    "cp1250": "Windows-1250",
    "cp1251": "Windows-1251",
}
DELIMITERS: dict[str, str] = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar", "": "nothing"}

MAX_CELL = 1_000_000  # characters; what is longer is cut, with a warning
MAX_LINE = 16_000_000  # characters in one line of a text file
MAX_COLUMNS = 1_000
MAX_ROWS = 20_000_000
SAMPLE_ROWS = 50


@dataclass(frozen=True)
class How:
    """How to read a file. None = find out. `header`: is the first row names? `quote`: the quoting character, "" for none."""

    kind: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    header: bool | None = None
    sheet: str | None = None

    @staticmethod
    def from_json(value: Mapping[str, Any] | None) -> How:
        """From what a page or a command line sends; anything unknown is an error with the choices."""
        told = {k: v for k, v in dict(value or {}).items() if k in {f.name for f in fields(How)} and v is not None}
        _known("kind", told, KINDS)
        _known("encoding", told, ENCODINGS)
        _known("delimiter", told, DELIMITERS)
        _known("quote", told, ("", '"', "'"))
        if "header" in told and not isinstance(told["header"], bool):
            told["header"] = str(told["header"]).lower() in ("true", "1", "yes", "on")
        if "sheet" in told:
            told["sheet"] = str(told["sheet"])[:200]
        return How(**told)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Sample:
    """What a file looks like before it is imported. `how` has no None left that matters for its kind."""

    name: str
    how: How
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    size: int
    sentence: Message
    reasons: tuple[Message, ...] = ()
    warnings: tuple[Message, ...] = ()
    sheets: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "how": self.how.as_json(),
            "columns": list(self.columns),
            "rows": [list(row) for row in self.rows],
            "size": self.size,
            "sentence": self.sentence.as_json(),
            "reasons": [m.as_json() for m in self.reasons],
            "warnings": [m.as_json() for m in self.warnings],
            "sheets": list(self.sheets),
        }


@dataclass(frozen=True)
class Read:
    """What an import brought. `columns` are the ones worth showing; the Arrow file may hold more (unnamed and empty)."""

    columns: tuple[str, ...]
    rows: int
    how: How
    warnings: tuple[Message, ...] = ()

    @property
    def sentence(self) -> Message:
        return sentence(self.how, self.rows)


@dataclass
class Trouble:
    """Counts what was not as it should be while reading, and says it afterwards."""

    cut_cells: int = 0
    ragged_rows: int = 0
    unreadable: int = 0
    bad_lines: int = 0
    first_bad_line: int = 0
    dropped_columns: int = 0
    unclosed_quotes: int = 0
    wasted_lines: int = 0  # read ahead in vain; no trouble for a person, but for the time
    notes: list[Message] = field(default_factory=list)

    def messages(self) -> tuple[Message, ...]:
        found = list(self.notes)
        if self.bad_lines:
            found.append(
                plural(
                    self.bad_lines,
                    "{n} line is not valid JSON and was left out. It is line {first}.",
                    "{n:,} lines are not valid JSON and were left out. The first is line {first}.",
                    first=self.first_bad_line,
                )
            )
        if self.ragged_rows:
            found.append(
                plural(
                    self.ragged_rows,
                    "{n} row has more cells than there are columns. The surplus was joined to its last cell.",
                    "{n:,} rows have more cells than there are columns. The surplus was joined to their last cell.",
                )
            )
        if self.unclosed_quotes:
            found.append(
                plural(
                    self.unclosed_quotes,
                    "{n} quotation mark is never closed and was read as an ordinary character.",
                    "{n:,} quotation marks are never closed and were read as ordinary characters.",
                )
            )
        if self.unreadable:
            found.append(
                plural(
                    self.unreadable,
                    "{n} cell holds �, which stands for a character that could not be read.",
                    "{n:,} cells hold �, which stands for a character that could not be read.",
                )
            )
        if self.cut_cells:
            found.append(
                plural(
                    self.cut_cells,
                    "{n} cell is longer than {most:,} characters and was cut there.",
                    "{n:,} cells are longer than {most:,} characters and were cut there.",
                    most=MAX_CELL,
                )
            )
        if self.dropped_columns:
            found.append(
                plural(
                    self.dropped_columns,
                    "{n} column beyond the first {most:,} was left out.",
                    "{n:,} columns beyond the first {most:,} were left out.",
                    most=MAX_COLUMNS,
                )
            )
        return tuple(found)


def sentence(how: How, rows: int | None = None) -> Message:
    """“2,412 rows. Read as UTF-8, comma between columns, names in the first row.”"""
    told = _how_told(how)
    return told if rows is None else plural(rows, "{n} row. {how}", "{n:,} rows. {how}", how=told)


def clean(text: str) -> str:
    """Text that can be written as UTF-8: half a surrogate pair (JSON and browsers can send one) becomes "?"."""
    return text.encode("utf-8", "replace").decode("utf-8")


def check(cancelled: Stop) -> None:
    if cancelled():
        raise Cancelled()


def never() -> bool:
    return False


def nothing(done: int, total: int) -> None:
    """Progress that nobody watches."""


def _how_told(how: How) -> Message:
    enc = ENCODINGS.get(how.encoding or "", how.encoding or "UTF-8")
    if how.kind == "csv":
        sep = _separator(how.delimiter or "")
        if how.header:
            return Message("Read as {enc}, {sep} between columns, names in the first row.", enc=enc, sep=sep)
        return Message("Read as {enc}, {sep} between columns, no names in the first row.", enc=enc, sep=sep)
    if how.kind == "txt":
        return Message("Read as {enc}, one text a line.", enc=enc)
    if how.kind == "xlsx":
        if how.header:
            return Message("Read from the sheet “{sheet}”, names in the first row.", sheet=how.sheet)
        return Message("Read from the sheet “{sheet}”, no names in the first row.", sheet=how.sheet)
    if how.kind == "conll":
        return Message("Read as {enc}, one word a line with its tags (CoNLL), joined to sentences.", enc=enc)
    if how.kind == "semeval":
        return Message("Read as {enc}, a sentence, its relation and a comment in blocks (SemEval).", enc=enc)
    if how.kind == "jsonl":
        return Message("Read as {enc}, one JSON record a line.", enc=enc)
    if how.kind == "parquet":
        return Message("Read as Parquet.")
    if how.kind == "pictures":
        return Message("Read as a zip of pictures; folders or a table in it say the labels.")
    return Message("Read as {enc}, JSON records.", enc=enc)


def _separator(delimiter: str) -> Message:
    return {
        ",": Message("comma"),
        "\t": Message("tab"),
        ";": Message("semicolon"),
        "|": Message("bar"),
    }.get(delimiter, Message("nothing"))


def _known(name: str, told: Mapping[str, Any], choices: Any) -> None:
    if name in told and told[name] not in choices:
        raise DataError(
            Message("“{value}” is no way to read a file.", value=str(told[name])[:40]),
            fix=Message("Choose one of {choices}.", choices=listed(choices, 20)),
        )
