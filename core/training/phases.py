"""What happens in each phase of a run. `fit`: a convex fit on features that stay as they are. `tune`: steps through the model."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from core.device import give_back, memory
from core.models.classic import MOST_WEIGHTS as MOST_CLASSIC_WEIGHTS
from core.models.classic import Classic, Vocabulary, counting, save_vocabulary
from core.models.heads import TextModel
from core.models.loading import replacing
from core.models.methods import method
from core.tasks.base import Example, LabelScores
from core.tasks.classification import answers, label_weights
from core.training import asking, checkpoints
from core.training.control import Ended
from core.training.events import Began, Noticed, Stepped
from core.training.fit import DENSE_TRIALS, SPARSE_TRIALS, Head, Move, Objective, lbfgs
from core.training.loop import Material, train
from core.training.optimizers import optimizer as new_optimizer
from core.training.plan import Place, Plan
from core.training.precision import Arithmetic
from core.training.session import Phase, Session
from core.training.watch import Watch, better
from core.workspace import write_json

STEP_COST = 3.2  # a step through the model takes this many times a forward pass
USUAL = 60  # iterations a restraint usually takes


# Fitting ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """What the fit sees of the texts: features (rows, width) of each group, and what else the kept model needs."""

    train: Any
    validation: Any
    watched: Any
    vocabulary: Vocabulary | None = None


def fit(session: Session, phase: Phase) -> None:
    """Fit the last layer, trying restraints from tight to loose; validation decides among them."""
    state, settings = session.state, phase.settings
    seen = counted(session) if session.base.kind == "classic" else encoded(session)
    targets = np.array([session.labels.index(row["label"]) for row in session.train])
    weights = label_weights(session.labels, settings.model_copy(update={"loss": "cross_entropy"}))
    objective = Objective(seen.train, targets, len(session.labels.names), weights)
    trials = (
        [settings.regularization]
        if settings.regularization
        else list(SPARSE_TRIALS if seen.vocabulary else DENSE_TRIALS)
    )
    if not session.validation and len(trials) > 1:
        trials = trials[: 1 + len(trials) // 2]
    within = state.within or {"tried": [], "best": None, "first": state.step}
    stored = session.tensors.pop("fit", {})
    point, chosen = stored.get("point", objective.start), stored.get("chosen", objective.start)
    began(session, phase, within["first"], len(trials) * USUAL, 0.0, 1.0)
    fitting = Fitting(session, phase, objective, seen, within["first"], len(trials))
    try:
        for c in trials[len(within["tried"]) :]:
            point = fitting.solve(point, c, left=len(trials) - len(within["tried"]))
            scores = fitting.check(point)
            within["tried"].append({"c": c, "scores": scores})
            if not session.validation or better(scores, within["best"] and within["best"]["scores"], settings.metric):
                within["best"], chosen = {"c": c, "scores": scores}, point
            session.save(within, {"fit": {"point": point, "chosen": chosen.clone()}})
            if given_up(within["tried"], settings.metric):
                break
    except Ended as ended:
        if ended.word != "stop":
            raise
        if within["best"] is None:  # stopped during the first of them: what there is, is kept
            chosen, within["best"] = fitting.point, {"c": trials[0], "scores": fitting.check(fitting.point)}
        settle_fit(session, fitting, within["best"], chosen, seen)
        raise
    settle_fit(session, fitting, within["best"], chosen, seen)


def settle_fit(session: Session, fitting: Fitting, best: dict[str, Any], chosen: torch.Tensor, seen: Seen) -> None:
    """The chosen layer becomes probe/, the measure of what tuning brings, and the first moment that may be kept."""
    head = fitting.objective.head(chosen)
    save_probe(session, head, seen, best)
    session.state.probe = best["scores"]
    weights = {"head.weight": torch.from_numpy(head.weight), "head.bias": torch.from_numpy(head.bias)}
    fitting.check(chosen, lambda scores: session.consider(scores, lambda: weights, always=not session.validation))
    shutil.rmtree(session.folder / "features", ignore_errors=True)


def given_up(tried: list[dict[str, Any]], metric: str) -> bool:
    """Two looser restraints in a row brought nothing better."""
    if len(tried) < 3 or not tried[0]["scores"]:
        return False
    best = tried[-3]["scores"]
    return not any(better(t["scores"], best, metric) or t["scores"]["loss"] < best["loss"] for t in tried[-2:])


class Fitting:
    """One fit under way: its iterations are steps of the run, so that a curve is seen."""

    def __init__(self, session: Session, phase: Phase, objective: Objective, seen: Seen, first: int, trials: int):
        self.session, self.phase, self.objective, self.seen = session, phase, objective, seen
        self.first, self.trials = first, trials
        self.point = objective.start
        self.told = self.checked = 0.0
        self.pace = 0.0

    def solve(self, start: torch.Tensor, c: float, left: int) -> torch.Tensor:
        """The best layer under restraint `c`."""
        session, point = self.session, start
        self.point = start
        begun = time.monotonic()
        for count, move in enumerate(lbfgs(lambda at: self.objective(at, c), start), 1):
            point = self.point = move.point
            session.state.step += 1
            self.pace = (time.monotonic() - begun) / count
            self._tell(move, count, left)
            session.hold(lambda: None, 0.0)
        return point

    def check(
        self, point: torch.Tensor, best: Callable[[dict[str, float]], bool] = lambda scores: False
    ) -> dict[str, float]:
        """Ask the validation split with the layer at `point`."""
        session, head = self.session, self.objective.head(point)
        asked = [
            session.answers(torch.from_numpy(head.logits(part)), rows, [Example(i, NOTHING) for i in range(len(rows))])
            for part, rows in ((self.seen.validation, session.validation), (self.seen.watched, session.watched))
        ]
        self.checked = time.monotonic()
        epoch = float(session.state.step - self.first)
        return session.evaluated(epoch, asked[0], asked[1], best)

    def _tell(self, move: Move, count: int, left: int) -> None:
        now, session = time.monotonic(), self.session
        if now - self.told < 0.25 and not (count == 1 and left == self.trials):
            return
        self.told = now
        used, total = memory(session.device)
        rows = len(session.train) / max(self.pace, 1e-6)
        ahead = self.pace * (max(0, USUAL - count) + (left - 1) * USUAL) + seconds_after(session)
        session.emit(
            Stepped(
                step=session.state.step,
                epoch=float(session.state.step - self.first),
                loss=move.loss,
                grad_norm=move.norm,
                examples_per_second=rows,
                memory=used,
                memory_total=total,
                seconds_left=ahead,
            )
        )
        if now - self.checked > 1.0:
            self.check(move.point)


NOTHING = np.zeros(0, dtype=np.int32)


def encoded(session: Session) -> Seen:
    """Features of the untouched encoder; those of the training texts are kept in the run's folder while the fit lasts."""
    examples = session.training_examples
    session.prepare("loading")
    model = session.fresh_model().to(session.device.name).eval()
    folder = session.folder / "features"
    progress = session.prepare("features")
    total = len(examples) + len(session.validation) + len(session.watched)
    begun, done = time.monotonic(), 0
    found = []
    for name, part in (
        ("train", examples),
        ("validation", session.validation_examples),
        ("watched", session.watched_examples),
    ):

        def ahead(n: int, _: int, before: int = done) -> None:
            progress(before + n, total)

        found.append(
            asking.features(model, part, session.task, session.processor, session.device, folder / f"{name}.npy", ahead)
        )
        done += len(part)
        if name == "train":
            session.state.feature_seconds = max(session.state.feature_seconds, time.monotonic() - begun)
    del model
    give_back(session.device)
    session.prepare("fitting")
    return Seen(found[0], found[1], found[2])


def counted(session: Session) -> Seen:
    """Counted pieces of the texts, and the vocabulary learnt from the training texts alone."""
    settings = session.settings
    texts = [row["text"] for row in session.train]
    most = min(settings.most_features, MOST_CLASSIC_WEIGHTS // len(session.labels.names))
    progress = session.prepare("features")
    what = counting(settings, texts)
    vocabulary = Vocabulary.learn(texts, what, settings.least_count, most, progress=lambda d, n: progress(d, 2 * n))
    train_features = vocabulary.features(texts, progress=lambda d, n: progress(n + d, 2 * n))
    others = [vocabulary.features([row["text"] for row in rows]) for rows in (session.validation, session.watched)]
    session.prepare("fitting")
    return Seen(train_features, others[0], others[1], vocabulary)


def save_probe(session: Session, head: Head, seen: Seen, best: dict[str, Any]) -> None:
    """probe/ opens like a model: an encoder's names the base that holds its body, a classic one is whole."""
    from safetensors.numpy import save_file

    about = session_about(session) | {"regularization": best["c"], "scores": best["scores"]}
    with replacing(session.folder / "probe") as folder:
        if seen.vocabulary:
            save_vocabulary(seen.vocabulary, folder)
            tensors = {"weight": head.weight, "bias": head.bias, "idf": seen.vocabulary.idf}
            save_file(tensors, folder / "weights.safetensors")
            write_json(folder / "hone.json", {"format": 1, "kind": "classic", **about, "max_length": 0})
        else:
            save_file({"weight": head.weight, "bias": head.bias}, folder / "head.safetensors")
            kind = "standard" if session.source.standard else "pooled"
            told = {"format": 1, "kind": kind, "pooling": "mean", "body": "base", "base": session.base.as_json()}
            write_json(folder / "hone.json", {**told, **about})


def session_about(session: Session) -> dict[str, Any]:
    """What every saved model says of itself."""
    longest = session.settings.max_length
    return {
        "task": session.task.name,
        "labels": list(session.labels.names),
        "max_length": min(longest, session.base.max_length or longest),
        "run": session.spec.get("id", session.folder.name),
        "base_id": session.base.id,
    }


def kept_classic(session: Session) -> Classic:
    """All of a classic model is its fitted layer."""
    return Classic.load(session.folder / "probe")


def test_answers(session: Session, model: Any) -> list[LabelScores]:
    """What the kept model answers on the test split."""
    progress = session.prepare("testing", obey=False)
    if isinstance(model, Classic):
        return answers(model.probabilities([row["text"] for row in session.test], progress), session.labels.names)
    examples = session.examples(session.test, lambda done, total: None)
    model = model.to(session.device.name).eval()
    outputs = asking.logits(model, examples, session.task, session.processor, session.device, progress)
    return session.answers(outputs, session.test, examples)


# Tuning -------------------------------------------------------------------------------------------------------------


def tune(session: Session, phase: Phase) -> None:
    """Take steps through the model, from the probe or from the best moment so far, and keep the best moment."""
    state, settings = session.state, phase.settings
    examples = session.training_examples
    session.prepare("loading")
    model, whole = start(session, phase)
    optimizer, arithmetic = new_optimizer(model, settings), Arithmetic(session.device)
    within, tensors = state.within, session.tensors
    place = Place(**within["place"]) if within else Place(step=state.step, first=state.step)
    watch = Watch.from_json(within["watch"]) if within else new_watch(session, phase)
    if within:
        checkpoints.restore_optimizer(optimizer, within["optimizer"], tensors["optimizer"])
        arithmetic.restore(within["scaler"])
        checkpoints.restore_chance(within["chance"], tensors["chance"])
    session.tensors = {}
    session.saved = time.monotonic()

    def moved() -> checkpoints.Tensors:
        """The weights that make this moment."""
        return {
            name: weights.detach().cpu().clone().contiguous()
            for name, weights in model.named_parameters()
            if whole or weights.requires_grad
        }

    def save() -> None:
        plain, memories = checkpoints.optimizer_state(optimizer)
        chance, dice = checkpoints.chance()
        told = {
            "place": asdict(place),
            "watch": watch.as_json(),
            "optimizer": plain,
            "scaler": arithmetic.state(),
            "chance": chance,
            "whole": whole,
        }
        session.save(told, {"weights": moved(), "optimizer": memories, "chance": dice})

    def check() -> None:
        state.step = place.step
        plan = Plan.of(settings, len(examples))
        epoch = (place.step - place.first) / plan.epoch_steps
        asked = [
            session.answers(asking.logits(model, part, session.task, session.processor, session.device), rows, part)
            for part, rows in (
                (session.validation_examples, session.validation),
                (session.watched_examples, session.watched),
            )
        ]
        last = not settings.keep_best or not session.validation
        session.evaluated(epoch, asked[0], asked[1], lambda scores: session.consider(scores, moved, always=last), watch)

    def hold() -> None:
        state.step = place.step
        session.hold(save, settings.save_seconds)

    plan = Plan.of(settings, len(examples))
    began(session, phase, place.first, plan.steps or 0, settings.epochs, plan.epoch_steps)
    if not within and phase.settings.start_from_probe and state.probe is not None and phase.number == 1:
        session.emit(Noticed(code="probe_first", step=state.step))
    material = Material(
        session.task, session.labels, session.processor, examples, session.targets(session.train, examples), settings,
        session.device, 1_000_003 * settings.seed + 10_007 * phase.number,
    )  # fmt: skip
    try:
        train(
            model, optimizer, arithmetic, material, place, watch,
            check=check, hold=hold, say=session.emit, later=lambda plan: seconds_after(session, place),
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
        state.seconds += place.seconds


def start(session: Session, phase: Phase) -> tuple[TextModel, bool]:
    """The model as the phase (or the safety copy) finds it, on its device; and whether weights that this method leaves alone may
    differ from the base, so that all of them are kept."""
    fresh = phase.fresh or session.state.best is None or session.phases[session.state.best.phase].method == "head"
    whole = bool(session.state.within.get("whole", not fresh)) if session.state.within else not fresh
    resumed = session.tensors.get("weights")
    model = session.fresh_model() if fresh or resumed else session.best_model()
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


def began(session: Session, phase: Phase, first: int, steps: int, epochs: float, epoch_steps: float) -> None:
    settled = {
        "device": session.device.as_json(),
        "threads": torch.get_num_threads(),
        "settings": phase.settings.model_dump(),
    }
    session.emit(
        Began(
            phase=phase.number, method=phase.method, first_step=first, steps=steps, epochs=epochs,
            steps_per_epoch=epoch_steps, settled=settled,
        )
    )  # fmt: skip


def seconds_after(session: Session, place: Place | None = None) -> float:
    """Seconds the later phases will take: by the pace of this one, else by what a pass through the texts took."""
    texts = len(session.train)
    pace = STEP_COST * session.state.feature_seconds / max(1, texts)  # seconds a text
    if place and place.step > place.first:
        size = session.phases[session.state.phase].settings
        pace = place.seconds / ((place.step - place.first) * size.batch_size * size.accumulation)
    seconds = 0.0
    for phase in session.phases[session.state.phase + 1 :]:
        plan = Plan.of(phase.settings, texts)
        steps = (plan.steps or 0) * phase.settings.batch_size * phase.settings.accumulation
        seconds += plan.seconds or steps * pace
    return seconds
