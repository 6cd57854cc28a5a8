"""Rows that a person has picked, many at once: by an area of the map, a group, a search, near-equal texts or a rule. A pick is what the page
sends; here it becomes places.

{"places": base64 of int32, "data": ...} | {"rows": [ids]} | {"search": ..., "regex": ..., "label": ..., "only": ...} | {"group": 3} |
{"near": 12} | {"rule": 5} | {"beside": pick} (rows without an answer that are nearly equal to those of a pick), each with "but": [ids] for
rows that were taken out again.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data import browse, near
from core.data.dataset import Dataset
from core.data.state import State
from core.errors import DataError, Missing
from core.labelling import alike, rules, survey
from core.words import Message

Places = NDArray[np.int64]


def mark(state: State) -> str:
    """Places mean the same as long as this stays: the files that are there."""
    return "-".join(f"{one.id}.{one.rows}" for one in state.rows.imports)


def places(data: Dataset, pick: Mapping[str, Any]) -> Places:
    """Rising, each once. DataError where the rows have changed since the page saw them."""
    state = data.state
    found = np.unique(_places(data, state, pick))
    if but := pick.get("but"):
        out = [state.rows.place(row) for row in but]
        found = found[~np.isin(found, out)]
    return found


def mix(state: State, places: NDArray[np.int64], most: int = 12) -> list[dict[str, Any]]:
    """[{label, n}] of the labels these rows have, the most frequent first."""
    if state.shape.by_label:
        mine = state.label[places]
        counts = np.bincount(mine[mine >= 0], minlength=len(state.alive))
    else:
        counts = np.array([int(state.carries(at)[places].sum()) for at in range(len(state.alive))], np.int64)
    order = np.argsort(-counts, kind="stable")[:most]
    return [{"label": state.alive[at].id, "n": int(counts[at])} for at in order.tolist() if counts[at]]


def _places(data: Dataset, state: State, pick: Mapping[str, Any]) -> Places:
    if "places" in pick:
        return _sent(state, pick)
    if "rows" in pick:
        return np.array([state.rows.place(row) for row in pick["rows"]], np.int64)
    if "group" in pick:
        groups = survey.the_groups(data)
        if groups is None:
            raise Missing(Message("The groups are not there any more."), fix=Message("Look for them anew."))
        return np.flatnonzero(groups.group == int(pick["group"]))
    if "near" in pick:
        return np.flatnonzero((near.groups(state) == int(pick["near"])) & state.usable)
    if "beside" in pick:
        return alike.beside(state, places(data, pick["beside"]))
    if "rule" in pick:
        rule = next((one for one in rules.kept(data) if one.id == int(pick["rule"])), None)
        if rule is None:
            raise Missing(Message("There is no such rule any more."))
        return rules.rows(state, rule)
    return _searched(state, pick)


def _searched(state: State, pick: Mapping[str, Any]) -> Places:
    """By words or a pattern, by label ("none" without one) and by what `browse.page` calls `only`. Rows left out only where asked for."""
    search, label, only = str(pick.get("search") or ""), pick.get("label") or None, pick.get("only") or None
    if label == "none":
        label, only = None, "unlabelled"
    found = browse.fitting(state, "" if pick.get("regex") else search, label, None, only)
    chosen = np.ones(len(state), np.bool_) if found is None else found.copy()
    if pick.get("regex") and search:
        chosen &= np.logical_or.reduce([rules.matching(column, search) for column in rules.texts(state)] or [chosen])
    return np.flatnonzero(chosen if only == "excluded" else chosen & state.usable)


def _sent(state: State, pick: Mapping[str, Any]) -> Places:
    if pick.get("data") != mark(state):
        raise DataError(Message("The rows have changed since this map was drawn."), fix=Message("Reload the page."))
    try:
        found = np.frombuffer(base64.b64decode(str(pick["places"]), validate=True), "<i4").astype(np.int64)
    except (binascii.Error, ValueError) as error:
        raise DataError(Message("This selection is not complete.")) from error
    if len(found) and (found.min() < 0 or found.max() >= len(state)):
        raise DataError(Message("This selection is not complete."))
    return found
