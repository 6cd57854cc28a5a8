"""Prompts kept as recipes: everything an attempt was asked with, under a name, in a project. Out and in as YAML or JSON.

<project>/untrained/recipes.json    [{id, name, settings, labels}]

A recipe holds settings that differ from the usual ones and, by the label's name, its words and sentences; no texts of the data set. What is
off in a file is told field by field, as of a recipe of settings (core.export.recipe).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from core.errors import DataError, Missing, Problem, SettingsError
from core.prompting.descriptions import LONGEST, MOST, Described
from core.prompting.settings import LONGEST as LONGEST_PROMPT
from core.prompting.settings import UntrainedSettings
from core.settings import changed, checked, problems
from core.words import Message
from core.workspace import FORMAT, new_id, read_json, write_json

FILE = "recipes.json"
LARGEST = 200_000  # characters of a file
MOST_KEPT = 200
PASSING = ("split", "rows", "seed")  # what belongs to one attempt and not to the recipe
_EXPECTED = Message("Save a prompt on this page, and compare.")


@dataclass(frozen=True)
class PromptRecipe:
    name: str
    settings: Mapping[str, Any]
    labels: Sequence[Described] = ()
    id: str = ""

    def as_json(self) -> dict[str, Any]:
        labels = [one.as_json() for one in self.labels]
        return {"id": self.id, "name": self.name, "settings": dict(self.settings), "labels": labels}


def recipes(folder: Path) -> list[PromptRecipe]:
    """Those kept in `folder`, newest first."""
    return [
        PromptRecipe(one["name"], one["settings"], tuple(map(Described.from_json, one["labels"])), one["id"])
        for one in _kept(folder)
    ]


def find_recipe(folder: Path, id: str) -> PromptRecipe:
    found = next((one for one in recipes(folder) if one.id == id), None)
    if found is None:
        raise Missing(Message("There is nothing called “{name}” here any more.", name=id[:40]))
    return found


def add(folder: Path, name: str, settings: UntrainedSettings, labels: Sequence[Described]) -> PromptRecipe:
    """Keep it under a name; a name that is taken gets a number."""
    kept = _kept(folder)
    if len(kept) >= MOST_KEPT:
        raise DataError(
            Message("There are {n} prompts already.", n=MOST_KEPT), fix=Message("Delete one you no longer use.")
        )
    values = {k: v for k, v in changed(UntrainedSettings(), settings).items() if k not in PASSING}
    found = PromptRecipe(_free(name, kept), {"way": settings.way, **values}, tuple(labels), new_id("prompt"))
    _write(folder, [found.as_json(), *kept])
    return found


def rename(folder: Path, id: str, name: str) -> None:
    find_recipe(folder, id)
    kept = _kept(folder)
    free = _free(name, [one for one in kept if one["id"] != id])
    _write(folder, [{**one, "name": free} if one["id"] == id else one for one in kept])


def delete(folder: Path, id: str) -> None:
    find_recipe(folder, id)
    _write(folder, [one for one in _kept(folder) if one["id"] != id])


# --- out and in ------------------------------------------------------------------------------------------------------


def text_of(recipe: PromptRecipe, form: str = "yaml") -> str:
    """As a file a person can read, keep and share."""
    labels = {one.name: {"words": one.words, "sentences": list(one.sentences)} for one in recipe.labels}
    told = {"hone": FORMAT, "kind": "prompt", "name": recipe.name, "settings": dict(recipe.settings), "labels": labels}
    if form == "json":
        return json.dumps(told, ensure_ascii=False, indent=2) + "\n"
    comment = "# A prompt of Hone. Use it with: hone untrained FILE --prompt-recipe THIS_FILE\n"
    return comment + yaml.dump(told, Dumper=_Lines, sort_keys=False, allow_unicode=True, width=10_000)


def read(text: str) -> PromptRecipe:
    """A recipe out of YAML or JSON (which is YAML). DataError for what is none, SettingsError for fields that are off."""
    if len(text) > LARGEST:
        raise DataError(Message("This file is no prompt: it is too long."), fix=_EXPECTED)
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise DataError(Message("This file repeats itself by references; a recipe does not."), fix=_EXPECTED)
        told = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        raise DataError(Message("This file is not readable as YAML or JSON."), fix=_EXPECTED) from None
    settings = told.get("settings") if isinstance(told, dict) else None
    if not isinstance(told, dict) or told.get("kind") != "prompt" or not isinstance(settings, dict):
        raise DataError(Message("This file is no prompt that Hone has saved."), fix=_EXPECTED)
    found = problems(UntrainedSettings, settings)
    found += [Problem(k, _TOO_LONG) for k, v in settings.items() if isinstance(v, str) and len(v) > LONGEST_PROMPT]
    if not isinstance(told.get("hone"), int) or told["hone"] > FORMAT:
        found.append(Problem("hone", Message("This recipe was written by a newer Hone.")))
    if found:
        raise SettingsError(found)
    values = changed(UntrainedSettings(), checked(UntrainedSettings, settings))
    kept = {"way": settings.get("way", UntrainedSettings().way), **values}
    name = str(told.get("name") or "")[:80]
    return PromptRecipe(name, {k: v for k, v in kept.items() if k not in PASSING}, tuple(_labels(told.get("labels"))))


_TOO_LONG = Message("This may have up to {n:,} characters.", n=LONGEST_PROMPT)


def _labels(told: Any) -> list[Described]:
    """Labels as they stand in a file; what is no label is passed over."""
    found = []
    for name, one in told.items() if isinstance(told, dict) else ():
        sentences = one.get("sentences") if isinstance(one, dict) else None
        said = [str(s)[:LONGEST] for s in sentences[:MOST]] if isinstance(sentences, list) else []
        words = str(one.get("words") or name) if isinstance(one, dict) else str(name)
        found.append(Described(str(name)[:LONGEST], words[:LONGEST], tuple(said)))
    return found


class _Lines(yaml.SafeDumper):
    """Texts of several lines as blocks, so that a prompt can be read."""


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Lines.add_representer(str, _block)


def _free(name: str, kept: Sequence[Mapping[str, Any]]) -> str:
    wanted = re.sub(r"\s+", " ", name).strip()[:80]
    if not wanted:
        raise DataError(Message("A prompt needs a name."))
    taken = {one["name"] for one in kept}
    number = 2
    chosen = wanted
    while chosen in taken:
        chosen, number = f"{wanted} {number}", number + 1
    return chosen


def _kept(folder: Path) -> list[dict[str, Any]]:
    try:
        return list(read_json(folder / FILE)["recipes"])
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _write(folder: Path, kept: Sequence[Mapping[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / FILE, {"format": FORMAT, "recipes": [dict(one) for one in kept]})
