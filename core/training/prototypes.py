"""Where new labels come with many texts and of the old ones only a few are seen again, the last layer gives too much to the new ones. What the earlier
model saw of each old label (core.training.around.standing) stands there for the old texts that are not seen again: in the fit of the layer, and in
its steps while the rest moves. It costs one pass of some old texts through the earlier model.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from core.training import asking, carrying
from core.training.around.standing import Prototypes, seen
from core.training.continual_settings import MOST

if TYPE_CHECKING:
    from core.tasks.base import Row
    from core.training.session import Session

LEAST = 0.05  # drawn for each text of a round: with fewer the labels are in balance without


def wanted(session: Session, settings: Any) -> bool:
    """Whether old texts that are not seen again are stood for: labels that shut each other out, a last layer that is carried over, and new labels."""
    earlier = session.earlier
    if not earlier or not settings.prototypes or settings.remember != "replay" or not session.put_aside:
        return False
    if session.task.link != "softmax" or session.task.annotation.kind != "single":
        return False
    names = set(session.labels.names)
    return carrying.goes_on(session) and bool(names - set(earlier.names)) and bool(names & set(earlier.names))


def prototypes(session: Session) -> Prototypes:
    """Asked once of a session whose settings want them (`wanted`); some of every old label's texts go through the earlier model."""
    earlier = session.earlier
    assert earlier is not None
    if earlier.prototypes is None:
        rows = _old(session)
        chosen = _some(rows, session.settings.seed)
        examples = session.examples(chosen, lambda done, total: None)
        model = earlier.model().to(session.device.name)
        told = session.prepare("measuring", obey=False)
        vectors = asking.features(model, examples, session.task, session.processor, session.device, progress=told)
        places = {name: place for place, name in enumerate(session.labels.names)}
        labels = np.array([places[chosen[example.row]["label"]] for example in examples])
        earlier.prototypes = seen(vectors, labels, Counter(places[row["label"]] for row in rows))
    return earlier.prototypes


def missing(session: Session, times: Counter[str]) -> dict[str, float]:
    """old label -> texts that it lacks, where `times` says how often each label is seen: to as many as there were, at most as many as a new label has."""
    were = Counter(row["label"] for row in _old(session))
    new = [times[name] for name in session.labels.names if name not in were and times[name]]
    most = sum(new) / max(1, len(new))
    return {name: max(0.0, min(count, most) - times[name]) for name, count in were.items()}


def added(session: Session, targets: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray] | None:
    """What stands in the fit of the last layer for old texts: vectors (texts, width) and their labels (texts,) by number."""
    names = session.labels.names
    lacking = missing(session, Counter(names[int(target)] for target in targets))
    found = prototypes(session)
    each = [round(lacking.get(names[int(label)], 0.0)) for label in found.labels]
    if not sum(each):
        return None
    places = torch.repeat_interleave(torch.arange(len(each)), torch.tensor(each))
    noise = torch.randn(len(places), found.means.shape[1], generator=torch.Generator().manual_seed(seed))
    return found.drawn(places, noise).numpy(), found.labels[places].numpy()


def balance(session: Session, settings: Any) -> tuple[float, np.ndarray]:
    """Of a round: how many are to be drawn for each of its texts, and (labels,) the logarithm of how much oftener a label comes than it has texts,
    those of new labels taken as the measure."""
    stream = carrying.mixed(session, settings, session.training_examples)
    times = Counter(session.train[example.row]["label"] for example in stream)
    lacking = missing(session, times)
    come = [(times[name], times[name] + lacking.get(name, 0.0)) for name in session.labels.names]
    often = np.array([np.log(max(there, 1) / max(due, 1)) for there, due in come], dtype=np.float32)
    return sum(lacking.values()) / max(1, len(stream)), often


def _old(session: Session) -> list[Row]:
    """Old rows that were learnt from and whose label is still there, those seen again among them."""
    known = set(session.earlier.names) & set(session.labels.names)  # type: ignore[union-attr]
    rows = [*session.put_aside, *(row for row in session.train if not session.is_new(row))]
    return [row for row in rows if row["label"] in known]


def _some(rows: Sequence[Row], seed: int) -> list[Row]:
    by_label: dict[str, list[Row]] = defaultdict(list)
    for place in np.random.default_rng(seed).permutation(len(rows)).tolist():
        by_label[rows[place]["label"]].append(rows[place])
    return [row for label in sorted(by_label) for row in by_label[label][:MOST]]
