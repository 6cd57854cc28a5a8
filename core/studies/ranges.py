"""What a search over settings may try: ranges that the knobs declare of themselves (`search=` in core.training.*settings), set around the
values that a draft has now.

    offered(settled)          every knob that can be searched for this base, method and task, some of them ticked
    chosen(settled, wanted)   the ranges a person picked, checked: {"learning_rate": {"low": 1e-5, "high": 1e-4}, "method": {"choices": [...]}}
    drawn(ranges, ask, ...)   a value for each that counts; LoRA's size is asked for only where the method is LoRA

Knows nothing of how values are chosen (core.studies.trials) and imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from core.errors import Problem, SettingsError
from core.settings import Knob, knobs, shown
from core.training import draft as drafts
from core.training.draft import Settled
from core.training.settings import TrainingSettings
from core.words import Message

AROUND = 4.0  # on a logarithmic scale at least so many times the present value, up and down
MANY_TIMES = 8.0  # a range whose top is so many times its bottom is drawn from logarithmically
TICKED = ("base", "method", "steps")  # groups whose plain numbers are searched unless a person chooses otherwise


@dataclass(frozen=True)
class Range:
    """What is tried of one knob: numbers from `low` to `high`, or `choices`."""

    name: str
    kind: Literal["int", "float", "choice"]
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    choices: tuple[str, ...] = ()

    @staticmethod
    def from_json(told: Mapping[str, Any]) -> Range:
        return Range(**{**told, "choices": tuple(told["choices"])})

    def as_json(self) -> dict[str, Any]:
        return {**self.__dict__, "choices": list(self.choices)}

    def holds(self, value: Any) -> bool:
        if self.kind == "choice":
            return value in self.choices
        return value is not None and self.low <= value <= self.high


@dataclass(frozen=True)
class Offer:
    """A range as it is proposed. `needs`: it counts only where another knob that can be searched has one of these values."""

    range: Range
    knob: Knob
    value: Any  # in the draft
    ticked: bool
    needs: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


def offered(settled: Settled) -> list[Offer]:
    """Knobs that may be searched for this draft, in the order of their declaration, those that others depend on first. Where none would be
    ticked, all are that count by themselves."""
    declared = {k.name: k for k in knobs(TrainingSettings) if k.search}
    found = []
    for knob in declared.values():
        needs = _needs(knob, settled, declared)
        if needs is None:
            continue
        value = settled.values[knob.name]
        around = _around(knob, value, settled)
        if around.kind == "choice" and len(around.choices) < 2:
            continue
        ticked = knob.kind != "choice" and not knob.advanced and knob.group in TICKED and not needs
        found.append(Offer(around, knob, value, ticked, needs))
    if not any(one.ticked for one in found):
        found = [replace(one, ticked=not one.needs) for one in found]
    return sorted(found, key=lambda one: not any(one.knob.name in other.knob.shown_when for other in found))


def usual(settled: Settled) -> list[Range]:
    """What is searched when nobody chooses."""
    return [one.range for one in offered(settled) if one.ticked]


def chosen(settled: Settled, wanted: Mapping[str, Any]) -> list[Range]:
    """The ranges of the named knobs, with a person's own bounds or choices. SettingsError names every one that will not do."""
    there = {offer.range.name: offer for offer in offered(settled)}
    found: list[Range] = []
    problems: list[Problem] = []
    for name in wanted:
        if name not in there:
            problems.append(Problem(str(name)[:60], Message("{name} cannot be searched here.", name=str(name)[:60])))
    for name, offer in there.items():
        if name in wanted:
            own, problem = _own(offer, wanted[name] or {})
            found.append(own)
            problems += [problem] if problem else []
    if not problems and not found:
        problems.append(Problem("", Message("Choose at least one setting that is to be searched.")))
    if problems:
        raise SettingsError(problems)
    return found


def drawn(
    ranges: Sequence[Range], ask: Callable[[Range], Any], values: Mapping[str, Any], more: Mapping[str, Any]
) -> dict[str, Any]:
    """Ask for a value of each range that counts, given what was answered before. Numbers come back with three significant digits."""
    found: dict[str, Any] = {}
    for one in ranges:
        if one.name in shown(TrainingSettings, {**values, **found}, more):
            answer = ask(one)
            found[one.name] = float(f"{answer:.3g}") if one.kind == "float" else answer
    return found


def _needs(knob: Knob, settled: Settled, declared: Mapping[str, Knob]) -> dict[str, tuple[Any, ...]] | None:
    """Conditions that do not hold now but would for another choice that can be searched; None where the knob never counts."""
    now = {**settled.values, **settled.more}
    offers = drafts.offered(settled.task)
    needs: dict[str, tuple[Any, ...]] = {}
    for name, good in knob.shown_when.items():
        if name not in now or now[name] in good:
            continue
        other = declared.get(name)
        possible = (
            set(other.search) & set(good) & set(offers.get(name, other.choices)) if other and other.choices else ()
        )
        if not possible or other is None or _needs(other, settled, declared) != {}:
            return None
        needs[name] = tuple(choice for choice in other.search if choice in possible)
    return needs


def _around(knob: Knob, value: Any, settled: Settled) -> Range:
    """The declared range, made wide enough to hold the present value."""
    if knob.choices:
        there = drafts.offered(settled.task).get(knob.name, knob.choices)
        return Range(knob.name, "choice", choices=tuple(c for c in knob.search if c in there))
    low, high = knob.search
    log = low > 0 and (knob.log or high / low >= MANY_TIMES)
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = (
            (min(low, value / AROUND), max(high, value * AROUND))
            if log and knob.log
            else (min(low, value), max(high, value))
        )
    low, high = max(low, knob.low or low), min(high, knob.high or high)
    kind: Literal["int", "float"] = "int" if knob.kind == "int" else "float"
    low, high = (int(low), int(high)) if kind == "int" else (float(f"{low:.2g}"), float(f"{high:.2g}"))
    return Range(knob.name, kind, low, high, log=log and low > 0)


def _own(offer: Offer, wanted: Mapping[str, Any]) -> tuple[Range, Problem | None]:
    """The offered range with a person's own bounds, and what is wrong with them."""
    one, knob = offer.range, offer.knob
    if one.kind == "choice":
        picked = tuple(c for c in one.choices if c in wanted.get("choices", one.choices))
        problem = None if len(picked) > 1 else Problem(one.name, Message("Tick at least two choices."))
        return Range(one.name, "choice", choices=picked), problem
    convert = int if one.kind == "int" else float
    try:
        low, high = (convert(float(wanted.get(end, getattr(one, end)))) for end in ("low", "high"))
    except (TypeError, ValueError, OverflowError):
        return one, Problem(one.name, Message("A range needs two numbers."))
    least, most = knob.low if knob.low is not None else low, knob.high if knob.high is not None else high
    if not least <= low < high <= most:
        said = Message(
            "The range must lie between {low} and {high}, the smaller number first.", low=f"{least:g}", high=f"{most:g}"
        )
        return one, Problem(one.name, said)
    return Range(one.name, one.kind, low, high, low > 0 and (knob.log or high / low >= MANY_TIMES)), None
