"""What a follower is told: settings at the beginning, numbers at a step, and that it is over. And how events become that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

STEPPED = ("loss", "learning_rate", "grad_norm", "epoch", "examples_per_second", "tokens_per_second", "memory")
ENDS = ("finished", "stopped", "failed")


@dataclass(frozen=True)
class Subject:
    """What is followed. `folder`: where the follower's files go; `again`: it was followed before, up to `step`."""

    run: str
    name: str
    project: str
    folder: Path
    settings: Mapping[str, Any]
    again: bool = False
    step: int = 0


class Follower(Protocol):
    where: str  # where its files lie, or the address of its page

    def __init__(self, subject: Subject) -> None:
        """ImportError where the package is missing."""

    def numbers(self, step: int, values: Mapping[str, float], at: float) -> None:
        """Numbers by name ("learning/loss"), seen at `at` seconds since the epoch."""

    def back(self, step: int) -> None:
        """The run has gone back to this step; later numbers no longer count."""

    def flush(self) -> None:
        """What was told is kept."""

    def end(self, state: str) -> None:
        """The run is over: finished | stopped | failed; or it rests ("resting"), and may be gone on with."""


def numbers(event: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of an event, by name; empty for events without any. Shares found of each label are told, texts never."""
    kind = event.get("kind")
    if kind == "stepped":
        found = {f"learning/{name}": event.get(name) for name in STEPPED}
    elif kind == "evaluated":
        found = {f"validation/{name}": value for name, value in event.get("scores", {}).items()}
        found |= {f"found/{name}": value for name, value in event.get("per_label", {}).items()}
    elif kind == "finished":
        found = {f"kept/{name}": value for name, value in event.get("scores", {}).items()}
        found |= {f"test/{name}": value for name, value in event.get("test", {}).items()}
    else:
        return {}
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float)}


def plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as values that every follower takes."""
    simple = (str, int, float, bool)
    return {name: value if isinstance(value, simple) else str(value) for name, value in settings.items()}
