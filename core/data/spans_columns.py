"""Columns that mix text and marks become a text and its spans, while a file is imported: words with a tag each, in a row or in a row
each, and marks inside the text.

`settled` looks at a file that has just been read and writes it again where it finds such columns: the text without any marks, and beside
it a column of spans as JSON. Everything else stays. Knows Arrow files; nothing of roles or tasks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from core.data import relations, spans_records, spans_words
from core.data.chunks import rows_of
from core.data.how import Read, Stop, Trouble, nothing
from core.data.spans import INLINE, LOOKED_AT, Convention, read, recognise
from core.data.spans_tags import are_tags
from core.data.writing import Writer
from core.words import Message, plural

WIDEST = 100  # columns looked at
NER = re.compile(r"(?i)ner|ent|slot|label|bio|实体|标")
WORDS = re.compile(r"(?i)^(tokens?|words?|text|sentence|utterance|query|文本|句子)$")
MARKED = 0.2  # share of texts that hold marks; fewer are ordinary brackets
SIGNS = ("[", "{", "</")  # without any of them there are neither marks nor spans
LONGEST = 60  # characters of a marked place on average; what is longer is a part of a text and no place in it
PARTS = frozenset(  # marks around what a model thinks, calls and says
    ("think", "thinking", "thought", "reasoning", "scratchpad", "answer", "response", "output", "tool_call", "tool_response", "function",
     "tools", "system", "user", "assistant", "context", "question", "instruction")
)  # fmt: skip
LINKED = re.compile(r"(?i)\.[a-z0-9]{1,5}$")  # a name in round brackets that is a file: a link
Cells = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Mixed:
    """`text` holds the words, with marks inside (`tags` None) or with their tags in the column `tags`."""

    text: str
    tags: str | None
    convention: Convention

    def taken_apart(self, row: Mapping[str, str]) -> tuple[str, str, int]:
        """The text, its spans as JSON ("" where they cannot be read), and how many there are."""
        cell = row[self.text]
        found = read(
            {self.tags or self.text: row[self.tags or self.text]}, cell if self.tags else None, self.convention
        )
        if found is None:
            return cell, "", 0
        return found.text or "", json.dumps(found.spans, ensure_ascii=False), len(found.spans)


def settled(path: Path, read: Read, cancelled: Stop) -> Read:
    """The file at `path` as it was read, or written again with a text and its spans in two columns, and a sentence about it."""
    if read.how.kind in ("conll", "semeval"):
        return read
    columns = list(read.columns[:WIDEST])
    sample = list(islice(rows_of(path, columns), LOOKED_AT))
    cells = {name: [row[name] for row in sample] for name in columns}
    if words := spans_words.found(cells):
        return _gathered(path, read, words, cancelled)
    found = mixed(cells)
    return _written(path, read, found, cancelled) if found else read


def mixed(cells: Cells) -> Mixed | None:
    """The columns that mix text and marks, judged by samples of all columns."""
    return _tagged(cells) or _marked(cells)


def _tagged(cells: Cells) -> Mixed | None:
    """A column of tags, and one of as many words."""
    tags = [name for name, found in cells.items() if _are_tags(found)]
    for column in sorted(tags, key=lambda name: not NER.search(name)):
        others = [name for name in cells if name not in tags]
        for words in sorted(others, key=lambda name: (not WORDS.match(name), -len(set(cells[name])))):
            rows = [(c, w) for c, w in zip(cells[column], cells[words], strict=True) if c.strip()]
            good = sum(read({column: c}, w) is not None for c, w in rows)
            if good >= 0.95 * len(rows) and (convention := recognise(({column: c}, w) for c, w in rows)):
                return Mixed(words, column, convention)
    return None


def _are_tags(cells: Sequence[str]) -> bool:
    """Tags with prefixes in every filled cell, several to a cell on average, and not only O."""
    filled = [cell for cell in cells if cell.strip()]
    found = [words for cell in filled if (words := _words(cell)) and are_tags(words)]
    several = sum(map(len, found)) > 1.5 * len(found)
    return bool(found) and len(found) >= 0.95 * len(filled) and several and any(w != "O" for ws in found for w in ws)


def _words(cell: str) -> list[str]:
    value = spans_records.decoded(cell)
    if isinstance(value, list | tuple):
        return [str(one) for one in value]
    return [word.strip() for word in cell.split(",")] if "," in cell else cell.split()


def _marked(cells: Cells) -> Mixed | None:
    """A column with marks inside its texts: in many of them, of few sorts that come again, around short places; and no other column
    holds spans already."""
    best: tuple[int, Mixed] | None = None
    for name, column in cells.items():
        filled = [cell for cell in column if cell.strip()]
        signs = sum(any(sign in cell for sign in SIGNS) for cell in filled)
        convention = recognise(({name: cell}, None) for cell in filled) if signs else None
        if convention is None:
            continue
        found = [got for cell in filled if (got := read({name: cell}, None, convention)) and got.spans]
        spans = [one for got in found for one in got.spans]
        if convention.form not in INLINE and spans:
            return None
        sorts = {one["label"] for one in spans}
        length = sum(one["end"] - one["start"] for one in spans) / max(1, len(spans))
        few = len(sorts) <= max(3, len(spans) // 2) and not any(s.lower() in PARTS or LINKED.search(s) for s in sorts)
        if len(found) < MARKED * len(filled) or not few or length > LONGEST or _are_relations(filled):
            continue
        if best is None or len(spans) > best[0]:
            best = (len(spans), Mixed(name, None, convention))
    return best[1] if best else None


def _are_relations(cells: Sequence[str]) -> bool:
    """Two marked places a text, which belong to another task."""
    told = [relations.parse({"": cell}) for cell in cells]
    return sum(one is not None and relations.unmark(one) is not None for one in told) >= 0.8 * len(cells)


def _written(path: Path, told: Read, found: Mixed, cancelled: Stop) -> Read:
    columns = list(told.columns)
    kept = [name for name in columns if name != found.tags]
    text = "text" if found.tags and "text" not in kept else found.text
    spans = _free("spans", kept)
    names = [text if name == found.text else name for name in kept]
    names.insert(names.index(text) + 1, spans)
    places = unread = 0
    new = path.with_name(f".{path.name}.spans")
    with Writer(new, Trouble(), nothing, cancelled) as writer:
        writer.columns(names)
        for row in rows_of(path, columns):
            clean, marks, n = found.taken_apart(row)
            places += n
            unread += not marks and bool(row[found.tags or found.text].strip())
            cells = [clean if name == found.text else row[name] for name in kept]
            cells.insert(kept.index(found.text) + 1, marks)
            writer.row(cells)
        writer.finish()
    new.replace(path)
    said = [*told.warnings, _sentence(found.convention, text, spans, places)]
    if unread:
        said.append(
            plural(
                unread,
                "In one row words and tags do not match; it has no marked places.",
                "In {n:,} rows words and tags do not match; they have no marked places.",
            )
        )
    return replace(told, columns=tuple(names), warnings=tuple(said))


def _gathered(path: Path, told: Read, words: spans_words.Words, cancelled: Stop) -> Read:
    """One row a sentence, where the file has one a word."""
    places = 0
    new = path.with_name(f".{path.name}.spans")
    names = (words.sentence, "text", "spans")
    with Writer(new, Trouble(), nothing, cancelled) as writer:
        writer.columns(names)
        for number, text, spans in spans_words.sentences(rows_of(path, list(told.columns)), words):
            places += len(spans)
            writer.row([number, text, json.dumps(spans, ensure_ascii=False)])
        writer.finish()
    new.replace(path)
    said = _sentence(Convention("tags", words.scheme), "text", "spans", places)
    return replace(told, columns=names, rows=writer.rows, warnings=(*told.warnings, said))


def _sentence(convention: Convention, text: str, spans: str, places: int) -> Message:
    return Message(
        "Read as {what}: the plain text stands in “{text}”, {n:,} marked places stand in “{spans}”.",
        what=convention.title,
        text=text,
        spans=spans,
        n=places,
    )


def _free(name: str, taken: Sequence[str]) -> str:
    wanted, n = name, 2
    while wanted in taken:
        wanted, n = f"{name} {n}", n + 1
    return wanted
