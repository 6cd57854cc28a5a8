"""How a setting is declared: once. Form, command line, validation, docs table, search ranges and recipes read it here.

class Loop(Settings):
    learning_rate: float = knob(5e-5, "Step width", "How far each step moves the weights.", term="learning rate",
                                low=1e-6, high=1e-2, log=True, group="steps")
"""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field

from core.errors import Problem, SettingsError
from core.words import Message

S = TypeVar("S", bound="Settings")


class Settings(BaseModel):
    """Frozen values of one group of knobs; an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class Knob:
    """What every reader of a declaration needs to know of one setting."""

    name: str
    title: Message
    help: Message
    kind: Literal["int", "float", "bool", "choice", "several", "text"]  # several: any of the choices, a list
    default: Any
    term: str | None = None
    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: Mapping[str, Message] = field(default_factory=dict)
    group: str = ""
    advanced: bool = False
    shown_when: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    optional: bool = False
    search: tuple[Any, ...] = ()  # what a search over settings tries: (low, high) of a number, else choices

    def as_json(self) -> dict[str, Any]:
        """For the page: Messages stay Messages (in JSON form) so that the caller says them in its language."""
        return {
            "name": self.name,
            "title": self.title.as_json(),
            "help": self.help.as_json(),
            "kind": self.kind,
            "default": self.default,
            "term": Message(self.term).as_json() if self.term else None,
            "low": self.low,
            "high": self.high,
            "log": self.log,
            "choices": [{"value": k, "title": v.as_json()} for k, v in self.choices.items()],
            "group": self.group,
            "advanced": self.advanced,
            "shown_when": {k: list(v) for k, v in self.shown_when.items()},
            "optional": self.optional,
        }


def knob(
    default: Any,
    title: str,
    help: str,
    *,
    term: str | None = None,
    low: float | None = None,
    high: float | None = None,
    log: bool = False,
    choices: Mapping[str, str] | None = None,
    group: str = "",
    advanced: bool = False,
    shown_when: Mapping[str, Any] | None = None,
    search: tuple[Any, ...] = (),
) -> Any:
    """A pydantic field that carries its own words. `shown_when` maps another field to the value(s) that make this one count; `search` is
    what a search over settings tries of it, (low, high) of a number or some of the choices (core.studies.ranges)."""
    extra: dict[str, Any] = {
        "knob": {
            "title": title,
            "help": help,
            "term": term,
            "low": low,
            "high": high,
            "log": log,
            "choices": dict(choices or {}),
            "group": group,
            "advanced": advanced,
            "shown_when": {k: v if isinstance(v, tuple) else (v,) for k, v in (shown_when or {}).items()},
            "search": search,
        }
    }
    return Field(default, json_schema_extra=extra)


def knobs(cls: type[Settings]) -> list[Knob]:
    """Every knob of a settings class, in the order of declaration."""
    return [_knob(name, info) for name, info in cls.model_fields.items()]


def problems(cls: type[Settings], values: Mapping[str, Any]) -> list[Problem]:
    """Everything that is off in `values`: unknown names, wrong kinds, out of range. Empty when all is well."""
    declared = {k.name: k for k in knobs(cls)}
    found = [
        Problem(name, Message("There is no setting called {name}.", name=name))
        for name in values
        if name not in declared
    ]
    for name, value in values.items():
        if name in declared and (problem := _problem(declared[name], value)):
            found.append(Problem(name, problem))
    return found


def checked(cls: type[S], values: Mapping[str, Any]) -> S:
    """The settings, or SettingsError with all problems together. Text from forms and flags is converted."""
    if found := problems(cls, values):
        raise SettingsError(found)
    declared = {k.name: k for k in knobs(cls)}
    return cls(**{name: _converted(declared[name], value) for name, value in values.items()})


def changed(base: Settings, settings: Settings) -> dict[str, Any]:
    """The fields in which `settings` differs from `base`."""
    before = base.model_dump()
    return {k: v for k, v in settings.model_dump().items() if before.get(k) != v}


def shown(cls: type[Settings], values: Mapping[str, Any], more: Mapping[str, Any]) -> set[str]:
    """The names of the knobs that count for these values. `more` holds what is no field, such as the kind of the base; a condition
    on something nobody has told is passed over."""
    declared = knobs(cls)
    known = {**{k.name: k.default for k in declared}, **values, **more}
    return {
        k.name for k in declared if all(known[name] in wanted for name, wanted in k.shown_when.items() if name in known)
    }


def _knob(name: str, info: Any) -> Knob:
    told = info.json_schema_extra["knob"]
    annotation, optional = _without_none(info.annotation)
    return Knob(
        name=name,
        title=Message(told["title"]),
        help=Message(told["help"]),
        kind=_kind(annotation, told),
        default=info.default,
        term=told["term"],
        low=told["low"],
        high=told["high"],
        log=told["log"],
        choices={k: Message(v) for k, v in told["choices"].items()},
        group=told["group"],
        advanced=told["advanced"],
        shown_when=told["shown_when"],
        optional=optional,
        search=tuple(told["search"]),
    )


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if get_origin(annotation) in (Union, types.UnionType):
        rest = [a for a in get_args(annotation) if a is not type(None)]
        return rest[0], len(rest) < len(get_args(annotation))
    return annotation, False


def _kind(annotation: Any, told: Mapping[str, Any]) -> Any:
    if told["choices"]:
        return "several" if get_origin(annotation) is list else "choice"
    return {bool: "bool", int: "int", float: "float"}.get(annotation, "text")


def _problem(knob: Knob, value: Any) -> Message | None:
    if knob.kind == "several":
        strange = [one for one in _several(knob, value) if one not in knob.choices]
        choices = ", ".join(knob.choices)
        return (
            Message("“{value}” is not one of {choices}.", value=strange[0][:40], choices=choices) if strange else None
        )
    if value is None or value == "":
        return (
            None
            if knob.optional
            else Message("{title} is empty. {good} is usual.", title=knob.title, good=knob.default)
        )
    try:
        number = _converted(knob, value)
    except (TypeError, ValueError, OverflowError):
        return Message("“{value}” is not a number. {good} is usual.", value=str(value)[:40], good=_short(knob.default))
    if knob.kind == "choice" and number not in knob.choices:
        return Message("“{value}” is not one of {choices}.", value=str(value)[:40], choices=", ".join(knob.choices))
    if knob.kind in ("int", "float"):
        low = -math.inf if knob.low is None else knob.low
        high = math.inf if knob.high is None else knob.high
        if not (math.isfinite(number) and low <= number <= high):
            return Message(
                "{value} is outside {low} to {high}. {good} is usual.",
                value=_short(number),
                low=_short(knob.low),
                high=_short(knob.high),
                good=_short(knob.default),
            )
    return None


def _several(knob: Knob, value: Any) -> list[str]:
    """The chosen ones in the order of their declaration, unknown ones behind; from a list, or words with commas between."""
    given = [str(one) for one in value] if isinstance(value, list | tuple) else str(value or "").split(",")
    named = list(dict.fromkeys(one.strip() for one in given if one.strip()))
    order = list(knob.choices)
    return sorted(named, key=lambda one: order.index(one) if one in order else len(order))


def _converted(knob: Knob, value: Any) -> Any:
    if knob.kind == "several":
        return _several(knob, value)
    if value is None or (value == "" and knob.optional):
        return None
    if knob.kind == "int":
        number = float(value)
        if number != int(number):
            raise ValueError(value)
        return int(number)
    if knob.kind == "float":
        return float(value)
    if knob.kind == "bool":
        if isinstance(value, str):
            if value.lower() in ("true", "yes", "1", "on"):
                return True
            if value.lower() in ("false", "no", "0", "off"):
                return False
            raise ValueError(value)
        return bool(value)
    return str(value)


def _short(number: Any) -> str:
    """0.00005 rather than 5e-05, and 8 rather than 8.0: as a person would type it."""
    if number is None:
        return "–"
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
        return str(number)
    return f"{number:.10f}".rstrip("0").rstrip(".") if number != int(number) else f"{int(number)}"
