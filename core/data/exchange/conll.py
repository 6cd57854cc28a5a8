"""Marked places as CoNLL: a token a line with its tag behind a tab, an empty line between texts (IOB2, Ramshaw and Marcus 1995, as in
CoNLL-2002).

A place that begins or ends within a word parts it, so that offsets stay exact. Above each text stands a remark with the whole of it, as in
CoNLL-U ("# text = ..."), or as a JSON string where a line cannot hold it; `core.data.conll` puts the tokens back in their places by it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from core.data.exchange.rows import Row
from core.data.spans import Span, to_tags, without_overlaps

TOKEN = re.compile(r"\w{1,200}|[^\w\s]")
IN_A_LINE = re.compile(r"(?! )(?!\")[^\x00-\x1f\x7f\x85\u2028\u2029\ufeff]+(?<! )")


def write(path: Path, rows: Iterable[Row]) -> tuple[int, int]:
    """(rows, rows with an answer). Rows without one, or without a word, are left out: a file of tags has no place for them."""
    done = 0
    with path.open("w", encoding="utf-8", newline="\n") as out:
        for row in rows:
            if not row.answers or row.answers[0].value is None or not TOKEN.search(row.text):
                continue
            done += 1
            spans = without_overlaps(row.answers[0].value)
            places = tokens(row.text, spans)
            words = [row.text[a:b] for a, b in places]
            tags = to_tags(words, spans, "IOB2", places)
            lines = [remark(row.text), *(f"{word}\t{tag}" for word, tag in zip(words, tags, strict=True))]
            out.write("\n".join(lines) + "\n\n")
    return done, done


def tokens(text: str, spans: Sequence[Span]) -> list[tuple[int, int]]:
    """Words and single signs, parted where a span begins or ends: [(start, end)]."""
    borders = sorted({edge for one in spans for edge in (one["start"], one["end"])})
    found: list[tuple[int, int]] = []
    for match in TOKEN.finditer(text):
        start = match.start()
        for border in (b for b in borders if match.start() < b < match.end()):
            found.append((start, border))
            start = border
        found.append((start, match.end()))
    return found


def remark(text: str) -> str:
    return f"# text = {text}" if IN_A_LINE.fullmatch(text) else f"# text = {json.dumps(text)}"
