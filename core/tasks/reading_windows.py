"""A question and a long context as windows for a model that points at tokens, and its pointing back as places of the context.

Windows follow Devlin et al. 2019 (BERT on SQuAD): the whole question in each, the context in pieces that overlap by `stride` tokens;
a window without the answer points at its first token, [CLS]. Plain numpy; knows no model and no training. A token's place is a
pair of code points of the context, end exclusive.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.places import trimmed
from core.tasks.base import Answer, Example

AT_ONCE = 64  # questions handed to the tokenizer together; their windows stand in memory as lists
LONGEST_QUESTION = 64  # tokens, as in BERT's own script; the rest of a longer question is cut
LONGEST_ANSWER = 30  # tokens, likewise
Floats = NDArray[np.floating[Any]]


def encode(
    questions: Sequence[str], contexts: Sequence[str], tokenizer: Any, max_length: int, stride: int
) -> Iterator[Example]:
    """Windows of each question and its context, row by row, without padding; `row` counts the questions.

    `extra`: "token_type_ids" (tokens,); "first", the position of the window's first context token; "places" (context tokens, 2);
    "begin", how many context tokens of the row come before this window's; "cls", the position that stands for "no answer".
    A stride too long for `max_length` is shortened, so that every window brings something new. Needs a fast tokenizer.
    """
    special = tokenizer.num_special_tokens_to_add(pair=True)
    most = max(1, min(LONGEST_QUESTION, (max_length - special) // 2))
    stride = max(0, min(stride, (max_length - special - most) // 2))
    for start in range(0, len(questions), AT_ONCE):
        encoded = tokenizer(
            _cut(questions[start : start + AT_ONCE], tokenizer, most),
            list(contexts[start : start + AT_ONCE]),
            truncation="only_second",
            max_length=max_length,
            stride=stride,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            return_token_type_ids=True,
        )
        row, begin = -1, 0
        for i, sample in enumerate(encoded["overflow_to_sample_mapping"]):
            sides = np.array([-1 if side is None else side for side in encoded.sequence_ids(i)])
            mine = np.flatnonzero(sides == 1)
            begin = begin if sample == row else 0
            row = sample
            ids = np.asarray(encoded["input_ids"][i], dtype=np.int32)
            yield Example(
                start + sample,
                ids,
                {
                    "token_type_ids": np.asarray(encoded["token_type_ids"][i], dtype=np.int32),
                    "first": int(mine[0]) if len(mine) else len(ids),
                    "places": np.asarray(encoded["offset_mapping"][i], dtype=np.int32)[mine].reshape(-1, 2),
                    "begin": begin,
                    "cls": _cls(ids, tokenizer),
                },
            )
            begin += max(0, len(mine) - stride)


def target(example: Example, answers: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Positions of the first and the last token of the first answer that stands whole in this window; twice [CLS] where none does."""
    places = example.extra["places"]
    nothing = (example.extra["cls"], example.extra["cls"])
    if not len(places):
        return nothing
    for answer in answers:
        start, end = answer["start"], answer["start"] + len(answer["text"])
        if start >= end or start < places[0, 0] or end > places[-1, 1]:
            continue
        touched = np.flatnonzero((places[:, 1] > start) & (places[:, 0] < end))
        if len(touched):
            return example.extra["first"] + int(touched[0]), example.extra["first"] + int(touched[-1])
    return nothing


@dataclass(frozen=True)
class Found:
    """What was found for one question. `best`: places of the context, likeliest first, each {"text", "start", "probability"}; one of them
    has the text "" and the start -1 where "no answer" was allowed. `margin`: how much higher the logits of "no answer" are than those
    of the best place (SQuAD 2.0's score difference); -inf where "no answer" was not allowed, inf where nothing else was there.
    """

    best: tuple[dict[str, Any], ...]
    margin: float

    def answer(self, threshold: float = 0.0) -> Answer:
        """The answer, with the others behind it: none where the margin exceeds the threshold, else the best place."""
        none = [one for one in self.best if not one["text"]]
        some = [one for one in self.best if one["text"]]
        ordered = none + some if self.margin > threshold or not some else some + none
        if not ordered:
            return Answer("", -1, 0.0)
        first = ordered[0]
        others = sorted(ordered[1:], key=_probability)
        return Answer(first["text"], first["start"], first["probability"], tuple(others))


def decode(
    logits: Sequence[Floats],
    examples: Sequence[Example],
    contexts: Sequence[str],
    no_answer: bool = True,
    n_best: int = 5,
    longest: int = LONGEST_ANSWER,
) -> list[Found]:
    """The best places for each context from start and end logits of its windows, `logits[i]` (tokens or more, 2) of `examples[i]`.

    The score of a place is the sum of its start's and its end's logit, and the higher one where two windows see the place; that of "no
    answer" the same sum at [CLS], and the lowest of all windows. A probability is a place's share among all places of at most
    `longest` tokens and, if allowed, "no answer".
    """
    windows: list[list[int]] = [[] for _ in contexts]
    for i, example in enumerate(examples):
        windows[example.row].append(i)
    return [
        _found(
            [(logits[i], examples[i]) for i in sorted(mine, key=lambda i: examples[i].extra["begin"])],
            contexts[row],
            no_answer,
            n_best,
            longest,
        )
        for row, mine in enumerate(windows)
    ]


def _found(
    windows: Sequence[tuple[Floats, Example]], context: str, no_answer: bool, n_best: int, longest: int
) -> Found:
    scores = [_scores(logits, example, longest) for logits, example in windows]
    for i in range(1, len(windows)):
        _merge(scores[i - 1], scores[i], windows[i - 1][1], windows[i][1])
    none = min((float(x[e.extra["cls"], 0] + x[e.extra["cls"], 1]) for x, e in windows), default=0.0)
    # (score, start, end) of the likeliest places; two token places may be one piece of text when white space is cut off
    ranked = sorted(
        (c for s, (_, e) in zip(scores, windows, strict=True) for c in _best(s, e, 2 * n_best)), reverse=True
    )
    top = max(ranked[0][0] if ranked else none, none if no_answer else -np.inf)
    total = sum(float(np.exp(s - top).sum()) for s in scores) + (float(np.exp(none - top)) if no_answer else 0.0)
    places: dict[tuple[int, int], float] = {}
    for score, start, end in ranked:
        start, end = trimmed(context, (start, end))
        if start < end:
            places.setdefault((start, end), score)
    best = [
        {"text": context[start:end], "start": start, "probability": float(np.exp(score - top)) / total}
        for (start, end), score in list(places.items())[:n_best]
    ]
    highest = next(iter(places.values()), -np.inf)
    if no_answer:
        best.append({"text": "", "start": -1, "probability": float(np.exp(none - top)) / total})
        best.sort(key=_probability)
    return Found(tuple(best), float(none - highest) if no_answer else -np.inf)


def _scores(logits: Floats, example: Example, longest: int) -> Floats:
    """(context tokens, longest): the score of the place from token i to token i + j; -inf beyond the window."""
    first, n = example.extra["first"], len(example.extra["places"])
    start = np.asarray(logits[first : first + n, 0], dtype=np.float64)
    end = np.full(n + longest - 1, -np.inf)
    end[:n] = logits[first : first + n, 1]
    if not n:
        return np.zeros((0, longest))
    return start[:, None] + np.lib.stride_tricks.sliding_window_view(end, longest)


def _merge(before: Floats, after: Floats, left: Example, right: Example) -> None:
    """Places that both windows see count once, with the higher score, in the later window."""
    shared = left.extra["begin"] + len(before) - right.extra["begin"]
    if shared <= 0 or shared > len(after):
        return
    mine = before[len(before) - shared :]
    seen = np.arange(shared)[:, None] + np.arange(before.shape[1])[None, :] < shared
    np.maximum(after[:shared], mine, out=after[:shared], where=seen)
    mine[seen] = -np.inf


def _probability(one: Mapping[str, Any]) -> float:
    return -float(one["probability"])


def _best(scores: Floats, example: Example, n: int) -> list[tuple[float, int, int]]:
    """The n highest scores with their places in the context."""
    flat = scores.ravel()
    top = np.argpartition(flat, -n)[-n:] if len(flat) > n else np.arange(len(flat))
    places = example.extra["places"]
    found = []
    for at in top[np.isfinite(flat[top])]:
        i, j = divmod(int(at), scores.shape[1])
        found.append((float(flat[at]), int(places[i, 0]), int(places[i + j, 1])))
    return found


def _cut(questions: Sequence[str], tokenizer: Any, most: int) -> list[str]:
    """Questions cut where their tokens exceed `most`; without white space in front, which some tokenizers count."""
    bare = [question.strip() for question in questions]
    places = tokenizer(bare, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return [q if len(at) <= most else q[: at[most - 1][1]] for q, at in zip(bare, places, strict=True)]


def _cls(ids: NDArray[np.int32], tokenizer: Any) -> int:
    """The position of the token that stands for the whole text: [CLS], wherever the tokenizer puts it, else the first."""
    mark = tokenizer.cls_token_id
    there = np.flatnonzero(ids == (-1 if mark is None else mark))
    return int(there[0]) if len(there) else 0
