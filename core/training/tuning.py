"""The phase that tunes: steps through the model, from the probe or from the best moment so far. Joins the loop to the run's folder."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

from core.models.heads import TextModel
from core.models.methods import method
from core.tasks.base import Example, Prediction, Task
from core.training import asking, carrying, checkpoints, frozen
from core.training.around import Around, arranged
from core.training.control import Ended
from core.training.events import Noticed
from core.training.loop import Material, train
from core.training.optimizers import optimizer as new_optimizer
from core.training.plan import Place, Plan
from core.training.precision import Arithmetic
from core.training.session import Phase, Session
from core.training.translating import readied
from core.training.watch import Watch


def tune(session: Session, phase: Phase) -> None:
    """Take steps through the model, from the probe or from the best moment so far, and keep the best moment."""
    state, settings = session.state, phase.settings
    examples = carrying.mixed(session, settings, session.training_examples)
    session.prepare("loading")
    model, whole = start(session, phase)
    for notice in readied(session, phase, model):
        session.emit(notice)
    optimizer, arithmetic = new_optimizer(model, settings), Arithmetic(session.device)
    around = arranged(session, phase, model)
    task, why_not = frozen.task_of(session, model, around)
    if why_not:
        session.emit(Noticed(code="body_each_round", step=state.step, values={"why": why_not}))
    within = state.within
    plan = Plan.of(settings, len(examples))
    place = Place(**within["place"]) if within else Place(step=state.step, first=state.step)
    watch = Watch.from_json(within["watch"]) if within else new_watch(session, phase)
    if within:
        restore(within, session.tensors, optimizer, arithmetic, around)
    session.tensors = {}
    session.saved = time.monotonic()

    def weights() -> checkpoints.Tensors:
        return moved(model, whole)

    def save() -> None:
        plain, memories = checkpoints.optimizer_state(optimizer)
        chance, dice = checkpoints.chance()
        told = {"place": asdict(place), "watch": watch.as_json(), "optimizer": plain, "scaler": arithmetic.state()}
        session.save(
            {**told, "chance": chance, "whole": whole},
            {"weights": weights(), "optimizer": memories, "chance": dice, **remembered(around)},
        )

    def check() -> None:
        state.step = place.step
        epoch = (place.step - place.first) / plan.epoch_steps
        last = not settings.keep_best or not session.validation
        with ExitStack() as stack:
            for one in around.values():
                stack.enter_context(one.asking(model))
            asked, watched = answers(session, model, task)
            session.evaluated(
                epoch, asked, watched, lambda scores: session.consider(scores, weights, always=last), watch
            )

    def hold() -> None:
        state.step = place.step
        session.hold(save, settings.save_seconds)

    session.begin(phase, place.first, plan.steps or 0, settings.epochs, plan.epoch_steps)
    if not within and phase.settings.start_from_probe and state.probe is not None and phase.number == 1:
        session.emit(Noticed(code="probe_first", step=state.step))
    try:
        train(
            model, optimizer, arithmetic, material(session, phase, around, examples, task), place, watch,
            check=check, hold=hold, say=session.emit, later=lambda plan: session.seconds_after(place),
        )  # fmt: skip
    except Ended as ended:
        if ended.word == "leave":
            save()
        if ended.word == "stop" and state.best is None:
            model.eval()
            check()
        raise
    finally:
        state.step = place.step


def restore(
    within: Mapping[str, Any],
    tensors: Mapping[str, checkpoints.Tensors],
    optimizer: Any,
    arithmetic: Arithmetic,
    around: Mapping[str, Around],
) -> None:
    """Everything but the weights goes on as the safety copy has it; chance last, since nothing may draw from it any more."""
    checkpoints.restore_optimizer(optimizer, within["optimizer"], tensors["optimizer"])
    arithmetic.restore(within["scaler"])
    for name, one in around.items():
        one.restore(tensors.get(f"around-{name}", {}))
    checkpoints.restore_chance(within["chance"], tensors["chance"])


def remembered(around: Mapping[str, Around]) -> dict[str, checkpoints.Tensors]:
    """What is wrapped around the loss gives away for a safety copy."""
    found = {f"around-{name}": one.tensors() for name, one in around.items()}
    return {name: tensors for name, tensors in found.items() if tensors}


def material(
    session: Session, phase: Phase, around: Mapping[str, Around], examples: list[Example], task: Task
) -> Material:
    """What the loop learns from; each phase shuffles in its own way."""
    settings = phase.settings
    return Material(
        task, session.labels, session.processor, examples, session.targets(session.train, session.training_examples),
        settings,
        session.device, 1_000_003 * settings.seed + 10_007 * phase.number, around,
    )  # fmt: skip


def moved(model: TextModel, whole: bool) -> checkpoints.Tensors:
    """The weights that make this moment, and what the model counts beside them (the statistics of a batch norm)."""
    lasting = model.state_dict(keep_vars=True)
    learnt = {name: w for name, w in model.named_parameters() if whole or w.requires_grad}
    beside = {name: counted for name, counted in model.named_buffers() if name in lasting}
    return {name: w.detach().cpu().clone().contiguous() for name, w in {**learnt, **beside}.items()}


def answers(session: Session, model: TextModel, task: Task) -> tuple[list[Prediction], list[Prediction]]:
    """What the model says now of the validation rows, and of those a person watches."""

    def said(part: list[Example], rows: list[dict[str, Any]]) -> list[Prediction]:
        outputs = asking.outputs(model, part, task, session.processor, session.device)
        return session.answers(outputs, rows, part)

    return said(session.validation_examples, session.validation), said(session.watched_examples, session.watched)


def start(session: Session, phase: Phase) -> tuple[TextModel, bool]:
    """The model as the phase (or the safety copy) finds it, on its device; and whether weights that this method leaves alone may
    differ from the base, so that all of them are kept."""
    fresh = phase.fresh or session.state.best is None or session.phases[session.state.best.phase].method == "head"
    whole = bool(session.state.within.get("whole", not fresh)) if session.state.within else not fresh
    resumed = session.tensors.get("weights")
    model = session.fresh_model(phase.settings) if fresh or resumed else session.best_model()
    checkpoints.seed(session.settings.seed + 7919 * phase.number)
    method(phase.method).prepare(model, phase.settings)
    if resumed:
        model.load_state_dict(resumed, strict=False)
    return model.to(session.device.name), whole  # type: ignore[return-value]


def new_watch(session: Session, phase: Phase) -> Watch:
    settings = phase.settings
    before, best = session.state.probe, session.state.best
    known = before.get(settings.metric) if before else None
    return Watch(settings.metric, settings.patience, settings.learning_rate, known, best_step=best.step if best else 0)
