"""Near-equal texts labelled together: the groups (core.data.near) in which some rows have no answer, and the label the others agree on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.data import near
from core.data.dataset import Dataset
from core.data.state import State
from core.errors import Cancelled

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Group:
    """`number` of the group, its `places` that take part, how many have no answer, and the label (a place among those alive) that all
    the others have; None where they differ or none has one."""

    number: int
    places: Places
    open: int
    label: int | None


def find(folder: str, *, progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> None:
    """The job of the page: compare all texts, and keep what was found."""

    def told(done: int, total: int) -> None:
        progress(done, total)
        if cancelled():
            raise Cancelled

    data = Dataset.open(folder)
    try:
        near.groups(data.state, told)
    finally:
        data.close()


def waiting(state: State) -> list[Group]:
    """Groups with rows that have no answer; those whose others agree first, the largest first."""
    group = near.groups(state)
    inside = np.flatnonzero((group >= 0) & state.usable)
    order = inside[np.argsort(group[inside], kind="stable")]
    parts = np.split(order, np.flatnonzero(np.diff(group[order])) + 1) if len(order) else []
    found = []
    for places in parts:
        labels = state.label[places]
        open_ = int((labels < 0).sum())
        if open_ and len(places) > 1:
            said = set(labels[labels >= 0].tolist()) if state.shape.by_label else set()
            found.append(Group(int(group[places[0]]), places, open_, said.pop() if len(said) == 1 else None))
    return sorted(found, key=lambda one: (one.label is None, -len(one.places), one.number))


def answers(state: State) -> list[tuple[int, str]]:
    """(place, label) of every row that gets the label its near-equals agree on."""
    return [
        (place, state.alive[one.label].name)
        for one in waiting(state)
        if one.label is not None
        for place in one.places[state.label[one.places] < 0].tolist()
    ]


def beside(state: State, places: Places) -> Places:
    """Rows without an answer that are nearly equal to one of these; none where that is not known yet."""
    if not near.known(state):
        return np.zeros(0, np.int64)
    group = near.groups(state)
    mine = np.unique(group[places])
    return np.flatnonzero(np.isin(group, mine[mine >= 0]) & state.usable & (state.label < 0))
