"""What a run says about itself: one JSON line an event, appended to ``events.jsonl``. Codes and values, no sentences.

`step` counts optimizer steps over the whole run and never goes back, except after `Resumed(step)`, which tells the reader to
forget later points. `at` is seconds since the epoch (UTC).
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class Event:
    kind: ClassVar[str] = ""
    at: float = field(default_factory=time.time)


@dataclass(frozen=True, kw_only=True)
class Started(Event):
    """The worker has the run. Written before torch is imported."""

    kind: ClassVar[str] = "started"
    pid: int
    host: str


@dataclass(frozen=True, kw_only=True)
class Preparing(Event):
    """Something that takes time before (or between) steps: loading | adapting | encoding | features | fitting | testing | saving."""

    kind: ClassVar[str] = "preparing"
    what: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True, kw_only=True)
class Began(Event):
    """A phase begins: how far it will go and on what. `settled` tells choices made with reasons (device, precision, ...)."""

    kind: ClassVar[str] = "began"
    phase: int
    method: str
    first_step: int
    steps: int
    epochs: float
    steps_per_epoch: float
    settled: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Stepped(Event):
    """Means over the steps since the last Stepped. `loss` is per example. `seconds_left` is for the whole run."""

    kind: ClassVar[str] = "stepped"
    step: int
    epoch: float
    loss: float
    learning_rate: float = 0.0
    grad_norm: float | None = None
    examples_per_second: float = 0.0
    tokens_per_second: float = 0.0
    memory: int = 0
    memory_total: int = 0
    seconds_left: float | None = None


@dataclass(frozen=True, kw_only=True)
class Evaluated(Event):
    """A check on the validation split. `scores` holds loss, accuracy, macro_f1, ...; `watched` the answers on watched texts:
    row id -> {"label": name, "probability": p}. `per_label` is label -> share found (recall). `parts`: the scores on "old" and on "new" rows alone,
    where the run continues another."""

    kind: ClassVar[str] = "evaluated"
    step: int
    epoch: float
    scores: Mapping[str, float]
    best: bool = False
    watched: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    per_label: Mapping[str, float] = field(default_factory=dict)
    parts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Saved(Event):
    kind: ClassVar[str] = "saved"
    step: int
    path: str


@dataclass(frozen=True, kw_only=True)
class Noticed(Event):
    """A small observer saw something: improving | overfitting | plateau | diverged | rate_too_high | never_predicted |
    recognised | better_than_before | probe_first | early_stop | out_of_memory | not_bit_exact | no_validation | ..."""

    kind: ClassVar[str] = "noticed"
    code: str
    step: int
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Paused(Event):
    kind: ClassVar[str] = "paused"
    step: int


@dataclass(frozen=True, kw_only=True)
class Resumed(Event):
    """Goes on from the state after `step`; points beyond it no longer count."""

    kind: ClassVar[str] = "resumed"
    step: int


@dataclass(frozen=True, kw_only=True)
class Finished(Event):
    """The model is in ``model/``. `scores` are the kept moment's on validation, `test` on the test split (if there is one)."""

    kind: ClassVar[str] = "finished"
    step: int
    best_step: int
    scores: Mapping[str, float]
    test: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Stopped(Event):
    """A person ended it. `kept`: the best moment so far was saved as the model, else the run was discarded."""

    kind: ClassVar[str] = "stopped"
    step: int
    kept: bool


@dataclass(frozen=True, kw_only=True)
class Failed(Event):
    """`message` and `fix` are Messages in JSON form; `details` names the file with the traceback."""

    kind: ClassVar[str] = "failed"
    step: int
    code: str
    message: Mapping[str, Any]
    fix: Mapping[str, Any] | None = None


EVENTS: dict[str, type[Event]] = {
    cls.kind: cls
    for cls in (
        Started,
        Preparing,
        Began,
        Stepped,
        Evaluated,
        Saved,
        Noticed,
        Paused,
        Resumed,
        Finished,
        Stopped,
        Failed,
    )
}


def as_line(event: Event) -> dict[str, Any]:
    """The event as it is written; a float that JSON has no word for becomes None."""
    return {"kind": event.kind, **_finite(asdict(event))}


def from_line(line: Mapping[str, Any]) -> Event:
    """The event that was written; fields of a later version are passed over."""
    if line["kind"] not in EVENTS:
        raise KeyError(f"{line['kind']!r} is no event; there are {', '.join(EVENTS)}")
    cls = EVENTS[line["kind"]]
    known = {f.name for f in fields(cls)}
    return cls(**{k: v for k, v in line.items() if k in known})


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return value
