"""Gathers what the steps gave, and tells it in Stepped events: at most four a second, with means, so that a long run stays light."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from core.device import Device, memory
from core.tasks.base import Example
from core.training.events import Event, Stepped
from core.training.plan import Place, Plan

EVERY = 0.25  # seconds between two Stepped events


class Meter:
    def __init__(self, device: Device, say: Callable[[Event], None]):
        self.device, self.say = device, say
        self.told = 0.0
        self._forget()

    def add(self, loss: float, norm: float, rate: float, batches: Sequence[Sequence[Example]], seconds: float) -> None:
        """One step: its loss, the gradient's length, the step width, what went through, and how long it took."""
        self.losses.append(loss)
        self.norms.append(norm)
        self.rate = rate
        self.seconds += seconds
        self.examples += sum(len(batch) for batch in batches)
        self.tokens += sum(len(example.input_ids) for batch in batches for example in batch)

    def tell(self, place: Place, plan: Plan, later: float, now: bool = False) -> None:
        """A Stepped event if it is time for one. `later`: seconds that come after this phase."""
        if not self.losses or (time.monotonic() - self.told < EVERY and not now):
            return
        used, total = memory(self.device)
        self.say(
            Stepped(
                step=place.step,
                epoch=(place.step - place.first) / plan.epoch_steps,
                loss=sum(self.losses) / len(self.losses),
                learning_rate=self.rate,
                grad_norm=sum(self.norms) / len(self.norms),
                examples_per_second=self.examples / max(self.seconds, 1e-9),
                tokens_per_second=self.tokens / max(self.seconds, 1e-9),
                memory=used,
                memory_total=total,
                seconds_left=plan.seconds_left(place) + later,
            )
        )
        self.told = time.monotonic()
        self._forget()

    def _forget(self) -> None:
        self.losses: list[float] = []
        self.norms: list[float] = []
        self.rate = self.seconds = 0.0
        self.examples = self.tokens = 0
