"""The guide beside a person who labels: a small model that learns from every few labels, says what it would answer and which row helps most.

Lives in a resident process (`python -m core.labelling.guide`, see core.resident), one Guide a data set; the page asks by questions, which are
plain dictionaries: {"what": "look" | "estimate" | "forget", "folder", ...}. It only reads the data set; what it says is never a label by itself.

Every eighth row, by its hash, is set aside (`aside`): no strategy prefers it, and now and then it is shown all the same. Labels of these rows are a
fair sample, from which core.labelling.stopping estimates how good the model is.
"""

from __future__ import annotations

import os
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core import resident
from core.data import browse, team
from core.data.dataset import Dataset
from core.data.splits import mixed
from core.data.state import State
from core.labelling import features, heads, stopping
from core.labelling.learners import Layer, Marks, labelled, learnt_from, targets
from core.labelling.offer import link_of
from core.labelling.strategies import Scene, pick, strategy

OPEN = 4  # data sets in memory at once
SHARE = 8  # of so many rows one is set aside
TAGGED = 400  # unlabelled texts the tagger looks at for each choice
MOST = 60  # rows a question
Places = NDArray[np.int64]


def aside(state: State, places: Places) -> NDArray[np.bool_]:
    """Which of these rows are set aside: chance, and the same tomorrow."""
    return mixed(state.keys[places], 11) % np.uint64(SHARE) == 0


def mixed_in(chosen: Places, spare: Places, count: int, at: int) -> tuple[Places, Places]:
    """Every eighth row that is shown, counted from `at`, is one that is set aside, as long as there are some."""
    found: list[int] = []
    apart: list[int] = []
    one, other = chosen.tolist(), spare.tolist()
    for i in range(count):
        if other and ((at + i) % SHARE == SHARE - 1 or not one):
            apart.append(other.pop(0))
            found.append(apart[-1])
        elif one:
            found.append(one.pop(0))
    return np.array(found, np.int64), np.array(apart, np.int64)


class Guide:
    """One data set's small model, learnt anew when answers have come. Not safe for threads: one question after the other."""

    def __init__(self, folder: Path):
        self.data = Dataset.open(folder)
        self._model: Layer | Marks | None = None
        self._learnt: tuple[Any, ...] | None = None
        self._features: features.Features | None = None
        self._held: tuple[Any, ...] | None = None
        self.seconds = 0.0  # the last learning took

    def look(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """`rows`: ids whose guesses are wanted. `count`: rows that are to come next, by `order`, among those that `only`, `search` and
        `person` leave, but `without` these; `first` before all others, if it fits. Answers {"link", "learnt": rows learnt from, "missing": rows without a vector, "next": [ids],
        "aside": [ids among them], "guesses": {id: guess}, "total": rows that fit, "seconds"}."""
        state = self.data.state
        link = link_of(state)
        model = self._fresh(state, link)
        places, apart, total = self._next(state, question, model) if question.get("count") else (_none(), _none(), 0)
        asked = [state.rows.place(row) for row in question.get("rows") or () if _there(state, row)]
        both = list(dict.fromkeys([*asked, *places.tolist()]))[: 2 * MOST]
        return {
            "link": link,
            "learnt": model.rows if model else 0,
            "missing": 0 if link == "marks" else self._missing(state),
            "next": state.rows.ids(places),
            "aside": state.rows.ids(apart),
            "total": total,
            "guesses": self._guesses(state, model, both),
            "seconds": round(self.seconds, 3),
        }

    def estimate(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """How good a model would be by now, and what more labels would bring: see core.labelling.stopping."""
        state = self.data.state
        link = link_of(state)
        places = labelled(state)
        held = self._vectors(state)
        if link != "marks" and link:
            places = places[held.rows(places) >= 0]
        places = learnt_from(state, places, link) if link else places
        missing = stopping.missing(state)
        if link in ("", "identity") or not len(places):
            return {"link": link, "labels": missing, "aside": 0}
        problem = stopping.Problem(
            link=link,
            gold=targets(state, places, link),
            names=[one.name for one in state.alive],
            vectors=None if link == "marks" else held.vectors[held.rows(places)],
            texts=state.texts(places) if link == "marks" else None,
        )
        told = stopping.estimate(problem, np.flatnonzero(aside(state, places)))
        return {"link": link, "labels": missing, **told}

    def _fresh(self, state: State, link: str) -> Layer | Marks | None:
        """The model as of now; learnt anew when an answer, a label or a vector has changed. None where none can learn such answers."""
        if not link:
            return None
        held = None if link == "marks" else self._vectors(state)
        stamps = tuple(state.stamps[part] for part in ("imports", "roles", "labels", "answers", "edits"))
        now = (link, stamps, self._held if held is not None else None)
        if now == self._learnt:
            return self._model
        began = time.perf_counter()
        if link == "marks":
            self._model = Marks.learn(state, self._model if isinstance(self._model, Marks) else None)
        else:
            assert held is not None
            self._model = Layer.learn(state, held, self._model if isinstance(self._model, Layer) else None)
        self.seconds, self._learnt = time.perf_counter() - began, now
        return self._model

    def _vectors(self, state: State) -> features.Features:
        """Read again when rows or what lies on disk have changed."""
        usable = tuple(state.stamps[part] for part in ("imports", "roles", "edits"))
        now = (usable, features.mark(self.data))
        if self._features is None or now != self._held:
            self._features, self._held = features.known(self.data), now
        return self._features

    def _missing(self, state: State) -> int:
        return len(features.wanted(state)) - len(self._vectors(state).places)

    def _next(self, state: State, question: Mapping[str, Any], model: Any) -> tuple[Places, Places, int]:
        """Places of the rows to show next, those of them that are set aside, and how many fit at all."""
        person = question.get("person")
        setting = team.of(self.data.log)
        mine = team.mine(self.data, str(person), setting) if person and setting.on else None
        mask = browse.waiting(state, str(question.get("only") or "unlabelled"), str(question.get("search") or ""), mine)
        total = int(mask.sum())
        without = [state.rows.place(row) for row in question.get("without") or () if _there(state, row)]
        mask[without] = False
        count = max(1, min(int(question["count"]), MOST))
        places = np.flatnonzero(mask)
        order = str(question["order"])
        if order == "disagree":
            doubted = self._doubted(state, model)
            return doubted[~np.isin(doubted, without)][:count], _none(), len(doubted)
        strategy(order)  # an unknown one is told
        kept = aside(state, places) if order != "similar" else np.zeros(len(places), np.bool_)
        chosen = self._chosen(state, order, places[~kept], count, model, question.get("like"))
        spare = places[kept][np.argsort(state.keys[places[kept]], kind="stable")]
        found, apart = mixed_in(chosen, spare, count, int(question.get("at") or 0))
        first = question.get("first")
        if first and _there(state, first) and mask[place := state.rows.place(first)]:
            found = np.concatenate([[place], found[found != place]])[:count]
        return found, apart, total

    def _chosen(self, state: State, order: str, pool: Places, count: int, model: Any, like: Any) -> Places:
        """`count` of the pool by a strategy; rows that have no vector yet come last."""
        if isinstance(model, Marks) or link_of(state) == "marks":
            return self._tagged(state, order, pool, count, model)
        held = self._vectors(state)
        at = held.rows(pool)
        there, rest = pool[at >= 0], pool[at < 0]
        rest = rest[np.argsort(state.keys[rest], kind="stable")][:count]
        if not len(there):
            return rest
        scene = self._scene(state, held, at[at >= 0], model, like)
        return np.concatenate([there[pick(order, scene, count)][:count], rest])[:count]

    def _scene(self, state: State, held: features.Features, at: Places, model: Layer | None, like: Any) -> Scene:
        known = held.rows(labelled(state))
        place = state.rows.place(like) if like and _there(state, like) else -1
        row = int(held.rows(np.array([place]))[0]) if place >= 0 else -1
        return Scene(
            pool=held.vectors[at],
            said=model.said[at] if model else np.zeros((0, 1), np.float32),
            link=model.fitted.link if model else "softmax",
            seen=held.vectors[known[known >= 0]],
            counts=state.label_counts,
            doubt=model.spread[at] if model and model.spread is not None else None,
            like=held.vectors[row] if row >= 0 else None,
            chance=np.random.default_rng(state.version),
        )

    def _doubted(self, state: State, model: Any) -> Places:
        """Labelled rows, those first whose label a model that has not seen them holds for least likely."""
        places = labelled(state)
        if not isinstance(model, Layer) or model.fitted.link == "identity":
            return _none()
        held = self._vectors(state)
        places = learnt_from(state, places[held.rows(places) >= 0], model.fitted.link)
        gold, link = targets(state, places, model.fitted.link), model.fitted.link
        x = held.vectors[held.rows(places)]
        said = heads.unseen(x, gold, len(state.alive), model.fitted, np.arange(len(places)), 3)
        if link == "softmax":
            right = said[np.arange(len(places)), gold]
            places, right = places[said.argmax(axis=1) != gold], right[said.argmax(axis=1) != gold]
        else:
            right = np.where(gold > 0.5, said, 1 - said).min(axis=1)
        return places[np.argsort(right, kind="stable")]

    def _tagged(self, state: State, order: str, pool: Places, count: int, model: Marks | None) -> Places:
        """Marked places: of some unlabelled texts those in which tokens are least sure; by chance until there is a tagger."""
        some = pool[np.random.default_rng(state.version).permutation(len(pool))[:TAGGED]]
        if model is None or order in ("random", "typical", "diverse"):
            return some[:count]
        doubts = np.array([one["doubt"] for one in model.guess(state, some.tolist())])
        return some[np.argsort(-doubts, kind="stable")][:count]

    def _guesses(self, state: State, model: Any, places: Sequence[int]) -> dict[str, Any]:
        if model is None or not places:
            return {}
        ids = state.rows.ids(np.array(places, np.int64))
        if isinstance(model, Marks):
            return dict(zip(ids, model.guess(state, list(places)), strict=True))
        said = ((row, model.guess(state, place)) for row, place in zip(ids, places, strict=True))
        return {row: guess for row, guess in said if guess is not None}


def _there(state: State, row: Any) -> bool:
    try:
        state.rows.place(str(row))
    except Exception:  # deleted meanwhile, or never a row
        return False
    return True


def _none() -> Places:
    return np.zeros(0, np.int64)


# In the process -----------------------------------------------------------------------------------------------------


class Guides:
    """The guides of the data sets that were asked about last."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, Guide] = OrderedDict()

    def answer(
        self, question: dict[str, Any], piece: Callable[[str], bool], stopped: Callable[[], bool]
    ) -> dict[str, Any]:
        folder = question.get("folder")
        if question["what"] == "forget":  # its folder is about to be moved or deleted
            if (guide := self._open.pop(str(folder), None)) is not None:
                guide.data.close()
            return {}
        if question["what"] == "estimate":  # beside the others: with a guide of its own
            return Guide(Path(str(folder))).estimate(question)
        if folder not in self._open:
            self._open[str(folder)] = Guide(Path(str(folder)))
        self._open.move_to_end(str(folder))
        while len(self._open) > OPEN:
            self._open.popitem(last=False)
        return self._open[str(folder)].look(question)


def main(idle: float) -> None:
    guides = Guides()
    resident.serve(idle, guides.answer, beside=lambda question: question["what"] == "estimate")


if __name__ == "__main__":
    main(float(sys.argv[1]))
    os._exit(0)  # without waiting for libraries to tidy up
