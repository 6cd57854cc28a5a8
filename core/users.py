"""Who may log in: a file of scrypt lines, one a user. Made by `hone user add NAME`, read by the page's `--auth FILE`.

A line is ``name:scrypt:<n>:<r>:<p>:<salt>:<hash>`` (base64). A password is never stored, printed or logged.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path

from core.errors import HoneError, Missing, NotAllowed
from core.words import Message
from core.workspace import NAME, write_text

COST, BLOCK, PARALLEL = (
    2**14,
    8,
    1,
)  # 16 MB and about 50 ms a try (OWASP's smaller recommendation, fit for 30 students at once)
SHORTEST = 8
TRIES, WINDOW = 5, 300.0  # so many wrong passwords within so many seconds lock a name for the rest of the window


def add(path: Path, name: str, password: str) -> bool:
    """Write or replace the line of `name`; true when the name is new. The file becomes readable by its owner only."""
    if not NAME.fullmatch(name):
        raise HoneError(
            Message("“{user}” cannot be a user's name.", user=name[:40]),
            fix=Message("Use letters, digits, dot, dash and underscore."),
        )
    if len(password) < SHORTEST:
        raise HoneError(Message("The password is too short. It needs {n} characters or more.", n=SHORTEST))
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in lines if line.split(":", 1)[0] != name]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, "\n".join([*kept, line_of(name, password)]) + "\n")
    path.chmod(0o600)
    return len(kept) == len(lines)


def remove(path: Path, name: str) -> None:
    """Take the line of `name` out."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in lines if line.split(":", 1)[0] != name]
    if len(kept) == len(lines):
        raise Missing(Message("There is no user called “{user}”.", user=name[:40]))
    write_text(path, "\n".join(kept) + "\n" if kept else "")


def line_of(name: str, password: str) -> str:
    salt = secrets.token_bytes(16)
    digest = _scrypt(password, salt, COST, BLOCK, PARALLEL)
    return f"{name}:scrypt:{COST}:{BLOCK}:{PARALLEL}:{_text(salt)}:{_text(digest)}"


class Users:
    """The users of an auth file. Safe to share between threads; a change of the file is noticed at the next login."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic):
        self.path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._lines: dict[str, tuple[int, int, int, bytes, bytes]] = {}
        self._stamp: tuple[int, int] | None = None
        self._failed: dict[str, list[float]] = {}
        self._nobody = (COST, BLOCK, PARALLEL, secrets.token_bytes(16), secrets.token_bytes(32))
        self._reread()

    @property
    def names(self) -> list[str]:
        with self._lock:
            self._reread()
            return list(self._lines)

    def verify(self, name: str, password: str) -> bool:
        """Whether name and password belong together. Takes the same time for a name that is not there.

        After five wrong passwords in five minutes a name is locked until the five minutes are over (NotAllowed).
        """
        with self._lock:
            self._reread()
            self._refuse_when_locked(name)
            cost, block, parallel, salt, expected = self._lines.get(name, self._nobody)
            known = name in self._lines
        same = hmac.compare_digest(_scrypt(password, salt, cost, block, parallel, len(expected)), expected)
        with self._lock:
            if same and known:
                self._failed.pop(name, None)
                return True
            self._failed.setdefault(name[:64], []).append(self._clock())
            self._forget()
        return False

    def __call__(self, name: str, password: str) -> bool:
        """For a login form that knows only yes and no: locked is no."""
        try:
            return self.verify(name, password)
        except NotAllowed:
            return False

    def _refuse_when_locked(self, name: str) -> None:
        now = self._clock()
        recent = [t for t in self._failed.get(name[:64], []) if now - t < WINDOW]
        if len(recent) >= TRIES:
            left = WINDOW - (now - recent[0])
            raise NotAllowed(
                Message("Too many wrong passwords for this name."),
                fix=Message("Try again in {n} minutes.", n=max(1, round(left / 60))),
            )

    def _forget(self) -> None:
        """Names nobody tried lately are dropped, so that guessing names does not fill the memory."""
        now = self._clock()
        self._failed = {
            name: recent
            for name, times in self._failed.items()
            if (recent := [t for t in times if now - t < WINDOW][-TRIES:])
        }

    def _reread(self) -> None:
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            raise HoneError(
                Message("There is no file of users at {path}.", path=self.path.name),
                fix=Message("Make it with: hone user add NAME --auth {path}", path=self.path.name),
            ) from None
        stamp = (stat.st_mtime_ns, stat.st_size)
        if stamp == self._stamp:
            return
        lines = enumerate(self.path.read_text(encoding="utf-8").splitlines(), start=1)
        self._lines = dict(_parsed(line, n) for n, line in lines if line.strip() and not line.startswith("#"))
        self._stamp = stamp


def _parsed(line: str, number: int) -> tuple[str, tuple[int, int, int, bytes, bytes]]:
    try:
        name, kind, cost, block, parallel, salt, digest = line.strip().split(":")
        if kind != "scrypt" or not NAME.fullmatch(name) or int(cost) > 2**17:
            raise ValueError(kind)
        return name, (int(cost), int(block), int(parallel), base64.b64decode(salt), base64.b64decode(digest))
    except ValueError:
        raise HoneError(
            Message("Line {n} of the file of users is not one that Hone wrote.", n=number),
            fix=Message("Take the line out, and add the user again with: hone user add NAME"),
        ) from None


def _scrypt(password: str, salt: bytes, cost: int, block: int, parallel: int, length: int = 32) -> bytes:
    memory = 128 * cost * block * parallel + 2**20
    return hashlib.scrypt(
        password.encode("utf-8"), salt=salt, n=cost, r=block, p=parallel, maxmem=2 * memory, dklen=length
    )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
