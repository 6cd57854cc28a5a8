"""What advice is given from: facts of the data, whoever counted them, and what there is to compute with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Preset = Literal["quick", "balanced", "best"]
FEW = 20  # texts a label, under which a text set aside for validation is dearly missed


@dataclass(frozen=True)
class Machine:
    """What there is to compute with. `gpu` is its name, or empty."""

    cores: int = 2
    memory: int = 8 << 30
    gpu: str = ""


@dataclass(frozen=True)
class Facts:
    """What advice needs to know of a data set, whoever counted it. `tokens` are percentiles: {50: 12, 95: 30, 99: 41, ...}."""

    train: int
    validation: int
    labels: Mapping[str, int]
    test: int = 0
    tokens: Mapping[int, float] = field(default_factory=dict)
    unknown: float = 0.0
    language: str = ""
    spaces: bool = True
    task: str = "classification"
    unlabelled: int = 0
