"""What a light tagger sees of each token: its word, how that looks, begins and ends, and the words around it, as hashed numbers.

Tokens are words, numbers and signs (one that is repeated is one token); single characters where a script writes no spaces. What can be told of a
word is computed once for each different word and looked up from then on, so that ten thousand sentences take a second. Knows no labels and
no model.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.data.spans_tags import UNSPACED
from core.data.splits import mixed

TOKEN = re.compile(rf"{UNSPACED.pattern}|(?:(?!{UNSPACED.pattern})\w)+|(?P<sign>[^\w\s])(?P=sign)*")
LONGEST = 2_000  # tokens of a text that are read
RUNS = re.compile(r"d+|x+|X+")
LOWER, WORD, SHAPE, HEAD3, TAIL2, TAIL3 = 0, 1, 2, 5, 7, 8  # columns of `_of_word`
COLUMNS = 11
# (column, distance) of single words, and groups of them that are taken together
ALONE = (*((column, 0) for column in range(COLUMNS)),
         *((column, at) for at in (-1, 1) for column in (LOWER, SHAPE, HEAD3, TAIL3)),
         *((column, at) for at in (-2, 2) for column in (LOWER, SHAPE)))  # fmt: skip
TOGETHER = (((LOWER, -1), (LOWER, 0)), ((LOWER, 0), (LOWER, 1)), ((LOWER, -1), (LOWER, 1)), ((LOWER, -2), (LOWER, -1)),
            ((LOWER, 1), (LOWER, 2)), ((SHAPE, -1), (SHAPE, 0), (SHAPE, 1)), ((SHAPE, 0), (SHAPE, 1)),
            ((SHAPE, 0), (TAIL3, 0)))  # fmt: skip
MARKED = (-1, 0, 1)  # distances at which it is looked up whether the word was marked elsewhere
CUES = 1 + len(ALONE) + len(TOGETHER) + len(MARKED)  # numbers a token gets
BEFORE, BEHIND = "\0before", "\0behind"

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Tokens:
    """The tokens of some texts, one text after the other. `places` (tokens, 2): start and end in code points; `lengths` (texts,): how many
    tokens each has; `words`: each different word once, in small letters; `word` (tokens,): which of them it is."""

    places: NDArray[np.int64]
    lengths: NDArray[np.int64]
    words: list[str]
    word: NDArray[np.int64]
    padded: NDArray[np.int64]  # as `word`, but of words as they are written, with two signs around each text
    written: list[str]

    @property
    def text(self) -> NDArray[np.int64]:
        """(tokens,): of which text."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @property
    def firsts(self) -> NDArray[np.int64]:
        """(texts,): the first token of each."""
        return np.cumsum(self.lengths) - self.lengths


def tokens(texts: Sequence[str]) -> Tokens:
    number = {BEFORE: 0, BEHIND: 1}
    places: list[tuple[int, int]] = []
    padded: list[int] = []
    lengths: list[int] = []
    for text in texts:
        found = list(TOKEN.finditer(text))[:LONGEST]
        lengths.append(len(found))
        places.extend([one.span() for one in found])
        padded += [0, 0, *[number.setdefault(one.group(), len(number)) for one in found], 1, 1]
    written = list(number)
    small: dict[str, int] = {}
    lowered = np.array([small.setdefault(word.lower(), len(small)) for word in written], np.int64)
    ids = np.array(padded, np.int64)
    lasting = np.array(lengths, np.int64)
    return Tokens(
        np.array(places, np.int64).reshape(-1, 2), lasting, list(small), lowered[ids[_real(lasting)]], ids, written
    )


def cues(found: Tokens, marked: Hashes) -> Hashes:
    """(tokens, CUES) hashes. `marked` (tokens,): what is known of the same word elsewhere, 0 for nothing."""
    hashes = np.array([_of_word(word) for word in found.written], np.uint64).reshape(-1, COLUMNS)
    real = _real(found.lengths)
    answer = np.empty((len(real), CUES), np.uint64)
    answer[:, 0] = 1
    column = 1
    for what, at in ALONE:
        answer[:, column] = mixed(hashes[:, what], 8 * what + at + 2)[found.padded[real + at]]
        column += 1
    for n, group in enumerate(TOGETHER):
        together = np.full(len(real), n, np.uint64)
        for what, at in group:
            together = mixed(together ^ hashes[found.padded[real + at], what], 100 + at)
        answer[:, column] = together
        column += 1
    around = np.zeros(len(found.padded), np.uint64)
    around[real] = marked
    for at in MARKED:
        answer[:, column] = mixed(around[real + at], 200 + at)
        column += 1
    return answer


def _real(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the tokens stand in `padded`."""
    return np.arange(int(lengths.sum())) + 2 + 4 * np.repeat(np.arange(len(lengths)), lengths)


def _of_word(word: str) -> list[int]:
    low, shape = word.lower(), _shape(word)
    seen = (
        low,
        word,
        shape,
        low[:1],
        low[:2],
        low[:3],
        low[-1:],
        low[-2:],
        low[-3:],
        low[-4:],
        shape[:1] + str(min(len(word), 6)),
    )
    return [zlib.crc32(one.encode("utf-8", "surrogatepass")) + (n << 32) for n, one in enumerate(seen)]


def _shape(word: str) -> str:
    """ "McDonald" -> "XxXx", "1996" -> "dddd", "x-ray" -> "x-x"; digits are counted up to four."""
    if UNSPACED.match(word):
        return "c"
    signs = "".join("d" if c.isdigit() else "X" if c.isupper() else "x" if c.isalpha() else c for c in word)
    return RUNS.sub(lambda run: run.group()[:4] if run.group()[0] == "d" else run.group()[0], signs)
