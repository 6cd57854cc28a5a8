"""What a worker takes over from the run it continues: the earlier body as its base, the rows of the last layer by label name, a start for new
labels; old and new texts mixed; and what it has forgotten, told at each check and at the end.

Forgetting of a part is the best earlier score on it minus the present one, their mean over the earlier parts that of a run (Chaudhry et al.
2018, Riemannian Walk). Where the folders come from is `core.training.continuing`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from core.models.catalogue import Base, in_folder
from core.models.heads import BARE
from core.tasks.base import Example, Labels, Row
from core.training.around.remembering import Consolidation, Distillation, fisher
from core.training.continuing import FILE, FOLDER, STEP, number_of
from core.training.events import Noticed
from core.training.fit import Head
from core.training.watch import LOWER
from core.workspace import read_json, write_json

if TYPE_CHECKING:
    from core.training.session import Session

FISHER_ROWS = 300  # old rows on which the importance of weights is measured, one at a time
WRITERS = ("causal-lm", "seq2seq-lm", "masked-lm")  # their last layer is the base's own


class Earlier:
    """The model of the run before: its weights stay as they are."""

    def __init__(self, run_dir: Path, told: Mapping[str, Any]):
        self.folder = run_dir / FOLDER / "model"
        self.about: dict[str, Any] = read_json(self.folder / "hone.json")
        renamed = told.get("renamed", {})
        self.names = tuple(renamed.get(name, name) for name in self.about["labels"])
        self.labels = Labels(self.names, (1,) * len(self.names), self.about.get("extra", {}))
        self.prototypes: Any = None  # of its labels, once they were asked for (core.training.prototypes)

    def base(self, base: Base) -> Base:
        """The base of the new run: what is known of it stays, what is opened is the earlier model."""
        return replace(base, source=in_folder(self.folder).source)

    def model(self) -> Any:
        from core.models.loading import load_text_model

        return load_text_model(self.folder, self.about)[0]

    @cached_property
    def head(self) -> Head | None:
        """Its last layer, (outputs, width) and (outputs,); None where that is no layer of outputs by label."""
        from safetensors.torch import load_file

        if self.about["kind"] in BARE:
            stored = load_file(self.folder / "head.safetensors")
            return Head(stored["weight"].numpy(), stored["bias"].numpy())
        head = self.model().head
        if self.about.get("architecture") in WRITERS or not isinstance(head, torch.nn.Linear) or head.bias is None:
            return None
        return Head(head.weight.detach().float().numpy().copy(), head.bias.detach().float().numpy().copy())

    def outputs(self) -> tuple[str, ...]:
        """The name of each output of its last layer."""
        if "architecture" not in self.about:
            return self.names
        named = read_json(self.folder / "config.json").get("id2label") or {}
        return tuple(str(named[key]) for key in sorted(named, key=int))


def carry(session: Session, model: Any) -> None:
    """The rows of the earlier last layer, put into `model` by the names of what they stand for; the others stay as they were made."""
    head = session.earlier.head if session.earlier else None
    if head is None or not isinstance(model.head, torch.nn.Linear) or model.head.bias is None:
        return
    old, new = session.earlier.outputs(), _outputs(session, model)  # type: ignore[union-attr]
    if model.head.weight.shape == head.weight.shape and (old == new or len(old) != len(head.weight)):
        pairs = [(place, place) for place in range(len(head.weight))]
    elif len(old) == len(head.weight) and len(new) == len(model.head.weight):
        pairs = shared(old, new)
    else:
        return
    with torch.no_grad():
        for there, here in pairs:
            model.head.weight[here] = torch.from_numpy(head.weight[there])
            model.head.bias[here] = float(head.bias[there])


def shared(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """(place in `old`, place in `new`) of every name that both have."""
    places = {name: place for place, name in enumerate(new)}
    return [(there, places[name]) for there, name in enumerate(old) if name in places]


def anchor(session: Session, features: Any, targets: np.ndarray) -> Head | None:
    """Where the fit of the last layer starts and what it is drawn back to: earlier rows as they were; a new label's row points to the mean of
    its texts, as long as the others (imprinting: Qi et al. 2018). None where there is nothing to carry over."""
    if not goes_on(session) or session.earlier.head.weight.shape[1] != features.shape[1]:  # type: ignore[union-attr]
        return None
    earlier, names = session.earlier, session.labels.names
    assert earlier is not None and earlier.head is not None
    old = earlier.head
    weight = np.zeros((len(names), features.shape[1]), dtype=np.float32)
    bias = np.full(len(names), old.bias.mean(), dtype=np.float32)
    pairs = shared(earlier.names, names)
    for there, here in pairs:
        weight[here], bias[here] = old.weight[there], old.bias[there]
    if session.task.link == "softmax":
        length, centre = np.linalg.norm(old.weight, axis=1).mean(), np.asarray(features.mean(axis=0)).ravel()
        for place in sorted(set(range(len(names))) - {here for _, here in pairs}):
            mine = features[targets == place]
            if len(mine):
                toward = np.asarray(mine.mean(axis=0)).ravel() - centre
                weight[place] = toward * (length / max(float(np.linalg.norm(toward)), 1e-6))
    return Head(weight, bias)


def goes_on(session: Session) -> bool:
    """Whether the earlier model's last layer is one of rows by label, and answers mean the same as they did."""
    earlier = session.earlier
    if not earlier or earlier.head is None or dict(earlier.labels.extra) != dict(session.labels.extra):
        return False
    return len(earlier.head.weight) == len(earlier.names)


def fitted_as(session: Session) -> dict[str, Any]:
    """What the fit of the last layer does otherwise than the settings say: a few old texts stand for all there were."""
    few = bool(session.earlier) and session.settings.remember == "replay" and session.settings.replay_share < 1
    return {"loss": "cross_entropy", **({"class_weights": "balanced"} if few else {})}


def mixed(session: Session, settings: Any, examples: list[Example]) -> list[Example]:
    """The examples of a round: new ones, and old ones that are seen again as often as needed to fill their share (`replay_part`), though no
    oftener per label than new ones. Each keeps its number."""
    if not session.continues or settings.remember != "replay":
        return examples
    new = [one for one in examples if session.is_new(session.train[one.row])]
    old = [one for one in examples if not session.is_new(session.train[one.row])]
    if not new or not old:
        return examples
    wanted = settings.replay_part / (1 - settings.replay_part) * len(new)
    if session.task.annotation.kind == "single":
        labels = [{session.train[one.row]["label"] for one in part} for part in (old, new)]
        wanted = min(wanted, len(new) / len(labels[1]) * len(labels[0]))
    whole, rest = divmod(round(max(wanted, len(old))), len(old))
    chosen = np.random.default_rng(settings.seed).permutation(len(old))[:rest]
    return [*new, *(old * whole), *(old[place] for place in sorted(chosen.tolist()))]


# What is wrapped around the loss (core.training.around.remembering) ----------------------------------------------------


def consolidation(session: Session, settings: Any) -> Consolidation:
    """Weights that mattered for the old rows are held where the earlier model had them."""
    return Consolidation(lambda: _measured(session, settings), settings.ewc_strength)


def distillation(session: Session, settings: Any) -> Distillation | None:
    """New rows are answered as the earlier model did, on the labels that both know. None for a task whose outputs have no such names."""
    earlier = session.earlier
    pairs = shared(earlier.names, session.labels.names) if earlier and session.task.link else []
    if not pairs or earlier is None:
        return None
    old = earlier.model().to(session.device.name)
    return Distillation(
        old, pairs, session.task.link or "softmax", settings.distil_strength, settings.distil_temperature
    )


def _measured(session: Session, settings: Any) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """The Fisher information of the earlier model on some of its training rows, and its weights, by the names they have in the new model;
    the rows of the last layer by label."""
    earlier, task = session.earlier, session.task
    assert earlier is not None
    rows = session.put_aside
    if task.annotation.kind == "single":
        rows = [row for row in rows if row["label"] in earlier.names]
    order = np.random.default_rng(settings.seed).permutation(len(rows))[:FISHER_ROWS]
    rows = [rows[place] for place in sorted(order.tolist())]
    session.prepare("measuring", obey=False)
    model = earlier.model().to(session.device.name)

    def loss_of(example: Example) -> Callable[[Any], torch.Tensor]:
        target = task.target(rows[example.row], example, earlier.labels)
        batch = {
            name: t.to(session.device.name) for name, t in task.collate([example], [target], session.processor).items()
        }
        return lambda model: task.loss(task.forward(model, batch), batch, settings, earlier.labels)

    examples = session.examples(rows, lambda done, total: None)
    found = fisher(model, [loss_of(example) for example in examples if example.weight])
    were = {name: weights.detach().clone() for name, weights in model.named_parameters()}
    return tuple(_by_label(session, tensors) for tensors in (found, were))  # type: ignore[return-value]


def _by_label(session: Session, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors of the earlier model in the new one's shape: the rows of the last layer where their labels are now, 0 for new labels."""
    earlier = session.earlier
    assert earlier is not None
    old, new = earlier.outputs(), tuple(session.labels.names)
    if old == new:
        return tensors
    found = {}
    for name, tensor in tensors.items():
        if not name.startswith("head."):
            found[name] = tensor
        elif len(tensor) == len(old):
            found[name] = tensor.new_zeros((len(new), *tensor.shape[1:]))
            for there, here in shared(old, new):
                found[name][here] = tensor[there]
    return found


# What it has forgotten ----------------------------------------------------------------------------------------------


def parts(
    session: Session, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels
) -> dict[str, dict[str, float]]:
    """The scores on "old" and on "new" rows alone."""
    found = {}
    for name, wanted in (("old", False), ("new", True)):
        mine = [(row, said) for row, said in zip(rows, predictions, strict=True) if session.is_new(row) is wanted]
        if mine:
            found[name] = session.task.score([row for row, _ in mine], [said for _, said in mine], labels)
    return found


def say_what_it_knew(session: Session) -> None:
    """Before the first step: how well the earlier model does on the old validation rows, by its own labels."""
    rows = [row for row in session.validation if not session.is_new(row)]
    scores = _of_earlier(session, rows)
    if scores:
        measure = session.task.scores[0].name
        values = {"measure": measure, "score": scores[measure], "n": len(rows), "share": session.task.scores[0].share}
        session.emit(Noticed(code="knew", step=session.state.step, values=values))


def write_matrix(session: Session, model: Any) -> None:
    """At the end: how well each run of the chain does on the test rows of each part (on those for validation, where there is no test)."""
    measure = session.task.scores[0]
    split = "test" if session.test else "validation"
    rows = session.test or session.validation
    present = number_of(session.spec)
    by_part = {str(part): [row for row in rows if row[STEP] == str(part)] for part in range(present + 1)}
    answers = session.tested or session.predictions(model, rows, session.prepare("testing", obey=False))
    said = {row["id"]: answer for row, answer in zip(rows, answers, strict=True)}

    def now(mine: Sequence[Row]) -> float | None:
        scores = session.task.score(mine, [said[row["id"]] for row in mine], session.labels) if mine else {}
        return scores.get(measure.name)

    before = [_of_earlier(session, by_part[str(part)]).get(measure.name) for part in range(present)]
    chain = session.spec["continues"].get("matrix", [])[: present - 1]
    write_json(
        session.folder / FILE,
        {
            "measure": measure.name,
            "lower": measure.name in LOWER,
            "split": split,
            "rows": [len(by_part[str(part)]) for part in range(present + 1)],
            "matrix": [*chain, before, [now(by_part[str(part)]) for part in range(present + 1)]],
        },
    )


def _of_earlier(session: Session, rows: Sequence[Row]) -> dict[str, float]:
    """What the earlier model reaches on rows whose answers it can give; empty where there are none, or it counts words."""
    if not session.earlier or not rows:
        return {}
    from core.training import asking

    earlier = session.earlier
    if session.task.annotation.kind == "single":
        rows = [row for row in rows if row["label"] in earlier.names]
    if not rows:
        return {}
    examples = session.examples(rows, lambda done, total: None)
    model = earlier.model().to(session.device.name).eval()
    found = asking.outputs(model, examples, session.task, session.processor, session.device)
    answers = session.task.decode(found, rows, examples, earlier.labels)
    return session.task.score(rows, answers, earlier.labels)


def _outputs(session: Session, model: Any) -> tuple[str, ...]:
    if not getattr(model, "architecture", None):
        return tuple(session.labels.names)
    named = getattr(model.body.config, "id2label", None) or {}
    return tuple(str(named[key]) for key in sorted(named, key=int))
