"""How far a phase goes, and where it stands. Plain numbers; imports nothing heavy, so that estimates can use it too."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass
class Place:
    """Where the loop stands. With weights, optimizer and chance, all that is needed to go on."""

    step: int  # over the whole run
    first: int  # of this phase
    epoch: int = 0
    position: int = 0  # steps taken in this epoch
    seconds: float = 0.0  # of work in this phase
    splits: int = 1  # into how many parts a batch is cut, since memory was short
    checked: int = -1  # the step of the last check


@dataclass(frozen=True)
class Plan:
    """How far it goes, and how often it is checked."""

    epoch_steps: int
    steps: int | None  # None where the clock decides
    seconds: float | None
    check_every: int

    @staticmethod
    def of(settings: Any, examples: int) -> Plan:
        epoch = max(1, math.ceil(math.ceil(examples / settings.batch_size) / settings.accumulation))
        steps = {"epochs": max(1, round(settings.epochs * epoch)), "steps": settings.steps}.get(settings.length)
        seconds = settings.minutes * 60 if steps is None else None
        every = max(1, round(epoch / settings.evaluations))
        return Plan(epoch, steps, seconds, min(every, steps) if steps else every)

    def progress(self, place: Place) -> float:
        """How much of the phase is done, 0 to 1."""
        return (place.step - place.first) / self.steps if self.steps else place.seconds / (self.seconds or 1)

    def over(self, place: Place) -> bool:
        return self.progress(place) >= 1

    def due(self, place: Place) -> bool:
        return (place.step - place.first) % self.check_every == 0 or self.over(place)

    def seconds_left(self, place: Place) -> float:
        if self.steps is None:
            return max(0.0, (self.seconds or 0) - place.seconds)
        pace = place.seconds / max(1, place.step - place.first)
        return (self.steps - place.step + place.first) * pace
