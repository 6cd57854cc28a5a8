"""Sentences for people, in two languages.

The English template is the key; ``assets/zh.json`` holds the Chinese for each one. Core never builds a sentence by hand: it
makes a Message, which travels through JSON (event logs, page) and is put into words where somebody reads it.
A test collects every template in the sources and fails on one that has no translation.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

ASSETS = Path(__file__).resolve().parent.parent / "assets"
LANGUAGES = {"en": "English", "zh": "简体中文"}


class Message:
    """A template with named holes and their values: ``Message("{n:,} rows are empty.", n=17)``.

    Values may be strings, numbers or other Messages (which are translated too).
    """

    __slots__ = ("template", "values")

    def __init__(self, template: str, /, **values: Any):
        self.template = template
        self.values = values

    def said(self, language: str = "en") -> str:
        """The sentence in `language`; English where no translation exists."""
        template = translations(language).get(self.template, self.template)
        return template.format(**{k: v.said(language) if isinstance(v, Message) else v for k, v in self.values.items()})

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


def said(value: Any, language: str) -> Any:
    """`value` with every Message inside it (in lists and dicts too) put into words."""
    if isinstance(value, Message):
        return value.said(language)
    if isinstance(value, Mapping):
        if set(value) == {"say", "with"}:
            return Message.from_json(value).said(language)
        return {k: said(v, language) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [said(v, language) for v in value]
    return value


@cache
def translations(language: str) -> Mapping[str, str]:
    """English template -> template in `language`; empty for English."""
    if language == "en":
        return {}
    return json.loads((ASSETS / f"{language}.json").read_text(encoding="utf-8"))


def _plain(value: Any) -> Any:
    return value.as_json() if isinstance(value, Message) else value


def _rebuilt(value: Any) -> Any:
    return Message.from_json(value) if isinstance(value, Mapping) and set(value) == {"say", "with"} else value
