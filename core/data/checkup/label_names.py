"""Labels that are written in several ways: “Refund”, “refund ”, “Refunds”. The rarer spelling is merged into the commoner one.

Two names are one where nothing differs but case, blanks, punctuation or width; or where they are one edit apart (Damerau 1964: a letter
more, less or other, or two exchanged) and one of them is rare beside the other. Digits never count as a slip: “level 1” is not “level 2”.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np

from core.data.checkup.finding import Change, Check, Finding, Fix, Mask
from core.data.state import State
from core.words import Message, listed, plural

RARE = 0.05  # of the commoner spelling's texts; only then one edit is a slip
SHORTEST = 5  # characters of a name in which one edit is a slip
MOST = 500  # labels compared one by one with one another
HARMLESS = re.compile(r"[\s_.,;:!?'\"“”‘’()\[\]{}/\\&、。，；：！？（）《》【】·-]+")
NUMBER = re.compile(r"(?:(?<![^\s(])-)?\d+(?:[.,]\d+)*")


def plain_name(name: str) -> str:
    """What is left of a name without case, width, blanks and punctuation; numbers keep their sign and their point."""
    name = unicodedata.normalize("NFKC", name).casefold()
    numbers = NUMBER.findall(name)
    words = [HARMLESS.sub("", piece) for piece in NUMBER.split(name)]
    return "".join(
        piece + (f"|{number}|" if number else "") for piece, number in zip(words, [*numbers, ""], strict=True)
    )


def one_edit(one: str, other: str) -> bool:
    """Is one letter more, less or other, or are two neighbours exchanged? Not the first letter, which slips of the pen seldom are."""
    if len(one) > len(other):
        one, other = other, one
    if one == other or len(other) - len(one) > 1 or one[:1] != other[:1]:
        return False
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    if len(one) < len(other):
        return one[at:] == other[at + 1 :]
    exchanged = one[at : at + 2] == other[at : at + 2][::-1] and one[at + 2 :] == other[at + 2 :]
    return exchanged or one[at + 1 :] == other[at + 1 :]


def variants(names: Sequence[str], counts: Sequence[int]) -> dict[int, int]:
    """Place of a name -> place of the spelling it is merged into: the commonest, of equally common ones the first."""
    order = sorted(range(len(names)), key=lambda i: (-counts[i], i))
    plain = [plain_name(name) for name in names]
    found: dict[int, int] = {}
    leaders: dict[str, int] = {}
    for i in order:
        if plain[i] and plain[i] in leaders:
            found[i] = leaders[plain[i]]
        elif plain[i]:
            leaders[plain[i]] = i
    heads = list(leaders.values())
    for at, i in enumerate(heads[:MOST]):
        if len(plain[i]) < SHORTEST or "|" in plain[i]:
            continue
        for j in heads[:at]:
            if j not in found and counts[i] <= RARE * counts[j] and one_edit(plain[i], plain[j]):
                found[i] = j
                break
    return {i: found.get(j, j) for i, j in found.items()}


def _found(state: State) -> dict[int, int]:
    """Places among the labels alive."""
    if not state.alive:
        return {}
    return variants([one.name for one in state.alive], state.label_counts.tolist())


def _rows(state: State) -> Mask:
    """Rows of all spellings."""
    found = _found(state)
    places = sorted({*found, *found.values()})
    carried = [state.carries(place) for place in places]
    return np.logical_or.reduce([np.zeros(len(state), np.bool_), *carried]) & state.usable


def _spellings(state: State) -> Finding | None:
    found = _found(state)
    n = len(found)
    if not n:
        return None
    names = [one.name for one in state.alive]
    told = [f"“{names[i]}” = “{names[j]}”" for i, j in found.items()]
    return Finding(
        "spelling",
        "spelling",
        "warn",
        plural(
            n,
            "{n} label looks like another one, written differently: {names}.",
            "{n} labels look like others, written differently: {names}.",
            names=listed(told, 4),
        ),
        Message("The model would learn them as different labels, and the test would count one as wrong for the other."),
        n,
        (Fix("merge", Message("Make them one")),),
    )


def _merge(state: State) -> Change:
    ids = [one.id for one in state.alive]
    found = _found(state)
    rarer = np.logical_or.reduce([np.zeros(len(state), np.bool_), *(state.carries(place) for place in found)])
    return Change(np.flatnonzero(rarer), "labels", merges={ids[i]: ids[j] for i, j in found.items()})


SPELLING = Check("spelling", _spellings, _rows, {"merge": _merge})
