"""What is proposed for going on from a finished run: how, with which settings, why, and how long it will take; and the run that does it.

    proposal = propose(dataset, run)              what has arrived, and everything set for it
    new = begin(project_folder, dataset, proposal, name="...")

Asks the run's own folder for its pace and imports no torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import tasks
from core.settings import checked
from core.training import continuing, runs
from core.training.advice import phases
from core.training.continual_settings import MOST, ContinualSettings
from core.training.continuing import Arrived
from core.training.method_settings import FITTED
from core.training.phases import planned
from core.training.plan import Plan
from core.training.settings import TrainingSettings
from core.words import Message

ENOUGH = 1000  # old texts up to which all of them are seen again
LEAST = 0.1  # of more of them at least so much
ROUNDS = 3.0  # through what is new and what is seen again
GENTLER = 0.6  # times the step width of the earlier run: most is known already
STARTED = 15.0  # seconds until the first step: loading, asking the earlier model
PACE = 40.0  # texts a second, where the earlier run took no steps
WAYS = ("replay", "distil", "ewc", "nothing")


@dataclass(frozen=True)
class Proposal:
    """Everything set for the next run. `rows`: how many texts a round has; `seconds`: about how long all of it takes."""

    run: Any
    arrived: Arrived
    settings: TrainingSettings
    phases: tuple[dict[str, Any], ...]
    why: tuple[Message, ...]
    rows: int
    seconds: float


def propose(dataset: Any, run: Any, changed: Mapping[str, Any] | None = None) -> Proposal:
    """What suits going on from `run` with what has arrived. `changed` holds what a person has set; SettingsError for values that are off."""
    spec, arrived = run.spec, continuing.arrived(dataset, run)
    why: list[Message] = []
    before = {name: value for name, value in spec["settings"].items() if name in TrainingSettings.model_fields}
    fresh = {name: field.default for name, field in ContinualSettings.model_fields.items()}
    first = before if not spec.get("continues") else {**before, "learning_rate": before["learning_rate"] / GENTLER}
    values = {**first, **fresh, **_memory(arrived, spec, why), **_steps(first, why), **(changed or {})}
    settings = checked(TrainingSettings, values)
    parts = tuple(phases(settings, spec["base"]["kind"]))
    rows = _round(arrived, settings, spec)
    return Proposal(run, arrived, settings, parts, tuple(why), rows, _seconds(run, arrived, settings, parts, rows))


def begin(project_folder: Path, dataset: Any, proposal: Proposal, name: str, threads: int | None = None) -> Any:
    """The new run, not started yet. RunError where nothing has arrived."""
    run = proposal.run
    spec = run.spec
    return runs.create(
        project_folder,
        name=name,
        task=spec["task"],
        base=spec["base"],
        settings=proposal.settings,
        phases=proposal.phases,
        preset=spec["preset"],
        changed=spec["changed"],
        why=proposal.why,
        dataset=dataset,
        threads=threads,
        continues=run,
    )


def ways(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """The values of `remember` that a run can go on with: earlier answers need outputs by label, weights are held where they themselves learn."""
    if spec["base"]["kind"] == "classic":
        return ("replay",)
    found = [way for way in WAYS if way != "distil" or tasks.task(spec["task"]).link in FITTED]
    return tuple(way for way in found if way != "ewc" or spec["settings"]["method"] in ("full", "top"))


def _memory(arrived: Arrived, spec: Mapping[str, Any], why: list[Message]) -> dict[str, Any]:
    """Old texts seen again: it keeps more than the ways without (tests/benchmarks/continual.py)."""
    if spec["base"]["kind"] == "classic":
        why.append(
            Message("Counted words are learnt anew from all texts: that takes seconds, and nothing is forgotten.")
        )
        return {"remember": "replay", "replay_share": 1.0}
    if arrived.known <= ENOUGH:
        why.append(Message("It sees all {n:,} old texts again: they are few enough.", n=arrived.known))
        return {"remember": "replay", "replay_share": 1.0}
    share = max(LEAST, float(f"{ENOUGH / arrived.known:.2g}"))
    again = round(share * arrived.known)
    why.append(
        Message(
            "It sees {n:,} of {m:,} old texts again, some of every label: that keeps nearly all it knew in a part of the time.",
            n=again,
            m=arrived.known,
        )
    )
    if arrived.labels and tasks.task(spec["task"]).link == "softmax":
        why.append(
            Message(
                "For the other old texts stands the mean of each old label in the earlier model, so that new labels do not crowd out old ones."
            )
        )
    return {"remember": "replay", "replay_share": share}


def _steps(before: Mapping[str, Any], why: list[Message]) -> dict[str, Any]:
    rate = float(f"{before['learning_rate'] * GENTLER:.2g}")
    if before["method"] != "head":
        why.append(
            Message(
                "Smaller steps than before (learning rate {rate}), because most is known already.", rate=f"{rate:.1e}"
            )
        )
    return {"learning_rate": rate, "length": "epochs", "epochs": ROUNDS, "evaluations": 2.0, "adapt_rounds": 0.0}


def _round(arrived: Arrived, settings: TrainingSettings, spec: Mapping[str, Any]) -> int:
    """Texts of a round: the new ones, and the old ones as often as they are seen (core.training.carrying.mixed)."""
    again = continuing.share_of(settings, spec["base"]["kind"]) * arrived.known
    if not again or settings.remember != "replay":
        return arrived.texts
    part = settings.replay_part
    return round(arrived.texts + max(again, part / (1 - part) * arrived.texts))


def _seconds(
    run: Any, arrived: Arrived, settings: TrainingSettings, parts: tuple[dict[str, Any], ...], rows: int
) -> float:
    spec, view = run.spec, run.view()
    if spec["base"]["kind"] == "classic":
        return max(2.0, view.seconds)
    told = sorted(v for v in view.points["examples_per_second"] if v)
    tuned = any(phase.method != "head" for phase in view.phases)
    pace = told[len(told) // 2] if told and tuned else PACE
    from core.models.catalogue import Base

    found = planned(parts, settings, Base.from_json(spec["base"]), tasks.task(spec["task"]))
    steps = sum(Plan.of(phase.settings, rows).steps or 0 for phase in found if phase.method != "head")
    texts = steps * settings.batch_size * settings.accumulation
    asked = math.ceil(settings.epochs * settings.evaluations) * spec["data"]["counts"].get("validation", 0) + rows
    if settings.remember == "replay" and settings.prototypes and arrived.labels and settings.replay_share < 1:
        asked += min(arrived.known, MOST * len(spec["labels"]["names"]))
    return STARTED + texts / pace + asked / (3 * pace)
