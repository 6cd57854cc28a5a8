"""A small observer of a run: what it notices, and when it would stop. Numbers in, codes and values out; the words are in `notices`.

All it remembers is plain values, so that a resumed run notices exactly what an uninterrupted one would have.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from core.tasks.base import LOWER
from core.training.events import Noticed

SMOOTH = 0.9  # how much of the running mean of the loss is kept at a step
FIRST = 8  # steps whose mean loss is the yardstick: the step width has not risen yet
AT_ONCE = 3  # labels named at one check as never predicted


@dataclass
class Watch:
    metric: str
    patience: int
    rate: float
    before: float | None = None  # of the untouched model, in the metric
    best: dict[str, float] | None = None  # of this phase
    best_step: int = 0  # of the moment that is kept
    since: int = 0  # checks since this phase's best
    checks: int = 0  # in this phase
    lowest: float = math.inf  # validation loss
    rising: int = 0  # checks in a row above the lowest
    yardstick: list[float] = field(default_factory=list)
    running: float | None = None  # smoothed training loss
    at_check: float | None = None  # the same at the last check
    silent: list[str] = field(default_factory=list)  # labels named as never predicted
    said: list[str] = field(default_factory=list)  # codes that are said once a phase
    over: str = ""  # "early_stop" or "diverged": it would stop now

    def stepped(self, step: int, loss: float, norm: float) -> list[Noticed]:
        """After every step; `norm` is of the gradient before clipping."""
        if not math.isfinite(loss):
            self.over = "diverged"
            return [Noticed(code="diverged", step=step, values={"suggested": self.rate / 5})]
        if len(self.yardstick) < FIRST:
            self.yardstick.append(loss)
        self.running = loss if self.running is None else SMOOTH * self.running + (1 - SMOOTH) * loss
        usual = sum(self.yardstick) / len(self.yardstick)
        if len(self.yardstick) == FIRST and self.running > 1.5 * usual + 0.2:
            return self._once("rate_too_high", step, {"suggested": self.rate / 4})
        return []

    def checked(self, step: int, scores: Mapping[str, float], best: bool) -> list[Noticed]:
        """After every look at the validation split; `best` says that this moment is kept from now on."""
        self.checks += 1
        found: list[Noticed] = []
        learning = self.at_check is None or self.running is None or self.running < self.at_check
        self.at_check = self.running
        self.rising = self.rising + 1 if scores["loss"] > 1.02 * self.lowest else 0
        self.lowest = min(self.lowest, scores["loss"])
        if best:
            self.best_step = step
            found += self._against_before(step, scores)
        if better(scores, self.best, self.metric):
            self.best, self.since = dict(scores), 0
            self.said = [code for code in self.said if code != "plateau"]
            if best and self.checks > 1:
                found.insert(0, Noticed(code="improving", step=step, values={"value": scores[self.metric]}))
        else:
            self.since += 1
        if self.rising >= 2 and learning and not best:
            found += self._once("overfitting", step, {"best_step": self.best_step})
        elif self.since >= 2 and self.rising == 0:
            found += self._once("plateau", step, {"checks": self.since})
        if self.patience and self.since >= self.patience:
            self.over = "early_stop"
            found.append(
                Noticed(code="early_stop", step=step, values={"checks": self.since, "best_step": self.best_step})
            )
        return found

    def answered(
        self,
        step: int,
        gold: Mapping[str, int],
        said: Mapping[str, int],
        right: Mapping[str, int],
        texts: Mapping[str, int],
    ) -> list[Noticed]:
        """Which labels the answers never name. Counts by label: of the validation split, of what was answered, of what was right
        of it, and of the training texts."""
        found = []
        for label in [name for name in self.silent if said.get(name)]:
            self.silent.remove(label)
            values = {"label": label, "right": right.get(label, 0), "of": gold.get(label, 0)}
            found.append(Noticed(code="recognised", step=step, values=values))
        missing = [name for name, n in gold.items() if n >= 3 and not said.get(name) and name not in self.silent]
        for label in sorted(missing, key=lambda name: -texts.get(name, 0))[:AT_ONCE]:
            self.silent.append(label)
            found.append(
                Noticed(code="never_predicted", step=step, values={"label": label, "count": texts.get(label, 0)})
            )
        return found

    def as_json(self) -> dict[str, Any]:
        told = asdict(self)
        return {**told, "lowest": None if math.isinf(self.lowest) else self.lowest}

    @staticmethod
    def from_json(told: Mapping[str, Any]) -> Watch:
        return Watch(**{**told, "lowest": math.inf if told["lowest"] is None else told["lowest"]})

    def _against_before(self, step: int, scores: Mapping[str, float]) -> list[Noticed]:
        if self.before is None:
            return []
        now = scores[self.metric]
        better = now < self.before if self.metric in LOWER else now > self.before
        values = {"now": now, "before": self.before}
        return [Noticed(code="better_than_before", step=step, values=values)] if better else []

    def _once(self, code: str, step: int, values: Mapping[str, Any]) -> list[Noticed]:
        if code in self.said:
            return []
        self.said.append(code)
        return [Noticed(code=code, step=step, values=values)]


def better(new: Mapping[str, float], old: Mapping[str, float] | None, metric: str) -> bool:
    """Whether `new` scores beat `old`: by a metric of which less is better (LOWER), or more; where it is equal, by the lower loss."""
    if old is None:
        return True
    if any(not math.isfinite(value) for value in new.values()):
        return False
    return _rank(new, metric) > _rank(old, metric)


def _rank(scores: Mapping[str, float], metric: str) -> tuple[float, ...]:
    return (-scores[metric] if metric in LOWER else scores[metric], -scores["loss"])
