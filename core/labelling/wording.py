"""The words that are typical of a group of texts beside others: class-based TF-IDF.

M. Grootendorst 2022, "BERTopic: Neural topic modeling with a class-based TF-IDF procedure": of word t in group c, tf(t, c) * log(1 + A / f(t)),
where tf is its share of the group's words, f its count in all groups and A the mean number of words of a group. The share's root is taken (the
reference's reduce_frequent_words), so that "the" never leads. Where scripts put no spaces between words, runs of two to four characters are
counted. Knows texts and numbers of groups, nothing of data sets.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from core.models.classic import UNSPACED, WORD, unspaced

LONGEST = 400  # characters of a text that are read
KEPT = 4_000  # the most frequent pieces of a group
OFTENER = 1.5  # times as often as everywhere; a word that is not is typical of no group
RUN = re.compile(f"(?:{UNSPACED.pattern})+")
LETTER = re.compile(r"[^\W\d_]")


def typical(texts: Sequence[str], groups: Sequence[int], n: int, most: int = 8) -> list[list[str]]:
    """The `most` typical words of each of `n` groups; fewer where a group has fewer. `groups[i]` is the number of text i's."""
    whole = unspaced(texts)
    counts: list[Counter[str]] = [Counter() for _ in range(n)]
    stand_in: list[Counter[str]] = [Counter() for _ in range(n)]
    for text, group in zip(texts, groups, strict=True):
        found = list(pieces(text[:LONGEST], whole))
        counts[group].update(found)
        stand_in[group].update(set(found))
    sizes = np.bincount(np.asarray(groups, np.int64), minlength=n)
    for group, counted in enumerate(counts):
        if sizes[group] >= 10:  # what stands in one text alone is typical of that text
            counts[group] = Counter({word: k for word, k in counted.items() if stand_in[group][word] > 1})
    weights, lift = weighed(counts), _lift(counts)
    ranked = [sorted(weights[group].items(), key=lambda one: (-one[1], one[0])) for group in range(n)]
    return [
        _distinct([one for one in ranked[group] if n == 1 or lift[group][one[0]] >= OFTENER] or ranked[group], most)
        for group in range(n)
    ]


def weighed(counts: Sequence[Counter[str]]) -> list[dict[str, float]]:
    """The weight of each word in each group (c-TF-IDF with the root of the share), from how often it stands there."""
    everywhere: Counter[str] = Counter()
    for counted in counts:
        everywhere.update(counted)
    mean = sum(everywhere.values()) / max(1, len(counts))
    found = []
    for counted in counts:
        total = max(1, sum(counted.values()))
        found.append(
            {
                word: float(np.sqrt(k / total) * np.log1p(mean / everywhere[word]))
                for word, k in counted.most_common(KEPT)
            }
        )
    return found


def _lift(counts: Sequence[Counter[str]]) -> list[dict[str, float]]:
    """How many times as often each word stands in its group as in all of them together."""
    everywhere: Counter[str] = Counter()
    for counted in counts:
        everywhere.update(counted)
    every = max(1, sum(everywhere.values()))
    return [
        {word: k / max(1, counted.total()) / (everywhere[word] / every) for word, k in counted.items()}
        for counted in counts
    ]


def pieces(text: str, whole: bool) -> Iterator[str]:
    """Words of at least three signs and pairs of long ones; with `whole` runs of characters instead."""
    text = text.lower()
    if whole:
        for run in RUN.findall(text):
            for length in (2, 3, 4):
                cut = (run[i : i + length] for i in range(len(run) - length + 1))
                yield from (piece for piece in cut if piece.isalpha())  # the signs of these scripts are no words
        return
    words = [word for word in WORD.findall(text) if len(word) > 2 and LETTER.search(word)]
    yield from words
    yield from (f"{a} {b}" for a, b in itertools.pairwise(words) if min(len(a), len(b)) >= 4)  # not "of the"


def _distinct(ranked: Iterable[tuple[str, float]], most: int) -> list[str]:
    """The first ones, without those that say again what stands in an earlier one."""
    found: list[str] = []
    for word, _ in ranked:
        if not any(_within(word, other) or _within(other, word) for other in found):
            found.append(word)
        if len(found) == most:
            break
    return found


def _within(part: str, whole: str) -> bool:
    if " " in part or " " in whole or not UNSPACED.search(part):
        return f" {part} " in f" {whole} "
    return part in whole or (len(part) > 2 and (part[1:] in whole or part[:-1] in whole))
