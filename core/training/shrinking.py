"""What a run that makes an earlier one smaller does before its first step: parts are cut out of the earlier model, the larger model is asked what it
says (core.training.teaching), or, where whole numbers are all that is wanted, the run is over with that.

<run>/from/model/   the earlier model, linked
      cut/          what is left of it, a model's folder like any other: the run goes on from there, last layer and all

run.json says what is wanted: {"smaller": {"way", "cut": {"what": layers | neurons | weights, ...} | None, "taught": bool, "int8": bool}}.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import tasks
from core.data.cleaning import Cleaning
from core.models.catalogue import Base, in_folder
from core.tasks.base import Labels, Row, Task
from core.tasks.cleaned import cleaned
from core.training import teaching
from core.training.continuing import FOLDER as FROM
from core.training.control import Control, Ended
from core.training.events import Evaluated, Event, Finished, Preparing, Stopped
from core.workspace import read_json

if TYPE_CHECKING:
    from core.models.answering import Encoder

CUT = "cut"  # within a run
ASKED = 256  # rows by which it is found out what a part is worth
BATCH = 16
OFTEN = 0.25  # seconds between two words of progress


def prepare(folder: Path, emit: Callable[[Event], None]) -> bool:
    """Cut and ask what has to be, unless it is there already. False where the run is over with that, or was ended meanwhile."""
    spec = read_json(folder / "run.json")
    wanted = spec.get("smaller")
    if not wanted:
        return True
    control = Control(folder)
    try:
        if wanted.get("cut") and not (folder / CUT / "hone.json").is_file():
            cut(folder, spec, partial(_told, emit, control, "cutting"))
        if teaching.waits(folder, spec):
            teaching.ask(folder, _seldom(partial(_told, emit, control, "teacher")))
        if wanted.get("int8"):
            round_off(folder, spec, emit, partial(_told, emit, control, "testing"))
            return False
    except Ended as ended:
        if ended.word != "leave":
            emit(Stopped(step=0, kept=False))
        return False
    return True


def base_of(base: Base, folder: Path) -> Base:
    """The base of a run that goes on from what was left of an earlier model."""
    if not (folder / CUT / "hone.json").is_file():
        return base
    left = in_folder(folder / CUT)
    return replace(left, id=base.id, title=base.title, note=base.note, licence=base.licence, languages=base.languages)


def head_of(folder: Path) -> tuple[Any, Any] | None:
    """The earlier model's last layer, (outputs, width) and (outputs,); None where the model's own file has it."""
    from safetensors.torch import load_file

    path = folder / CUT / "head.safetensors"
    if not path.is_file():
        return None
    head = load_file(path)
    return head["weight"], head["bias"]


# Cutting ------------------------------------------------------------------------------------------------------------


def cut(folder: Path, spec: Mapping[str, Any], told: Callable[[int, int], None]) -> None:
    """Make cut/ of from/model/, written whole or not at all."""
    from core.models.loading import load_model, save_model

    about = read_json(folder / FROM / "model" / "hone.json")
    opened: Any = load_model(folder / FROM / "model")
    CUTS[spec["smaller"]["cut"]["what"]](opened, folder, spec, told)
    rest = {key: value for key, value in about.items() if key not in ("format", "kind", "pooling", "scale")}
    save_model(opened.model, opened.tokenizer, folder / CUT, rest, opened.stored)


def _layers(opened: Encoder, folder: Path, spec: Mapping[str, Any], told: Callable[[int, int], None]) -> None:
    from core.models import cutting

    wanted, count = spec["smaller"]["cut"], cutting.depth(opened.model)
    keep = max(1, min(count, int(wanted["keep"])))
    which = {
        "spread": lambda: cutting.spread(count, keep),
        "lower": lambda: list(range(keep)),
        "tested": lambda: _least_missed(Looking.at(opened, folder, spec, "validation"), count, keep, told),
    }[wanted.get("which", "spread")]()
    cutting.keep_layers(opened.model, which)


def _least_missed(looking: Looking, count: int, keep: int, told: Callable[[int, int], None]) -> list[int]:
    """One layer after the other is left out: each time the one without which the loss on the rows is least."""
    left, done = list(range(count)), 0
    total = sum(range(keep + 1, count + 1))
    while len(left) > keep:
        losses = {}
        for without in left:
            losses[without] = looking.loss_with([i for i in left if i != without])
            done += 1
            told(done, total)
        left.remove(min(losses, key=lambda i: losses[i]))
    return left


def _neurons(opened: Encoder, folder: Path, spec: Mapping[str, Any], told: Callable[[int, int], None]) -> None:
    from core.models import cutting

    wanted, model = spec["smaller"]["cut"], opened.model
    if wanted.get("which", "gradient") == "size":
        worth = cutting.by_size(model)
    else:
        looking = Looking.at(opened, folder, spec, "train")
        batches = _counting(looking.batches, told)
        model.requires_grad_(True)
        worth = cutting.by_gradient(model, batches, looking.loss)
    cutting.keep_neurons(model, worth, float(wanted["share"]))


def _weights(opened: Encoder, folder: Path, spec: Mapping[str, Any], told: Callable[[int, int], None]) -> None:
    from core.models import cutting

    cutting.zero_smallest(opened.model, float(spec["smaller"]["cut"]["share"]))


CUTS: dict[str, Callable[..., None]] = {"layers": _layers, "neurons": _neurons, "weights": _weights}


class Looking:
    """A model and some of the run's rows, with their targets: what its loss is on them."""

    def __init__(self, opened: Encoder, task: Task, labels: Labels, rows: Sequence[Row]):
        self.opened, self.task, self.labels = opened, task, labels
        examples = [one for one in task.encode(rows, opened.tokenizer, opened.settings) if one.weight]
        examples.sort(key=lambda one: len(one.input_ids))
        self.batches = [examples[i : i + BATCH] for i in range(0, len(examples), BATCH)]
        self.targets = {id(one): task.target(rows[one.row], one, labels) for one in examples}

    @staticmethod
    def at(opened: Encoder, folder: Path, spec: Mapping[str, Any], split: str) -> Looking:
        """At up to ASKED rows of a split (of those to learn from, where the other has none), cleaned as the model knows them."""
        from core.training.session import read_rows

        task = tasks.task(spec["task"])
        rows = read_rows(folder / "rows.arrow", task)
        labels = task.labels(rows, spec["labels"]["names"])
        about = read_json(folder / FROM / "model" / "hone.json")
        parts = {name: [row for row in rows if row["split"] == name] for name in (split, "train")}
        some = parts[split] or parts["train"]
        chosen = some[:: max(1, len(some) // ASKED)][:ASKED]
        cleaning = Cleaning.from_json(about.get("cleaning")).ready()
        return Looking(opened, task, labels, cleaned(chosen, task.columns, cleaning))

    def loss(self, batch: Sequence[Any]) -> Any:
        """Mean over the batch; gradients flow."""
        targets = [self.targets[id(one)] for one in batch]
        inputs = self.task.collate(batch, targets, self.opened.tokenizer)
        inputs = {name: tensor.to(self.opened.device.name) for name, tensor in inputs.items()}
        outputs = self.task.forward(self.opened.model, inputs)
        return self.task.loss(outputs, inputs, self.opened.settings, self.labels)

    def loss_with(self, layers: Sequence[int]) -> float:
        """Mean over all rows with only these layers of the model."""
        import copy

        import torch

        from core.models import cutting

        whole, model = self.opened.model, copy.copy(self.opened.model)
        model._modules = {**whole._modules, "body": copy.deepcopy(whole.body)}
        cutting.keep_layers(model, layers)
        self.opened.model = model
        try:
            with torch.inference_mode():
                sums = [float(self.loss(batch)) * len(batch) for batch in self.batches]
        finally:
            self.opened.model = whole
        return sum(sums) / max(1, sum(len(batch) for batch in self.batches))


# Whole numbers ------------------------------------------------------------------------------------------------------


def round_off(
    folder: Path, spec: Mapping[str, Any], emit: Callable[[Event], None], told: Callable[[int, int], None]
) -> None:
    """model/ becomes the earlier model in whole numbers (core.models.int8), opened again from there to be tested."""
    from core.models import int8, stored
    from core.models.loading import load_model, replacing
    from core.training.session import read_rows
    from core.workspace import write_json

    about = read_json(folder / FROM / "model" / "hone.json")
    opened: Any = load_model(folder / FROM / "model")
    int8.quantize(opened.model.cpu())
    with replacing(folder / "model") as new:
        int8.save(opened.model, new)
        opened.tokenizer.save_pretrained(new)
        stored.save(new, opened.stored)
        write_json(new / "hone.json", {**about, "numbers": "int8", "run": spec["id"]})
    del opened
    task = tasks.task(spec["task"])
    rows = read_rows(folder / "rows.arrow", task)
    labels = task.labels(rows, spec["labels"]["names"])
    labels = replace(labels, extra={**labels.extra, **(about.get("extra") or {})})
    cleaning = Cleaning.from_json(about.get("cleaning")).ready()
    model, scores = load_model(folder / "model"), {}
    for split in ("validation", "test"):
        asked = cleaned([row for row in rows if row["split"] == split], task.columns, cleaning)
        scores[split] = task.score(asked, model.answer(asked, _seldom(told)), labels) if asked else {}
    emit(Evaluated(step=0, epoch=0.0, scores=scores["validation"], best=True))
    emit(Finished(step=0, best_step=0, scores=scores["validation"], test=scores["test"]))


# Small things -------------------------------------------------------------------------------------------------------


def _told(emit: Callable[[Event], None], control: Control, what: str, done: int, total: int) -> None:
    """Tell how far it is, and obey a person's word."""
    emit(Preparing(what=what, done=done, total=total))
    control.obey()


def _seldom(told: Callable[[int, int], None]) -> Callable[[int, int], None]:
    last = 0.0

    def now(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= OFTEN:
            last = time.monotonic()
            told(done, total)

    return now


def _counting(batches: Sequence[Any], told: Callable[[int, int], None]) -> Any:
    told = _seldom(told)
    for done, batch in enumerate(batches):
        told(done, len(batches))
        yield batch
