"""A run, opened: its rows, its base, where it stands, the best moment so far. The phases work on it; it alone writes checkpoints.

What is kept of a moment is the weights that can have moved: with the base and the phase's method they make the whole model again.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core import tasks
from core.data.cleaning import Cleaning
from core.device import Device, choose, fingerprint
from core.errors import RunError
from core.models.catalogue import BUNDLED, Base, find
from core.models.heads import TextModel, set_head
from core.models.loading import Source, open_base
from core.models.methods import method
from core.tasks.base import Example, Labels, LabelScores, Prediction, Row, Task, asked, metric_of
from core.tasks.cleaned import cleaned
from core.tasks.usual import Usual
from core.training import (
    adapting,
    asking,
    carrying,
    checkpoints,
    continuing,
    keeping,
    phases,
    shrinking,
    teaching,
    watching,
)
from core.training.carrying import Earlier
from core.training.control import Control
from core.training.events import Began, Evaluated, Event, Noticed, Paused, Preparing, Resumed, Saved
from core.training.fit import Head
from core.training.grounding import FOLDER, grounded
from core.training.phases import Phase, planned
from core.training.plan import Place
from core.training.settings import TrainingSettings
from core.training.watch import Watch, better
from core.words import Message
from core.workspace import read_json

STEP_COST = 3.2  # a step through the model takes this many times a forward pass
NOTHING = np.zeros(0, dtype=np.int32)
MOST_CHECKED = 5_000  # validation texts asked at each check; more would cost more than they tell


@dataclass
class Best:
    """The moment that is kept. `file` in checkpoints/ holds its weights, once a safety copy was made."""

    phase: int
    step: int
    scores: dict[str, float]
    file: str | None = None


@dataclass
class State:
    """Where the run stands, as plain values."""

    phase: int = 0
    step: int = 0
    best: Best | None = None
    probe: dict[str, float] | None = None  # scores of the untouched model with its fitted last layer
    feature_seconds: float = 0.0  # for one pass through the training texts
    within: dict[str, Any] = field(default_factory=dict)  # what the phase itself needs to go on

    @staticmethod
    def from_json(told: Mapping[str, Any]) -> State:
        known = {k: v for k, v in told.items() if k in State.__dataclass_fields__}
        return State(**{**known, "best": Best(**told["best"]) if told.get("best") else None})


class Session:
    def __init__(self, folder: Path, emit: Callable[[Event], None], control: Path | None = None):
        """`control`: the folder in which a person's word lies, where it is not the run's own."""
        self.folder, self.emit = folder, emit
        self.spec = read_json(folder / "run.json")
        torch.set_num_threads(int(self.spec.get("threads") or torch.get_num_threads()))
        self.task = tasks.task(self.spec["task"])
        self.settings = TrainingSettings(**self.spec["settings"])
        self.settings = self.settings.model_copy(update={"metric": metric_of(self.task, self.settings.metric)})
        self.base = _present(Base.from_json(self.spec["base"]))
        self.phases = planned(self.spec["phases"], self.settings, self.base, self.task)
        self.device: Device = choose(self.settings)
        self.control = Control(control or folder)
        self.cleaning = Cleaning.of(self.settings.cleaning)
        rows = read_rows(folder / "rows.arrow", self.task)
        if self.cleaning:
            rows = cleaned(rows, self.task.columns, self.cleaning)
        self.train = [row for row in rows if row["split"] == "train"]
        self.come_from = self.base.source  # before it was grounded, adapted or made smaller
        self.continues: dict[str, Any] | None = self.spec.get("continues")
        self.earlier = Earlier(folder, self.continues) if self.continues and self.base.kind != "classic" else None
        if self.earlier:
            self.base = self.earlier.base(self.base)
        else:
            self.base = grounded(self.base, folder / FOLDER, self.task, self.train, self.settings.seed)
        self.base = shrinking.base_of(adapting.base_of(self.base, folder), folder)
        self.train += cleaned(teaching.more(folder, self.task), self.task.columns, self.cleaning)
        self.base = keeping.with_room(self.base, self.phases)
        self.labels = self.task.labels([*rows, *self.put_aside], self.spec["labels"]["names"])
        held = [row for row in rows if row["split"] == "validation"]
        self.validation = _some(held, MOST_CHECKED, self.settings.seed)
        self.test = [row for row in rows if row["split"] == "test"]
        wanted = {name: place for place, name in enumerate(self.spec.get("watched") or [])}
        self.watched = sorted((row for row in rows if row["id"] in wanted), key=lambda row: wanted[row["id"]])
        self.state = State()
        self.tensors: dict[str, checkpoints.Tensors] = {}  # of the copy it resumed from, until a phase has taken them
        self.tested: Sequence[Prediction] = ()  # the answers to the test rows, at the end
        self.kept: checkpoints.Tensors | None = None  # the best moment's weights, while they are not in a file yet
        self.saved = time.monotonic()

    # Where it stands --------------------------------------------------------------------------------------------------

    @property
    def copies(self) -> Path:
        return self.folder / "checkpoints"

    def restore(self, began_before: bool) -> None:
        """Go back to the last safety copy, or to the beginning."""
        found = checkpoints.latest(self.copies)
        if found:
            told, self.tensors = found
            self.state = State.from_json(told["state"])
            self._compare(told["machine"])
        if began_before:
            self.emit(Resumed(step=self.state.step))

    def save(self, within: Mapping[str, Any], tensors: Mapping[str, checkpoints.Tensors]) -> None:
        """A safety copy. `within` and `tensors` are the phase's own."""
        best = self.state.best
        if best and best.file is None and self.kept is not None:
            name = f"best-{best.phase}-{best.step}.safetensors"
            checkpoints.save_tensors(self.copies / name, self.kept)
            best.file, self.kept = name, None
        self.state.within = dict(within)
        told = {"state": asdict(self.state), "best": best and asdict(best), "machine": fingerprint(self.device)}
        path = checkpoints.save(self.copies, self.state.step, told, tensors)
        self.saved = time.monotonic()
        self.emit(Saved(step=self.state.step, path=path.name))

    def hold(self, save: Callable[[], None], every: float) -> None:
        """Between two steps: obey the person, and save when it is time."""
        self.control.obey(lambda: self._pause(save), lambda: self.emit(Resumed(step=self.state.step)))
        if every and time.monotonic() - self.saved >= every:
            save()

    def prepare(self, what: str, obey: bool = True) -> Callable[[int, int], None]:
        """Tell what takes time before the steps; returns a `progress` that is told four times a second and obeys the person."""
        self.emit(Preparing(what=what))
        last = time.monotonic()

        def progress(done: int, total: int) -> None:
            nonlocal last
            if time.monotonic() - last >= 0.25:
                last = time.monotonic()
                self.emit(Preparing(what=what, done=done, total=total))
                if obey:
                    self.hold(lambda: None, 0.0)

        return progress

    def begin(self, phase: Phase, first: int, steps: int, epochs: float, epoch_steps: float) -> None:
        """Tell that a phase begins, how far it will go, and on what."""
        settled = {
            "device": self.device.as_json(),
            "threads": torch.get_num_threads(),
            "settings": phase.settings.model_dump(),
        }
        began: dict[str, Any] = {"first_step": first, "steps": steps, "epochs": epochs, "steps_per_epoch": epoch_steps}
        self.emit(Began(phase=phase.number, method=phase.method, settled=settled, **began))

    def seconds_after(self, place: Place | None = None) -> float:
        """Seconds the later phases will take: by the pace of this one, else by what a pass through the texts took."""
        texts = len(self.train)
        pace = STEP_COST * self.state.feature_seconds / max(1, texts)
        if place and place.step > place.first:
            now = self.phases[self.state.phase].settings
            pace = place.seconds / ((place.step - place.first) * now.batch_size * now.accumulation)
        return phases.seconds(self.phases[self.state.phase + 1 :], texts, pace)

    # The best moment --------------------------------------------------------------------------------------------------

    def consider(
        self, scores: dict[str, float], weights: Callable[[], checkpoints.Tensors], always: bool = False
    ) -> bool:
        """Keep this moment if it is the best so far (or `always`, where the last one counts)."""
        best = self.state.best
        if not always and not better(scores, best.scores if best else None, self.settings.metric):
            return False
        self.state.best = Best(self.state.phase, self.state.step, scores)
        self.kept = weights()
        return True

    def best_weights(self) -> checkpoints.Tensors:
        best = self.state.best
        if self.kept is not None:
            return self.kept
        if best is None or best.file is None:
            raise RunError(
                Message("No moment of this run is worth keeping: the loss was no number from the first check on."),
                fix=Message("Start it again with a smaller step width."),
            )
        from safetensors.torch import load_file

        return load_file(self.copies / best.file)

    def best_model(self) -> TextModel:
        """The model of the best moment, in its usual shape."""
        model = self.unsettled_model()
        assert self.state.best is not None
        method(self.phases[self.state.best.phase].method).settle(model)
        return model.eval()

    def unsettled_model(self) -> TextModel:
        """The model of the best moment, as its method had prepared it."""
        assert self.state.best is not None
        phase = self.phases[self.state.best.phase]
        model = self.fresh_model(phase.settings)
        method(phase.method).prepare(model, phase.settings)
        model.load_state_dict(self.best_weights(), strict=False)
        return model

    # Models and examples ----------------------------------------------------------------------------------------------

    @cached_property
    def source(self) -> Source:
        return open_base(self.base, self.task.family)

    @property
    def processor(self) -> Any:
        return self.source.tokenizer

    def fresh_model(self, settings: TrainingSettings | None = None) -> TextModel:
        """The base as it came, with the fitted last layer where there is one."""
        checkpoints.seed(self.settings.seed)
        model = self.task.model(self.source, self.labels, settings or self.settings)
        carrying.carry(self, model)
        if head := self.probe_head():
            set_head(model, torch.from_numpy(head.weight), torch.from_numpy(head.bias))  # type: ignore[arg-type]
        elif left := shrinking.head_of(self.folder):
            set_head(model, *left)
        return model  # type: ignore[return-value]

    def probe_head(self) -> Head | None:
        from safetensors.numpy import load_file

        file = self.folder / "probe" / "head.safetensors"
        if self.state.probe is None or not file.exists():
            return None
        return Head(**load_file(file))

    def examples(self, rows: Sequence[Row], progress: Callable[[int, int], None]) -> list[Example]:
        found: list[Example] = []
        longest = self.settings.max_length
        settings = self.settings.model_copy(update={"max_length": min(longest, self.base.max_length or longest)})
        for example in self.task.encode(rows, self.processor, settings):
            found.append(replace(example, number=len(found)))
            progress(len(found), len(rows))
        return found

    @cached_property
    def training_examples(self) -> list[Example]:
        found = [one for one in self.examples(self.train, self.prepare("encoding")) if one.weight]
        if not found:
            raise RunError(
                Message("Nothing in the training rows can be learnt."),
                fix=Message("Perhaps they are empty, or longer than the longest text read."),
            )
        return [replace(one, number=i) for i, one in enumerate(found)]

    @cached_property
    def validation_examples(self) -> list[Example]:
        return list(self.task.sparing(self.examples(self.validation, lambda done, total: None)))

    @cached_property
    def watched_examples(self) -> list[Example]:
        return self.examples(self.watched, lambda done, total: None)

    def targets(self, rows: Sequence[Row], examples: Sequence[Example]) -> list[Any]:
        return [self.task.target(rows[e.row], e, self.labels) for e in examples]

    # Checks -----------------------------------------------------------------------------------------------------------

    def answers(self, outputs: Sequence[Any], rows: Sequence[Row], examples: Sequence[Example]) -> list[Prediction]:
        return self.task.decode(outputs, rows, examples, self.labels)

    def evaluated(
        self,
        epoch: float,
        predictions: Sequence[Prediction],
        watched: Sequence[Prediction],
        best: Callable[[dict[str, float]], bool],
        watch: Watch | None = None,
    ) -> dict[str, float]:
        """Score answers on the validation split, decide through `best` whether this moment is kept, and tell it all."""
        labels = self.task.settle(self.labels, self.validation, predictions)
        predictions, watched = self.task.again(predictions, labels), self.task.again(watched, labels)
        rows, said = self._steering(predictions)
        scores = self.task.score(rows, said, labels)
        parts = carrying.parts(self, self.validation, predictions, labels) if self.continues else {}
        is_best = best(scores)
        step = self.state.step
        wanted = watching.ids(self.folder, self.spec)
        asked = zip([*self.validation, *self.watched], [*predictions, *watched], strict=True)
        answers = {
            row["id"]: {**p.brief(), "credit": round(self.task.credit(row, p, labels), 4)}
            for row, p in asked
            if row["id"] in wanted
        }
        shown = {row: answers[row] for row in wanted if row in answers}
        found = self.task.per_label(self.validation, predictions, self.labels)
        per_label = {name: round(share, 4) for name, share in found.items()}
        told: dict[str, Any] = {"watched": shown, "per_label": per_label, "parts": parts}
        self.emit(Evaluated(step=step, epoch=epoch, scores=scores, best=is_best, **told))
        if watch and scores:
            notices = watch.checked(step, scores, is_best)
            if single := [p for p in predictions if isinstance(p, LabelScores)]:
                texts = dict(zip(self.labels.names, self.labels.counts, strict=True))
                notices += watch.answered(step, *counts(self.validation, single), texts)
            for notice in notices:
                self.emit(notice)
        return scores

    @cached_property
    def put_aside(self) -> list[dict[str, Any]]:
        """Rows that the run before this one has learnt from and that are not seen again."""
        path = self.folder / continuing.FOLDER / "rows.arrow"
        rows = read_rows(path, self.task) if self.continues and path.is_file() else []
        return cleaned(rows, self.task.columns, self.cleaning) if self.cleaning else rows

    def is_new(self, row: Row) -> bool:
        """Whether a row has come since the run that this one continues."""
        return bool(self.continues) and row[continuing.STEP] == str(continuing.number_of(self.spec))

    def _steering(self, predictions: Sequence[Prediction]) -> tuple[Sequence[Row], Sequence[Prediction]]:
        """The validation rows that decide which moment is kept: all of them; where nothing is to be remembered, the new ones alone."""
        if not self.continues or self.settings.remember != "nothing":
            return self.validation, predictions
        new = [place for place, row in enumerate(self.validation) if self.is_new(row)]
        if not new:
            return self.validation, predictions
        return [self.validation[place] for place in new], [predictions[place] for place in new]

    def test_scores(self, model: Any) -> dict[str, float]:
        """What the kept model reaches on the test split; empty where there is none."""
        if not self.test:
            return {}
        self.tested = self.predictions(model, self.test, self.prepare("testing", obey=False))
        return self.task.score(self.test, self.tested, self.labels)

    def settle(self, model: Any) -> None:
        """What can only be chosen with the kept model (thresholds), on the validation split."""
        if self.validation and type(self.task).settle is not Usual.settle:
            answers = self.predictions(model, self.validation, lambda done, total: None)
            self.labels = self.task.settle(self.labels, self.validation, answers)

    def predictions(self, model: Any, rows: Sequence[Row], progress: Callable[[int, int], None]) -> list[Prediction]:
        """What a whole model answers."""
        if model.kind == "classic":
            scores = model.scores([row["text"] for row in rows], progress)
            return self.answers(list(scores), rows, blanks(len(rows)))
        examples = self.examples(rows, lambda done, total: None)
        model = model.to(self.device.name).eval()
        found = asking.outputs(model, examples, self.task, self.processor, self.device, progress)
        return self.answers(found, rows, examples)

    def about(self, labels: Labels | None = None) -> dict[str, Any]:
        """What every saved model says of itself. `labels`: as they are settled for it, where not as the run's."""
        labels = labels or self.labels
        longest = self.settings.max_length
        return {
            "task": self.task.name,
            "labels": list(labels.names),
            "extra": dict(labels.extra),
            "settings": self.settings.model_dump(exclude={"base"}),  # a folder of this machine is nobody's business
            "columns": [{"role": c.role, "kind": c.kind} for c in asked(self.task)],
            "max_length": min(longest, self.base.max_length or longest),
            **({"cleaning": self.cleaning.as_json()} if self.cleaning else {}),
            "run": self.spec.get("id", self.folder.name),
            "base_id": self.base.id,
            **({"base": self.base.as_json()} if getattr(self.task, "compares", False) else {}),
        }

    def tidy(self) -> None:
        """Free the disk of what only a run that goes on would need."""
        for name in ("checkpoints", "features", adapting.FOLDER, shrinking.CUT):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def _pause(self, save: Callable[[], None]) -> None:
        """It is said first, because a safety copy of a real model takes seconds; killed meanwhile, it goes on from the one before."""
        self.emit(Paused(step=self.state.step))
        save()

    def _compare(self, before: Mapping[str, Any]) -> None:
        now = fingerprint(self.device)
        for name in now:
            if before.get(name) != now[name]:
                what = {"processor": "cpu", "capability": "cpu"}.get(name, name)
                values = {"what": what, "before": before.get(name), "now": now[name]}
                self.emit(Noticed(code="not_bit_exact", step=self.state.step, values=values))
                return


def read_rows(path: Path, task: Task) -> list[dict[str, Any]]:
    """rows.arrow: id, split, and the decoded value of every column the task has; pictures as paths."""
    import pyarrow as pa

    from core.data import images
    from core.data.values import decode

    with pa.memory_map(str(path)) as source:
        rows = pa.ipc.open_file(source).read_all().to_pylist()
    for column in task.columns:
        if column.kind not in ("text", "category", "image"):
            for row in rows:
                row[column.role] = decode(column.kind, row.get(column.role))
    images.placed(rows, task.columns, path.parent / "files")
    return rows


def blanks(count: int) -> list[Example]:
    """Examples of rows whose features are at hand, so that nothing of the text is needed."""
    return [Example(i, NOTHING) for i in range(count)]


def counts(rows: Sequence[Row], predictions: Sequence[LabelScores]) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """By label: how many are right to be called so, how many were called so, how many of these rightly."""
    gold = Counter(row["label"] for row in rows)
    said = Counter(p.label for p in predictions)
    right = Counter(p.label for row, p in zip(rows, predictions, strict=True) if row["label"] == p.label)
    return gold, said, right


def _present(base: Base) -> Base:
    """The bundled base lies where this machine has it, not where the run was made."""
    return find(base.id) if base.id == BUNDLED else base


def _some(rows: list[dict[str, Any]], most: int, seed: int) -> list[dict[str, Any]]:
    if len(rows) <= most:
        return rows
    chosen = np.random.default_rng(seed).permutation(len(rows))[:most]
    return [rows[i] for i in sorted(chosen.tolist())]
