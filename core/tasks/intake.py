"""Bringing files in and saying what they are for: the jobs of the Data tab. Each brings a file as `core.data.intake` does, then lets a
data set that nobody has given a task have the likeliest one."""

from __future__ import annotations

from typing import Any

from core.data import intake
from core.data.dataset import Dataset
from core.data.gathering import readings
from core.tasks.guessing import settle


def bring(folder: str, **arguments: Any) -> dict[str, Any]:
    """A file that was sent: see `core.data.intake.bring`."""
    return _settled(folder, intake.bring(folder, **arguments))


def copy(folder: str, **arguments: Any) -> dict[str, Any]:
    """A built-in example."""
    return _settled(folder, intake.copy(folder, **arguments))


def reread(folder: str, **arguments: Any) -> dict[str, Any]:
    """The same file in another way."""
    return _settled(folder, intake.reread(folder, **arguments))


def hub(folder: str, **arguments: Any) -> dict[str, Any]:
    """A data set of the hub."""
    return _settled(folder, intake.hub(folder, **arguments))


def _settled(folder: str, told: dict[str, Any]) -> dict[str, Any]:
    data = Dataset.open(folder)
    name = settle(data)
    same = readings(data, told["file"])
    now = {"file": one.id, "rows": one.rows} if (one := next((i for i in data.imports if i.id in same), None)) else {}
    return {**told, **now, "task": name}
