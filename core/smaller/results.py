"""What making a run smaller brought: one line a model, with a sentence that says it and the figures under it. Knows what was measured; measures nothing.

How sure a difference in score is: the exact McNemar test where an answer is right or wrong, else flipping signs at random (as reports do).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core import tasks
from core.evaluation.measured import sign_p
from core.evaluation.metrics import mcnemar
from core.evaluation.verdict import FEW
from core.smaller import measuring
from core.tasks.base import LOWER
from core.training.runs import Run, runs
from core.words import Message

SAME = 0.05  # a size or a speed that differs by less is the same


@dataclass(frozen=True)
class Line:
    """One model of the table. `figures` as measured, None while they are not; `p` of the difference in score from the first line."""

    run: Run
    figures: Mapping[str, Any] | None
    sentence: Message | None
    size: float | None = None  # as a share of the first line's
    speed: float | None = None  # as a multiple of the first line's
    p: float | None = None


def made_of(run: Run) -> list[Run]:
    """The runs that make `run` smaller, oldest first, whatever has become of them."""
    return [
        one
        for one in reversed(runs(run.folder.parent.parent))
        if one.spec.get("from") == run.id and one.spec.get("smaller")
    ]


def table(run: Run, others: Sequence[Run]) -> list[Line]:
    """The run itself and then the others, those with a model."""
    measured = measuring.read(run.folder).get("runs", {})
    first = measured.get(run.id)
    lines = [Line(run, first, None, 1.0 if first else None, 1.0 if first else None)]
    for other in others:
        figures = measured.get(other.id)
        if not (first and figures):
            lines.append(Line(other, figures, None))
            continue
        p, gain = paired(first, figures)
        size, speed = figures["size"] / first["size"], figures["times"]
        score = of_score(run.spec["task"], first, figures, p, gain)
        sentence = Message("{size}, {speed}; {score}.", size=of_size(size), speed=of_speed(speed), score=score)
        lines.append(Line(other, figures, sentence, size, speed, p))
    return lines


def unmeasured(run: Run, others: Sequence[Run]) -> list[Run]:
    """Those of `others` that were not measured beside the run yet, or whose model is another one now."""
    measured = measuring.read(run.folder).get("runs", {})
    return [one for one in others if one.id not in measured or run.id not in measured]


def paired(first: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[float, float]:
    """p of the difference, and the difference of the mean credits, over the rows both were asked."""
    theirs = dict(zip(other["ids"], other["credits"], strict=True))
    both = [(mine, theirs[id]) for id, mine in zip(first["ids"], first["credits"], strict=True) if id in theirs]
    if not both:
        return 1.0, 0.0
    before, after = np.array(both, dtype=float).T
    gains = after - before
    if set(np.unique(np.array(both))) <= {0.0, 1.0}:
        return mcnemar(int((gains > 0).sum()), int((gains < 0).sum())), float(gains.mean())
    return sign_p(gains), float(gains.mean())


def of_size(share: float) -> Message:
    """A share of the size, in words."""
    for fraction, words in SIZES:
        if abs(share - fraction) <= 0.035:
            return words
    return Message("{p} % of the size", p=round(100 * share) if share >= 0.01 else f"{100 * share:.1f}")


SIZES = (
    (1.0, Message("The same size")),
    (2 / 3, Message("Two thirds of the size")),
    (1 / 2, Message("Half the size")),
    (1 / 3, Message("A third of the size")),
    (1 / 4, Message("A quarter of the size")),
)


def of_speed(times: float) -> Message:
    if abs(times - 1) <= SAME:
        return Message("as fast")
    if times < 1:
        return Message("slower ({x:.2f} times as fast)", x=times)
    if times < 20:
        return Message("{x:.1f} times as fast", x=times)
    return Message("{x:,} times as fast", x=round(times))


def of_score(task: str, first: Mapping[str, Any], other: Mapping[str, Any], p: float, gain: float) -> Message:
    main = tasks.task(task).scores[0]
    if p >= 0.2 or len(first["ids"]) < FEW or first["value"] is None or other["value"] is None:
        return Message("no clear difference in score")
    values = {"measure": main.title, "new": said(other["value"], main.share), "old": said(first["value"], main.share)}
    better = gain > 0 if gain else (other["value"] > first["value"]) != (main.name in LOWER)
    if p >= 0.05:
        return Message("{measure} {new} instead of {old}, which may be luck", **values)
    if better:
        return Message("it is better: {measure} {new} instead of {old}", **values)
    return Message("it is worse: {measure} {new} instead of {old}", **values)


def shared(run: Run) -> bool:
    """Whether the score of the run's task is a share, shown in per cent."""
    return tasks.task(run.spec["task"]).scores[0].share


def said(value: float | None, share: bool) -> str:
    if value is None:
        return "–"
    return f"{100 * value:.1f} %" if share else f"{value:.3g}"
