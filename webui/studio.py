"""What one server process shares between its pages: the engine, the jobs, the model service, open data sets, offers.

A Studio is made once by launch.py and passed in; nothing here is a global. Engine, jobs and service are made at their first use, so
that the page can answer before any of them is there. It knows nothing of Gradio and nothing of who is calling.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from core.errors import HoneError, Missing, NotAllowed
from core.words import Message
from core.workspace import Workspace
from webui.sweep import sweep

Mode = Literal["local", "login", "demo"]
OFFER_SECONDS = 600.0
SWEEP_SECONDS = 3600.0
FORGET_SECONDS = 10.0
GUIDE_IDLE = 900.0  # seconds without a question after which the process ends
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
    people: Callable[[], list[str]] = list  # names that have a login
    _offers: dict[str, Offer] = field(default_factory=dict)
    _parts: dict[str, Any] = field(default_factory=dict)
    _visits: dict[str, list[float]] = field(default_factory=dict)
    _closed: threading.Event = field(default_factory=threading.Event)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def engine(self) -> Any:
        from core.training.engine import Engine

        return self._part("engine", lambda: Engine(self.home, inline=self.inline))

    @property
    def director(self) -> Any:
        """What lets studies go on (core.studies)."""
        from core.studies.director import Director

        return self._part("director", lambda: Director(self.engine, self.home))

    @property
    def service(self) -> Any:
        from core.service import Service

        return self._part("service", lambda: Service(self.home))

    @property
    def guide(self) -> Any:
        """The small model that learns while people label (core.labelling.guide)."""
        from core.resident import Resident

        return self._part("guide", lambda: Resident("core.labelling.guide", self.home / "guide.log", GUIDE_IDLE))

    def jobs(self, workspace: Workspace) -> Any:
        from core.jobs import Jobs

        return self._part(f"jobs of {workspace.user}", lambda: Jobs(workspace.jobs))

    def _part(self, name: str, make: Callable[[], Any]) -> Any:
        """Made once, by whichever call comes first."""
        with self._lock:
            if name not in self._parts:
                self._parts[name] = make()
            return self._parts[name]

    def dataset(self, folder: Path) -> Any:
        """The open data set of a folder; core.data keeps one object a folder, so that its caches count."""
        from core.data.dataset import Dataset

        return Dataset.open(folder)

    def forget(self, folder: Path) -> None:
        """Let go of the files of a data set whose project is moved or deleted."""
        guide = self._parts.get("guide")
        if guide and guide.pid:
            with contextlib.suppress(HoneError):
                guide.ask({"what": "forget", "folder": str(folder)}, FORGET_SECONDS)
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
        """Start what takes seconds, beside the page: the engine takes up the line and warms its worker. Then sweep, hourly."""
        threading.Thread(target=self._beside_the_page, name="hone-beside-the-page", daemon=True).start()

    def _beside_the_page(self) -> None:
        engine = self.engine
        _ = self.director  # open studies go on
        while not self._closed.is_set():
            sweep(self.home, engine.clear, self.limits.days_kept if self.mode == "demo" else None)
            self._closed.wait(SWEEP_SECONDS)

    def close(self) -> None:
        """Workers save their place and end; jobs are cancelled."""
        self._closed.set()
        with self._lock:
            parts, self._parts = self._parts, {}
        for part in reversed(list(parts.values())):  # the director before the engine it gives work to
            part.close()
