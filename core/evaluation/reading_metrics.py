"""The figures of extracted answers: exact match and F1, questions with and without an answer apart, and what kind of mistakes were made.

The definitions and their sources are in core.tasks.reading_scores. Knows of no runs, models or files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.tasks.reading_scores import exact_match, f1

Outcome = Literal["right", "longer", "shorter", "shifted", "elsewhere", "silent", "invented"]
OUTCOMES: tuple[Outcome, ...] = ("right", "longer", "shorter", "shifted", "elsewhere", "silent", "invented")


@dataclass(frozen=True)
class ReadingFigures:
    """Means over questions, 0 to 1; None where no question is of that sort. `answer` and `none`: questions with and without an answer.

    `outcomes` counts questions. right: exact match. longer, shorter, shifted: the answer holds a gold one, lies in one, or only overlaps
    it. elsewhere: another place. silent: nothing was said though there is an answer. invented: something was said though there is none.
    """

    questions: int
    exact_match: float | None
    f1: float | None
    answer: dict[str, float | None]
    none: dict[str, float | None]
    outcomes: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        return {
            "questions": self.questions,
            "exact_match": self.exact_match,
            "f1": self.f1,
            "answer": self.answer,
            "none": self.none,
            "outcomes": self.outcomes,
        }


def figures(golds: Sequence[Sequence[Mapping[str, Any]]], said: Sequence[Mapping[str, Any]]) -> ReadingFigures:
    """`golds`: for each question its answers, {"text", "start"} each, none where it has none. `said`: one such answer, "" for none."""
    texts = [[str(a["text"]) for a in gold] for gold in golds]
    exact = [exact_match(gold, str(one["text"])) for gold, one in zip(texts, said, strict=True)]
    each = [f1(gold, str(one["text"])) for gold, one in zip(texts, said, strict=True)]
    sorts = {True: [i for i, gold in enumerate(golds) if gold], False: [i for i, gold in enumerate(golds) if not gold]}
    outcomes = Counter(outcome(gold, one) for gold, one in zip(golds, said, strict=True))
    return ReadingFigures(
        questions=len(said),
        exact_match=_mean(exact),
        f1=_mean(each),
        answer=_part(exact, each, sorts[True]),
        none=_part(exact, each, sorts[False]),
        outcomes={name: outcomes[name] for name in OUTCOMES},
    )


def outcome(gold: Sequence[Mapping[str, Any]], said: Mapping[str, Any]) -> Outcome:
    """What became of one question; of several gold answers the one that was met best decides."""
    text, start = str(said["text"]), int(said["start"])
    if exact_match([str(a["text"]) for a in gold], text):
        return "right"
    if not gold:
        return "invented"
    if not text:
        return "silent"
    end = start + len(text)
    met: set[Outcome] = set()
    for answer in gold:
        first, last = int(answer["start"]), int(answer["start"]) + len(str(answer["text"]))
        if end <= first or last <= start:
            met.add("elsewhere")
        elif start <= first and last <= end:
            met.add("longer")
        elif first <= start and end <= last:
            met.add("shorter")
        else:
            met.add("shifted")
    return min(met, key=OUTCOMES.index)


def _part(exact: Sequence[float], each: Sequence[float], chosen: Sequence[int]) -> dict[str, float | None]:
    return {
        "questions": len(chosen),
        "exact_match": _mean([exact[i] for i in chosen]),
        "f1": _mean([each[i] for i in chosen]),
    }


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
