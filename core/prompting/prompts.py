"""Prompts with variables: checked, filled with a row, and cut to what a model can hold. Knows texts, no models.

    variables(state)                     what may stand in braces here: roles, columns, {labels}, {examples}
    check(settings, known)               SettingsError with the known names where one is not known
    question(prompt, row, ...)           the text a model reads

Two braces stand for one: "{{" is "{". The column with the right answer is no variable: a prompt that held it would only be copied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.data.rows import Rows
from core.data.state import State
from core.data.templates import PLACE
from core.errors import Problem, SettingsError
from core.prompting.descriptions import Described
from core.prompting.settings import LONGEST, UntrainedSettings
from core.tasks.base import Row
from core.words import Message, listed

OPEN, CLOSE = "\ue000", "\ue001"  # for doubled braces, while the single ones are filled


@dataclass(frozen=True)
class Variables:
    """`roles` of the data set's inputs and `columns` of its files that may be filled in."""

    roles: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def row(self) -> tuple[str, ...]:
        return (*self.roles, *self.columns)


def variables(state: State) -> Variables:
    roles = tuple(part.role for part in state.shape.inputs)
    hidden = {*roles, "label", "labels", "examples", *telling_columns(state.rows)}
    return Variables(roles, tuple(name for name in state.rows.columns if name not in hidden))


def telling_columns(rows: Rows) -> set[str]:
    """Columns that hold the right answer, or which split a row is of, in any of the files."""
    target = rows.shape.target
    roles = ("split", *((target.role,) if target else ()))
    return {column for one in rows.imports for role in roles for column in rows.columns_of(one, role)}


def names(template: str) -> list[str]:
    """The variables of a template, in the order in which they come first."""
    return list(dict.fromkeys(PLACE.findall(_guarded(template))))


def check(settings: UntrainedSettings, known: Variables) -> None:
    """SettingsError with everything that is off in the prompts of the chosen way."""
    found: list[Problem] = []
    if settings.way == "entails":
        found += _problems("hypothesis", settings.hypothesis, ("label",), ("label", *known.row))
    if settings.way == "likely":
        needed = known.roles[:1]
        found += _problems("prompt", settings.prompt, needed, ("labels", "examples", *known.row))
        if settings.examples:
            if not found and "examples" not in names(settings.prompt):
                told = Message("Say with {place} where the examples stand.", place="{examples}")
                found.append(Problem("prompt", told))
            found += _problems("example", settings.example, (*needed, "label"), ("label", *known.row))
    if found:
        raise SettingsError(found)


def _problems(field: str, template: str, needed: Sequence[str], known: Sequence[str]) -> list[Problem]:
    there = names(template)
    shown = listed([f"{{{name}}}" for name in known], 20)
    if len(template) > LONGEST:
        return [Problem(field, Message("This may have up to {n:,} characters.", n=LONGEST))]
    if strange := [name for name in there if name not in known]:
        told = Message("There is no {place} here. There are {known}.", place=f"{{{strange[0][:60]}}}", known=shown)
        return [Problem(field, told)]
    if missing := [name for name in needed if name not in there]:
        return [Problem(field, Message("This needs {place}.", place=f"{{{missing[0]}}}"))]
    return []


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template with every variable filled in; what is unknown is empty."""
    text = PLACE.sub(lambda place: str(values.get(place[1]) or ""), _guarded(template))
    return text.replace(OPEN, "{").replace(CLOSE, "}")


def example(template: str, row: Row, words: str) -> str:
    """One labelled row as it stands among the examples."""
    return filled(template, {**row, "label": words})


def question(prompt: str, row: Row, labels: Sequence[Described], examples: Sequence[str]) -> str:
    """The prompt for a row, with `examples` one behind the other."""
    told = {"labels": ", ".join(one.words for one in labels), "examples": "".join(examples)}
    return filled(prompt, {**row, **told})


def columns(settings: UntrainedSettings, known: Variables) -> list[str]:
    """The columns of the files that the chosen way's prompts ask for."""
    asked = {"entails": (settings.hypothesis,), "likely": (settings.prompt, settings.example)}.get(settings.way, ())
    return [name for name in dict.fromkeys(n for one in asked for n in names(one)) if name in known.columns]


def _guarded(template: str) -> str:
    return template.replace("{{", OPEN).replace("}}", CLOSE)
