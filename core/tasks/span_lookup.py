"""Places by memory alone: what was marked in the training texts is marked again wherever it stands, the longest first.

The rival of a model that reads. An expression is kept if it was marked more often than not where it stood, under the sort it mostly had.
Knows texts and spans; no tasks and no models.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from core.data.spans_tags import UNSPACED
from core.data.spans_values import Span, without_overlaps

PIECE = re.compile(r"\w+|[^\w\s]")
LONGEST = 16  # pieces of an expression; longer ones are hardly ever met again
Pieces = tuple[str, ...]


@dataclass(frozen=True)
class Lookup:
    """expression -> its sort, and the share of its places that were marked so."""

    known: dict[Pieces, tuple[str, float]]

    def __len__(self) -> int:
        return len(self.known)

    @staticmethod
    def learn(rows: Iterable[tuple[str, Iterable[Span]]]) -> Lookup:
        """From texts with their marked places. Looks twice: which expressions there are, then how often each was meant."""
        texts = []
        candidates: set[Pieces] = set()
        for text, spans in rows:
            cut = pieces(text)
            starts, ends = {a: i for i, (a, _, _) in enumerate(cut)}, {b: i + 1 for i, (_, b, _) in enumerate(cut)}
            marked = {
                (starts[s["start"]], ends[s["end"]]): str(s["label"])
                for s in without_overlaps(spans)
                if s["start"] in starts and s["end"] in ends and ends[s["end"]] - starts[s["start"]] <= LONGEST
            }
            words = [word for _, _, word in cut]
            candidates.update(tuple(words[a:b]) for a, b in marked)
            texts.append((words, marked))
        met: Counter[Pieces] = Counter()
        meant: dict[Pieces, Counter[str]] = defaultdict(Counter)
        longest = max(map(len, candidates), default=0)
        for words, marked in texts:
            for a, b in _matches(words, candidates, longest):
                expression = tuple(words[a:b])
                met[expression] += 1
                if (a, b) in marked:
                    meant[expression][marked[a, b]] += 1
        known = {}
        for expression, sorts in meant.items():
            label, n = sorts.most_common(1)[0]
            if 2 * sorts.total() > met[expression]:
                known[expression] = (label, n / met[expression])
        return Lookup(known)

    def spans(self, text: str) -> list[dict[str, Any]]:
        """[{"start", "end", "label", "probability"}], sorted, none overlapping."""
        cut = pieces(text)
        words = [word for _, _, word in cut]
        longest = max(map(len, self.known), default=0)
        found = []
        for a, b in _matches(words, self.known, longest):
            label, share = self.known[tuple(words[a:b])]
            found.append({"start": cut[a][0], "end": cut[b - 1][1], "label": label, "probability": share})
        return found


def pieces(text: str) -> list[tuple[int, int, str]]:
    """Words and signs with their offsets; where words are not set apart by spaces, single characters."""
    found = []
    for match in PIECE.finditer(text):
        if UNSPACED.search(match[0]):
            found += [(at, at + 1, text[at]) for at in range(match.start(), match.end())]
        else:
            found.append((match.start(), match.end(), match[0]))
    return found


def _matches(words: list[str], known: Any, longest: int) -> Iterator[tuple[int, int]]:
    """Places of known expressions from the left, the longest of those that begin at a piece."""
    at = 0
    while at < len(words):
        for end in range(min(len(words), at + longest), at, -1):
            if tuple(words[at:end]) in known:
                yield at, end
                at = end
                break
        else:
            at += 1
