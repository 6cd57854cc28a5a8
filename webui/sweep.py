"""Throws away what has had its time: deleted projects and uploads after a day, a visitor of the demo after the days the demo keeps."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from core import projects
from core.workspace import Workspace, read_json

log = logging.getLogger("hone")
DAY = 86400.0


def sweep(home: Path, clear: Callable[[Path], None], days_kept: float | None = None) -> None:
    """`clear` ends the runs below a folder. `days_kept` is for visitors of the demo; None keeps all users."""
    users = home / "users"
    for folder in sorted(users.iterdir()) if users.is_dir() else []:
        try:
            _sweep_user(home, folder, clear, days_kept)
        except Exception:
            log.exception("sweeping %s", folder.name)


def _sweep_user(home: Path, folder: Path, clear: Callable[[Path], None], days_kept: float | None) -> None:
    visitor = folder / "visitor.json"
    if days_kept is not None and visitor.is_file() and _older(float(read_json(visitor)["since"]), days_kept * DAY):
        clear(folder)
        shutil.rmtree(folder, ignore_errors=True)
        return
    projects.empty_bin(Workspace(home, folder.name))
    uploads = folder / "uploads"
    for upload in uploads.iterdir() if uploads.is_dir() else []:
        if _older(upload.stat().st_mtime, DAY):
            shutil.rmtree(upload, ignore_errors=True)
    for packed in (folder / "jobs").glob("*.zip"):
        if _older(packed.stat().st_mtime, DAY):
            packed.unlink(missing_ok=True)


def _older(since: float, seconds: float) -> bool:
    return time.time() - since >= seconds
