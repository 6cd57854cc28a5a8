"""What may be wrapped around the loss, as a table: by name, whether these settings ask for it and how it is made.

around = arranged(session, phase, model)      the ones this phase asks for, in the order of the table
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import nn

from core.training import teaching
from core.training.around.averaging import MovingAverage
from core.training.around.base import Around, Look
from core.training.around.teacher import Taught
from core.training.around.zeros import Zeros

if TYPE_CHECKING:
    from core.training.phases import Phase
    from core.training.session import Session

__all__ = ["AROUND", "Around", "Look", "arranged"]

Maker = Callable[["Session", "Phase", nn.Module], Around | None]


def _taught(session: Session, phase: Phase, model: Any) -> Around | None:
    """In a run that a larger model teaches; what it said lies in the run's folder."""
    settings, link = phase.settings, session.task.link
    said = teaching.said(session.folder) if settings.teacher_weight and link else None
    if said is None or not link:
        return None
    rows = [example.row for example in session.training_examples]
    return Taught(said, rows, link, settings.teacher_weight, settings.teacher_temperature)


def _zeros(session: Session, phase: Phase, model: Any) -> Around | None:
    return Zeros(model) if phase.settings.keep_zeros else None


def _average(session: Session, phase: Phase, model: Any) -> Around | None:
    return MovingAverage(model, phase.settings.average_decay) if phase.settings.average_decay else None


# In the order in which they are asked. A maker gives None where the settings do not ask for it.
AROUND: dict[str, Maker] = {
    "teacher": _taught,
    "zeros": _zeros,
    "average": _average,
}


def arranged(session: Session, phase: Phase, model: nn.Module) -> dict[str, Around]:
    """What is wrapped around the loss of this phase, by name."""
    found = {name: make(session, phase, model) for name, make in AROUND.items()}
    return {name: one for name, one in found.items() if one is not None}
