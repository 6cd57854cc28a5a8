"""The phase that fits: the last layer on features of the untouched encoder, or all of a classic n-gram model.

Its iterations count as steps of the run, so that a curve is seen. What it fits becomes probe/: the measure of what tuning brings.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from core.device import give_back, memory
from core.models.classic import MOST_WEIGHTS, Vocabulary, counting, save_vocabulary
from core.models.loading import replacing
from core.tasks.base import Labels
from core.training import asking, carrying, prototypes, teaching
from core.training.control import Ended
from core.training.events import Stepped
from core.training.fit import DENSE_TRIALS, SPARSE_TRIALS, Head, Move, Objective, lbfgs
from core.training.session import Phase, Session, blanks
from core.training.watch import better
from core.workspace import write_json

USUAL = 60  # iterations a restraint usually takes


@dataclass(frozen=True)
class Seen:
    """What the fit sees of the texts: features (rows, width) of each group, and what else the kept model needs."""

    train: Any
    validation: Any
    watched: Any
    vocabulary: Vocabulary | None = None
    kind: str = "classic"  # of the model whose features they are
    shape: dict[str, Any] = field(
        default_factory=dict
    )  # what else its last layer needs to be built again (places, join)


def fit(session: Session, phase: Phase) -> None:
    """Fit the last layer, trying restraints from tight to loose; validation decides among them."""
    state, settings = session.state, phase.settings
    seen = counted(session) if session.base.kind == "classic" else encoded(session)
    targets = np.array([session.task.target(row, None, session.labels) for row in session.train])
    targets = teaching.blended(session.folder, targets, len(session.labels.names), settings)
    link, before = session.task.link or "softmax", carrying.anchor(session, seen.train, targets)
    objective = Objective(*_learnt(session, settings, seen.train, targets), link, before)
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
    session.begin(phase, within["first"], len(trials) * USUAL, 0.0, 1.0)
    fitting = Fitting(session, phase, objective, seen, within["first"], len(trials))
    try:
        for c in trials[len(within["tried"]) :]:
            if given_up(within["tried"], settings.metric):
                break
            point = fitting.solve(point, c, left=len(trials) - len(within["tried"]))
            scores = fitting.check(point)
            within["tried"].append({"c": c, "scores": scores})
            if not session.validation or better(scores, within["best"] and within["best"]["scores"], settings.metric):
                within["best"], chosen = {"c": c, "scores": scores}, point
            session.save(within, {"fit": {"point": point, "chosen": chosen.clone()}})
    except Ended as ended:
        if ended.word != "stop":
            raise
        if within["best"] is None:  # stopped during the first of them: what there is, is kept
            chosen, within["best"] = fitting.point, {"c": trials[0], "scores": fitting.check(fitting.point)}
        settle_fit(session, fitting, within["best"], chosen, seen)
        raise
    settle_fit(session, fitting, within["best"], chosen, seen)


def _learnt(session: Session, settings: Any, features: Any, targets: np.ndarray) -> tuple[Any, np.ndarray, int, Any]:
    """Of the objective: features, targets, how many labels and what a text of each weighs; where a few old texts stand for all there were, with
    what the earlier model saw of the others, or by weights."""
    count, how = len(session.labels.names), carrying.fitted_as(session)
    if targets.ndim == 1 and prototypes.wanted(session, settings):
        more = prototypes.added(session, targets, settings.seed)
        if more is not None and more[0].shape[1] == features.shape[1]:
            features, targets = np.concatenate([features, more[0]]), np.concatenate([targets, more[1]])
            how = {"loss": "cross_entropy"}
    return features, targets, count, session.task.weights(session.labels, settings.model_copy(update=how))


def fitted(session: Session, settings: Any, model: Any, c: float) -> Head:
    """The best last layer for a model whose body has moved, under restraint `c`; of the training texts, without any check."""
    was_training = model.training
    examples, task = session.training_examples, session.task
    seen = asking.features(model, examples, task, session.processor, session.device)
    model.train(was_training)
    targets = np.array(session.targets(session.train, examples))
    weights = task.weights(session.labels, settings.model_copy(update={"loss": "cross_entropy"}))
    objective = Objective(seen, targets, len(session.labels.names), weights, task.link or "softmax")
    point = objective.start
    for move in lbfgs(lambda at: objective(at, c), point):
        point = move.point
    return objective.head(point)


def settle_fit(session: Session, fitting: Fitting, best: dict[str, Any], chosen: torch.Tensor, seen: Seen) -> None:
    """The chosen layer becomes probe/, the measure of what tuning brings, and the first moment that may be kept."""
    head = fitting.objective.head(chosen)
    answers = session.answers(list(head.logits(seen.validation)), session.validation, blanks(len(session.validation)))
    save_probe(session, head, seen, best, session.task.settle(session.labels, session.validation, answers))
    session.state.probe = best["scores"]
    weights = {"head.weight": torch.from_numpy(head.weight), "head.bias": torch.from_numpy(head.bias)}
    fitting.check(chosen, lambda scores: session.consider(scores, lambda: weights, always=not session.validation))
    if not any(later.method == "headsteps" for later in session.phases[session.state.phase + 1 :]):
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
        # as the loss of tuning: the mean over labels where each is a question of its own, the square and not half of it for numbers
        self.share = {"sigmoid": 1 / objective.labels, "identity": 2.0}.get(objective.link, 1.0)

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
            session.answers(list(head.logits(part)), rows, blanks(len(rows)))
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
        ahead = self.pace * (max(0, USUAL - count) + (left - 1) * USUAL) + session.seconds_after()
        session.emit(
            Stepped(
                step=session.state.step,
                epoch=float(session.state.step - self.first),
                loss=move.loss * self.share,
                grad_norm=move.norm,
                examples_per_second=rows,
                memory=used,
                memory_total=total,
                seconds_left=ahead,
            )
        )
        if now - self.checked > 1.0:
            self.check(move.point)


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
    shape = {name: getattr(model, name) for name in ("places", "join") if hasattr(model, name)}
    kind = str(model.kind)
    del model
    give_back(session.device)
    session.prepare("fitting")
    return Seen(found[0], found[1], found[2], None, kind, shape)


def counted(session: Session) -> Seen:
    """Counted pieces of the texts, and the vocabulary learnt from the training texts alone."""
    settings = session.settings
    texts = [row["text"] for row in session.train]
    most = min(settings.most_features, MOST_WEIGHTS // len(session.labels.names))
    progress = session.prepare("features")
    what = counting(settings, texts)
    vocabulary = Vocabulary.learn(texts, what, settings.least_count, most, progress=lambda d, n: progress(d, 2 * n))
    train_features = vocabulary.features(texts, progress=lambda d, n: progress(n + d, 2 * n))
    others = [vocabulary.features([row["text"] for row in rows]) for rows in (session.validation, session.watched)]
    session.prepare("fitting")
    return Seen(train_features, others[0], others[1], vocabulary)


def save_probe(session: Session, head: Head, seen: Seen, best: dict[str, Any], labels: Labels) -> None:
    """probe/ opens like a model: an encoder's names the base that holds its body, a classic one is whole."""
    from safetensors.numpy import save_file

    about = session.about(labels) | {"regularization": best["c"], "scores": best["scores"]}
    with replacing(session.folder / "probe") as folder:
        if seen.vocabulary:
            save_vocabulary(seen.vocabulary, folder)
            tensors = {"weight": head.weight, "bias": head.bias, "idf": seen.vocabulary.idf}
            save_file(tensors, folder / "weights.safetensors")
            write_json(folder / "hone.json", {"format": 1, "kind": "classic", **about, "max_length": 0})
        else:
            save_file({"weight": head.weight, "bias": head.bias}, folder / "head.safetensors")
            told = {"format": 1, "kind": seen.kind, "pooling": "mean", "body": "base", "base": session.base.as_json()}
            write_json(folder / "hone.json", {**told, **seen.shape, **about})
