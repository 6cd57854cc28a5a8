"""Sentences, titles and tables as Markdown, in one language. Somebody's words become text, never markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.words import Message, said


class Page:
    """What one card is written on."""

    def __init__(self, language: str):
        self.language = language

    def say(self, value: Any) -> str:
        return said(value, self.language)

    def title(self, message: Any, level: int = 2) -> str:
        return f"{'#' * level} {self.say(message)}\n"

    def table(self, heads: Sequence[Any], rows: Iterable[Sequence[str]], escaped: bool = False) -> str:
        lines = ["| " + " | ".join(self.say(h) for h in heads) + " |", "|" + " --- |" * len(heads)]
        lines += ["| " + " | ".join(c if escaped else plain(c) for c in row) + " |" for row in rows]
        return "\n".join(lines) + "\n"

    def verdict(self, report: Mapping[str, Any], parts: Sequence[str]) -> str:
        """The report's sentences in a row."""
        found = [report["verdict"].get(part) for part in parts]
        return " ".join(ended(self.say(escaped(part))) for part in found if part) + "\n"


def plain(text: str) -> str:
    """Somebody's words inside Markdown: nothing in them is markup, and they stay on one line."""
    return re.sub(r"([\\`*_\[\]<>|#~$!])", r"\\\1", " ".join(str(text).split()))


def escaped(part: Mapping[str, Any]) -> Message:
    """A sentence of the report, the words of the data in it made plain."""
    told = Message.from_json(part)
    values = {k: plain(v) if isinstance(v, str) else v for k, v in told.values.items()}
    return Message(told.template, **values)  # words: the same sentence


def code(text: str) -> str:
    return "`" + " ".join(str(text).split()).replace("`", "'").replace("|", "¦") + "`"


def ended(sentence: str) -> str:
    """With a full stop; Chinese sentences bring their own kind."""
    if sentence[-1:] in ".。!?？）)":
        return sentence
    return sentence + ("。" if re.search("[\u4e00-\u9fff]", sentence) else ".")


def number(value: float | None) -> str:
    """A share with three decimals, a large number as people write it."""
    if value is None:
        return "–"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:,.1f}"


def interval(row: Mapping[str, Any]) -> str:
    return "–" if row.get("low") is None else f"{number(row['low'])} – {number(row['high'])}"
