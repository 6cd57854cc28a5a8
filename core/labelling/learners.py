"""What a data set's answers are to the small model: targets for a layer on vectors, or marked places for the tagger; and what it says of rows.

Which of the two serves a data set says core.labelling.offer. Knows states and vectors, nothing of which row is next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.state import State
from core.labelling import heads, tagger
from core.labelling.features import Features
from core.labelling.heads import Fitted
from core.labelling.offer import link_of
from core.labelling.strategies import confidence
from core.tasks.base import Link

LEAST = {"softmax": 5, "sigmoid": 5, "identity": 10, "marks": 10}  # labelled rows from which on it says something
MOST = {"softmax": 20_000, "sigmoid": 10_000, "identity": 20_000, "marks": 2_000}  # labelled rows it learns from
GROWN = 1.25  # so many times as many labels, and the restraint is chosen anew
SPOKEN = 0.5  # a label of several is proposed from this probability on
MARKED = 0.3  # a marked place is proposed from this probability on
TOLD = 3  # labels told of a row
Places = NDArray[np.int64]
Floats = NDArray[np.float32]


def labelled(state: State) -> Places:
    """Rows whose answer can be learnt from."""
    return np.flatnonzero(state.usable & (state.label >= 0))


def learnt_from(state: State, places: Places, link: Link | str) -> Places:
    """Of very many labelled rows a fair sample, so that learning stays a matter of a second: what a person has answered, then by hash."""
    if len(places) <= MOST[link]:
        return places
    order = np.lexsort((state.keys[places], state.human[places] < 0))
    return np.sort(places[order[: MOST[link]]])


def targets(state: State, places: Places, link: Link | str) -> Any:
    """Label places (rows,); 0 and 1 (rows, labels); numbers (rows,); or lists of marked places."""
    if link == "softmax":
        return state.label[places].astype(np.int64)
    values = [state.value(place) for place in places.tolist()]
    if link == "identity":
        return np.array(values, np.float64)
    if link == "marks":
        return values
    columns = {one.name: i for i, one in enumerate(state.alive)}
    found = np.zeros((len(places), len(columns)), np.float32)
    for row, names in zip(found, values, strict=True):
        row[[columns[name] for name in names if name in columns]] = 1
    return found


@dataclass
class Layer:
    """A layer on vectors and what it says of all of them: `said` (vectors, labels)."""

    features: Features
    fitted: Fitted
    said: Floats
    spread: Floats | None = None  # of numbers: how far layers of other samples are apart (vectors,)
    chosen_at: int = 0

    @staticmethod
    def learn(state: State, features: Features, before: Layer | None) -> Layer | None:
        """From the rows that are labelled; None where they are too few. Takes the restraint of `before` until labels have grown."""
        link = link_of(state)
        places = labelled(state)
        places = learnt_from(state, places[features.rows(places) >= 0], link)
        at = features.rows(places)
        if len(at) < LEAST[link] or (link == "softmax" and len(np.unique(state.label[places])) < 2):
            return None
        outputs = 1 if link == "identity" else len(state.alive)
        gold, x = targets(state, places, link), features.vectors[at]
        fresh = before is None or before.fitted.link != link or len(at) >= GROWN * before.chosen_at
        fitted = heads.fit(x, gold, outputs, link, None if fresh or before is None else before.fitted.restraint)  # type: ignore[arg-type]
        spread = None
        if link == "identity":
            spread = heads.committee(x, gold, outputs, fitted, features.vectors)[:, :, 0].std(axis=0)
        chosen_at = len(at) if fresh or before is None else before.chosen_at
        return Layer(features, fitted, fitted.outputs(features.vectors), spread, chosen_at)

    @property
    def rows(self) -> int:
        return self.fitted.rows

    def guess(self, state: State, place: int) -> dict[str, Any] | None:
        """What it would say of a row, as the page keeps answers: {"value", "p", "top": [[label id, p]]}; None without a vector."""
        at = int(self.features.rows(np.array([place]))[0])
        if at < 0:
            return None
        said = self.said[at]
        if self.fitted.link == "identity":
            assert self.spread is not None
            return {"value": round(float(said[0]), 2), "p": None, "give": round(float(self.spread[at]), 2)}
        order = np.argsort(-said, kind="stable")[:TOLD].tolist()
        top = [[state.alive[i].id, round(float(said[i]), 4)] for i in order]
        if self.fitted.link == "softmax":
            return {"value": top[0][0], "p": top[0][1], "top": top}
        on = [state.alive[i].id for i in np.flatnonzero(said >= SPOKEN).tolist()]
        return {"value": on, "p": round(float(confidence(said[None], "sigmoid")[0]), 4), "top": top}


@dataclass
class Marks:
    """The tagger, with the labels it knows."""

    tagger: Any
    labels: tuple[str, ...]
    rows: int

    @staticmethod
    def learn(state: State, before: Marks | None) -> Marks | None:
        places = learnt_from(state, labelled(state), "marks")
        names = tuple(one.name for one in state.alive)
        if len(places) < LEAST["marks"] or not names:
            return None
        known = before.tagger if before is not None and before.labels == names else None
        gold = targets(state, places, "marks")
        if not any(gold):
            return None
        return Marks(tagger.fit(state.texts(places), gold, names, before=known), names, len(places))

    def guess(self, state: State, places: list[int]) -> list[dict[str, Any]]:
        """[{"value": marked places with label ids, "p": of the least sure of them, "doubt": of the text}]."""
        ids = {one.name: one.id for one in state.alive}
        found = []
        for one in self.tagger.predict(state.texts(places)):
            spans = [s for s in one.spans if s["p"] >= MARKED]
            value = [{"start": s["start"], "end": s["end"], "label": ids[s["label"]]} for s in spans]
            sure = min((s["p"] for s in spans), default=1 - one.highest)
            found.append({"value": value, "p": round(float(sure), 4), "doubt": one.mean + one.highest})
        return found
