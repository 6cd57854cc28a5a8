"""How long a run will take and how much memory it needs, before it starts: sums over what a few real steps took (`measuring`).

    told(jobs, project, dataset, settled, start=True)   the answer, or how far the measuring is; asked again and again
    known(jobs, project, dataset, settled)              the answer if it is there, else None
    estimated(measured, settings, phases, counts)       the sums

One measurement serves every setting that does not change what a step costs: epochs, learning rate, presets, more rows.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core import tasks
from core.data.freezing import EVERY
from core.models.footprint import WHOLE
from core.training.advice import PRESETS, advise, phases
from core.training.method_settings import ROOM, TUNED
from core.training.plan import Plan
from core.training.runs import WATCHED
from core.training.settings import TrainingSettings
from core.words import Message
from core.workspace import read_json, write_json

JOB = "core.training.measuring:measure"
FILE = "measured.json"
KEPT = 24  # measurements a project remembers
POOL = 50  # batches sorted by length together, as core.training.batches has it
FORWARD_TOKENS, FORWARD_MOST = 4096, 128  # of a batch without learning, as there
CHECKED = 5_000  # validation texts asked at a check, as core.training.session has it
WRITTEN_TOKENS = 8_192  # of prompts and answers written together, as core.models.generating has it
ITERATIONS = 40.0  # of the convex fit for one restraint, on average
DENSE, SPARSE = 5.5, 5.0  # restraints tried before it gives up
SAVING = 0.35  # seconds a safety copy takes, for a model of 100 MB
ENDING = 2.0  # seconds to write the model and to open it again
GUESSING = 2.1  # steps of tuning that a step of guessing hidden words takes: every word of the vocabulary is weighed
WIDE = (0.85, 1.2)  # the range around what was measured


@dataclass(frozen=True)
class Counts:
    """Rows of each part with a label, and how many labels; texts written at each check, and for the final test; `plain` texts that a
    base may get to know first."""

    train: int
    validation: int
    test: int
    labels: int
    at_check: int = 0
    at_test: int = 0
    plain: int = 0


def told(jobs: Any, project: Path, dataset: Any, settled: Any, *, start: bool = True) -> dict[str, Any]:
    """{"state": "done", "seconds", "low", "high", "measured_steps", "memory", "memory_total", "presets", "repair"}, or
    {"state": "measuring", "done", "total"}, {"state": "failed", "message", "fix", "repair"}, {"state": "busy"} (not started)."""
    if answer := known(jobs, project, dataset, settled):
        return {"state": "done", **answer}
    order = _order(dataset.folder, settled.settings, settled.base)
    job = jobs.latest(_key(project))
    if job and _arguments(jobs.folder / job) == order:
        state = jobs.state(job)
        if state["state"] in ("waiting", "running"):
            return {"state": "measuring", "done": state["done"], "total": state["total"]}
        if state["state"] == "failed":
            return {"state": "failed", **state["error"], "repair": _smaller(settled.settings, state["error"])}
    if not start:
        return {"state": "busy"}
    jobs.start(JOB, order, title=Message("Measuring a few steps"), key=_key(project), torch=True)
    return {"state": "measuring", "done": 0, "total": 100}


def known(jobs: Any, project: Path, dataset: Any, settled: Any) -> dict[str, Any] | None:
    """The estimate, if what it needs has been measured already."""
    if settled.problems:
        return None
    order = _order(dataset.folder, settled.settings, settled.base)
    name, remembered = _name(order, settled.facts), _remembered(project)
    measured = remembered.get(name) or _from_job(jobs, project, order, name, settled.facts.task)
    if measured is None:
        return None
    counts = counted(settled.facts)
    answer = estimated(measured, settled.settings, settled.phases, counts)
    return {
        **answer,
        "presets": _presets({**remembered, name: measured}, name, dataset.folder, settled),
        "repair": _repair(measured, settled.settings, answer),
    }


def counted(facts: Any) -> Counts:
    """From core.training.advice.Facts."""
    task = tasks.task(facts.task)
    at_test = task.texts_written(facts.test, False)
    watched = min(WATCHED, facts.validation) if task.texts_written(1, False) else 0
    at_check = task.texts_written(min(facts.validation, CHECKED), True) + watched
    plain = facts.train + facts.unlabelled
    return Counts(facts.train, facts.validation, facts.test, len(facts.labels), at_check, at_test, plain)


def estimated(
    measured: Mapping[str, Any], settings: TrainingSettings, steps: Sequence[Mapping[str, Any]], counts: Counts
) -> dict[str, Any]:
    """Seconds (with a range) and memory of a run with these phases."""
    if measured["kind"] == "classic":
        seconds, shortest = _counting(measured, settings, counts)
    else:
        seconds, shortest = _passes(measured, settings, steps, counts)
    longest = seconds
    if "writing" in measured:  # a model that has not learnt to end writes on
        longest = _passes({**measured, "answer": settings.answer_length}, settings, steps, counts)[0]
    return {
        "seconds": round(seconds, 1),
        "low": round(min(shortest, seconds) * WIDE[0], 1),
        "high": round(max(seconds, longest) * WIDE[1], 1),
        "measured_steps": measured["measured_steps"],
        "memory": _memory(measured, settings, counts),
        "memory_total": measured["memory_total"],
    }


# The sums -----------------------------------------------------------------------------------------------------------


def _passes(
    measured: Mapping[str, Any], settings: TrainingSettings, steps: Sequence[Mapping[str, Any]], counts: Counts
) -> tuple[float, float]:
    """An encoder: seconds in all, and if it stopped as early as it may."""
    lengths = _cut(measured["lengths"], settings.max_length)
    forward = _forward(measured["forward"], lengths)
    asked = _forward(measured["forward"], lengths + settings.words_in_front)
    checked = min(counts.validation, CHECKED)
    always = measured["load"] + measured["encode"] * (counts.train + checked + counts.test) + ENDING
    always += asked * counts.test + _writing(measured, settings, counts.at_test)
    if settings.adapt_rounds:
        always += _adapting(measured, settings, lengths, forward, counts.plain)
    seconds = shortest = always
    features = forward * (counts.train + checked)  # kept from one phase to the next
    for phase in steps:
        own = settings.model_copy(update={**phase.get("settings", {}), "method": phase["method"]})
        if phase["method"] == "head":
            fit, features = features + _fitting(measured, own, counts, dense=True), 0.0
            seconds, shortest = seconds + fit, shortest + fit
            continue
        check = asked * checked + _writing(measured, own, counts.at_check)
        if own.method == "headsteps" and 0 < measured.get("kept", 0) * (counts.train + checked) <= ROOM:
            seconds, shortest, features, check = seconds + features, shortest + features, 0.0, 0.0
        elif measured["iteration"] and (own.method == "contrastive" or own.refit):
            check += forward * counts.train + _fitting(measured, own, counts, dense=True, trials=1)
        whole, least = _tuning(measured, own, lengths, check, counts.train)
        seconds, shortest = seconds + whole, shortest + least
    return seconds, shortest


def _tuning(
    measured: Mapping[str, Any], settings: TrainingSettings, lengths: np.ndarray, check: float, train: int
) -> tuple[float, float]:
    plan = Plan.of(settings, train)
    a, b = measured["step"]
    parts = min(settings.accumulation, max(1, math.ceil(train / settings.batch_size)))
    batch = min(settings.batch_size, max(1, train))
    alike = settings.bucketing and settings.method != "contrastive"  # which has texts of a label stand together
    step = parts * (a + b * (_padded(lengths, batch, alike) + batch * settings.words_in_front))
    if plan.steps is None:
        return (plan.seconds or 0.0,) * 2
    checks = math.ceil(plan.steps / plan.check_every)
    saving = SAVING * plan.steps * step / settings.save_seconds if settings.save_seconds else 0.0
    whole = plan.steps * step + checks * check + saving
    if not settings.patience or checks <= settings.patience:
        return whole, whole
    least = (settings.patience + 1) / checks
    return whole, whole * least


def _adapting(
    measured: Mapping[str, Any], settings: TrainingSettings, lengths: np.ndarray, forward: float, texts: int
) -> float:
    """Seconds in which the base gets to know so many texts (core.training.adapting)."""
    first = {"length": "epochs", "epochs": settings.adapt_rounds, "method": "full", "patience": 0}
    check = forward * GUESSING * texts / EVERY
    slow = {**measured, "step": [GUESSING * part for part in measured["step"]]}
    return _tuning(slow, settings.model_copy(update=first), lengths, check, texts)[0] + ENDING


def _fitting(
    measured: Mapping[str, Any], settings: TrainingSettings, counts: Counts, *, dense: bool, trials: float = 0.0
) -> float:
    trials = trials or (1.0 if settings.regularization else DENSE if dense else SPARSE)
    cells = counts.train * (counts.labels if dense else 1)
    return trials * ITERATIONS * measured["iteration"] * cells


def _counting(measured: Mapping[str, Any], settings: TrainingSettings, counts: Counts) -> tuple[float, float]:
    rows = counts.train + counts.validation + counts.test
    seconds = (
        measured["load"] + measured["count"] * rows + _fitting(measured, settings, counts, dense=False) + ENDING / 2
    )
    return seconds, seconds


def _cut(lengths: Sequence[int], longest: int) -> np.ndarray:
    """Token counts of as many texts as are sorted together, from quantiles."""
    many = np.interp(np.linspace(0, 1, 3_200), np.linspace(0, 1, len(lengths)), lengths)
    return np.minimum(np.ceil(many), longest)


def _padded(lengths: np.ndarray, size: int, bucketing: bool) -> float:
    """Tokens of a batch on average, padding counted."""
    drawn = np.random.default_rng(1).choice(lengths, size=max(len(lengths), 2 * size))
    total, count = 0.0, 0
    for start in range(0, len(drawn), POOL * size):
        pool = drawn[start : start + POOL * size]
        pool = np.sort(pool) if bucketing else pool
        batches = [pool[i : i + size] for i in range(0, len(pool), size)]
        total += sum(float(b.max()) * len(b) for b in batches)
        count += sum(len(b) for b in batches)
    return total / count * size


def _forward(line: Sequence[float], lengths: np.ndarray) -> float:
    """Seconds a text without learning, in batches of like length."""
    per = np.minimum(FORWARD_MOST, np.maximum(1, FORWARD_TOKENS // np.maximum(1, lengths)))
    return float(np.mean(line[0] / per + line[1] * lengths))


def _writing(measured: Mapping[str, Any], settings: TrainingSettings, texts: int) -> float:
    """Seconds to write so many texts. Those of a batch are written token by token together, until the longest of them ends."""
    if not texts or "writing" not in measured:
        return 0.0
    a, b = measured["writing"]
    copies = settings.beams if settings.decoding == "beam" else 1
    prompt = max(1.0, min(measured["prompt"], settings.max_length))
    room = min(FORWARD_TOKENS / prompt, WRITTEN_TOKENS / (copies * (prompt + settings.answer_length)))
    batches = math.ceil(texts / max(1, min(FORWARD_MOST, int(room))))
    return float(min(settings.answer_length, measured["answer"]) * (batches * a + texts * copies * b))


def _memory(measured: Mapping[str, Any], settings: TrainingSettings, counts: Counts) -> int:
    if measured["kind"] == "classic":
        grown = counts.train / max(1, measured["rows"])
        pieces = min(measured["most"], measured["pieces"] * grown**0.6)
        more = 48 * pieces * measured["labels"] + 8 * measured["stored"] * max(0, counts.train - measured["rows"])
        return int(measured["memory"] + more)
    fixed = min(measured["fixed"], measured["memory"])
    if settings.method not in TUNED:
        return int(fixed)
    if "kept" in measured:  # a step needs next to nothing; the most was needed before the first
        return int(measured["memory"])
    longest = min(measured["lengths"][-1], settings.max_length) + settings.words_in_front
    tokens = settings.batch_size * longest
    return int(fixed + (measured["memory"] - fixed) * tokens / max(1, measured["tokens"]))


def _presets(remembered: Mapping[str, Any], name: str, folder: Path, settled: Any) -> dict[str, float]:
    """Seconds of the presets on the chosen base, as far as they were measured: what was measured under `name` serves those whose steps cost the same."""
    found: dict[str, float] = {}
    for preset in PRESETS:
        advice = advise(settled.facts, preset, base=settled.base)
        steps = phases(advice.settings, advice.base.kind, preset)
        own = remembered.get(_name(_order(folder, advice.settings, advice.base), settled.facts))
        if measured := own or (remembered[name] if _alike(steps, settled.settings.method) else None):
            found[preset] = estimated(measured, advice.settings, steps, counted(settled.facts))["seconds"]
    return found


def _alike(steps: Sequence[Mapping[str, Any]], method: str) -> bool:
    """Whether steps of `method` tell what these phases cost. Where all weights learn, a step costs the same."""
    methods = {phase["method"] for phase in steps if phase["method"] in TUNED}
    return methods <= (set(WHOLE) if method in WHOLE or method not in TUNED else {method})


def _repair(
    measured: Mapping[str, Any], settings: TrainingSettings, answer: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The largest batch that fits, gathered so often that it learns the same; None when all is well or nothing helps."""
    if answer["memory"] <= answer["memory_total"] or measured["kind"] == "classic":
        return None
    size = settings.batch_size
    while size > 1:
        size //= 2
        counts = Counts(1, 0, 0, 2)
        if _memory(measured, settings.model_copy(update={"batch_size": size}), counts) <= 0.9 * answer["memory_total"]:
            return _use(settings, size)
    return None


def _smaller(settings: TrainingSettings, error: Mapping[str, Any]) -> dict[str, Any] | None:
    """After measuring has run out of memory: half the batch."""
    if "memory" not in json.dumps(error["message"]) or settings.batch_size < 2:
        return None
    return _use(settings, settings.batch_size // 2)


def _use(settings: TrainingSettings, size: int) -> dict[str, Any]:
    gathered = min(256, settings.accumulation * math.ceil(settings.batch_size / size))
    return {
        "sentence": Message("With {c} texts a step it fits.", c=size),
        "title": Message("Use {c}", c=size),
        "values": {"batch_size": size, "accumulation": gathered},
    }


# What was measured, and for what -------------------------------------------------------------------------------------

COSTLY = (
    "optimizer", "precision", "dropout", "bucketing", "top_layers", "lora_rank", "vera_rank", "oft_block",
    "adapter_places", "adapter_size", "virtual_words", "analyzer", "ngram_low", "ngram_high", "least_count",
    "most_features", "agreement", "adversarial", "recompute",
)  # fmt: skip


def _order(folder: Path, settings: TrainingSettings, base: Any) -> dict[str, Any]:
    """The arguments of the measuring job: only what changes the cost of a step, so that nothing else asks for a new one."""
    values = {**TrainingSettings().model_dump(), **{k: getattr(settings, k) for k in COSTLY}, "base": base.id}
    tuned = settings.method if settings.method in TUNED else "full"
    batch = max(32, 1 << round(math.log2(settings.batch_size)))  # a + b * tokens holds for smaller ones too
    longest = max(128, 1 << math.ceil(math.log2(settings.max_length)))
    values |= {"method": tuned, "batch_size": min(1024, batch), "max_length": min(8192, longest)}
    if tuned == "headsteps":  # texts that vary go through the body
        values["vary_texts"] = settings.vary_texts
    return {"data": str(folder), "settings": values, "base": base.as_json()}


def _name(order: Mapping[str, Any], facts: Any) -> str:
    """Under which a measurement is remembered: what was ordered, and for texts how long. `facts`: core.training.advice.Facts."""
    tokens = facts.tokens
    length = tokens.get(95) or tokens.get(90) or 0
    bucket = round(2 * math.log2(length)) if length else 0
    about = json.dumps([order["settings"], order["base"]["id"], bucket, len(facts.labels), facts.task], sort_keys=True)
    return hashlib.sha256(about.encode()).hexdigest()[:16]


def _key(project: Path) -> str:
    return f"estimate:{project.name}"


def _arguments(job: Path) -> Any:
    try:
        return read_json(job / "job.json")["arguments"]
    except (OSError, ValueError, KeyError):
        return None


def _from_job(jobs: Any, project: Path, order: Mapping[str, Any], name: str, task: str) -> dict[str, Any] | None:
    """The result of a job that has just ended, for the same task; from now on remembered."""
    job = jobs.latest(_key(project))
    if not job or _arguments(jobs.folder / job) != order:
        return None
    state = jobs.state(job)
    if state["state"] != "done" or state["result"].get("task") != task:
        return None
    kept = dict(list(_remembered(project).items())[-KEPT + 1 :])
    write_json(project / FILE, {"format": 1, "measured": {**kept, name: state["result"]}}, lasting=False)
    return state["result"]


def _remembered(project: Path) -> dict[str, Any]:
    try:
        return read_json(project / FILE)["measured"]
    except (OSError, ValueError, KeyError):
        return {}
