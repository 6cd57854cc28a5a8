"""Append-only JSON lines: one writer, any number of readers, nothing lost at a kill.

A line is written with one `write` call to a file opened for appending. A torn last line (the writer died inside it) is
left alone by readers and cut off by the next writer.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Journal:
    """The writing end. Opening it repairs a torn last line."""

    def __init__(self, path: Path):
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o644)
        _cut_torn_line(self._fd)

    def append(self, entry: Mapping[str, Any], *, sync: bool = False) -> None:
        """Add one entry. `sync` also waits until the disk has it. NaN and infinities raise ValueError."""
        line = json.dumps(entry, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
        os.write(self._fd, line.encode("utf-8"))
        if sync:
            os.fsync(self._fd)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def read(path: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The whole lines from byte `offset` on, and the offset after the last of them. A missing file is empty.

    A line that is no JSON (a power failure can leave zeros on disk) is passed over: the rest is still true.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], offset
    end = data.rfind(b"\n") + 1
    entries = (_entry(line) for line in data[:end].split(b"\n"))
    return [entry for entry in entries if entry is not None], offset + end


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _cut_torn_line(fd: int) -> None:
    size = os.fstat(fd).st_size
    if size == 0:
        return
    step = 65536
    end = size
    while end > 0:
        start = max(0, end - step)
        os.lseek(fd, start, os.SEEK_SET)
        chunk = os.read(fd, end - start)
        newline = chunk.rfind(b"\n")
        if newline >= 0:
            whole = start + newline + 1
            break
        end = start
    else:
        whole = 0
    if whole < size:
        os.ftruncate(fd, whole)
