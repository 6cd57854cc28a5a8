"""Locks between processes that the operating system lets go of when their holder dies.

A lock is a file; who holds it is a process (or a thread: two handles in one process exclude each other as well). The file
stays when the lock is released, so that nobody waits on a name that somebody else has made anew.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

HEARTBEAT = 2.0  # seconds between two touches of a held lock
STALE = 15.0  # where the file system knows no locks, a file untouched for this long has no holder
_FAR = 1 << 30  # the byte that Windows locks; far beyond what is in the file, so that it can be read


class FileLock:
    """`acquire` returns whether it got the lock. Not re-entrant."""

    def __init__(self, path: Path):
        self.path = path
        self._fd = -1

    def acquire(self, wait: float = 0.0) -> bool:
        """Try for `wait` seconds (once when 0)."""
        until = time.monotonic() + wait
        while True:
            if self._try():
                return True
            if time.monotonic() >= until:
                return False
            time.sleep(0.01)

    def touch(self) -> None:
        """The heartbeat: tells those who cannot see locks that the holder lives."""
        with contextlib.suppress(OSError):
            os.utime(self.path)

    def release(self) -> None:
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                _unlock(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _try(self) -> bool:
        fd = _open(self.path)
        try:
            _lock(fd, exclusive=True)
        except OSError:
            os.close(fd)
            return False
        self._fd = fd
        self.touch()
        return True

    def __enter__(self) -> FileLock:
        if not self.acquire(wait=30.0):
            raise TimeoutError(f"{self.path.name} is held by another process")
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def held(path: Path) -> bool:
    """Whether somebody alive holds the lock. Asking disturbs nobody but for an instant."""
    try:
        fd = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    except OSError:
        return False
    try:
        _lock(fd, exclusive=False)
        _unlock(fd)
        return False
    except (BlockingIOError, PermissionError):
        return True
    except OSError:  # no locks on this file system: the heartbeat has to do
        return time.time() - os.fstat(fd).st_mtime < STALE
    finally:
        os.close(fd)


@contextlib.contextmanager
def beating(lock: FileLock) -> Iterator[None]:
    """Touch the lock's file every two seconds while the block runs."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(HEARTBEAT):
            lock.touch()

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=5)


def _open(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)


if sys.platform == "win32":
    import msvcrt

    def _lock(fd: int, *, exclusive: bool) -> None:
        os.lseek(fd, _FAR, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)

    def _unlock(fd: int) -> None:
        os.lseek(fd, _FAR, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(fd: int, *, exclusive: bool) -> None:
        fcntl.flock(fd, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)

    def _unlock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_UN)
