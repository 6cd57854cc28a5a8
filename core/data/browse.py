"""Looking at rows: counts, a page with search and filters, the queue of the Label tab. Reads a State, changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from core.data import guesses
from core.data.labels import alive_label
from core.data.splits import NAMES, OPEN, mixed
from core.data.state import CLEARED, UNTOUCHED, State
from core.data.team import Mine
from core.errors import DataError, Missing
from core.words import Message, listed

SORTS = ("row", "text", "length", "label", "split", "alike")
FILTERS = ("unlabelled", "labelled", "guessed", "excluded", "empty", "edited", "by_hand")
MOST_A_PAGE = 500


@dataclass(frozen=True)
class Counts:
    """`labelled` and `unlabelled` count rows that can take part; `splits` and `labels` the labelled ones among them."""

    rows: int
    labelled: int
    unlabelled: int
    excluded: int
    empty: int
    splits: dict[str, int]
    labels: dict[str, int]
    by_hand: int
    guessed: int = 0  # of the unlabelled ones

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Page:
    """Rows [{id, number, text, inputs, label, value, answered, origin, guessed, split, excluded, edited, cells}] and how many there are in
    all. `guessed`: {label, p} of a row without an answer of which rules guessed one.

    `left` counts rows of the queue behind the last one (queue only).
    """

    rows: list[dict[str, Any]]
    total: int
    left: int = 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def counts(state: State) -> Counts:
    if "counts" not in state.memory:
        usable, labelled = state.usable, state.label >= 0
        both = usable & labelled
        n = int(both.sum())
        parts = np.bincount(state.split[both], minlength=3).tolist()
        state.memory["counts"] = Counts(
            rows=len(state),
            labelled=n,
            unlabelled=int(usable.sum()) - n,
            excluded=int(state.edits.excluded.sum()),
            empty=int((state.empty & ~state.edits.excluded).sum()),
            splits=dict(zip(NAMES, parts, strict=True)),
            labels=dict(zip((one.name for one in state.alive), state.label_counts.tolist(), strict=True)),
            by_hand=int((state.human >= 0).sum()),  # ids of labels start at 1; ANSWERED is 0
            guessed=len(guesses.counting(state)),
        )
    found: Counts = state.memory["counts"]
    return found


def page(
    state: State,
    start: int = 0,
    count: int = 50,
    search: str = "",
    label: int | str | None = None,
    split: str | None = None,
    only: str | None = None,
    sort: str | None = None,
) -> Page:
    """Rows `start` to `start + count` of those that fit all filters.

    `label`: id or name. `split`: train | validation | test. `only`: unlabelled | labelled | guessed | excluded | empty | edited | by_hand |
    "finding:<id>". `sort`: row | text | length | label | split | alike (near-equal texts side by side), with "-" in front for the other way round.
    """
    mask = fitting(state, search, label, split, only)
    order = _order(state, sort)
    if mask is None:
        total = len(state)
        chosen = np.arange(start, min(start + count, total)) if order is None else order[start : start + count]
    else:
        places = np.flatnonzero(mask) if order is None else order[mask[order]]
        total = len(places)
        chosen = places[start : start + count]
    return Page(rows(state, chosen[: max(0, min(count, MOST_A_PAGE))]), total)


def queue(
    state: State,
    order: str = "file",
    only: str = "unlabelled",
    search: str = "",
    after: str | None = None,
    count: int = 50,
    before: str | None = None,
    mine: Mine | None = None,
) -> Page:
    """The next rows to label, behind row `after` (or the ones in front of `before`, nearest last), without those left out.

    `order`: file | random (a fixed shuffle). `only`: unlabelled | all | "label:<id or name>". Rows without text are passed over.
    `mine`: only what falls to one of several people; unlabelled is then what waits for that person.
    """
    if order not in ("file", "random"):
        raise DataError(Message("“{value}” is not one of {choices}.", value=order[:40], choices="file, random"))
    wanted = waiting(state, only, search, mine)
    rank = _shuffled(state) if order == "random" else None
    places = np.flatnonzero(wanted)
    if rank is not None:
        places = places[np.argsort(rank[places], kind="stable")]
    count = max(1, min(count, MOST_A_PAGE))
    if before is not None:
        stop = _position(state, places, rank, before, behind=False)
        return Page(rows(state, places[max(0, stop - count) : stop], splits=False), len(places), len(places) - stop)
    start = _position(state, places, rank, after, behind=True) if after is not None else 0
    chosen = places[start : start + count]
    return Page(rows(state, chosen, splits=False), len(places), max(0, len(places) - start - len(chosen)))


def waiting(state: State, only: str = "unlabelled", search: str = "", mine: Mine | None = None) -> NDArray[np.bool_]:
    """Rows of the Label tab's list, in no order; see `queue`."""
    wanted = state.usable if mine is None else state.usable & mine.rows
    if only == "unlabelled":
        wanted = wanted & (state.label < 0 if mine is None else mine.open)
    elif only.startswith("label:"):
        label = alive_label(state, only[6:])
        wanted = wanted & (state.carries(label) if mine is None else mine.carrying(state, label))
    elif only != "all":
        raise DataError(
            Message("“{value}” is not one of {choices}.", value=only[:40], choices="unlabelled, all, label:…")
        )
    return wanted & state.found(search) if search else wanted


def rows(state: State, places: NDArray[np.int64], splits: bool = True) -> list[dict[str, Any]]:
    """Some rows as the page needs them. Without `splits` a label that just came costs no new split of everything."""
    places = np.asarray(places, np.int64)
    ids = state.rows.ids(places)
    texts = state.texts(places)
    cells = state.rows.cells(places.tolist())
    for column, changed in state.edits.cells.items():
        for place, around in zip(places.tolist(), cells, strict=True):
            if place in changed and column in around:
                around[column] = changed[place]
    single = state.shape.by_label
    plain = len(state.shape.inputs) == 1 and state.shape.first == "text" and state.shape.inputs[0].kind == "text"
    inputs = [{"text": text} for text in texts] if plain else state.inputs(places)
    found = []
    for place, row, text, around, given in zip(places.tolist(), ids, texts, cells, inputs, strict=True):
        label = int(state.label[place])
        human = int(state.human[place])
        found.append(
            {
                "id": row,
                "number": place + 1,
                "text": text,
                "inputs": given,
                "label": (state.alive[label].name if label >= 0 else None) if single else state.shown(place, given),
                "label_id": state.alive[label].id if single and label >= 0 else None,
                "value": None if single else state.value(place),
                "answered": label >= 0,
                "origin": None if label < 0 else "file" if human == UNTOUCHED else "human",
                "guessed": guesses.shown(state, place) if label < 0 else None,
                "cleared": human == CLEARED,
                "split": NAMES[int(state.split[place])] if splits else None,
                "excluded": bool(state.edits.excluded[place]),
                "edited": any(place in changed for changed in state.edits.cells.values()),
                "cells": around,
            }
        )
    return found


def labels_of(state: State, ids: Sequence[str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for row in ids:
        try:
            found[row] = state.shown(state.rows.place(row))
        except Missing:
            continue
    return found


def fitting(
    state: State, search: str, label: int | str | None, split: str | None, only: str | None
) -> NDArray[np.bool_] | None:
    """Rows that fit; None when all do."""
    masks = []
    if search:
        masks.append(state.found(search))
    if label is not None and label != "":
        masks.append(state.carries(alive_label(state, label)))
    if split:
        if split not in NAMES:
            raise DataError(Message("“{value}” is not one of {choices}.", value=split[:40], choices=listed(NAMES)))
        masks.append((state.split == NAMES.index(split)) & state.usable)
    if only:
        masks.append(_only(state, only))
    return None if not masks else np.logical_and.reduce(masks)


def _only(state: State, only: str) -> NDArray[np.bool_]:
    if only.startswith("finding:"):
        from core.data.checks import rows_of

        return rows_of(state, only[8:])
    if only == "unlabelled":
        return (state.label < 0) & state.usable
    if only == "labelled":
        return (state.label >= 0) & state.usable
    if only == "guessed":
        return np.isin(np.arange(len(state)), guesses.guessed(state))
    if only == "excluded":
        return state.edits.excluded
    if only == "empty":
        return state.empty
    if only == "by_hand":
        return state.human >= CLEARED
    if only == "edited":
        mask = state.edits.moved != OPEN
        for changed in state.edits.cells.values():
            mask[list(changed)] = True
        return mask
    raise DataError(Message("“{value}” is not one of {choices}.", value=only[:40], choices=listed(FILTERS)))


def _order(state: State, sort: str | None) -> NDArray[np.int64] | None:
    """Places in the order asked for; None for the file's order. Kept while the version stays."""
    if not sort or sort == "row":
        return None
    name, backwards = sort.lstrip("-"), sort.startswith("-")
    if name not in SORTS:
        raise DataError(Message("“{value}” is not one of {choices}.", value=name[:40], choices=listed(SORTS)))
    key = f"order:{name}"
    if key not in state.memory:
        if name == "row":
            order = np.arange(len(state))
        elif name == "alike":
            from core.data import near

            order = np.argsort(near.groups(state), kind="stable")
        elif name == "text":
            order = pc.sort_indices(state.text).to_numpy(zero_copy_only=False).astype(np.int64)
        else:
            values = np.asarray(state.lengths if name == "length" else state.label if name == "label" else state.split)
            order = np.argsort(values, kind="stable")
        state.memory[key] = order
    order = state.memory[key]
    return order[::-1] if backwards else order


def _shuffled(state: State) -> NDArray[np.uint64]:
    """A rank for each row that is chance, and the same tomorrow."""
    key = "shuffled"
    if key not in state.memory:
        state.memory[key] = mixed(state.rows.packed(np.arange(len(state))).astype(np.uint64), 20)
    found: NDArray[np.uint64] = state.memory[key]
    return found


def _position(state: State, places: NDArray[np.int64], rank: NDArray[np.uint64] | None, row: str, behind: bool) -> int:
    """Where a row stands, or would stand, in the queue; it need not be in it (any more)."""
    try:
        place = state.rows.place(row)
    except Missing:
        return 0
    side = "right" if behind else "left"
    if rank is None:
        return int(np.searchsorted(places, place, side=side))  # type: ignore[call-overload]
    return int(np.searchsorted(rank[places], rank[place], side=side))  # type: ignore[call-overload]
