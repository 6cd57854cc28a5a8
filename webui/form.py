"""A settings class as JSON for the page: groups, controls, slider ranges; and the messages beside its fields.

The page's script draws what stands here and knows no setting by name. This file knows no setting by name either: title, help,
range, default and "shown when" all come from the declaration in the class (`core.settings`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.settings import Knob, Settings, knobs, problems, shown
from core.words import Message

WIDE = 100  # a range this wide, or this many times larger at its top, gets a slider that rests at round numbers
ENDLESS = 2**30  # a range up to here is no range a slider could show (a seed)


def form(
    cls: type[Settings], groups: Mapping[str, str], offered: Mapping[str, Mapping[str, Message]] | None = None
) -> dict[str, Any]:
    """The whole form: ``groups`` in order with the names of their knobs, and each knob as the page draws it. ``offered``: the
    choices (value -> title) of knobs that have not all of theirs now."""
    declared, some = knobs(cls), offered or {}
    return {
        "groups": [
            {"id": group, "title": Message(title), "knobs": [k.name for k in declared if k.group == group]}  # words
            for group, title in groups.items()
        ],
        "knobs": {k.name: control(replace(k, choices=some.get(k.name, k.choices))) for k in declared},
    }


def control(knob: Knob) -> dict[str, Any]:
    """One knob for the page: its declaration, and the stops of a slider where it has a range with two ends."""
    return {**knob.as_json(), "stops": stops(knob)}


def stops(knob: Knob) -> list[float]:
    """The values a slider rests at: even steps in a narrow range, round numbers in a wide one; none without two ends.

    Both ends and the default are among them. Values between the stops can still be typed.
    """
    if knob.kind not in ("int", "float") or knob.low is None or knob.high is None or knob.high > ENDLESS:
        return []
    low, high = knob.low, knob.high
    wide = knob.log or high - low >= WIDE or (low > 0 and high / low >= WIDE)
    found = set(_round_numbers(knob) if wide else _even_steps(low, high, whole=knob.kind == "int"))
    found |= {low, high} | ({knob.default} if knob.default is not None else set())
    numbers = sorted(n for n in found if low <= n <= high)
    return [int(n) for n in numbers] if knob.kind == "int" else numbers


def _round_numbers(knob: Knob) -> list[float]:
    """Halves and doubles (8, 12, 16, 24, …) for small whole numbers, else 1, 1.5, 2, 3, 4, 5, 6, 8 times a power of ten."""
    low, high = float(knob.low or 0), float(knob.high or 0)
    if knob.kind == "int" and high <= 10_000:
        return [n for k in range(14) for n in (2**k, 3 * 2**k)]
    first = low if low > 0 else max(high / 1e5, 0.1)
    powers = range(math.floor(math.log10(first)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 3, 5, 7) if knob.kind == "int" else (1, 1.5, 2, 3, 4, 5, 6, 8)
    return [
        float(f"{factor}e{power}") if knob.kind == "float" else factor * 10**power
        for power in powers
        for factor in factors
    ]


def _even_steps(low: float, high: float, *, whole: bool) -> list[float]:
    if whole:
        return [float(n) for n in range(int(low), int(high) + 1)]
    step = 10.0 ** math.ceil(math.log10((high - low) / 100))
    first, last = math.ceil(low / step), math.floor(high / step)
    return [round(n * step, 10) for n in range(first, last + 1)]


def messages(
    cls: type[Settings], values: Mapping[str, Any], more: Mapping[str, Any], suits: Mapping[str, Any]
) -> dict[str, Message]:
    """What to say beside each field that is off. Fields that do not count now are passed over; `suits` names good values."""
    counted = shown(cls, values, more)
    declared = {k.name: k for k in knobs(cls)}
    found = {}
    for problem in problems(cls, values):
        knob = declared.get(problem.field)
        if knob is not None and knob.name in counted:
            found[problem.field] = _with_a_good_value(knob, values[knob.name], suits) or problem.message
    return found


def _with_a_good_value(knob: Knob, value: Any, suits: Mapping[str, Any]) -> Message | None:
    """For a number outside its range: the sentence that names a value which suits this model and these texts."""
    good = suits.get(knob.name)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    if good is None or not math.isfinite(number) or knob.kind not in ("int", "float"):
        return None
    low = -math.inf if knob.low is None else knob.low
    high = math.inf if knob.high is None else knob.high
    if low <= number <= high:
        return None
    return Message(
        "{v} is outside {a} to {b}. {good} suits this model.",
        v=plain(number),
        a=plain(low),
        b=plain(high),
        good=plain(good),
    )


def plain(number: Any) -> str:
    """0.00005 rather than 5e-05, and 8 rather than 8.0."""
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
        return str(number)
    return f"{int(number)}" if number == int(number) else f"{number:.10f}".rstrip("0").rstrip(".")
