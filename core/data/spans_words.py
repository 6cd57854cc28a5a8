"""Tables with one word a row, its tag beside it and a column that tells the sentences apart: rows of sentences with their spans.

The number of a sentence stands at each of its words or only at the first. Knows nothing of files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from core.data.spans_tags import are_tags, from_tags, scheme
from core.data.spans_values import Span

NER = re.compile(r"(?i)ner|ent|slot|label|^tags?$|bio|实体|标")
WORD = re.compile(r"(?i)^(tokens?|words?|字|词|text)$")
SENTENCE = re.compile(r"(?i)sent|utter|句|^(id|doc|document)([ _-]?id)?$|#")
FEWEST = 6  # rows from which it is told
MOST = 100_000  # words of a sentence


@dataclass(frozen=True)
class Words:
    """Which column holds what. `blank`: only the first word of a sentence has its number."""

    word: str
    tag: str
    sentence: str
    scheme: str
    blank: bool


def found(cells: Mapping[str, Sequence[str]]) -> Words | None:
    """The columns of such a table, judged by its first rows; None where it is none."""
    count = len(next(iter(cells.values()), ()))
    if count < FEWEST:
        return None
    tags = [name for name, column in cells.items() if _are_single_tags(column)]
    words = [name for name, column in cells.items() if name not in tags and WORD.match(name) and _are_words(column)]
    sentences = [name for name in cells if name not in (*tags, *words[:1]) and SENTENCE.search(name)]
    for name in sentences:
        blank = not all(cell.strip() for cell in cells[name])
        begins = list(_begins(cells[name], blank))
        if tags and words and 1 < sum(begins) <= count / 2 and begins[0]:
            tag = min(tags, key=lambda one: not NER.search(one))
            return Words(words[0], tag, name, scheme([cells[tag]]), blank)
    return None


def sentences(rows: Iterable[Mapping[str, str]], how: Words) -> Iterator[tuple[str, str, list[Span]]]:
    """The number of each sentence, its text and its spans."""
    number = ""
    words: list[str] = []
    tags: list[str] = []
    for row in rows:
        given = row[how.sentence].strip()
        if words and (len(words) >= MOST or (bool(given) if how.blank else given != number)):
            yield number, *from_tags(words, tags)
            words, tags = [], []
        number = given or number
        words.append(row[how.word].strip() or " ")
        tags.append(row[how.tag].strip())
    if words:
        yield number, *from_tags(words, tags)


def _begins(column: Sequence[str], blank: bool) -> Iterator[bool]:
    before: str | None = None
    for cell in column:
        yield bool(cell.strip()) if blank else cell != before
        before = cell


def _are_single_tags(column: Sequence[str]) -> bool:
    """A tag a row, some of O and some of a place."""
    filled = [cell.strip() for cell in column if cell.strip()]
    one = all(" " not in cell and "," not in cell and are_tags([cell]) for cell in filled)
    return one and len(filled) > 0.9 * len(column) and "O" in filled and any(cell != "O" for cell in filled)


def _are_words(column: Sequence[str]) -> bool:
    return sum(len(cell.split()) <= 1 for cell in column) > 0.98 * len(column)
