"""One language of the page while it is being built. Passed to every tab."""

from __future__ import annotations

from dataclasses import dataclass

from core.words import Message
from webui.studio import Studio


@dataclass(frozen=True)
class Page:
    language: str
    studio: Studio

    def say(self, message: Message) -> str:
        return message.said(self.language)
