"""The data set's SQLite file: imports, roles, splits, labels, answers and edits, each change with a growing version.

One file, `log.sqlite` (WAL): a connection a thread, a busy timeout, one writer at a time, so that the page and the command line can work
on one data set. Knows tables and stamps, nothing of what they mean.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import HoneError
from core.words import Message

FORMAT = 3  # 2: answers may be values (JSON) instead of one label; 3: answers tell how they came, guesses have a table of their own
PARTS = ("imports", "roles", "split", "labels", "answers", "edits", "guesses")
SHIFT = 40  # a row's number in the log: import << 40 | ordinal
GUESSES = """CREATE TABLE guesses (
  row INTEGER PRIMARY KEY, label INTEGER, value TEXT, probability REAL NOT NULL, origin TEXT NOT NULL, at REAL NOT NULL);
CREATE TABLE rules (
  id INTEGER PRIMARY KEY AUTOINCREMENT, pattern TEXT NOT NULL, label INTEGER NOT NULL, who TEXT NOT NULL, at REAL NOT NULL,
  removed INTEGER NOT NULL DEFAULT 0);
CREATE TABLE reviews (
  row INTEGER NOT NULL, what TEXT NOT NULL, verdict TEXT NOT NULL, who TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (row, what)) WITHOUT ROWID;
"""
SCHEMA = (
    """
CREATE TABLE state (part TEXT PRIMARY KEY, stamp INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE imports (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, file TEXT NOT NULL, rows INTEGER NOT NULL, size INTEGER NOT NULL,
  columns TEXT NOT NULL, how TEXT NOT NULL, warnings TEXT NOT NULL, roles TEXT NOT NULL DEFAULT '{}', split TEXT, at REAL NOT NULL,
  removed INTEGER NOT NULL DEFAULT 0);
CREATE TABLE labels (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, colour INTEGER NOT NULL, place INTEGER NOT NULL,
  status TEXT NOT NULL DEFAULT 'alive', merged_into INTEGER, by_hand INTEGER NOT NULL);
CREATE TABLE file_values (value TEXT PRIMARY KEY, label INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE label_changes (
  change TEXT PRIMARY KEY, label INTEGER NOT NULL, before TEXT NOT NULL, what TEXT NOT NULL, who TEXT NOT NULL, at REAL NOT NULL,
  undone INTEGER NOT NULL DEFAULT 0);
CREATE TABLE answers (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, row INTEGER NOT NULL, label INTEGER, value TEXT, who TEXT NOT NULL, at REAL NOT NULL,
  client TEXT NOT NULL, client_seq INTEGER NOT NULL, undone INTEGER NOT NULL DEFAULT 0, origin TEXT NOT NULL DEFAULT 'human',
  seconds REAL, guess TEXT, UNIQUE (client, client_seq));
CREATE INDEX answers_row ON answers (row);
CREATE INDEX answers_who ON answers (who, seq);
CREATE TABLE in_force (row INTEGER PRIMARY KEY, label INTEGER, value TEXT, seq INTEGER, stamp INTEGER NOT NULL);
CREATE INDEX in_force_stamp ON in_force (stamp);
CREATE TABLE edits (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, grp TEXT UNIQUE NOT NULL, kind TEXT NOT NULL, finding TEXT, fix TEXT, title TEXT NOT NULL,
  rows BLOB NOT NULL, value TEXT NOT NULL, who TEXT NOT NULL, at REAL NOT NULL, undone INTEGER NOT NULL DEFAULT 0);
"""
    + GUESSES
)


class Log:
    """The open file. `read()` gives this thread's connection; `change(part)` a transaction that counts the version up."""

    def __init__(self, folder: Path):
        self.path = folder / "log.sqlite"
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._writing = threading.RLock()
        folder.mkdir(parents=True, exist_ok=True)
        self._create()

    def read(self) -> sqlite3.Connection:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")  # a label that was answered survives a power cut
            self._local.connection = connection
            with self._writing:
                self._open.append(connection)
        return connection

    @contextmanager
    def change(self, *parts: str) -> Iterator[tuple[sqlite3.Connection, int]]:
        """A transaction over `parts`, with the version it makes. Undone as a whole if anything is raised."""
        with self._writing:
            connection = self.read()
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.execute("UPDATE state SET stamp = stamp + 1 WHERE part = 'version'")
                version = int(connection.execute("SELECT stamp FROM state WHERE part = 'version'").fetchone()[0])
                for part in parts:
                    connection.execute("UPDATE state SET stamp = ? WHERE part = ?", (version, part))
                yield connection, version
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def stamps(self) -> dict[str, int]:
        """The version, and the version at which each part last changed."""
        return {row[0]: int(row[1]) for row in self.read().execute("SELECT part, stamp FROM state")}

    def version(self) -> int:
        return int(self.read().execute("SELECT stamp FROM state WHERE part = 'version'").fetchone()[0])

    def copy_to(self, path: Path) -> None:
        """A whole copy of the file, also while others write."""
        target = sqlite3.connect(path)
        try:
            self.read().backup(target)
        finally:
            target.close()

    def close(self) -> None:
        """Close every thread's connection (before the folder is moved or deleted)."""
        with self._writing:
            for connection in self._open:
                connection.close()
            self._open.clear()
            self._local = threading.local()

    def _create(self) -> None:
        connection = self.read()
        for _ in range(100):  # two processes may create it at once
            try:
                connection.execute("BEGIN IMMEDIATE")
                break
            except sqlite3.OperationalError:
                time.sleep(0.05)
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            for statement in _statements(SCHEMA):
                connection.execute(statement)
            connection.executemany("INSERT INTO state VALUES (?, 0)", [(part,) for part in ("version", *PARTS)])
        if version == 1:
            for table in ("answers", "in_force"):
                connection.execute(f"ALTER TABLE {table} ADD COLUMN value TEXT")
        if version in (1, 2):
            for column in ("origin TEXT NOT NULL DEFAULT 'human'", "seconds REAL", "guess TEXT"):
                connection.execute(f"ALTER TABLE answers ADD COLUMN {column}")
            for statement in _statements(GUESSES):
                connection.execute(statement)
            connection.execute("INSERT OR IGNORE INTO state VALUES ('guesses', 0)")
        if version < FORMAT:
            connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.execute("COMMIT")
        if version > FORMAT:
            raise HoneError(
                Message("{path} was written by a newer Hone.", path=self.path.name),
                fix=Message("Update Hone, or choose another folder with --workspace."),
            )


def _statements(script: str) -> list[str]:
    return [statement for statement in script.split(";") if statement.strip()]


def packed(row: str) -> int:
    """ "3:17" -> the row's number in the log. ValueError for anything else."""
    number, _, ordinal = str(row).partition(":")
    if not (number.isdigit() and ordinal.isdigit()) or len(number) > 6 or len(ordinal) > 9:
        raise ValueError(row)
    return int(number) << SHIFT | int(ordinal)


def row_id(key: int) -> str:
    return f"{key >> SHIFT}:{key & ((1 << SHIFT) - 1)}"
