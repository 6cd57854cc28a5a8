"""Sentences for people, in two languages.

The English template is the key; ``assets/zh.json`` holds the Chinese for each one. Core never builds a sentence by hand: it
makes a Message, which travels through JSON (event logs, page) and is put into words where somebody reads it.
A test collects every template in the sources and fails on one that has no translation.

Sentences are written for texts. Where a task's rows are other things (pictures, conversations), ``assets/things.json`` names the
sentences that are about the rows whatever they are, and how the words in them are exchanged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

ASSETS = Path(__file__).resolve().parent.parent / "assets"
LANGUAGES = {"en": "English", "zh": "简体中文"}
TEXTS = "texts"  # what most tasks call their rows


class Message:
    """A template with named holes and their values: ``Message("{n:,} rows are empty.", n=17)``.

    Values may be strings, numbers or other Messages (which are translated too).
    """

    __slots__ = ("template", "values")

    def __init__(self, template: str, /, **values: Any):
        self.template = template
        self.values = values

    def said(self, language: str = "en", things: str = TEXTS) -> str:
        """The sentence in `language` about rows that are `things`; English where no translation exists."""
        template = translations(language, things).get(self.template, self.template)
        values = {k: v.said(language, things) if isinstance(v, Message) else v for k, v in self.values.items()}
        return template.format(**values)

    def as_json(self) -> dict[str, Any]:
        return {"say": self.template, "with": {k: _plain(v) for k, v in self.values.items()}}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Message:
        return Message(value["say"], **{k: _rebuilt(v) for k, v in value.get("with", {}).items()})

    def __str__(self) -> str:
        return self.said("en")

    def __repr__(self) -> str:
        return f"Message({self.template!r}, {self.values!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and (self.template, self.values) == (other.template, other.values)

    def __hash__(self) -> int:
        return hash((self.template, json.dumps(self.as_json(), sort_keys=True, default=str)))


def plural(n: int, one: str, many: str, /, **values: Any) -> Message:
    """`one` for exactly one thing, else `many`; both see ``{n}``. Chinese translates both templates alike."""
    return Message(one if n == 1 else many, n=n, **values)


def listed(names: Iterable[Any], most: int = 8) -> str:
    """Names in a row, cut after `most`: ``text, topic, date, … (12)``. Data, not words, so it needs no translation."""
    all_names = [str(name) for name in names]
    shown = ", ".join(all_names[:most])
    return shown if len(all_names) <= most else f"{shown}, … ({len(all_names)})"


def said(value: Any, language: str, things: str = TEXTS) -> Any:
    """`value` with every Message inside it (in lists and dicts too) put into words."""
    if isinstance(value, Message):
        return value.said(language, things)
    if isinstance(value, Mapping):
        if set(value) == {"say", "with"}:
            return Message.from_json(value).said(language, things)
        return {k: said(v, language, things) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [said(v, language, things) for v in value]
    return value


@cache
def translations(language: str, things: str = TEXTS) -> Mapping[str, str]:
    """English template -> template in `language`, about rows that are `things`; empty for English about texts."""
    known = {} if language == "en" else json.loads((ASSETS / f"{language}.json").read_text(encoding="utf-8"))
    if things == TEXTS:
        return known
    rules = exchanges()[things][language]
    return known | {template: _exchanged(known.get(template, template), rules) for template in about_rows()}


def exchanges() -> Mapping[str, Mapping[str, list[list[str]]]]:
    """things -> language -> pairs of a regular expression and what stands in its place, applied one after the other."""
    return _things()["words"]


def about_rows() -> list[str]:
    """The templates that are about a task's rows, whatever these are."""
    return _things()["templates"]


@cache
def _things() -> dict[str, Any]:
    return json.loads((ASSETS / "things.json").read_text(encoding="utf-8"))


def _exchanged(template: str, rules: Iterable[Iterable[str]]) -> str:
    for old, new in rules:
        template = re.sub(old, new, template)
    return template


def _plain(value: Any) -> Any:
    return value.as_json() if isinstance(value, Message) else value


def _rebuilt(value: Any) -> Any:
    return Message.from_json(value) if isinstance(value, Mapping) and set(value) == {"say", "with"} else value
