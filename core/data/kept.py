"""What takes a while to find out of the texts: measured once, kept in memory and on disk until the texts change.

    PERSONAL = Measure("personal", "1", Message("Looking for personal data …"), measure)
    PERSONAL.of(state)["kinds"]     arrays, from memory, from the folder `cache`, or measured now
    PERSONAL.known(state)           does that cost nothing?

A measure follows from the texts of the rows alone, never from labels, splits or what was left out.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.state import State
from core.words import Message
from core.workspace import write_bytes

KEPT = 4  # files of one measure: the texts now and the last few before, for going back

Arrays = Mapping[str, NDArray[Any]]
Progress = Callable[[int, int], None]  # done, total


def quiet(done: int, total: int) -> None:
    """Nobody waits."""


@dataclass(frozen=True)
class Measure:
    """`rule`: changes when the same texts would be measured otherwise than before."""

    name: str
    rule: str
    title: Message
    make: Callable[[State, Progress], Arrays]

    def of(self, state: State, progress: Progress = quiet) -> Arrays:
        memory, path = state.text_memory, self._path(state)
        if self.name not in memory:
            found = read(path)
            if found is None:
                found = self.make(state, progress)
                write(path, found)
                _thin(path)
            memory[self.name] = found
        kept: Arrays = memory[self.name]
        return kept

    def known(self, state: State) -> bool:
        return self.name in state.text_memory or self._path(state).exists()

    def _path(self, state: State) -> Path:
        name = f"{self.name}-{self.rule}-{fingerprint(state)}"
        return state.rows.folder / "cache" / f"{name}.npz"


def fingerprint(state: State) -> str:
    """The same for the same texts in the same rows, in every process."""
    if "fingerprint" not in state.text_memory:
        told = hashlib.blake2b(state.keys.tobytes(), digest_size=12)
        told.update(" ".join(f"{part.role}:{part.kind}" for part in state.shape.inputs).encode())
        state.text_memory["fingerprint"] = told.hexdigest()
    found: str = state.text_memory["fingerprint"]
    return found


def read(path: Path) -> Arrays | None:
    """Arrays of a file; None where it is not there, or torn: they are then made anew."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            return {name: kept[name] for name in kept.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None


def write(path: Path, arrays: Mapping[str, Any]) -> None:
    """Whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    data = io.BytesIO()
    np.savez_compressed(data, allow_pickle=False, **dict(arrays))
    write_bytes(path, data.getvalue(), lasting=False)


def _thin(path: Path) -> None:
    """Of earlier texts the last few stay."""
    older = sorted(path.parent.glob(f"{path.name.split('-')[0]}-*.npz"), key=lambda one: one.stat().st_mtime)
    for one in older[:-KEPT]:
        one.unlink(missing_ok=True)
