"""What one server process shares between its pages: the engine, the jobs, the model service, open data sets, offers.

A Studio is made once by launch.py and passed in; nothing here is a global. Engine, jobs and service are made at their first use, so
that the page can answer before any of them is there. It knows nothing of Gradio and nothing of who is calling.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from core.errors import Missing, NotAllowed
from core.words import Message
from core.workspace import Workspace

Mode = Literal["local", "login", "demo"]
OFFER_SECONDS = 600.0
VISITS_AN_HOUR = 60  # a school behind one address fits, a script that fills the disk does not


@dataclass(frozen=True)
class Limits:
    """What one user may do here. None is no limit."""

    upload_bytes: int
    rows: int | None = None
    steps: int | None = None
    runs_at_once: int | None = None
    projects: int | None = None
    days_kept: float | None = None


LOCAL = Limits(upload_bytes=1_000_000_000)
DEMO = Limits(upload_bytes=20_000_000, rows=5_000, steps=600, runs_at_once=1, projects=5, days_kept=1.0)


@dataclass
class Offer:
    """A file that one user may fetch once."""

    user: str
    path: Path
    name: str
    until: float


@dataclass
class Studio:
    """`mode` decides whose data a call may touch (webui.who); `limits` what it may do."""

    home: Path
    mode: Mode = "local"
    inline: bool = False
    limits: Limits = LOCAL
    language: str | None = None
    _offers: dict[str, Offer] = field(default_factory=dict)
    _jobs: dict[str, Any] = field(default_factory=dict)
    _visits: dict[str, list[float]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @cached_property
    def engine(self) -> Any:
        from core.training.engine import Engine

        with self._lock:
            return self.__dict__.get("engine") or Engine(self.home, inline=self.inline)

    @cached_property
    def service(self) -> Any:
        from core.service import Service

        with self._lock:
            return self.__dict__.get("service") or Service(self.home)

    def jobs(self, workspace: Workspace) -> Any:
        from core.jobs import Jobs

        with self._lock:
            if workspace.user not in self._jobs:
                self._jobs[workspace.user] = Jobs(workspace.jobs)
            return self._jobs[workspace.user]

    def dataset(self, folder: Path) -> Any:
        """The open data set of a folder; core.data keeps one object a folder, so that its caches count."""
        from core.data.dataset import Dataset

        return Dataset.open(folder)

    def forget(self, folder: Path) -> None:
        """Let go of the files of a data set whose project is moved or deleted."""
        if folder.is_dir():
            self.dataset(folder).close()

    def offer(self, user: str, path: Path, name: str) -> str:
        """An address from which `user` can fetch `path` once, within ten minutes."""
        with self._lock:
            now = time.monotonic()
            self._offers = {k: o for k, o in self._offers.items() if o.until > now}
            key = secrets.token_urlsafe(16)
            self._offers[key] = Offer(user, path, name, now + OFFER_SECONDS)
        return f"hone/download/{key}"

    def take(self, key: str) -> Offer:
        with self._lock:
            offer = self._offers.pop(key, None)
        if offer is None or offer.until < time.monotonic() or not offer.path.is_file():
            raise Missing(Message("This download has been used or is too old. Ask for it again on the page."))
        return offer

    def let_in(self, address: str) -> None:
        """Count a new visitor of the demo; NotAllowed when too many come from one address within an hour."""
        now = time.monotonic()
        with self._lock:
            recent = [at for at in self._visits.get(address, ()) if now - at < 3600]
            if len(recent) >= VISITS_AN_HOUR:
                raise NotAllowed(
                    Message("Too many visits began from this network within an hour."), fix=Message("Try again later.")
                )
            self._visits[address] = [*recent, now]

    def warm(self) -> None:
        """Start what takes seconds, beside the page: the engine takes up the queue and warms its worker."""
        threading.Thread(target=lambda: self.engine, name="hone-engine-start", daemon=True).start()

    def close(self) -> None:
        for name in ("engine", "service"):
            part = self.__dict__.get(name)
            if part is not None:
                part.close()
        for jobs in self._jobs.values():
            close = getattr(jobs, "close", None)
            if close:
                close()
