"""How the steps are computed, where that changes neither the result nor what is saved: layers computed twice instead of remembered (gradient
checkpointing, Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"), and a model translated for the machine (torch.compile).

Translating replaces how the body is called, never its weights or their names. It is tried on one small batch first, there and back; where it fails,
the model goes on as it is, and the run says so.

Measured on one busy processor core, with two layers of the bundled encoder and 16 texts a step: 49 processor seconds to translate, and then a step took
1.13 times as long as untranslated; so "auto" leaves processors alone. On a GPU it has not been measured yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from core.training import checkpoints
from core.training.events import Noticed
from core.training.plan import Plan
from core.training.precision import autocast

if TYPE_CHECKING:
    from core.training.phases import Phase
    from core.training.session import Session

LONG = 2_000  # steps from which "auto" translates, on a GPU
TRIED = 4  # examples of the batch with which it is tried


def readied(session: Session, phase: Phase, model: Any) -> list[Noticed]:
    """Do both as the settings ask for them; what could not be done is told."""
    told = []
    step = session.state.step
    if phase.settings.recompute and not recomputed(model):
        told.append(Noticed(code="not_recomputed", step=step))
    if translates(session, phase) and (reason := translated(session, phase, model)):
        told.append(Noticed(code="not_translated", step=step, values={"reason": reason}))
    return told


def recomputed(model: Any) -> bool:
    """Have the body's layers computed again on the way back; False where it cannot."""
    body = model.body
    if not getattr(body, "supports_gradient_checkpointing", False):
        return False
    newer = hasattr(body, "activation_checkpointing_enable")  # what transformers 6 will call it
    enable = body.activation_checkpointing_enable if newer else body.gradient_checkpointing_enable
    enable({"use_reentrant": False})
    return True


def translates(session: Session, phase: Phase) -> bool:
    """Whether the model is to be translated. Never where the words are pushed: what is hung into the model for it would have it translated anew
    at every step."""
    settings = phase.settings
    if settings.compile == "off" or settings.adversarial:
        return False
    steps = Plan.of(settings, len(session.training_examples)).steps or 0
    return settings.compile == "on" or (session.device.kind == "cuda" and steps >= LONG)


def translated(session: Session, phase: Phase, model: Any) -> str:
    """Translate the body and try it; the reason, in the library's words, where that failed and nothing was changed."""
    session.prepare("translating")
    body = model.body
    try:
        body.compile(dynamic=True)
        with unchanged(model):
            _there_and_back(session, phase, model)
    except Exception as error:  # whatever a compiler, its drivers or its cache may raise
        body._compiled_call_impl = None
        return f"{type(error).__name__}: {error}".splitlines()[0][:200]
    return ""


@contextmanager
def unchanged(model: Any) -> Iterator[None]:
    """Afterwards chance, gradients and counted statistics are as they were, so that a run learns the same whether or not something was tried."""
    plain, dice = checkpoints.chance()
    buffers = {name: counted.clone() for name, counted in model.named_buffers()}
    try:
        yield
    finally:
        for name, counted in model.named_buffers():
            if name in buffers:
                counted.copy_(buffers[name])
        for weights in model.parameters():
            weights.grad = None
        checkpoints.restore_chance(plain, dice)


def _there_and_back(session: Session, phase: Phase, model: Any) -> None:
    task, some = session.task, session.training_examples[:TRIED]
    inputs = task.collate(some, session.targets(session.train, some), session.processor)
    inputs = {name: tensor.to(session.device.name) for name, tensor in inputs.items()}
    model.train()
    with autocast(session.device):
        outputs = task.forward(model, inputs)
    task.loss(outputs, inputs, phase.settings, session.labels).backward()
    with torch.no_grad():
        model.eval()
        with autocast(session.device):
            task.forward(model, inputs)
    model.train()
