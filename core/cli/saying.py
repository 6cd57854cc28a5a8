"""What a command says: results on standard output, all else on standard error, in the language that was asked for."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from core.words import Message, said
from core.workspace import default_home


class Saying:
    """`out` and `result` are for programs and pipes, `note`, `line` and `error` for the person in front of it."""

    def __init__(self, language: str = "en", as_json: bool = False):
        self.language, self.json = language, as_json
        self._terminal = sys.stderr.isatty()
        self._shown = ""

    def out(self, text: str) -> None:
        self.clear()
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def result(self, value: Any) -> None:
        """One line of JSON."""
        self.out(json.dumps(said(value, self.language), ensure_ascii=False, default=str))

    def note(self, message: Message) -> None:
        self.clear()
        sys.stderr.write(message.said(self.language) + "\n")
        sys.stderr.flush()

    def error(self, message: Message, fix: Message | None = None) -> None:
        self.note(message)
        if fix:
            self.note(fix)

    def line(self, message: Message) -> None:
        """A line that the next one replaces; nothing where standard error is no terminal."""
        text = message.said(self.language)[:200]
        if self._terminal and text != self._shown:
            sys.stderr.write(f"\r\x1b[2K{text}")
            sys.stderr.flush()
            self._shown = text

    def clear(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[2K")
            self._shown = ""


class Meter:
    """progress(done, total) as a line that changes. Ctrl-C asks the work to end; a second one ends it at once."""

    def __init__(self, say: Saying, title: Message):
        self._say, self._title = say, title
        self._began = self._shown = time.monotonic()
        self._asked = False
        self._before: Any = None

    def __call__(self, done: int, total: int = 0, note: Message | None = None) -> None:
        now = time.monotonic()
        if now - self._shown < 0.2:
            return
        self._shown = now
        if total and done:
            left = (now - self._began) / done * max(0, total - done)
            told = Message(
                "{what}: {done:,} of {total:,}, about {t} left",
                what=self._title,
                done=done,
                total=total,
                t=duration(left),
            )
        else:
            told = Message("{what}: {done:,}", what=self._title, done=done)
        self._say.line(told)

    def cancelled(self) -> bool:
        return self._asked

    def __enter__(self) -> Meter:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
        self._say.clear()

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True


def duration(seconds: float | None) -> Message:
    """As a person would say it."""
    whole = round(seconds or 0)
    if whole < 90:
        return Message("{n} s", n=whole)
    if whole < 5400:
        return Message("{n} min", n=round(whole / 60))
    return Message("{h} h {m} min", h=whole // 3600, m=whole % 3600 // 60)


def unexpected(error: Exception, options: argparse.Namespace) -> tuple[Message, Message]:
    """A fault of Hone: said in one line; the traceback goes to a file."""
    home = Path(options.workspace).expanduser() if options.workspace else default_home()
    path = home / "hone-error.txt"
    with contextlib.suppress(OSError):
        home.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    what = f"{type(error).__name__}: {error}".strip()[:300]
    return (
        Message("Something went wrong inside Hone: {what}", what=what),
        Message("The details are in {path}. With --debug they are shown here.", path=str(path)),
    )


def plain_output() -> None:
    """Every language, whatever the terminal claims to speak."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
