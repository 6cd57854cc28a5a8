"""A person's word to a run at work: the file `control`, looked at between two steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

LOOK = 0.1  # seconds between two looks while paused


class Ended(Exception):
    """The run is to end here: `stop` keeps the best moment, `discard` keeps nothing, `leave` keeps all for a later resume."""

    def __init__(self, word: str):
        super().__init__(word)
        self.word = word


class Control:
    def __init__(self, folder: Path):
        self.path = folder / "control"
        self._seen: tuple[int, int] | None = None
        self._word = ""

    def word(self) -> str:
        """The word that lies there now, or an empty string. Read only when the file has changed."""
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            self._seen = None
            return ""
        seen = (stat.st_mtime_ns, stat.st_ino)
        if seen != self._seen:
            try:
                self._word = self.path.read_text(encoding="utf-8").strip()
            except FileNotFoundError:
                return ""
            self._seen = seen
        return self._word

    def obey(self, paused: Callable[[], None] = lambda: None, resumed: Callable[[], None] = lambda: None) -> None:
        """Return at once when there is nothing to do; wait while paused; raise Ended to end. `paused` is called once before waiting,
        `resumed` after it."""
        word = self.word()
        if word == "pause":
            paused()
            while (word := self.word()) == "pause":
                time.sleep(LOOK)
            if word not in ENDS:
                resumed()
        if word in ENDS:
            raise Ended(word)


ENDS = ("stop", "discard", "leave")
