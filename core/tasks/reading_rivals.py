"""Answers to questions without a model: what a run must beat. Texts in, places of the context out.

`first_sentence` looks at nothing; `overlap` takes the sentence that shares most with the question, rare words counting more (the idea of
the sliding window in Richardson et al. 2013, MCTest), and in it the stretch of words the question does not know, no longer than answers
usually are. Words are single characters where words are not set apart by spaces.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from core.data.places import is_wide, trimmed
from core.tasks.base import Answer

END = re.compile(r"(?<=[.!?])\s+(?=[^a-z])|(?<=[。！？])|\n+")
WORD = re.compile(r"\w+")
Place = tuple[int, int]


def first_sentence(context: str) -> Answer:
    return _answer(context, next(iter(sentences(context)), (0, 0)))


def overlap(question: str, context: str, rarity: Mapping[str, float], longest: int) -> Answer:
    """`rarity`: word -> what it counts (see `rarities`); `longest`: words of an answer at most."""
    asked = {word for _, _, word in words(question)}
    best, most = (0, 0), -1.0
    usual = max(rarity.values(), default=1.0)
    for place in sentences(context):
        there = {word for _, _, word in words(context[slice(*place)])}
        shared = sum(rarity.get(word, usual) for word in there & asked)
        if shared > most:
            best, most = place, shared
    start, end = best
    return _answer(context, _stretch(context[start:end], start, asked, rarity, longest))


def rarities(texts: Sequence[str]) -> dict[str, float]:
    """word -> log(texts / texts with it)."""
    found = Counter(word for text in texts for word in {word for _, _, word in words(text)})
    return {word: math.log(max(len(texts), 1) / n) for word, n in found.items()}


def usual_length(answers: Sequence[str]) -> int:
    """The length in words that three in four answers do not exceed."""
    lengths = sorted(len(words(answer)) for answer in answers if answer)
    return max(1, lengths[(3 * len(lengths)) // 4]) if lengths else 1


def sentences(text: str) -> list[Place]:
    """Sentences with something in them."""
    edges = [0, *(edge for match in END.finditer(text) for edge in match.span()), len(text)]
    places = [trimmed(text, (a, b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return [(a, b) for a, b in places if a < b]


def words(text: str) -> list[tuple[int, int, str]]:
    """Words in lower case with their places."""
    found: list[tuple[int, int, str]] = []
    for match in WORD.finditer(text):
        start = match.start()
        if not any(map(is_wide, match[0])):
            found.append((start, match.end(), match[0].lower()))
            continue
        found += [(at, at + 1, text[at]) for at in range(start, match.end())]
    return found


def _stretch(text: str, begin: int, asked: set[str], rarity: Mapping[str, float], longest: int) -> Place:
    """Of all runs of at most `longest` words that the question does not hold, the one whose words are rarest together."""
    usual = max(rarity.values(), default=1.0)
    best, most = (begin, begin + len(text)), 0.0
    run: list[tuple[int, int, str]] = []
    for word in words(text):
        run = [] if word[2] in asked else [*run, word][-longest:]
        worth = sum(rarity.get(one, usual) for _, _, one in run)
        if worth > most:
            best, most = (begin + run[0][0], begin + run[-1][1]), worth
    return best


def _answer(context: str, place: Place) -> Answer:
    start, end = place
    return Answer(context[start:end], start if start < end else -1, 1.0 if start < end else 0.0)


def told(row: Mapping[str, Any]) -> list[str]:
    """The gold answers of a row as texts."""
    return [str(answer["text"]) for answer in row["label"]]
