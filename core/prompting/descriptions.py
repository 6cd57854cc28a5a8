"""What a person says of each label: what it is called in words, and sentences that describe it. Kept in <project>/untrained/labels.json.

Without a word from anybody a label is called by its name made readable: "card_arrival" is "card arrival". Kept by the label's number, so
that a label renamed keeps its description.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.data.state import State
from core.workspace import FORMAT, read_json, write_json

FILE = "labels.json"
LONGEST = 600  # characters of a sentence
MOST = 20  # sentences of a label
GLUED = re.compile(r"[\s_/.\-]+")
_writing = threading.Lock()  # two labels may be told at the same moment
HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True)
class Described:
    """`name` as the data set has it, `words` as it stands in prompts, `sentences` that describe it (none: the words do)."""

    name: str
    words: str
    sentences: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        return self.sentences or (self.words,)

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "words": self.words, "sentences": list(self.sentences)}

    @staticmethod
    def from_json(told: Mapping[str, Any]) -> Described:
        return Described(str(told["name"]), str(told["words"]), tuple(str(one) for one in told["sentences"]))


def readable(name: str) -> str:
    """A label's name as words: "card_arrival" and "CardArrival" become "card arrival" and "Card Arrival"."""
    spaced = GLUED.sub(" ", HUMP.sub(" ", name)).strip()
    return spaced or name


def described(state: State, folder: Path) -> list[Described]:
    """Every label that is alive, in the data set's order, with what was kept of it in `folder`."""
    kept = _kept(folder)
    return [_one(label.name, kept.get(str(label.id), {})) for label in state.alive]


def keep(folder: Path, label: int, words: str, sentences: Sequence[str]) -> None:
    """Keep what a person says of a label; nothing said puts it back to its name."""
    said = [" ".join(one.split())[:LONGEST] for one in sentences]
    entry = {"words": " ".join(words.split())[:LONGEST], "sentences": [one for one in said if one][:MOST]}
    with _writing:
        told = {**_kept(folder), str(int(label)): entry}
        folder.mkdir(parents=True, exist_ok=True)
        kept = {id: one for id, one in told.items() if any(one.values())}
        write_json(folder / FILE, {"format": FORMAT, "labels": kept})


def _one(name: str, kept: Mapping[str, Any]) -> Described:
    return Described(name, str(kept.get("words") or readable(name)), tuple(str(s) for s in kept.get("sentences") or ()))


def _kept(folder: Path) -> dict[str, Any]:
    try:
        return dict(read_json(folder / FILE)["labels"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}
