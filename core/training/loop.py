"""The training loop, top to bottom: take a batch, see how wrong the model is, move its weights a little, look now and then whether
that helped. Knows neither files nor people: `check` looks at the validation split, `hold` pauses, saves or ends, `say` tells.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch

from core.device import Device, give_back
from core.errors import RunError
from core.tasks.base import Example, Labels, Task
from core.training.around.base import Around, Look
from core.training.batches import parts
from core.training.events import Event, Noticed
from core.training.meter import Meter
from core.training.optimizers import factor, set_rate
from core.training.plan import Place, Plan
from core.training.precision import Arithmetic, autocast, out_of_memory
from core.training.watch import Watch
from core.words import Message


@dataclass(frozen=True)
class Material:
    """What is learnt, and how. `targets` stand beside `examples`; `seed` decides the order of the texts; `around` is wrapped around the loss."""

    task: Task
    labels: Labels
    processor: Any
    examples: Sequence[Example]
    targets: Sequence[Any]
    settings: Any
    device: Device
    seed: int
    around: Mapping[str, Around] = field(default_factory=dict)


def train(
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    arithmetic: Arithmetic,
    material: Material,
    place: Place,
    watch: Watch,
    *,
    check: Callable[[], None],
    hold: Callable[[], None],
    say: Callable[[Event], None],
    later: Callable[[Plan], float] = lambda plan: 0.0,
) -> None:
    """Take steps from `place` to the end of the plan, or until `watch` would stop. `hold` may raise to end it between two steps."""
    settings = material.settings
    plan = Plan.of(settings, len(material.examples))
    weights = [w for w in model.parameters() if w.requires_grad]
    meter = Meter(material.device, say)
    model.train()
    while not (plan.over(place) or watch.over):
        for batches in one_round(material, place.epoch)[place.position :]:
            begun = time.monotonic()
            rate = settings.learning_rate * factor(settings.schedule, plan.progress(place), settings.warmup)
            set_rate(optimizer, rate)
            loss = backward(model, optimizer, arithmetic, batches, material, place, say)
            norm = arithmetic.step(optimizer, weights, settings.clip_norm)
            place.step += 1
            for one in material.around.values():
                one.stepped(model, place.step)
            place.position += 1
            seconds = time.monotonic() - begun
            place.seconds += seconds
            for notice in watch.stepped(place.step, loss, norm):
                say(notice)
            meter.add(loss, norm, rate, batches, seconds)
            meter.tell(place, plan, later(plan))
            if plan.due(place) and watch.over != "diverged":
                checked(model, place, check)
            hold()
            if plan.over(place) or watch.over:
                break
        else:
            place.epoch += 1
            place.position = 0
    meter.tell(place, plan, later(plan), now=True)
    if place.checked != place.step and watch.over != "diverged":
        checked(model, place, check)


def one_round(material: Material, epoch: int) -> list[list[list[Example]]]:
    """The steps of one epoch, each a list of batches whose gradients are gathered. The same seed and epoch give the same."""
    examples = material.examples
    for one in material.around.values():
        examples = one.examples(examples, epoch)
    batches = material.task.arrange(examples, material.settings, material.seed + 2 * epoch)
    for one in material.around.values():
        batches = one.batches(batches, epoch)
    together = material.settings.accumulation
    return [batches[i : i + together] for i in range(0, len(batches), together)]


def backward(
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    arithmetic: Arithmetic,
    batches: list[list[Example]],
    material: Material,
    place: Place,
    say: Callable[[Event], None],
) -> float:
    """Gradients of the mean loss over all examples of the step by their weight, whatever the batches; returns that loss. When memory
    is short, the step is taken again in smaller parts, which learns the same."""
    count = sum(example.weight for batch in batches for example in batch)
    while True:
        try:
            losses = []
            for part in parts(batches, place.splits):
                share = sum(example.weight for example in part) / count
                losses.append(one_look(model, arithmetic, part, share, material))
            return float(torch.stack(losses).sum())
        except Exception as error:
            if not out_of_memory(error):
                raise
        optimizer.zero_grad(set_to_none=True)  # outside the except clause, which would keep the failed tensors alive
        smaller(place, material, say)


def one_look(
    model: torch.nn.Module, arithmetic: Arithmetic, part: list[Example], share: float, material: Material
) -> torch.Tensor:
    """One batch through the model and back, with all that is wrapped around its loss; returns what it adds to the loss of the step."""
    task, around = material.task, material.around.values()
    inputs = task.collate(part, [material.targets[e.number] for e in part], material.processor)
    inputs = {name: tensor.to(material.device.name) for name, tensor in inputs.items()}

    def forward() -> Any:
        with autocast(material.device):
            return task.forward(model, inputs)

    with ExitStack() as stack:
        for one in around:
            stack.enter_context(one.forward(model, inputs))
        outputs = forward()
    look = Look(
        model, part, inputs, outputs, share, task, material.labels, material.settings, forward,
        lambda loss: arithmetic.backward(loss * share),
    )  # fmt: skip
    loss = look.loss_of(outputs)
    for one in around:
        loss = one.loss(look, loss)
    look.backward(loss)
    for one in around:
        one.after_backward(look)
    return loss.detach() * share


def smaller(place: Place, material: Material, say: Callable[[Event], None]) -> None:
    """Halve what goes through the model at once, and gather twice as often."""
    size = material.settings.batch_size
    before = math.ceil(size / place.splits)
    if before == 1:
        raise RunError(
            Message("Out of memory at {b} texts a step. Nothing is lost.", b=1),
            fix=Message("Choose a smaller base model, or a shorter longest text."),
        )
    place.splits *= 2
    give_back(material.device)
    after, gathered = math.ceil(size / place.splits), place.splits * material.settings.accumulation
    told = {"batch_size": before, "new_batch_size": after, "accumulation": gathered}
    say(Noticed(code="out_of_memory", step=place.step, values=told))


def checked(model: torch.nn.Module, place: Place, check: Callable[[], None]) -> None:
    begun = time.monotonic()
    model.eval()
    check()
    model.train()
    place.checked = place.step
    place.seconds += time.monotonic() - begun
