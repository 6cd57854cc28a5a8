"""A recipe: the settings of a run as a small YAML file a person can read, keep and share.

Only plain YAML is read (`safe_load`). What is off is told field by field; nothing is guessed. A recipe holds no texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from core.errors import DataError, Problem
from core.models.methods import METHODS
from core.settings import knobs, problems
from core.tasks import TASKS
from core.training.settings import GROUPS, TrainingSettings
from core.words import Message

FORMAT = 1
LARGEST = 50_000  # characters; a recipe has about 2,000
BRACKETS = 200  # nested ones take the reader quadratic time; a recipe has a few
PRESETS = ("quick", "balanced", "best", "own")
SEVERAL = tuple(k.name for k in knobs(TrainingSettings) if k.kind == "several")


@dataclass(frozen=True)
class Recipe:
    """What a recipe file says. `settings` holds only what it names; `problems` everything that is off."""

    settings: dict[str, Any] = field(default_factory=dict)
    preset: str | None = None
    phases: list[dict[str, Any]] | None = None
    name: str = ""
    task: str | None = None
    roles: dict[str, str | list[str]] = field(default_factory=dict)  # role -> the columns that played it
    problems: list[Problem] = field(default_factory=list)


def recipe_of(spec: Mapping[str, Any], *, name: str, settings: Mapping[str, Any] | None = None) -> str:
    """The recipe of a run, from its run.json: also its task, its columns and its phases."""
    return recipe_text(
        spec["settings"] if settings is None else settings,
        preset=spec.get("preset"),
        phases=spec["phases"],
        name=name,
        task=spec["task"],
        roles=spec["data"].get("columns"),
    )


def recipe_text(
    settings: TrainingSettings | Mapping[str, Any],
    *,
    preset: str | None = None,
    phases: Sequence[Mapping[str, Any]] | None = None,
    name: str = "",
    task: str | None = None,
    roles: Mapping[str, Any] | None = None,
) -> str:
    """The YAML of these settings, grouped as on the Settings tab, each with its plain name beside it. `roles`: role -> column or columns."""
    values = settings.model_dump() if isinstance(settings, TrainingSettings) else dict(settings)
    lines = ["# A Hone recipe. Use it with: hone train FILE --recipe THIS_FILE", f"hone: {FORMAT}"]
    if name:
        lines.append(f"name: {_scalar(name)}")
    if preset:
        lines.append(f"preset: {_scalar(preset)}")
    if task:
        lines.append(f"task: {_scalar(task)}")
    if named := {role: column for role, column in (roles or {}).items() if column}:
        lines.append(_dumped({"columns": named}))
    lines.append("settings:")
    declared = knobs(TrainingSettings)
    for group, title in GROUPS.items():
        members = [k for k in declared if k.group == group and k.name in values]
        if members:
            lines.append(f"  # {title}")
        lines += [f"  {k.name}: {_scalar(values[k.name])}  # {k.title}" for k in members]
    if phases:
        lines.append(_dumped({"phases": [dict(p) for p in phases]}))
    return "\n".join(lines) + "\n"


def read_recipe(text: str) -> Recipe:
    """Read a recipe. What is no recipe at all raises DataError; a wrong field is a Problem with its name."""
    if len(text) > LARGEST or text.count("[") + text.count("{") > BRACKETS:
        raise DataError(Message("This file is no recipe: it is too long or too tangled."), fix=_EXPECTED)
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise DataError(Message("This file repeats itself by references; a recipe does not."), fix=_EXPECTED)
        told = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise DataError(
            Message("This file is not readable as YAML{where}.", where=_where(error)), fix=_EXPECTED
        ) from None
    if not isinstance(told, dict) or not told:
        raise DataError(Message("This file is no recipe: it has no names with values."), fix=_EXPECTED)
    settings = told.get("settings") if isinstance(told.get("settings"), dict) else None
    if settings is None:
        known = {k.name for k in knobs(TrainingSettings)}
        settings = {k: v for k, v in told.items() if k in known}  # settings without the heading are welcome too
        if not settings and "preset" not in told:
            raise DataError(Message("This file is no recipe: it names no setting of Hone."), fix=_EXPECTED)
    return _checked(told, settings)


_EXPECTED = Message("Save a recipe on the Settings tab, and compare.")


def _checked(told: Mapping[str, Any], settings: Mapping[Any, Any]) -> Recipe:
    found: list[Problem] = []
    values: dict[str, Any] = {}
    for name, value in settings.items():
        if name in SEVERAL and isinstance(value, list):
            values[name] = [str(one)[:80] for one in value[:100]]
        elif isinstance(value, (dict, list)) or not isinstance(name, str):
            found.append(Problem(str(name)[:60], Message("{name} needs one value, not a list.", name=str(name)[:60])))
        else:
            values[name] = value if value is None or isinstance(value, (bool, int, float)) else str(value)
    found += problems(TrainingSettings, values)
    off = {p.field for p in found}
    version = told.get("hone", FORMAT)
    if not isinstance(version, int) or version > FORMAT:
        found.append(Problem("hone", Message("This recipe was written by a newer Hone.")))
    preset = told.get("preset")
    if preset is not None and preset not in PRESETS:
        found.append(_not_one_of("preset", preset, PRESETS))
        preset = None
    task = told.get("task")
    if task is not None and task not in TASKS:
        found.append(_not_one_of("task", task, tuple(TASKS)))
        task = None
    roles, off_roles = _roles(told.get("columns"))
    phases, wrong = _phases(told.get("phases"))
    return Recipe(
        settings={k: v for k, v in values.items() if k not in off},
        preset=preset,
        phases=phases,
        name=str(told.get("name") or "")[:200],
        task=task,
        roles=roles,
        problems=found + off_roles + wrong,
    )


def _roles(value: Any) -> tuple[dict[str, str | list[str]], list[Problem]]:
    """role -> its column, or a list of columns."""
    if value is None:
        return {}, []
    names = value.values() if isinstance(value, dict) else ()
    each = [one for name in names for one in (name if isinstance(name, list) else [name])]
    if not isinstance(value, dict) or len(value) > 50 or len(each) > 2_000 or not all(isinstance(n, str) for n in each):
        return {}, [Problem("columns", Message("columns is a list of roles, each with the name of its column."))]
    return {str(role): name for role, name in value.items()}, []


def _phases(value: Any) -> tuple[list[dict[str, Any]] | None, list[Problem]]:
    """The phases a recipe spells out; most leave them to the settings."""
    if value is None:
        return None, []
    if not isinstance(value, list) or not all(isinstance(p, dict) for p in value) or not 1 <= len(value) <= 20:
        return None, [Problem("phases", Message("phases is a list of one to twenty entries, each with a method."))]
    found: list[Problem] = []
    phases: list[dict[str, Any]] = []
    for phase in value:
        method, settings = phase.get("method"), phase.get("settings") or {}
        if method not in METHODS:
            found.append(_not_one_of("phases", method, tuple(METHODS)))
        if not isinstance(settings, dict):
            found.append(Problem("phases", Message("phases is a list of one to twenty entries, each with a method.")))
            continue
        found += problems(TrainingSettings, {str(k): v for k, v in settings.items()})
        phases.append({"method": method, "settings": settings, "fresh": phase.get("fresh") is True})
    return (None if found else phases), found


def _not_one_of(field_name: str, value: Any, allowed: Sequence[str]) -> Problem:
    return Problem(
        field_name,
        Message("“{value}” is not one of {choices}.", value=str(value)[:40], choices=", ".join(allowed)),
    )


def _dumped(value: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=True, width=10_000).rstrip()


def _scalar(value: Any) -> str:
    """One YAML value on one line; floats as a person would type them, and such that YAML reads them as numbers."""
    if isinstance(value, float):
        text = f"{value:.12f}".rstrip("0")
        return text + "0" if text.endswith(".") else text
    return (
        yaml.safe_dump(value, allow_unicode=True, width=10_000, default_flow_style=True).removesuffix("...\n").strip()
    )


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f" ({mark.line + 1}:{mark.column + 1})" if mark else ""
