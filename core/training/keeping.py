"""What is kept of the best moment: the model in its usual shape, the proof that merging changed nothing, and what was learnt alone.

adapter/ beside model/ holds only what the method taught, where that and the base make the model again (`core.models.learnt`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from core.errors import RunError
from core.models import learnt
from core.models.added import FILE
from core.models.catalogue import BLANK, UPLOADED, Base
from core.models.methods import method
from core.training.events import Noticed
from core.words import Message

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from core.training.phases import Phase
    from core.training.session import Session

CLOSE = 1e-4  # of the largest output
FOLDER = "adapter"
WHOLE = 0.9  # share of the weights that learn, from which on there is nothing smaller to keep


def whole(session: Session) -> tuple[Any, dict[str, Any]]:
    """The best moment's model in its usual shape; what hone.json says of how it came to be. Writes adapter/ where that makes sense."""
    assert session.state.best is not None
    phase = session.phases[session.state.best.phase]
    way = method(phase.method)
    model = session.unsettled_model().eval()
    about: dict[str, Any] = {"method": phase.method}
    if stands_alone(session, phase, model):
        learnt.save(
            model, session.folder / FOLDER, {**session.about(), **about, "settings": phase.settings.model_dump()}
        )
    if not (way.merges and way.kind == "matrices"):
        way.settle(model)
        return model.eval(), about
    count, inputs = _some(session, phase)
    before = _outputs(session, model, inputs)
    way.settle(model)
    model.eval()
    about["merged"] = {"rows": count, **_difference(before, _outputs(session, model, inputs))}
    session.emit(Noticed(code="merged", step=session.state.step, values=about["merged"]))
    return model, about


def with_room(base: Base, phases: Sequence[Phase]) -> Base:
    """The base as the phases see it: learnt words in front of a text take some of the places that it reads."""
    if (_source(base) / FILE).is_file():
        raise RunError(
            Message("This model keeps what it learnt beside its own weights, so no other run can begin from it."),
            fix=Message("Begin from its base, or tune the earlier run in a way that is merged, such as LoRA."),
        )
    taken = max((phase.settings.words_in_front for phase in phases), default=0)
    return replace(base, max_length=max(1, base.max_length - taken)) if base.max_length and taken else base


def stands_alone(session: Session, phase: Phase, model: Any) -> bool:
    """Whether the base and what the method taught are all there is: the base is one that others have, and nothing else of it has moved."""
    own = session.base.id.startswith((BLANK, UPLOADED)) or session.base.source != session.come_from
    if own or session.spec.get("continues"):
        return False
    sizes = {name: weights.numel() for name, weights in model.named_parameters()}
    moving = {name for name, weights in model.named_parameters() if weights.requires_grad}
    moved = set(session.best_weights()) & set(sizes)
    return moved <= moving and sum(sizes[name] for name in moving) < WHOLE * sum(sizes.values())


def _source(base: Base) -> Path:
    from pathlib import Path

    return Path(base.source or "nowhere")


def _some(session: Session, phase: Phase) -> tuple[int, dict[str, torch.Tensor]]:
    """How many training examples, and their tensors: a batch as the loop has it, because some tasks can only be asked about rows that belong
    together; collated once, because others hide words by chance."""
    (batch, *_) = session.task.arrange(session.training_examples, phase.settings, session.settings.seed)
    inputs = session.task.collate(batch, session.targets(session.train, batch), session.processor)
    return len(batch), {name: tensor.to(session.device.name) for name, tensor in inputs.items()}


@torch.no_grad()
def _outputs(session: Session, model: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """What the model gives, as one row of numbers on the CPU."""
    outputs = session.task.forward(model.to(session.device.name), inputs)
    return torch.cat([t.detach().float().cpu().flatten() for t in _tensors(outputs)])


def _tensors(outputs: Any) -> list[torch.Tensor]:
    """The tensors of floating numbers in outputs, whatever holds them."""
    if isinstance(outputs, torch.Tensor):
        return [outputs] if outputs.is_floating_point() else []
    values = outputs.values() if hasattr(outputs, "values") else outputs if isinstance(outputs, tuple | list) else ()
    return [tensor for value in values for tensor in _tensors(value)]


def _difference(before: torch.Tensor, after: torch.Tensor) -> dict[str, float]:
    """The largest difference, and the largest of the numbers themselves to judge it by."""
    finite = torch.isfinite(before) & torch.isfinite(after)
    far = (before - after)[finite].abs()
    size = before[finite].abs()
    return {"difference": float(far.max()) if len(far) else 0.0, "largest": float(size.max()) if len(size) else 0.0}
