"""CoNLL files: one token a line with its tags behind it, an empty line between sentences.

`looks_like` recognises them, `rows` reads sentences as they come: (text, spans). The tag is the last column; tokens stand in the
first one, or in the second where the first counts them. Lines of -DOCSTART- part documents, lines with # are remarks. Knows no files.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from core.data.spans_tags import OUTSIDE, from_tags, places_in, runs, scheme
from core.data.spans_values import Span, span

COLUMNS = ("text", "spans")
HEAD_LINES = 2_000  # from which a file is recognised and its columns are found
MOST_TOKENS = 100_000  # of a sentence; a file without empty lines is cut here
LONGEST_LINE = 300  # characters; a token with its tags is short
WIDEST = 12
BLANKS = re.compile(r"[ \t]+")
PREFIXED = re.compile(r"[BIESLUM][-_]\S(?:.*\S)?")
WHOLE = "# text = "  # a remark with the text as it was before it was cut into tokens (CoNLL-U); a JSON string where a line cannot hold it
START = "-DOCSTART-"


@dataclass(frozen=True)
class Layout:
    """How the lines are cut. `token` is the place of the word, the tag is the last of `width` cells; `bare`: tags without prefixes."""

    tabs: bool
    width: int
    token: int = 0
    bare: bool = False
    scheme: str = "IOB2"


def looks_like(head: str, named: bool = False) -> bool:
    """Is this the beginning of such a file? `named`: its name says so, so that less will do (bare types, one sentence)."""
    lines = _filled(head)
    if len(lines) < (2 if named else 5) or max(map(len, lines), default=0) > LONGEST_LINE:
        return False
    cells = [_cells(line, _tabs(lines)) for line in lines]
    width = Counter(map(len, cells)).most_common(1)[0][0]
    alike = [c for c in cells if len(c) == width]
    if not 2 <= width <= WIDEST or len(alike) < 0.9 * len(cells):
        return False
    if named:
        return True
    tags = [c[-1] for c in alike]
    prefixed = sum(bool(PREFIXED.fullmatch(tag)) for tag in tags)
    parted = bool(re.search(r"\n[ \t]*\r?\n", head))  # sentences, or documents, stand apart
    return parted and prefixed > 0 and prefixed + tags.count("O") > 0.95 * len(tags)


def layout(head: str) -> Layout:
    """Found from the beginning of a file, with the scheme of its tags."""
    lines = _filled(head)
    tabs = _tabs(lines)
    cells = [_cells(line, tabs) for line in lines]
    width = max(2, Counter(map(len, cells)).most_common(1)[0][0]) if cells else 2
    alike = [c for c in cells if len(c) == width]
    counted = width > 2 and bool(alike) and all(c[0].isdecimal() for c in alike)
    bare = not any(PREFIXED.fullmatch(c[-1]) for c in alike) and any(c[-1] not in (*OUTSIDE, "B", "I") for c in alike)
    found = Layout(tabs, width, 1 if counted else 0, bare)
    tags = [tags for _, tags in sentences(head.splitlines(), found)]
    return replace(found, scheme="IO" if bare else scheme(tags))


def rows(lines: Iterable[str], how: Layout) -> Iterator[tuple[str, list[Span]]]:
    """The text of each sentence, and its spans."""
    remarks: list[str] = []
    for tokens, tags in sentences(lines, how, remarks):
        text, spans = from_tags(tokens, tags, "IO" if how.bare else None)
        whole = next((found for line in reversed(remarks) if (found := _whole(line)) is not None), None)
        remarks.clear()
        placed = places_in(whole, tokens) if whole is not None else None
        if whole is not None and placed is not None:
            named = "IO" if how.bare else None
            text, spans = whole, [span(placed[a][0], placed[b - 1][1], label) for a, b, label in runs(tags, named)]
        yield text, spans


def _whole(remark: str) -> str | None:
    """The text that a remark says; None where it says something else."""
    if not remark.startswith(WHOLE):
        return None
    told = remark.removeprefix(WHOLE)
    if told.startswith('"'):
        with suppress(ValueError):
            found = json.loads(told)
            return found if isinstance(found, str) else told
    return told


def sentences(
    lines: Iterable[str], how: Layout, remarks: list[str] | None = None
) -> Iterator[tuple[list[str], list[str]]]:
    """Tokens and tags of each sentence, as they stand. `remarks` gathers the lines of remarks above it, until somebody clears them."""
    tokens: list[str] = []
    tags: list[str] = []
    for line in lines:
        line = line.strip("\r\n\ufeff")
        if not line.strip() or line.startswith(START):
            if tokens:
                yield tokens, tags
                tokens, tags = [], []
            continue
        cells = _cells(line, how.tabs)
        if line.startswith("#") and not tokens and (len(cells) != how.width or line.startswith(WHOLE)):
            if remarks is not None:
                remarks.append(line)
            continue
        if len(cells) <= how.token:
            continue
        tokens.append(cells[how.token] or " ")  # a space may be a token where each character is one
        tags.append(cells[-1].strip() if len(cells) > how.token + 1 else "O")
        if len(tokens) >= MOST_TOKENS:
            yield tokens, tags
            tokens, tags = [], []
    if tokens:
        yield tokens, tags


def _cells(line: str, tabs: bool) -> list[str]:
    line = line.rstrip(" \t\r\n")
    return line.split("\t") if tabs else BLANKS.split(line)


def _tabs(lines: Sequence[str]) -> bool:
    return sum("\t" in line for line in lines) > 0.9 * len(lines)


def _filled(head: str) -> list[str]:
    """Lines that hold a token, without the last one, which may be cut off."""
    lines = [line.strip("\r\ufeff") for line in head.split("\n")]
    whole = lines[:-1] if len(lines) > 1 else lines
    filled = [line for line in whole if line.strip() and not line.startswith(START)]
    tokens = [line for line in filled if not (line.startswith("# ") and len(line.split()) > 2)]
    return tokens or filled
