"""What may be wrapped around the loss, as a table: by name, whether these settings ask for it and how it is made.

around = arranged(session, phase, model)      the ones this phase asks for, in the order of the table
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from core.training import teaching
from core.training.around.adversarial import Adversarial
from core.training.around.augmenting import Augmented, Words
from core.training.around.averaging import LastMean, MovingAverage
from core.training.around.balancing import Balanced
from core.training.around.base import Around, Look
from core.training.around.mixup import Mixup
from core.training.around.rdrop import Agreement
from core.training.around.standing import Standing
from core.training.around.teacher import Taught
from core.training.around.unfreezing import Unfreezing
from core.training.around.varying import Variation
from core.training.around.zeros import Zeros
from core.training.plan import Plan

if TYPE_CHECKING:
    from core.training.phases import Phase
    from core.training.session import Session

__all__ = ["AROUND", "Around", "Look", "arranged"]

Maker = Callable[["Session", "Phase", nn.Module], Around | None]


def _held(session: Session, phase: Phase, model: Any) -> Around | None:
    return _remembering(session, phase, "ewc")


def _distilled(session: Session, phase: Phase, model: Any) -> Around | None:
    return _remembering(session, phase, "distil")


def _remembering(session: Session, phase: Phase, how: str) -> Around | None:
    """What is done against forgetting in a run that continues another; the trial that measures a step knows of none."""
    if phase.settings.remember != how or getattr(session, "earlier", None) is None:
        return None
    from core.training import carrying

    return {"ewc": carrying.consolidation, "distil": carrying.distillation}[how](session, phase.settings)


def _standing(session: Session, phase: Phase, model: Any) -> Around | None:
    """For old texts that are not seen again, where new labels would outvote them; a phase that fits the last layer at each check has no use for it."""
    from core.training import prototypes

    if getattr(session, "earlier", None) is None or phase.method == "contrastive":
        return None
    if not prototypes.wanted(session, phase.settings) or not isinstance(model.head, nn.Linear):
        return None
    share, often = prototypes.balance(session, phase.settings)
    if share <= prototypes.LEAST:
        return None
    return Standing(lambda: prototypes.prototypes(session), share, torch.from_numpy(often))


def _sampling(session: Session, phase: Phase, model: Any) -> Around | None:
    if phase.settings.sampling == "plain" or "drawn" not in session.task.traits:
        return None
    targets = session.targets(session.train, session.training_examples)
    labels = [session.task.label_of(target, session.labels) for target in targets]
    return Balanced(labels, phase.settings.sampling, (phase.settings.seed, phase.number, 1))


def _varying(session: Session, phase: Phase, model: Any) -> Around | None:
    settings = phase.settings
    if not settings.vary_texts or not settings.vary_share or "varies" not in session.task.traits:
        return None
    roles = [column.role for column in session.task.columns if column.kind == "text" and not column.target]
    words = None
    if "synonyms" in settings.vary_texts:
        table = model.body.get_input_embeddings().weight
        words = Words(session.processor, table, lambda: [str(row[role]) for row in session.train for role in roles])
    names = frozenset(name.lower() for name in session.labels.names)
    return Augmented(
        lambda rows: session.examples(rows, lambda done, total: None),
        session.train,
        roles,
        Variation(tuple(settings.vary_texts), settings.vary_words, names),
        settings.vary_share,
        (settings.seed, phase.number, 2),
        words,
    )


def _mixup(session: Session, phase: Phase, model: Any) -> Around | None:
    return Mixup(phase.settings.mixup) if phase.settings.mixup and "mixes" in session.task.traits else None


def _agreement(session: Session, phase: Phase, model: Any) -> Around | None:
    return (
        Agreement(phase.settings.agreement) if phase.settings.agreement and "doubles" in session.task.traits else None
    )


def _adversarial(session: Session, phase: Phase, model: Any) -> Around | None:
    if not phase.settings.adversarial or session.task.family == "image":
        return None
    return Adversarial(model.body.get_input_embeddings(), phase.settings.adversarial)


def _contrasting(session: Session, phase: Phase, model: Any) -> Around | None:
    settings = phase.settings
    again = settings.refit and session.task.link and phase.method != "headsteps"
    if phase.method != "contrastive" and not again:
        return None
    from core.training.around.contrasting import FIT, Contrasting, Refitted
    from core.training.fitting import fitted

    def fit(model: Any) -> Any:
        return fitted(session, settings, model, settings.regularization or FIT)

    if phase.method != "contrastive":
        return Refitted(fit)
    kinds, seed = session.targets(session.train, session.training_examples), (settings.seed, phase.number, 3)
    return Contrasting(kinds, settings.contrast_temperature, settings.contrast_each, seed, fit)


def _taught(session: Session, phase: Phase, model: Any) -> Around | None:
    """In a run that a larger model teaches; what it said lies in the run's folder."""
    settings, link = phase.settings, session.task.link
    said = teaching.said(session.folder) if settings.teacher_weight and link else None
    if said is None or not link:
        return None
    rows = [example.row for example in session.training_examples]
    return Taught(said, rows, link, settings.teacher_weight, settings.teacher_temperature)


def _ranks(session: Session, phase: Phase, model: Any) -> Around | None:
    if phase.method != "adalora":
        return None
    from core.training.around.allocating import Ranks

    return Ranks(model, phase.settings.lora_rank, _steps(session, phase))


def _unfreezing(session: Session, phase: Phase, model: Any) -> Around | None:
    wanted = phase.method == "top" and phase.settings.unfreeze
    return Unfreezing(model, phase.settings.top_layers) if wanted else None


def _zeros(session: Session, phase: Phase, model: Any) -> Around | None:
    return Zeros(model) if phase.settings.keep_zeros else None


def _average(session: Session, phase: Phase, model: Any) -> Around | None:
    return MovingAverage(model, phase.settings.average_decay) if phase.settings.average_decay else None


def _steps(session: Session, phase: Phase) -> int | None:
    """How many the phase will take, old texts that are seen again counted; None where the clock decides."""
    from core.training import carrying

    return Plan.of(phase.settings, len(carrying.mixed(session, phase.settings, session.training_examples))).steps


def _last_mean(session: Session, phase: Phase, model: Any) -> Around | None:
    settings = phase.settings
    if settings.average_decay or not settings.average_last or not (total := _steps(session, phase)):
        return None
    return LastMean(model, settings.average_last, total)


# In the order in which they are asked: what is drawn comes before what varies, and mixup first of those that change the loss, because it puts
# another in its place. A maker gives None where the settings do not ask for it, or the task has no use for it. Of a session it may ask `task`,
# `labels`, `train`, `training_examples`, `targets`, `examples`, `continues` and `processor`: so much has the trial that measures a step (core.training.measuring).
AROUND: dict[str, Maker] = {
    "sampling": _sampling,
    "varying": _varying,
    "contrasting": _contrasting,
    "mixup": _mixup,
    "agreement": _agreement,
    "adversarial": _adversarial,
    "ewc": _held,
    "distil": _distilled,
    "prototypes": _standing,
    "teacher": _taught,
    "ranks": _ranks,
    "unfreezing": _unfreezing,
    "zeros": _zeros,
    "average": _average,
    "last_mean": _last_mean,
}


def arranged(session: Session, phase: Phase, model: nn.Module) -> dict[str, Around]:
    """What is wrapped around the loss of this phase, by name."""
    found = {name: make(session, phase, model) for name, make in AROUND.items()}
    return {name: one for name, one in found.items() if one is not None}
