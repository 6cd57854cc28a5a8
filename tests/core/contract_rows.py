"""What the contract test needs of each task: a few dozen made-up rows that can be learnt. A new task adds one line to ROWS.

`ROWS[task](folder)` gives rows as core.data.values has them (see core/tasks/base.py), 60 : 20 : 20; files that rows name go into `folder`.
The base follows from the task's family: a tiny encoder, or the smallest blank model.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.data.spans import span

GOOD, BAD = ["good", "great", "happy"], ["bad", "awful", "sad"]
PLAIN = ["movie", "film", "is", "very", "the", "box", "wheel"]
PARTS = ("train", "train", "train", "validation", "test")


def opinions(folder: Path) -> list[dict[str, Any]]:
    return _rows(lambda dice: _labelled(dice.choice(["good", "bad"]), dice))


def sets(folder: Path) -> list[dict[str, Any]]:
    """Any of two labels, or none."""

    def one(dice: random.Random) -> dict[str, Any]:
        there = [label for label in ("good", "bad") if dice.random() < 0.5]
        words = [dice.choice(GOOD if label == "good" else BAD) for label in there for _ in range(2)]
        return {"text": _mixed(words, dice), "label": there}

    return _rows(one)


def numbers(folder: Path) -> list[dict[str, Any]]:
    """How many more good words than bad ones, on a scale of its own."""

    def one(dice: random.Random) -> dict[str, Any]:
        good, bad = dice.randint(0, 3), dice.randint(0, 3)
        words = dice.choices(GOOD, k=good) + dice.choices(BAD, k=bad)
        return {"text": _mixed(words, dice), "label": 100.0 + 20 * (good - bad)}

    return _rows(one)


def places(folder: Path) -> list[dict[str, Any]]:
    """Words that are good or bad, marked as such."""

    def one(dice: random.Random) -> dict[str, Any]:
        text = _mixed(dice.choices(GOOD + BAD, k=2), dice)
        found, start = [], 0
        for word in text.split(" "):
            if word in GOOD + BAD:
                found.append(span(start, start + len(word), "good" if word in GOOD else "bad"))
            start += len(word) + 1
        return {"text": text, "label": found}

    return _rows(one)


ROWS: dict[str, Callable[[Path], list[dict[str, Any]]]] = {
    "classification": opinions,
    "multilabel": sets,
    "regression": numbers,
    "tokens": places,
}


def _rows(one: Callable[[random.Random], dict[str, Any]], count: int = 100, seed: int = 3) -> list[dict[str, Any]]:
    dice = random.Random(seed)
    return [{"id": f"1:{i}", **one(dice), "split": PARTS[i % 5]} for i in range(count)]


def _labelled(label: str, dice: random.Random) -> dict[str, Any]:
    return {"text": _mixed(dice.choices(GOOD if label == "good" else BAD, k=2), dice), "label": label}


def _mixed(words: list[str], dice: random.Random) -> str:
    """The words in an order of chance, among others that tell nothing."""
    found = [*words, *dice.choices(PLAIN, k=dice.randint(2, 5))]
    dice.shuffle(found)
    return " ".join(found)
