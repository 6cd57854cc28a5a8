"""Studies whose members are known from the beginning: a list of ways, each once or once a fold. The shoot-out and the check by folds are such.

question: {"ways": [Wanted.as_json(), ...], "folds": 0 or k, "seed", "budget": {"unit", "value"} or None}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.errors import HoneError
from core.studies.base import Next, Seen, Wanted
from core.studies.dealing import folds_of, plan
from core.studies.study import Study
from core.words import Message


def question(
    ways: Sequence[Wanted], folds: int = 0, seed: int = 7, budget: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    if not ways:
        raise HoneError(Message("Choose at least one way."))
    if folds and not 2 <= folds <= 20:
        raise HoneError(Message("Between 2 and 20 folds are possible."), fix=Message("5 are usual."))
    return {
        "ways": [w.as_json() for w in ways],
        "folds": folds,
        "seed": seed,
        "budget": dict(budget) if budget else None,
    }


def count(asked: Mapping[str, Any]) -> int:
    return len(asked["ways"]) * max(1, int(asked["folds"]))


def advance(study: Study, seen: Sequence[Seen], room: int) -> Next:
    """The next ways of the list, all folds of one before the next."""
    asked = study.question
    there = {one.key for one in seen}
    left = [(number, fold) for number, fold in _places(asked) if key_of(number, fold) not in there]
    return Next([_wanted(study, asked, number, fold) for number, fold in left[:room]], over=not left)


def key_of(way: int, fold: int | None) -> str:
    return f"{way}" if fold is None else f"{way}-{fold + 1}"


def place_of(key: str) -> tuple[int, int | None]:
    """(number of the way, number of the fold from 0)."""
    way, _, fold = key.partition("-")
    return int(way), int(fold) - 1 if fold else None


def labels(asked: Mapping[str, Any]) -> list[Message]:
    """What the ways are called, in order."""
    return [Message.from_json(way["label"]) for way in asked["ways"]]


def _places(asked: Mapping[str, Any]) -> list[tuple[int, int | None]]:
    folds: list[int | None] = list(range(int(asked["folds"]))) if asked["folds"] else [None]
    return [(number, fold) for number in range(len(asked["ways"])) for fold in folds]


def _wanted(study: Study, asked: Mapping[str, Any], number: int, fold: int | None) -> Wanted:
    way = Wanted.from_json(asked["ways"][number])
    if fold is None:
        return replace(way, key=key_of(number, None))
    values = {**way.values, "fold": fold + 1}
    words = {"n": fold + 1, "k": asked["folds"]}
    label = Message("Fold {n} of {k}", **words)
    if len(asked["ways"]) > 1:
        label = Message("{way}, fold {n} of {k}", way=way.label, **words)
    split = plan(_folds(study.folder, int(asked["folds"]), int(asked["seed"])), fold)
    return replace(way, key=key_of(number, fold), label=label, values=values, split=split)


@lru_cache(maxsize=4)
def _folds(folder: Path, k: int, seed: int) -> Mapping[str, int]:
    return folds_of(Study(folder).rows, k, seed)
