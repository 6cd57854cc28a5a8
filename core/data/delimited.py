"""Text files of rows: lines, records, delimiter, quoting, and whether the first row holds names.

Reads one line at a time. A quoted cell may span lines, but a quotation mark that never closes costs one line, not the rest of the
file: it is then an ordinary character. (Python's csv module would swallow everything up to the next mark.)
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from core.data.how import MAX_LINE, Trouble, clean
from core.errors import NotATable
from core.words import Message

CANDIDATES = (",", "\t", ";", "|")
LONGEST_QUOTED = 2_000  # lines; a mark open for longer was never meant as one
LONGEST_QUOTED_CHARS = 2_000_000
MOST_WASTED = (
    200_000  # lines read ahead in vain, in all; beyond, cells no longer span lines (keeps hostile files linear)
)
GUESS_LINES = 20_000
NAMES = re.compile(
    r"(?i)^\W*(text|texts|sentences?|sentence[_ ]?[12ab]|content|message|msg|review|comment|tweet|title|body|question|answer|query|utterance|"
    r"document|input|output|instruction|prompt|response|summary|source|target|label|labels|class|category|topic|intent|tag|"
    r"(response|answer|completion)[_ ]?[ab12]|chosen|rejected|better|winner|preference|annotator|answered|origin|seconds|task|"
    r"sentiment|score|rating|stars?|y|split|subset|fold|set|id|idx|index|row|date|time|name|text[_ ]?[ab12]|文本|内容|正文|句子|评论|"
    r"标题|问题|标签|类别|分类|情感|评分|序号|编号|日期)\W*$"
)
SEPARATOR_HINT = re.compile(r"^\ufeff?\"?sep=[^\r\n]?\"?\r?\n$", re.IGNORECASE)  # Excel writes it as a first line
NUMBER = re.compile(r"^\s*[-+]?(\d[\d,]*\.?\d*|\.\d+)([eE][-+]?\d+)?\s*%?\s*$")


def open_text(path: Path, encoding: str) -> tuple[io.BufferedReader, io.TextIOWrapper]:
    """The file as text, and the bytes below it (whose position tells the progress)."""
    raw = path.open("rb")
    if encoding == "utf-8":
        encoding = "utf-8-sig"  # a mark where none was announced is no part of the first name
    return raw, io.TextIOWrapper(raw, encoding=encoding, errors="replace", newline="")


def lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Lines with their ends; a line beyond MAX_LINE is an error, so that no file can fill the memory."""
    first = True
    for line in iter(partial(text.readline, MAX_LINE), ""):
        if first and SEPARATOR_HINT.match(line):
            first = False
            continue
        first = False
        if len(line) >= MAX_LINE:
            raise NotATable(
                Message("A line of this file is longer than {n:,} characters.", n=MAX_LINE),
                fix=Message("A table has one row a line. Save it as CSV or Excel and drop it here again."),
            )
        yield line


def records(source: Iterable[str], delimiter: str, quote: str, trouble: Trouble) -> Iterator[list[str]]:
    """Rows of cells. Blank lines are passed over."""
    waiting: list[str] = []  # lines read ahead in vain, in reverse
    feed = iter(source)
    while True:
        line = waiting.pop() if waiting else next(feed, "")
        if not line:
            return
        bare = line.rstrip("\r\n")
        if not bare.strip() and (not delimiter or delimiter not in bare):
            continue
        if not quote or quote not in bare:
            yield bare.split(delimiter) if delimiter else [bare]
        else:
            yield _quoted(line, feed, waiting, delimiter, quote, trouble)


def _quoted(
    line: str, feed: Iterator[str], waiting: list[str], delimiter: str, quote: str, trouble: Trouble
) -> list[str]:
    """One row of which at least one cell may be quoted; takes further lines where a cell goes on."""
    cells: list[str] = []
    ends = "\r\n" + delimiter  # what may follow a closing mark; "" (the end of the file) is in every string
    at, stop = 0, len(line.rstrip("\r\n"))
    while True:
        if line.startswith(quote, at) and (closed := _closing(line, at, feed, waiting, ends, quote, trouble)):
            line, end = closed
            cells.append(line[at + 1 : end].replace(quote * 2, quote))
            at, stop = end + 1, len(line.rstrip("\r\n"))
        else:
            trouble.unclosed_quotes += line.startswith(quote, at)
            end = line.find(delimiter, at) if delimiter else stop
            end = stop if end < 0 else end
            cells.append(line[at:end])
            at = end
        if at >= stop:
            return cells
        at += 1
        if at >= stop:  # the row ends with a delimiter
            cells.append("")
            return cells


def _closing(
    line: str, at: int, feed: Iterator[str], waiting: list[str], ends: str, quote: str, trouble: Trouble
) -> tuple[str, int] | None:
    """The line (grown by what the cell spans) and where its quotation closes. None, with the lines given back, if it never does."""
    pieces = [line]
    before, search = 0, at + 1  # characters in earlier pieces; where to look in the last one
    while True:
        piece = pieces[-1]
        while (end := piece.find(quote, search)) >= 0 and piece.startswith(quote, end + 1):
            search = end + 2
        if end >= 0:
            if piece[end + 1 : end + 2] in ends:
                return "".join(pieces), before + end
            break  # closed in the middle of a cell: never meant as quoting
        before, search = before + len(piece), 0
        if len(pieces) > LONGEST_QUOTED or before > LONGEST_QUOTED_CHARS or trouble.wasted_lines > MOST_WASTED:
            break
        more = waiting.pop() if waiting else next(feed, "")
        if not more:
            break
        pieces.append(more)
    trouble.wasted_lines += len(pieces) - 1
    waiting.extend(reversed(pieces[1:]))
    return None


# --- what a file looks like ------------------------------------------------------------------------------------------


def guess_layout(sample: list[str], delimiter: str | None, quote: str | None, prefer: str | None) -> tuple[str, str]:
    """Delimiter and quote for these lines; what is already decided is kept. `prefer` is what the file's name suggests."""
    choices = [delimiter] if delimiter is not None else [c for c in CANDIDATES if not _is_prose(sample, c, prefer)]
    if not choices:
        return "", (quote if quote is not None else guess_quote(sample, ""))
    scored = []
    for rank, candidate in enumerate(sorted(choices, key=lambda c: c != prefer)):
        kept = quote if quote is not None else guess_quote(sample, candidate)
        width, share = _consistency(sample[:2000], candidate, kept)
        scored.append(
            (width >= 2, round(share, 2) + (0.05 if candidate == prefer else 0), -rank, candidate, kept, width)
        )
    several, share, _, best, kept, _ = max(scored)
    if delimiter is None and (not several or share < 0.5):
        return "", (quote if quote is not None else guess_quote(sample, ""))
    return best, kept


def guess_quote(sample: list[str], delimiter: str) -> str:
    """The quoting character, or "" where marks are ordinary characters.

    Where every line has the same number of cells without quoting, and quoting would join lines or leave marks open, nobody quoted.
    """
    marked = [line for line in sample if '"' in line]
    if not marked:
        return '"'
    trouble = Trouble()
    with_marks = list(records(sample, delimiter, '"', trouble))
    plain_width, plain_share = _widths(records(sample, delimiter, "", Trouble()))
    opened = sum(_opens(line, delimiter) for line in marked)
    if not opened:
        return '"'
    joined = len(with_marks) < sum(1 for line in sample if line.strip())
    better = plain_share >= _widths(with_marks)[1]  # else the lines that do not fit are parts of cells that span lines
    if plain_share > 0.99 and better and (plain_width > 1 or not delimiter) and (joined or trouble.unclosed_quotes):
        return ""
    return "" if trouble.unclosed_quotes > 0.5 * opened else '"'


def guess_header(rows: list[list[str]]) -> tuple[bool, Message]:
    """Whether the first row holds names, with the reason."""
    if not rows:
        return False, Message("There are no rows.")
    first, body = [cell.strip() for cell in rows[0]], rows[1:200]
    filled = [cell for cell in first if cell]
    if not filled or any(NUMBER.match(cell) for cell in filled):
        return False, Message("The first row holds a number or nothing, so it is no row of names.")
    if len(set(filled)) < len(filled) and len(body) > 3:
        return False, Message("The first row repeats itself, so it is no row of names.")
    known = sum(bool(NAMES.match(cell)) for cell in filled)
    if known and known * 3 >= len(filled):
        return True, Message(
            "The first row has names such as “{name}”.", name=next(c for c in filled if NAMES.match(c))
        )
    if not body:
        return False, Message("There is only one row.")
    for i, name in enumerate(first):
        column = [row[i].strip() for row in body if i < len(row) and row[i].strip()]
        if name and column and sum(bool(NUMBER.match(c)) for c in column) > 0.9 * len(column):
            return True, Message("“{name}” stands over numbers.", name=name[:40])
    for i, name in enumerate(first):
        if name and any(row[i].strip() == name for row in body if i < len(row)):
            return False, Message("“{name}” of the first row comes again below, so it is no name.", name=name[:40])
    for i, name in enumerate(first):
        lengths = sorted(len(row[i]) for row in body if i < len(row) and row[i].strip())
        if name and lengths and len(name) <= 30 and lengths[len(lengths) // 10] > 2 * len(name):
            return True, Message("“{name}” is much shorter than what stands below it.", name=name)
    short = all(len(cell) <= 30 and len(cell.split()) <= 3 for cell in filled)
    few = [i for i in range(len(first)) if len({r[i] for r in body if i < len(r)}) <= max(2, len(body) // 10)]
    if short and few and len(body) >= 10:
        return True, Message("The first row is short and does not come again below.")
    return False, Message("The first row looks like the rows below it.")


def column_names(header: list[str] | None, width: int) -> tuple[list[str], list[bool]]:
    """Usable names, all different, and which of them are ours because the file gave none."""
    names: list[str] = []
    ours: list[bool] = []
    taken: set[str] = set()
    for i in range(width):
        raw = header[i] if header and i < len(header) else ""
        name = " ".join(clean(raw).split())[:120]
        ours.append(not name)
        name = name or f"column {i + 1}"
        base, n = name, 1
        while name in taken:
            n += 1
            name = f"{base} ({n})"
        taken.add(name)
        names.append(name)
    return names, ours


def _is_prose(sample: list[str], delimiter: str, prefer: str | None) -> bool:
    """Signs of ordinary sentences: nearly each comma has a space behind it, nobody quotes, and the first row holds no names."""
    lines = [line for line in sample[:1000] if line.strip()]
    if delimiter == "\t" or any('"' in line for line in lines):
        return False
    first = [cell.strip() for cell in lines[0].split(delimiter)] if lines else []
    if len(first) > 1 and all(NAMES.match(cell) for cell in first):
        return False
    if prefer == "\t" and delimiter != "\t":
        return not any("\t" in line for line in lines)  # pasted cells or a .tsv: tabs or nothing
    n = sum(line.count(delimiter) for line in lines)
    return n > 0 and sum(line.count(delimiter + " ") for line in lines) > 0.9 * n


def _consistency(sample: list[str], delimiter: str, quote: str) -> tuple[int, float]:
    return _widths(records(sample, delimiter, quote, Trouble()))


def _widths(rows: Iterable[list[str]]) -> tuple[int, float]:
    """The commonest number of cells and the share of rows that have it."""
    counts = Counter(len(row) for row in rows)
    if not counts:
        return 0, 0.0
    width, n = counts.most_common(1)[0]
    return width, n / counts.total()


def _opens(line: str, delimiter: str) -> bool:
    """Does a cell of this line begin with a mark?"""
    return line.startswith('"') or bool(delimiter and delimiter + '"' in line)
