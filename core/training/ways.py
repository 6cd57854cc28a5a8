"""The ways to tune as a person chooses among them: what each is for, how much of this base learns, what it takes on the disk, and what
speaks against it. Knows neither torch nor the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import Problem
from core.models.catalogue import BASES, CLASSIC, Base
from core.models.counting import learning
from core.models.methods import METHODS, Computer, Method, method
from core.settings import checked, knobs, problems
from core.tasks.base import Task
from core.training.settings import TrainingSettings

LARGEST_RATE = 0.03
BYTES = 4  # a weight
STEPS = 50  # of a round, that larger batches leave


class _Anything:
    """A machine that has what a method may ask for: what is left is the task's own."""

    gpu = "any"


def offered(task: Task) -> list[str]:
    """The methods that this task can use at all, whatever the base and the machine."""
    unknown = BASES[CLASSIC]
    return [m.name for m in METHODS.values() if m.name == "qlora" or m.suits(unknown, task, _Anything()) is None]


def told(values: Mapping[str, Any], base: Base, task: Task, machine: Computer, labels: int) -> list[dict[str, Any]]:
    """Every method for the page: {"value", "title", "sentence", "term", "kind", "usual", "reason", "count", "share", "size"}. `values` are
    knobs as they stand, right or wrong; `size` is in bytes, of what has to be kept beside the base."""
    if base.kind == "classic":
        return []
    known = {k.name for k in knobs(TrainingSettings)}
    sound = {n: v for n, v in values.items() if n in known and not problems(TrainingSettings, {n: v})}
    settings = checked(TrainingSettings, sound)
    heads = labels if task.link else 0
    return [_told(m, settings, base, task, machine, heads) for m in METHODS.values()]


def _told(
    way: Method, settings: TrainingSettings, base: Base, task: Task, machine: Computer, labels: int
) -> dict[str, Any]:
    count = learning(base, way.name, settings, labels)
    return {
        "value": way.name,
        "title": way.title,
        "sentence": way.sentence,
        "term": way.term,
        "kind": way.kind,
        "usual": way.usual,
        "reason": way.suits(base, task, machine),
        "count": count,
        "share": count / base.parameters if count is not None and base.parameters else None,
        "size": count * BYTES if count is not None else None,
    }


def rate(chosen: str, advised: str, advised_rate: float) -> float:
    """The step width that suits a method, from the one that suits another: small additions take wider steps than whole models."""
    now, before = method(chosen), method(advised)
    times = now.rate / (1.0 if before.fits else before.rate)
    return advised_rate if chosen == advised else float(f"{min(LARGEST_RATE, advised_rate * times):.2g}")


def batch(chosen: str, advised_batch: int, texts: int) -> int:
    """Texts in a step: more where the method makes them cheap, as long as a round still has STEPS steps."""
    times = method(chosen).batch
    while times > 1 and texts < STEPS * times * advised_batch:
        times //= 2
    return times * advised_batch


def problem(values: Mapping[str, Any], base: Base, task: Task, machine: Computer) -> Problem | None:
    """What speaks against the chosen method."""
    way = METHODS.get(str(values.get("method")))
    reason = way.suits(base, task, machine) if way and base.kind != "classic" else None
    return Problem("method", reason) if reason else None
