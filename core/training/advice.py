"""Presets: one choice (Quick look, Balanced, Best) that sets every knob from the data's facts and this machine, and says why.

The numbers come from tests/benchmarks (quality, throughput) on BANKING77, SST-2, ChnSentiCorp and small cuts of them. Knows facts
about texts, never a text; in what a task's presets differ, the task says (`Task.usual`).
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from core import processes, tasks
from core.errors import ModelError
from core.models.architectures import FAMILIES
from core.models.catalogue import BLANK, BUNDLED, CLASSIC, Base, blanks, find
from core.settings import changed, knobs
from core.tasks.base import Task
from core.training import advice_few as fewshot
from core.training.advice_facts import FEW, Facts, Machine, Preset
from core.training.settings import TrainingSettings
from core.words import Message, plural

PRESETS: tuple[Preset, ...] = ("quick", "balanced", "best")
UNKNOWN = 0.20  # share of tokens the encoder does not know, from which on counting characters does better
RATES = (1.0, 2.0, 0.5, 4.0)  # times the learning rate of Balanced: the four that Best tries, its own first
STEPS = 400  # gradient steps that a small data set needs to move the weights at all
SHORT = 150  # gradient steps of a quick look, where the last layer cannot be fitted alone
MEASURES = next(k.choices for k in knobs(TrainingSettings) if k.name == "metric")
LARGE = 100e6  # weights from which on a model that writes is not tuned as a whole without a GPU


@dataclass(frozen=True)
class Advice:
    """A complete proposal. `why` has a sentence for each choice that depended on the data or the machine."""

    preset: Preset
    base: Base
    settings: TrainingSettings
    phases: tuple[dict[str, Any], ...]
    why: tuple[Message, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "preset": self.preset,
            "base": self.base.as_json(),
            "settings": self.settings.model_dump(),
            "phases": [dict(p) for p in self.phases],
            "why": [m.as_json() for m in self.why],
        }


def advise(facts: Any, preset: str, machine: Machine | None = None, base: Base | str | None = None) -> Advice:
    """Everything set for `preset`. A `base` that the person has chosen is kept; else the texts decide."""
    if preset not in PRESETS:
        raise KeyError(f"{preset!r} is no preset; there are {', '.join(PRESETS)}")
    known = known_facts(facts)
    machine = machine or this_machine()
    task = tasks.task(known.task)
    why: list[Message] = []
    chosen = _base(known, task, base, why)
    values: dict[str, Any] = {"base": chosen.id, **_keeping(known, task, why)}
    if chosen.kind == "classic":
        values |= _counting(known, preset, why)
    else:
        values |= _tuning(known, task, preset, chosen, machine, why)
    settings = TrainingSettings(**values)
    return Advice(preset, chosen, settings, tuple(phases(settings, chosen.kind, preset)), tuple(why))  # type: ignore[arg-type]


def phases(settings: TrainingSettings, base_kind: str, preset: str = "own") -> list[dict[str, Any]]:
    """What a run with these settings goes through. `fresh` starts again from the fitted last layer.

    A preset that somebody changed goes through the same phases with the changed values; Best tries its four rates around the set one.
    """
    if base_kind == "classic" or settings.method == "head":
        return [{"method": "head", "settings": {}, "fresh": False}]
    first = [{"method": "head", "settings": {}, "fresh": False}] if settings.start_from_probe else []
    if preset != "best" or not settings.keep_best:  # without validation nothing could choose among several
        return [*first, {"method": settings.method, "settings": {}, "fresh": False}]
    rates = [float(f"{settings.learning_rate * times:.2g}") for times in RATES]
    return [
        *first,
        *({"method": settings.method, "settings": {"learning_rate": r}, "fresh": i > 0} for i, r in enumerate(rates)),
    ]


def preset_changes(advice: Advice, settings: TrainingSettings) -> dict[str, Any]:
    """The knobs in which somebody's settings differ from the preset; with none of them it is still that preset."""
    return changed(advice.settings, settings)


def known_facts(facts: Any) -> Facts:
    """The facts as advice needs them, from what `Dataset.facts()` gives (or from Facts themselves)."""
    if isinstance(facts, Facts):
        return facts
    rows = facts.rows
    return Facts(
        train=int(rows.get("train", 0)),
        validation=int(rows.get("validation", 0)),
        labels=dict(facts.labels),
        test=int(rows.get("test", 0)),
        tokens={int(k): float(v) for k, v in (facts.tokens or {}).items()},
        unknown=float(facts.unknown_share or 0.0),
        language=str(facts.language or ""),
        spaces=bool(facts.spaces),
        task=str(facts.task),
        unlabelled=int(facts.unlabelled),
    )


@cache
def this_machine() -> Machine:
    """Found without torch, because the page asks."""
    import psutil

    return Machine(processes.cores(), psutil.virtual_memory().total, _gpu())


# The choices, one function each --------------------------------------------------------------------------------------


def counts_words(task: Task) -> bool:
    """Whether a classic base serves the task: one text in, and a last layer that is fitted alone."""
    return task.link is not None and task.family == "encoder" and sum(not c.target for c in task.columns) == 1


def _base(facts: Facts, task: Task, wanted: Base | str | None, why: list[Message]) -> Base:
    if wanted:
        base = wanted if isinstance(wanted, Base) else find(wanted)
        if base.id == BUNDLED and facts.unknown > UNKNOWN and counts_words(task):
            why.append(
                Message(
                    "{p} % of the word pieces are unknown to {base}; counting words or characters would do better.",
                    p=round(100 * facts.unknown),
                    base=base.title,
                )
            )
        return base
    if "base" in task.usual:
        with contextlib.suppress(ModelError):  # not on this machine
            return find(task.usual["base"])
    if own := blanks(task.family):
        why.append(
            Message(
                "A blank model, because none that {does} comes with Hone: it knows nothing yet and learns everything from "
                "your data. A model that has read a lot already does far better; type its name where there is a network.",
                does=FAMILIES[task.family],
            )
        )
        return own[min(1, len(own) - 1)]
    if facts.unknown > UNKNOWN and not counts_words(task):
        why.append(
            Message(
                "{p} % of the word pieces are unknown to {base}; a base that knows the language of your texts would do better.",
                p=round(100 * facts.unknown),
                base=find(BUNDLED).title,
            )
        )
        return find(BUNDLED)
    if facts.unknown > UNKNOWN:
        why.append(
            Message(
                "Counts of words and characters instead of the bundled model: {p} % of the word pieces are unknown to it.",
                p=round(100 * facts.unknown),
            )
        )
        return find(CLASSIC)
    return find(BUNDLED)


def _keeping(facts: Facts, task: Task, why: list[Message]) -> dict[str, Any]:
    """By which measure the best moment is chosen: the task's first one, or the mean over labels where accuracy would forget rare labels."""
    counts = [n for n in facts.labels.values() if n > 0]
    if not facts.validation:
        why.append(Message("No text is set aside for validation, so the last moment is kept."))
        return {"keep_best": False, "patience": 0, "metric": measure(task)}
    if measure(task) != "accuracy" or not any(s.name == "macro_f1" for s in task.scores):
        return {"metric": measure(task)}
    if len(counts) > 1 and max(counts) >= 10 * min(counts):
        why.append(
            Message(
                "The best moment is chosen by the mean over labels (macro F1), because the commonest label has {n} times as many texts as the rarest.",
                n=round(max(counts) / min(counts)),
            )
        )
        return {"metric": "macro_f1"}
    return {"metric": "accuracy"}


def measure(task: Task) -> str:
    """The choice of the setting `metric` that stands for the task's first measure."""
    first = task.scores[0].name
    return first if first in MEASURES else "main"


def _counting(facts: Facts, preset: Preset, why: list[Message]) -> dict[str, Any]:
    """A classic base: what is counted, and how long the pieces are.

    Tried on ChnSentiCorp (8,913 texts; share right on validation, C = 3): characters 1 to 2 that stand in 3 texts 0.877, in 2 texts 0.875, in 1 text
    0.873; 1 to 3 in 5 texts 0.878, in 2 texts 0.872. The differences are within chance (1,200 texts); short pieces are chosen for their size.
    """
    unit, high = ("word", 2) if facts.spaces else ("char", 2)
    if preset == "best":
        unit, high = ("both", 3) if facts.spaces else ("char", 3)
    if facts.spaces:
        why.append(Message("Counts words up to {n} in a row, because spaces stand between them.", n=high))
    else:
        why.append(Message("Counts characters up to {n} in a row, because no spaces stand between the words.", n=high))
    enough = 5 if preset == "best" else 2 if facts.spaces else 3
    return {
        "method": "head",
        "analyzer": unit,
        "ngram_low": 1,
        "ngram_high": high,
        "least_count": 1 if facts.train < 500 else 2 if facts.train < 2_000 else enough,
        "regularization": 3.0 if preset == "quick" else None,
    }


def _tuning(
    facts: Facts, task: Task, preset: Preset, base: Base, machine: Machine, why: list[Message]
) -> dict[str, Any]:
    """A network: how much of it learns, how long, in which steps. What the task's presets do otherwise has the last word."""
    own = {name: value for name, value in task.usual.items() if name != "base"}
    values: dict[str, Any] = {"max_length": _length(facts, preset, base, machine, why)}
    if preset == "quick" and task.link:
        why.append(QUICK.get(task.link, QUICK_NUMBER))
        return {**values, **own, "method": "head"}
    if preset != "quick" and fewshot.handful(facts, task, base):
        return {**values, **own, **fewshot.proposed(facts, preset, why)}
    batch = _batch(facts, machine)
    epochs = _epochs(facts, batch, preset, why)
    values |= {
        "method": "full",
        "start_from_probe": task.link is not None,
        "batch_size": batch,
        "epochs": epochs,
        "learning_rate": _rate(facts, why),
        "evaluations": _checks(facts, epochs),
        **own,
        **_from_nothing(base, task, max(epochs, own.get("epochs", 0.0))),
        **_adapted(base, task, machine, why),
    }
    if preset == "quick":
        why.append(Message("A short look: {n} steps at most, to see whether it learns at all.", n=SHORT))
        per_round = max(1, -(-facts.train // (values["batch_size"] * values.get("accumulation", 1))))
        values |= {"length": "steps", "steps": min(SHORT, int(per_round * values["epochs"])), "evaluations": 1.0}
    if preset == "best" and facts.validation:
        why.append(
            Message(
                "Four learning rates are tried, each from the same start; the one that validation likes best is kept."
            )
        )
    return values


QUICK = {
    link: Message("Only the last layer learns: that takes seconds, and already shows whether labels can be told apart.")
    for link in ("softmax", "sigmoid")
}
QUICK_NUMBER = Message("Only the last layer learns: that takes seconds, and already shows whether the texts tell it.")


def _from_nothing(base: Base, task: Task, epochs: float) -> dict[str, Any]:
    """A blank model takes wide steps and many; 1e-3 as tried on multi30k (see core.models.blank)."""
    if not base.id.startswith(BLANK):
        return {}
    rate = min(1e-3, 10 * task.usual.get("learning_rate", 1e-4))
    return {"learning_rate": rate, "method": "full", "epochs": max(8.0, epochs), "evaluations": 1.0}


def _adapted(base: Base, task: Task, machine: Machine, why: list[Message]) -> dict[str, Any]:
    """A large model that writes learns through small added matrices (Hu et al. 2021): all of it would take too much memory."""
    if base.family not in ("causal", "encoder-decoder") or base.parameters < LARGE * (5 if machine.gpu else 1):
        return {}
    why.append(Message("Small added matrices (LoRA) learn instead of the whole model, because it is large."))
    return {"method": "lora", "learning_rate": 3 * task.usual.get("learning_rate", 1e-4)}


def _length(facts: Facts, preset: Preset, base: Base, machine: Machine, why: list[Message]) -> int:
    """Long enough for nearly all texts; shorter where that saves hours. In steps of eight, as processors like it."""
    limit = base.max_length or 512
    share = {"quick": 95, "balanced": 99, "best": 100}[preset]
    wanted = _percentile(facts.tokens, share) or 126.0
    cap = {"quick": 128, "balanced": 256, "best": 512}[preset] * (2 if machine.gpu and preset != "best" else 1)
    length = max(16, min(limit, cap, -(-int(wanted) // 8) * 8))
    whole = _share_under(facts.tokens, length)
    if whole is not None:
        why.append(
            Message("Texts are read up to {n} word pieces: {p} % of them fit whole.", n=length, p=round(100 * whole))
        )
    return length


def _batch(facts: Facts, machine: Machine) -> int:
    if facts.train < 400:
        return 16
    return 64 if machine.gpu and facts.train > 20_000 else 32


def _epochs(facts: Facts, batch: int, preset: Preset, why: list[Message]) -> float:
    """Fewer texts, more rounds: what counts is how often the weights move."""
    rounds = STEPS * batch / max(1, facts.train)
    epochs = float(min(12, max(3, round(rounds)))) if facts.train < 20_000 else 2.0 if facts.train < 100_000 else 1.0
    if preset == "best" and epochs < 12:
        epochs += 1
    n = int(epochs)
    if facts.train < 3_000:
        why.append(
            Message(
                "Up to {n} rounds, because {rows:,} texts are few: the weights need enough steps.",
                n=n,
                rows=facts.train,
            )
        )
    elif facts.train >= 20_000:
        why.append(
            plural(
                n,
                "One round is enough: with {rows:,} texts each label is seen often.",
                "{n} rounds are enough: with {rows:,} texts each label is seen often.",
                rows=facts.train,
            )
            if facts.labels
            else plural(
                n,
                "One round through {rows:,} texts is enough.",
                "{n} rounds through {rows:,} texts are enough.",
                rows=facts.train,
            )
        )
    else:
        why.append(
            Message(
                "Up to {n} rounds through {rows:,} texts; it stops early when nothing improves.", n=n, rows=facts.train
            )
        )
    return epochs


def _rate(facts: Facts, why: list[Message]) -> float:
    if facts.train and facts.labels and facts.train / len(facts.labels) < FEW:
        why.append(Message("A small step width (learning rate), because some labels have only a handful of texts."))
        return 3e-5
    return 5e-5


def _checks(facts: Facts, epochs: float) -> float:
    """Enough looks at validation to see a curve, few enough to cost little."""
    if epochs >= 6:
        return 1.0
    return 2.0 if facts.train < 20_000 else 4.0 if facts.train < 100_000 else 10.0


def _percentile(tokens: Mapping[int, float], share: int) -> float | None:
    """The value at the smallest percentile known that is not under `share`."""
    at = [p for p in sorted(tokens) if p >= share] or sorted(tokens)[-1:]
    return tokens[at[0]] if at else None


def _share_under(tokens: Mapping[int, float], length: int) -> float | None:
    under = [p for p, value in tokens.items() if value <= length]
    return max(under) / 100 if under else None


def _gpu() -> str:
    if sys.platform == "darwin":
        import platform

        return "Apple GPU" if platform.machine() == "arm64" else ""
    program = shutil.which("nvidia-smi")
    if not program:
        return ""
    try:
        asked = [program, "--query-gpu=name", "--format=csv,noheader"]
        names = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    return names.splitlines()[0].strip() if names.strip() else ""
