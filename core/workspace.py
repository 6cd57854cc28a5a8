"""Where everything lives on disk, per user. Passed in, never a global.

<home>/home.json                         {"format": 1}
<home>/secret                            key of the page's cookies and browser storage
<home>/engine/                           the machine's queue of runs (shared by page and command line)
<home>/users/<user>/
    projects/<project>/project.json      {"format": 1, "name": ..., "created": ..., "task": ...}
        data/                            the data set: imports, log of edits and labels
        runs/<run>/                      one run, whole
        recipe.json                      what the Settings tab holds
        shared.json                      who else may label, if anybody (core.sharing)
    bin/<project>/                       deleted projects, kept for a day
    jobs/<job>/                          imports, reports, predictions of files
    models/<model>/                      bases that were uploaded
"""

from __future__ import annotations

import json
import os
import re
import secrets
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import HoneError, Missing
from core.words import Message

FORMAT = 1
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


def default_home() -> Path:
    return Path(os.environ.get("HONE_HOME") or Path.home() / ".hone")


@dataclass(frozen=True)
class Workspace:
    """One user's folders under a home. Make it with `Workspace.open`."""

    home: Path
    user: str = "local"

    @staticmethod
    def open(home: Path | str | None = None, user: str = "local") -> Workspace:
        """Create what is missing; refuse a home that a newer Hone has written."""
        root = Path(home).expanduser() if home else default_home()
        if not NAME.fullmatch(user):
            raise HoneError(Message("“{user}” cannot be a user's name.", user=user[:40]))
        workspace = Workspace(root.resolve(), user)
        for folder in (workspace.projects, workspace.bin, workspace.jobs, workspace.engine):
            folder.mkdir(parents=True, exist_ok=True)
        marker = workspace.home / "home.json"
        if not marker.exists():
            write_json(marker, {"format": FORMAT})
        check_format(read_json(marker), marker)
        return workspace

    @property
    def folder(self) -> Path:
        return self.home / "users" / self.user

    @property
    def projects(self) -> Path:
        return self.folder / "projects"

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    @property
    def jobs(self) -> Path:
        return self.folder / "jobs"

    @property
    def engine(self) -> Path:
        return self.home / "engine"

    def project_folder(self, project: str) -> Path:
        return inside(self.projects, project)

    def run_folder(self, project: str, run: str) -> Path:
        return inside(self.project_folder(project) / "runs", run)

    def secret(self) -> str:
        """A key made once for this home."""
        path = self.home / "secret"
        if not path.exists():
            path.touch(mode=0o600)
            write_text(path, secrets.token_hex(32))
        return path.read_text(encoding="utf-8").strip()


def inside(folder: Path, name: str) -> Path:
    """`folder/name`, only if `name` is a plain name and the folder exists. What a browser sends is never a path."""
    if not isinstance(name, str) or not NAME.fullmatch(name) or not (folder / name).is_dir():
        raise Missing(Message("There is nothing called “{name}” here any more.", name=str(name)[:40]))
    return folder / name


_making_ids = threading.Lock()
_last_moment = 0


def new_id(prefix: str) -> str:
    """A short name that sorts by time of making and is never used again: ``run-mihx2k9x-5f3a``."""
    global _last_moment
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    with (
        _making_ids
    ):  # never the same moment twice in one process; between processes the four last signs tell them apart
        n = _last_moment = max(int(time.time() * 1000), _last_moment + 1)
    text = ""
    while n:
        n, rest = divmod(n, 36)
        text = digits[rest] + text
    return f"{prefix}-{text}-{secrets.token_hex(2)}"


def read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, value: Mapping[str, Any], *, lasting: bool = True) -> None:
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1), lasting=lasting)


def write_text(path: Path, text: str, *, lasting: bool = True) -> None:
    write_bytes(path, text.encode("utf-8"), lasting=lasting)


def write_bytes(path: Path, data: bytes, *, lasting: bool = True) -> None:
    """All or nothing: written beside it, then renamed over it. `lasting` waits until the disk has it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if lasting:
                os.fsync(file.fileno())
        _replace(Path(temporary), path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _replace(new: Path, path: Path) -> None:
    """Windows refuses for as long as somebody reads the old file: a few milliseconds."""
    for _ in range(100):
        try:
            new.replace(path)
            return
        except PermissionError:
            if os.name != "nt":
                raise
            time.sleep(0.01)
    new.replace(path)


def check_format(value: Mapping[str, Any], path: Path) -> None:
    """Migrations from older formats go here, one `if` a format; there is none yet."""
    if value.get("format", 0) > FORMAT:
        raise HoneError(
            Message("{path} was written by a newer Hone.", path=path.name),
            fix=Message("Update Hone, or choose another folder with --workspace."),
        )
