"""A text with two marked entities as tokens, and where its two marks stand among them.

The marks are signs the base knows already, with the entity's type as a word behind them where one is given: "The @ audits @ were about
# * topic * waste #" (typed entity markers of punctuation, Zhou and Chen 2021, "An Improved Baseline for Sentence-level Relation
Extraction"; "@" is the head, "#" the tail). So any tokenizer and any base will do, and a saved model needs no new word pieces. Knows no
labels and no models.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from core.data.relations import unmark
from core.errors import ModelError
from core.tasks.base import Example
from core.words import Message

AT_ONCE = 2_000  # texts handed to the tokenizer together
SIGNS = {"head": "@", "tail": "#"}
AROUND = "*"  # on both sides of a type
SLACK = 8  # tokens that a cut text may gain when it is read again


class Written(NamedTuple):
    """A text as the model reads it; `head` and `tail` are where the first mark of each entity stands, -1 where nothing is marked."""

    text: str
    head: int
    tail: int


def encode(texts: Sequence[str], tokenizer: Any, max_length: int) -> Iterator[Example]:
    """One example a text, no padding; of a longer text what stands around its entities is kept. `extra["places"]`: the tokens of the two
    first marks, (2,); the very first token where nothing is marked. Needs a fast tokenizer."""
    if not getattr(tokenizer, "is_fast", True):
        raise ModelError(
            Message("The tokenizer of this base does not say where its word pieces stand in a text."),
            fix=Message("Choose a base that has a tokenizer.json."),
        )
    for start in range(0, len(texts), AT_ONCE):
        texts_written = [written(text) for text in texts[start : start + AT_ONCE]]
        found = tokenizer([one.text for one in texts_written], return_attention_mask=False)
        for i, one in enumerate(texts_written):
            ids, mine = found["input_ids"][i], found[i]
            if len(ids) > max_length:
                one = _cut(one, mine.offsets, max_length - tokenizer.num_special_tokens_to_add())
                again = tokenizer([one.text], truncation=True, max_length=max_length, return_attention_mask=False)
                ids, mine = again["input_ids"][0], again[0]
            places = [0 if at < 0 else mine.char_to_token(at) or 0 for at in (one.head, one.tail)]
            yield Example(start + i, np.asarray(ids, dtype=np.int32), {"places": np.array(places, dtype=np.int64)})


def written(text: str) -> Written:
    """The marked text with signs in the place of its marks; any other text as it stands."""
    found = unmark(text)
    if found is None:
        return Written(text, -1, -1)
    tags: list[tuple[int, int, int, str, str]] = []
    for who, one in (("head", found.head), ("tail", found.tail)):
        kind = f" {AROUND} {one.label.lower().replace('_', ' ')} {AROUND}" if one.label else ""
        tags.append((one.start, 1, -one.end, who, f"{SIGNS[who]}{kind}"))
        tags.append((one.end, 0, -one.start, "", SIGNS[who]))
    out, at = "", 0
    where = {"head": -1, "tail": -1}
    for place, _, _, who, sign in sorted(tags, key=lambda tag: tag[:3]):
        out = _joined(out, found.plain[at:place])
        out += " " if out and not out[-1].isspace() else ""
        if who:
            where[who] = len(out)
        out, at = out + sign, place
    return Written(_joined(out, found.plain[at:]), where["head"], where["tail"])


def _joined(signs: str, text: str) -> str:
    """`text` behind a text that may end with a sign; a space between them where there is none."""
    apart = bool(signs and text) and not text[0].isspace() and not signs[-1].isspace()
    return signs + (" " if apart else "") + text


def _cut(one: Written, offsets: Sequence[tuple[int, int]], room: int) -> Written:
    """The part of a text around its marks, about `room` tokens long: one piece where both marks fit into it, else one around each."""
    spans = [(a, b) for a, b in offsets if a < b]
    room = max(2, room - SLACK) if room > 2 * SLACK else max(2, room)
    if one.head < 0:
        return Written(one.text[: spans[min(room, len(spans)) - 1][1]], -1, -1)
    marks = sorted(next(i for i, (_, b) in enumerate(spans) if b > at) for at in (one.head, one.tail))
    if marks[1] - marks[0] < room * 2 // 3:
        pieces = [(marks[0] + marks[1] - room) // 2]
        size = room
    else:
        size = room // 2
        pieces = [mark - size // 2 for mark in marks]
    text, head, tail = "", -1, -1
    for begin in pieces:
        begin = max(0, min(begin, len(spans) - size))
        first, last = spans[begin][0], spans[min(begin + size, len(spans)) - 1][1]
        text += " " if text else ""
        if first <= one.head < last and head < 0:
            head = len(text) + one.head - first
        if first <= one.tail < last and tail < 0:
            tail = len(text) + one.tail - first
        text += one.text[first:last]
    return Written(text, head, tail)
