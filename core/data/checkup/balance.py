"""How often each label comes: rare ones, and how unequal they are altogether.

The effective number of labels is the exponential of the entropy of their shares (a Hill number of order 1; M. Hill 1973): as many labels
of equal size would be as varied.
"""

from __future__ import annotations

import numpy as np

from core.data.checkup.finding import Check, Finding, Mask, examples_of
from core.data.state import State
from core.words import Message, listed, plural

RARE = 10  # texts of a label; fewer are hard to learn and harder to test
UNEQUAL = 5.0  # times as many texts of the commonest label as of the rarest
FEW = 50  # labelled texts; with fewer the shares say little


def _rare(state: State) -> Finding | None:
    if not state.alive:
        return None
    few = [(int(n), one.name) for n, one in zip(state.label_counts, state.alive, strict=True) if 0 < n < RARE]
    if not few or len(few) == len(state.alive) == 1:
        return None
    few.sort()
    if len(few) == 1:
        title = plural(few[0][0], "{label} has only {n} text.", "{label} has only {n} texts.", label=few[0][1])
    else:
        title = Message(
            "{n} labels have fewer than {most} texts: {labels}.",
            n=len(few),
            most=RARE,
            labels=listed((name for _, name in few), 5),
        )
    why = Message("Rare labels are harder to learn.")
    return Finding("rare", "rare", "info", title, why, len(few), examples=examples_of(state, rare_rows(state)))


def rare_rows(state: State) -> Mask:
    few = np.flatnonzero((state.label_counts > 0) & (state.label_counts < RARE))
    if state.shape.by_label:
        return np.isin(state.label, few) & state.usable
    return np.logical_or.reduce([np.zeros(len(state), np.bool_), *(state.carries(int(n)) for n in few)]) & state.usable


def effective(counts: np.ndarray) -> float:
    """How many labels of equal size would be as varied; at most as many as there are."""
    shares = counts[counts > 0] / counts.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def _unequal(state: State) -> Finding | None:
    counts = state.label_counts
    there = np.flatnonzero(counts > 0)
    if not state.shape.by_label or len(there) < 2 or counts.sum() < FEW:
        return None
    most, least = there[np.argmax(counts[there])], there[np.argmin(counts[there])]
    ratio = counts[most] / counts[least]
    if ratio < UNEQUAL:
        return None
    title = Message(
        "“{most}” comes {times:.0f} times as often as “{least}” ({n:,} and {m:,} texts).",
        most=state.alive[most].name,
        least=state.alive[least].name,
        times=ratio,
        n=int(counts[most]),
        m=int(counts[least]),
    )
    detail = Message(
        "As varied as {e:.1f} labels of equal size, of {n}. All count by text; in Settings, “Rare labels weigh” can give rare ones more, and the report looks at every label by itself.",
        e=effective(counts),
        n=len(there),
    )
    return Finding("balance", "balance", "info", title, detail, len(there), looks=False)


RARE_LABELS = Check("rare", _rare, rare_rows)
BALANCE = Check("balance", _unequal)
