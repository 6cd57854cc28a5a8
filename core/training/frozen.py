"""Only the last layer learns: what the body makes of each text is computed once, kept in the run's folder, and read from there each round.

    task_of(session, model, around)     the session's task, which from now on asks for what is kept instead of the body; or the task itself, and why

The dropout before the last layer stays; that within the body does not, for what does not learn need not forget. Without dropout the same is learnt
as through the body. Texts that are not kept (varied ones) go through the body as ever. Of a task whose last layer looks at every word, the states of all words are kept, as far as they fit (MOST).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from core.tasks.base import Example, Task
from core.training import asking
from core.training.batches import by_tokens
from core.training.method_settings import ROOM
from core.training.precision import autocast
from core.workspace import read_json, write_json

if TYPE_CHECKING:
    from core.training.session import Session

MOST = ROOM  # bytes of states; beyond it the body is asked each round
IN_MEMORY = 256 << 20  # bytes of states that are read into memory
FOLDER = "features"
PER_WORD = ("token-classification", "question-answering")  # their last layer sees each word's state and nothing else
MOVES = ("adversarial",)  # ways around the loss that change what goes into the body


class Kept:
    """What the body made of examples: `states` (rows, width), and where each example's rows are. Examples are known by their identity."""

    def __init__(self, groups: Sequence[tuple[Sequence[Example], np.ndarray]], per_word: bool):
        self.per_word = per_word
        self.groups = [(examples, at_hand(found)) for examples, found in groups]
        self.places: dict[int, tuple[int, int, int]] = {}
        self.brief: dict[int, Example] = {}  # a stand-in of one token, where nobody will read the tokens
        for number, (examples, _) in enumerate(groups):
            at = 0
            for example in examples:
                size = len(example.input_ids) if per_word else 1
                self.places[id(example)] = (number, at, size)
                if not per_word and not example.extra:
                    self.brief[id(example)] = replace(example, input_ids=example.input_ids[:1])
                at += size

    def of(self, examples: Sequence[Example]) -> Tensor | None:
        """(examples, width), or (examples, tokens of the longest, width) with zeros behind the shorter ones; None where one is not kept."""
        found = [self.places.get(id(example)) for example in examples]
        if not found or any(place is None for place in found):
            return None
        known = [place for place in found if place is not None]
        if not self.per_word and len({number for number, _, _ in known}) == 1:
            return torch.from_numpy(self.groups[known[0][0]][1][[at for _, at, _ in known]])
        rows = [self.groups[number][1][at : at + size] for number, at, size in known]
        if not self.per_word:
            return torch.from_numpy(np.concatenate(rows))
        states = np.zeros((len(rows), max(map(len, rows)), rows[0].shape[1]), dtype=np.float32)
        for i, row in enumerate(rows):
            states[i, : len(row)] = row
        return torch.from_numpy(states)


class FromKept:
    """Goes before a task's own class: batches carry what is kept, and only the last layer is asked."""

    kept: Kept

    def collate(self, examples: Sequence[Example], targets: Sequence[Any] | None, processor: Any) -> dict[str, Any]:
        states = self.kept.of(examples)
        if states is not None:
            examples = [self.kept.brief.get(id(example), example) for example in examples]
        batch: dict[str, Any] = super().collate(examples, targets, processor)  # type: ignore[misc]
        return batch if states is None else {**batch, "kept": states}

    def features(self, model: Any, batch: Mapping[str, Any]) -> Any:
        return batch["kept"] if "kept" in batch else super().features(model, batch)  # type: ignore[misc]

    def forward(self, model: Any, batch: Mapping[str, Any]) -> Any:
        if "kept" not in batch:
            return super().forward(model, batch)  # type: ignore[misc]
        if not self.kept.per_word:
            return model.head(dropped(model, batch["kept"]))
        rest = {name: value for name, value in batch.items() if name != "kept"}
        with instead_of(inner(model), batch["kept"]):
            return super().forward(model, rest)  # type: ignore[misc]


def task_of(session: Session, model: Any, around: Mapping[str, Any]) -> tuple[Task, str]:
    """The task to learn and ask with, and a reason where the body has to be asked each round: "" | moves | shape | room."""
    task, per_word = session.task, not session.task.link
    if why := why_not(task, model, around):
        return task, "" if why == "learns" else why
    parts = {
        "train": session.training_examples,
        "validation": session.validation_examples,
        "watched": session.watched_examples,
    }
    rows = sum(len(one.input_ids) if per_word else 1 for part in parts.values() for one in part)
    if rows * model.head.in_features * 4 > MOST:
        return task, "room"
    progress, total = session.prepare("features"), sum(map(len, parts.values()))
    groups, done = [], 0
    was_training = model.training
    for name, part in parts.items():
        path = session.folder / FOLDER / f"{name}.npy"

        def ahead(n: int, _: int, before: int = done) -> None:
            progress(before + n, total)

        find = states if per_word else asking.features
        groups.append((part, find(model.eval(), part, task, session.processor, session.device, path, ahead)))
        done += len(part)
    model.train(was_training)
    return standing_in(task, Kept(groups, per_word)), ""


def why_not(task: Task, model: Any, around: Mapping[str, Any]) -> str:
    """What needs the body each round, but for room: "" | learns | moves | shape. The model is prepared for its method."""
    if learns_more(model):
        return "learns"
    if any(name in around for name in MOVES):
        return "moves"
    return "shape" if not task.link and getattr(model, "architecture", "") not in PER_WORD else ""


def standing_in(task: Task, kept: Kept) -> Task:
    """The same task, of a class of its own that looks first among what is kept."""
    other: Any = copy.copy(task)
    other.__class__ = type(f"Kept{type(task).__name__}", (FromKept, type(task)), {})
    other.kept = kept
    return other  # type: ignore[no-any-return]


def at_hand(found: np.ndarray) -> np.ndarray:
    """In memory where it is small: taking rows out of a file, however near, is slower."""
    return np.array(found) if found.nbytes <= IN_MEMORY else found


def learns_more(model: Any) -> bool:
    """Whether anything beside the last layer learns; also where that layer is the word list of the body."""
    mine = {id(weights) for weights in model.head.parameters()}
    return any(weights.requires_grad for weights in model.parameters() if id(weights) not in mine)


def dropped(model: Any, states: Tensor) -> Tensor:
    """As the model drops some of what goes into its last layer while it learns."""
    if getattr(model, "join", "") == "cosine":
        return states
    dropout = getattr(model, "dropout", None) or getattr(model.body, "dropout", None)
    return dropout(states) if isinstance(dropout, nn.Dropout) else states  # type: ignore[no-any-return]


def inner(model: Any) -> Any:
    """The encoder within a transformers model."""
    return getattr(model.body, str(model.body.base_model_prefix))


@contextmanager
def instead_of(body: Any, hidden: Tensor) -> Iterator[None]:
    """The body answers with these hidden states, whatever it is asked."""
    from transformers.modeling_outputs import BaseModelOutput

    body.forward = lambda *args, **given: BaseModelOutput(last_hidden_state=hidden)  # type: ignore[arg-type]
    try:
        yield
    finally:
        del body.forward


def states(
    model: Any, examples: Sequence[Example], task: Task, processor: Any, device: Any, path: Path, progress: Any
) -> np.ndarray:
    """(tokens of all examples, width) in fp32: the last hidden states, kept in `path` (.npy). Written whole, or anew."""
    told = path.with_suffix(".json")
    starts = np.cumsum([0, *(len(one.input_ids) for one in examples)])
    shape = (int(starts[-1]), model.head.in_features)
    if not examples:
        return np.zeros(shape, dtype=np.float32)
    if told.exists() and path.exists() and tuple(read_json(told)["words"]) == shape:
        return np.load(path, mmap_mode="r")  # type: ignore[no-any-return]
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    places = {id(example): i for i, example in enumerate(examples)}
    seen: list[Any] = []
    hook = inner(model).register_forward_hook(lambda module, given, out: seen.append(out[0]))
    done = 0
    try:
        with torch.inference_mode(), autocast(device):
            for batch in by_tokens(examples, *asking.budget(device)):
                inputs = {k: v.to(device.name) for k, v in task.collate(batch, None, processor).items()}
                seen.clear()
                task.forward(model, inputs)
                for example, hidden in zip(batch, seen[0].float().cpu().numpy(), strict=True):
                    place = places[id(example)]
                    kept[starts[place] : starts[place + 1]] = hidden[: len(example.input_ids)]
                done += len(batch)
                progress(done, len(examples))
    finally:
        hook.remove()
    kept.flush()
    write_json(told, {"words": list(shape)})
    return kept
