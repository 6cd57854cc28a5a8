"""What a run looks like: `RunView = fold(events)`, a pure function, so that every page and every process sees the same.

`thinned` and `delta` make of it the small answers a page polls for. Nothing here reads a file or knows who is alive; that the
worker of a run is gone is told by `core.training.runs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from core.training import events as ev
from core.training import notices

State = Literal["queued", "preparing", "running", "paused", "interrupted", "finished", "stopped", "discarded", "failed"]
OVER = ("finished", "stopped", "discarded", "failed")  # no step will follow by itself
MOST_POINTS = 2_000  # of one curve, as a page gets it

COLUMNS = ("step", "epoch", "loss", "learning_rate", "grad_norm", "examples_per_second", "tokens_per_second", "memory")
SENT = ("step", "epoch", "loss", "learning_rate", "grad_norm")  # what a page draws


@dataclass(frozen=True)
class Check:
    """One look at the validation split. `phase` says during which phase."""

    step: int
    epoch: float
    scores: Mapping[str, float]
    best: bool
    phase: int
    watched: Mapping[str, Mapping[str, Any]]
    per_label: Mapping[str, float]
    parts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """A notice as it was noticed; `core.training.notices` has the words for it."""

    code: str
    step: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class RunView:
    """All a page can show of a run. `points` holds the Stepped events by column; all columns are equally long."""

    state: State = "preparing"
    began: bool = False  # whether a worker ever had it
    at: float = 0.0  # of the last event
    started: float = 0.0  # of the first
    preparing: Mapping[str, Any] | None = None
    phases: Sequence[ev.Began] = ()
    step: int = 0
    epoch: float = 0.0
    points: Mapping[str, Sequence[float | None]] = field(default_factory=lambda: {name: [] for name in COLUMNS})
    checks: Sequence[Check] = ()
    notices: Sequence[Seen] = ()
    resumes: Sequence[int] = ()
    saved: int | None = None  # the step of the last safety copy
    memory: int = 0
    memory_total: int = 0
    seconds: float = 0.0  # of work, from the opening of the base to the test, without pauses
    seconds_left: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    test: Mapping[str, float] = field(default_factory=dict)
    best_step: int | None = None
    failure: Mapping[str, Any] | None = None
    generation: int = 0  # grows when earlier points were taken back, so that a page reads all again

    @property
    def over(self) -> bool:
        return self.state in OVER

    @property
    def phase(self) -> int:
        return self.phases[-1].phase if self.phases else 0

    @property
    def steps(self) -> int:
        """The last step as far as the phases begun so far will go."""
        return self.phases[-1].first_step + self.phases[-1].steps if self.phases else 0

    @property
    def epochs(self) -> float:
        return self.phases[-1].epochs if self.phases else 0.0

    @property
    def best(self) -> Check | None:
        """The check whose model is kept."""
        return next((c for c in reversed(self.checks) if c.best), None)

    @property
    def before(self) -> Mapping[str, float] | None:
        """The scores before tuning: of the fitted last layer, where a phase that tunes came after it."""
        if len(self.phases) < 2 or self.phases[0].method != "head":
            return None
        return next((c.scores for c in reversed(self.checks) if c.phase == 0), None)

    @property
    def watched(self) -> Mapping[str, Mapping[str, Any]]:
        """The last answers on the watched texts."""
        return next((c.watched for c in reversed(self.checks) if c.watched), {})

    @property
    def per_label(self) -> Mapping[str, float]:
        return next((c.per_label for c in reversed(self.checks) if c.per_label), {})

    @property
    def share(self) -> float:
        """How much of the work is done, 0 to 1: by time where that is known, else by steps."""
        if self.state == "finished":
            return 1.0
        if self.seconds_left is not None and self.seconds + self.seconds_left > 0:
            return min(1.0, self.seconds / (self.seconds + self.seconds_left))
        return min(1.0, self.step / self.steps) if self.steps else 0.0


def fold(events: Iterable[ev.Event], before: RunView | None = None) -> RunView:
    """The view after `events`; with `before` they go on from there. `before` itself is left as it is."""
    draft = _Draft(before or RunView())
    for event in events:
        draft.add(event)
    return draft.view


class _Draft:
    """A copy of a view that events are added to. One method an event, found by the event's name."""

    def __init__(self, before: RunView):
        self.view = replace(
            before,
            phases=list(before.phases),
            points={name: list(column) for name, column in before.points.items()},
            checks=list(before.checks),
            notices=list(before.notices),
            resumes=list(before.resumes),
        )

    def add(self, event: ev.Event) -> None:
        self._count_time(event)
        getattr(self, f"_{event.kind}")(event)
        self._set(at=event.at, started=self.view.started or event.at)

    def _count_time(self, event: ev.Event) -> None:
        """Work ends with a pause, an end or a death; the next worker's first word starts it anew."""
        if not self.view.at or isinstance(event, ev.Started) or self.view.state == "paused" or self.view.over:
            return
        self._set(seconds=self.view.seconds + max(0.0, event.at - self.view.at))

    def _started(self, event: ev.Started) -> None:
        preparing = {"what": "starting", "done": 0, "total": 0}
        self._set(state="preparing", began=True, preparing=preparing, failure=None, seconds_left=None)

    def _preparing(self, event: ev.Preparing) -> None:
        self._set(state="preparing", preparing={"what": event.what, "done": event.done, "total": event.total})

    def _began(self, event: ev.Began) -> None:
        kept = [p for p in self.view.phases if p.phase < event.phase]
        self._set(state="running", preparing=None, phases=[*kept, event])

    def _stepped(self, event: ev.Stepped) -> None:
        for name in COLUMNS:
            self.view.points[name].append(getattr(event, name))  # type: ignore[attr-defined]
        self._set(
            state="running",
            preparing=None,
            step=event.step,
            epoch=event.epoch,
            memory=event.memory,
            memory_total=event.memory_total,
            seconds_left=event.seconds_left,
        )

    def _evaluated(self, event: ev.Evaluated) -> None:
        check = Check(
            event.step, event.epoch, event.scores, event.best, self.view.phase, event.watched, event.per_label,
            event.parts,
        )  # fmt: skip
        self.view.checks.append(check)  # type: ignore[attr-defined]
        self._set(state="running", preparing=None, step=max(self.view.step, event.step))
        if event.best:
            self._set(best_step=event.step, scores=event.scores)

    def _saved(self, event: ev.Saved) -> None:
        self._set(saved=event.step)

    def _noticed(self, event: ev.Noticed) -> None:
        seen = Seen(event.code, event.step, event.values)
        self._set(notices=[*(n for n in self.view.notices if not notices.replaces(seen, n)), seen])

    def _paused(self, event: ev.Paused) -> None:
        self._set(state="paused", preparing=None)

    def _resumed(self, event: ev.Resumed) -> None:
        """What came after the step no longer counts: it will come again."""
        view = self.view
        keep = next((i for i, step in enumerate(view.points["step"]) if (step or 0) > event.step), None)
        checks = [c for c in view.checks if c.step <= event.step]
        taken_back = keep is not None or len(checks) < len(view.checks)
        points = {n: column[:keep] for n, column in view.points.items()} if keep is not None else view.points
        best = next((c for c in reversed(checks) if c.best), None)
        self._set(
            state="running",
            preparing=None,
            step=event.step,
            epoch=_last(points["epoch"]) or 0.0,
            points=points,
            checks=checks,
            notices=[n for n in view.notices if n.step <= event.step],
            phases=[p for p in view.phases if p.first_step <= event.step],
            resumes=[*(r for r in view.resumes if r <= event.step), event.step],
            best_step=best.step if best else None,
            scores=best.scores if best else {},
            generation=view.generation + taken_back,
        )

    def _finished(self, event: ev.Finished) -> None:
        scores = event.scores or self.view.scores
        self._set(state="finished", step=event.step, best_step=event.best_step, scores=scores, test=event.test)
        self._end()

    def _stopped(self, event: ev.Stopped) -> None:
        self._set(state="stopped" if event.kept else "discarded", step=event.step)
        self._end()

    def _failed(self, event: ev.Failed) -> None:
        failure = {"code": event.code, "step": event.step, "message": event.message, "fix": event.fix}
        self._set(state="failed", failure=failure)
        self._end()

    def _end(self) -> None:
        self._set(preparing=None, seconds_left=None)

    def _set(self, **changes: Any) -> None:
        for name, value in changes.items():
            object.__setattr__(self.view, name, value)  # the draft's own copy, not yet given to anybody


def delta(view: RunView, generation: str = "", seen_points: int = 0, seen_checks: int = 0) -> dict[str, Any]:
    """What a page that has seen so much does not know yet. Small, JSON only.

    `points` are columns (step, epoch, loss, learning_rate, grad_norm), at most 2,000 long in all the answers of one
    generation; `seen_points` and `seen_checks` are to be sent with the next call. `reset` says: forget what you have drawn.
    """
    width = _width(len(view.points["step"]))
    now = f"{view.generation}.{width}"
    reset = generation != now
    first = 0 if reset else max(0, seen_points)
    first_check = 0 if reset else max(0, seen_checks)
    points, seen = thinned(view.points, first, width)
    checks = list(view.checks[first_check:])
    return {
        "generation": now,
        "reset": reset,
        "seen_points": seen,
        "seen_checks": first_check + len(checks),
        "points": points,
        "checks": [_check(c) for c in _few(checks)],
        **facts(view),
    }


def facts(view: RunView) -> dict[str, Any]:
    """All of a view but its curves: what the header, the list of runs and the state line show."""
    points = view.points
    return {
        "state": view.state,
        "preparing": view.preparing and {**view.preparing, "say": notices.preparing(view.preparing["what"])},
        "step": view.step,
        "steps": view.steps,
        "epoch": view.epoch,
        "epochs": view.epochs,
        "phase": view.phase,
        "phases": [_phase(p) for p in view.phases],
        "share": round(view.share, 4),
        "started": view.started,
        "seconds": round(view.seconds, 1),
        "seconds_left": view.seconds_left,
        "loss": _last(points["loss"]),
        "learning_rate": _last(points["learning_rate"]),
        "grad_norm": _last(points["grad_norm"]),
        "examples_per_second": _last(points["examples_per_second"]),
        "tokens_per_second": _last(points["tokens_per_second"]),
        "memory": view.memory,
        "memory_total": view.memory_total,
        "best_step": view.best_step,
        "scores": dict(view.scores),
        "before": dict(view.before) if view.before else None,
        "test": dict(view.test),
        "per_label": dict(view.per_label),
        "watched": dict(view.watched),
        "notices": [notices.worded(n.code, n.step, n.values).as_json() for n in reversed(view.notices)],
        "resumes": list(view.resumes),
        "failure": view.failure,
    }


def thinned(
    points: Mapping[str, Sequence[float | None]], first: int = 0, width: int | None = None
) -> tuple[dict[str, list[float | None]], int]:
    """Columns from point `first` on, and up to which point they go. Of every `width` neighbours only those with the lowest
    and the highest loss are kept (so that no spike is lost), and only whole groups, so that later answers fit on."""
    count = len(points["step"])
    width = width or _width(count)
    if width == 1:
        return {name: list(points[name][first:]) for name in SENT}, count
    end = count - count % width
    chosen: list[int] = []
    for start in range(first - first % width, end, width):
        chosen += _extremes(points["loss"], start, start + width)
    return {name: [points[name][i] for i in chosen] for name in SENT}, end


def _width(count: int) -> int:
    """How many neighbours become two points: a power of two, so that it changes seldom."""
    width = 1
    while count > MOST_POINTS and 2 * count / width > MOST_POINTS:
        width *= 2
    return width


def _extremes(loss: Sequence[float | None], start: int, end: int) -> list[int]:
    known = [i for i in range(start, end) if loss[i] is not None]
    if not known:
        return [start]
    low = min(known, key=lambda i: loss[i] or 0.0)
    high = max(known, key=lambda i: loss[i] or 0.0)
    return sorted({low, high})


def _few(checks: list[Check]) -> list[Check]:
    """At most 2,000 checks: every n-th, and every one that was the best so far."""
    stride = -(-len(checks) // MOST_POINTS)
    return checks if stride <= 1 else [c for i, c in enumerate(checks) if i % stride == 0 or c is checks[-1]]


def _check(check: Check) -> dict[str, Any]:
    return {
        "step": check.step,
        "epoch": check.epoch,
        "phase": check.phase,
        "scores": dict(check.scores),
        "best": check.best,
        "watched": dict(check.watched),
        **({"parts": {name: dict(scores) for name, scores in check.parts.items()}} if check.parts else {}),
    }


def _phase(began: ev.Began) -> dict[str, Any]:
    return {
        "phase": began.phase,
        "method": began.method,
        "first_step": began.first_step,
        "steps": began.steps,
        "epochs": began.epochs,
        "steps_per_epoch": began.steps_per_epoch,
        "settled": dict(began.settled),
    }


def _last(column: Sequence[float | None]) -> float | None:
    return column[-1] if column else None
