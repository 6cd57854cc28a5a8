"""Equal texts: which stand there more than once, in two splits, or with different labels. Every answer is a mask over the rows.

Two texts are equal when they are the same but for white space around them. Knows hashes, splits and labels; nothing of words for people.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.data.splits import TEST, TRAIN, VALIDATION
from core.data.state import State

Mask = NDArray[np.bool_]


def repeated(state: State) -> NDArray[np.int64]:
    """Places of texts that stand there more than once, ordered by text: everything about equal texts looks at these only."""
    if "repeated" not in state.text_memory:
        order = np.argsort(state.keys, kind="stable")
        same = state.keys[order[1:]] == state.keys[order[:-1]]
        state.text_memory["repeated"] = order[np.r_[False, same] | np.r_[same, False]] if len(order) else order
    places: NDArray[np.int64] = state.text_memory["repeated"]
    return places[state.usable[places]]


def groups(state: State, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """The number of the text of each place, for places ordered by text."""
    keys = state.keys[places]
    return np.cumsum(np.r_[True, keys[1:] != keys[:-1]][: len(keys)]) - 1


def marked(state: State, places: NDArray[np.int64]) -> Mask:
    mask = np.zeros(len(state), np.bool_)
    mask[places] = True
    return mask


def leak_places(state: State, kept: int, others: tuple[int, ...], both: bool = False) -> NDArray[np.int64]:
    """Repeated texts of the splits `others` that stand in `kept` too; with `both`, those in `kept` as well."""
    places = repeated(state)
    places = places[state.label[places] >= 0]  # others take no part in a run
    if not len(places):
        return places
    group, split = groups(state, places), state.split[places]
    in_kept = np.bincount(group, split == kept) > 0
    in_others = np.bincount(group, np.isin(split, others)) > 0
    wanted = (in_kept & in_others)[group]
    return places[wanted & (np.isin(split, (*others, kept)) if both else np.isin(split, others))]


def leak_rows(state: State) -> Mask:
    """Rows to learn from (or to steer by) whose text is also in the test."""
    return marked(state, leak_places(state, TEST, (TRAIN, VALIDATION)))


def leak_validation_rows(state: State) -> Mask:
    return marked(state, leak_places(state, VALIDATION, (TRAIN,))) & ~leak_rows(state)


def leaked_rows(state: State) -> Mask:
    """Both sides of the leak, for looking."""
    return marked(state, leak_places(state, TEST, (TRAIN, VALIDATION), both=True))


def leaked_validation_rows(state: State) -> Mask:
    return marked(state, leak_places(state, VALIDATION, (TRAIN,), both=True))


def conflict_rows(state: State) -> Mask:
    """Labelled rows whose text stands there with another label too."""
    places = repeated(state)
    places = places[state.label[places] >= 0]
    if not len(places) or not state.shape.by_label:
        return marked(state, places[:0])
    group, label = groups(state, places), state.label[places]
    n = int(group[-1]) + 1
    least, most = np.full(n, len(state.alive)), np.full(n, -1)
    np.minimum.at(least, group, label)
    np.maximum.at(most, group, label)
    return marked(state, places[(least != most)[group]])


def extra_rows(state: State) -> Mask:
    """Of equal texts in one split without conflicting labels: all but the first. An unlabelled one is extra to any labelled one."""
    places = repeated(state)
    places = places[~(conflict_rows(state) | leak_rows(state) | leak_validation_rows(state))[places]]
    keys, split, bare = state.keys[places], state.split[places], state.label[places] < 0
    order = np.lexsort((places, split, bare, keys))
    keys, split, bare, places = keys[order], split[order], bare[order], places[order]
    same = (keys[1:] == keys[:-1]) & ((split[1:] == split[:-1]) | bare[1:])
    return marked(state, places[np.r_[False, same][: len(places)]])


def duplicate_rows(state: State) -> Mask:
    """The extra rows and the ones they repeat."""
    places = repeated(state)
    return marked(state, places[np.isin(state.keys[places], np.unique(state.keys[extra_rows(state)]))])


def minority_rows(state: State) -> Mask:
    """Of conflicting equal texts: rows that do not carry their text's commonest label; all of them where two are equally common."""
    places = np.flatnonzero(conflict_rows(state))
    pairs, which, n = np.unique(
        np.stack([state.keys[places], state.label[places].astype(np.uint64)]),
        axis=1,
        return_inverse=True,
        return_counts=True,
    )
    which = which.reshape(-1)
    mask = np.zeros(len(state), np.bool_)
    for key in np.unique(pairs[0]):
        mine = np.flatnonzero(pairs[0] == key)
        most = n[mine].max()
        best = mine[n[mine] == most]
        keep = best[0] if len(best) == 1 else -1
        mask[places[np.isin(which, mine) & (which != keep)]] = True
    return mask
