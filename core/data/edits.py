"""Changes to rows as entries of a log: leave out, take back in, move to a split, change a cell, merge labels. Files are never touched.

Entries of one click form a group; undoing a group is one mark. Knows nothing of why an edit is made: findings name themselves.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.data.log import Log
from core.errors import Missing
from core.words import Message
from core.workspace import new_id

if TYPE_CHECKING:
    from core.data.state import State

Kind = Literal["exclude", "restore", "split", "cell", "labels"]


def add(
    log: Log,
    kind: Kind,
    rows: NDArray[np.int64],
    value: Any = None,
    *,
    who: str = "local",
    title: Message | None = None,
    finding: str | None = None,
    fix: str | None = None,
) -> str:
    """Write one group over rows given by their numbers in the log; returns the group's id."""
    group = new_id("edit")
    with log.change("edits") as (db, _):
        db.execute(
            "INSERT INTO edits (grp, kind, finding, fix, title, rows, value, who, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                group,
                kind,
                finding,
                fix,
                json.dumps((title or TITLES[kind]).as_json(), ensure_ascii=False),
                np.ascontiguousarray(rows, np.int64).tobytes(),
                json.dumps(value, ensure_ascii=False),
                who,
                time.time(),
            ),
        )
    return group


def undo(log: Log, group: str) -> None:
    """Take back a group, and remember when (`undone`, in seconds). Missing when there is none; undoing twice changes nothing."""
    with log.change("edits") as (db, _):
        when = "UPDATE edits SET undone = CASE WHEN undone THEN undone ELSE ? END WHERE grp = ?"
        if not db.execute(when, (time.time(), str(group))).rowcount:
            raise Missing(Message("There is no such change to undo."))


def label_changes(log: Log, group: str) -> list[str]:
    """The changes of the label list that a group made; none for edits of rows."""
    found = log.read().execute("SELECT value FROM edits WHERE grp = ? AND kind = 'labels'", (str(group),)).fetchone()
    return list(json.loads(found["value"])["changes"]) if found else []


def history(log: Log, most: int = 50) -> list[Mapping[str, Any]]:
    """The last groups: [{group, kind, title, rows, who, at, undone}]."""
    return [
        {
            "group": r["grp"],
            "kind": r["kind"],
            "title": json.loads(r["title"]),
            "rows": r["size"] // 8,
            "who": r["who"],
            "at": r["at"],
            "undone": bool(r["undone"]),
        }
        for r in log.read().execute(
            "SELECT grp, kind, title, LENGTH(rows) AS size, who, at, undone FROM edits ORDER BY seq DESC LIMIT ?",
            (most,),
        )
    ]


def cells(column: str | Sequence[str], texts: Sequence[str]) -> dict[str, Any]:
    """The value of a "cell" edit: one new text a row, in one column, or in one of their own each."""
    return {"column": column if isinstance(column, str) else list(column), "cells": list(texts)}


def one_column(state: State) -> bool:
    """Do the texts of every file stand in one column, so that they can be changed there?"""
    return all(state.rows.column_of(one, state.shape.first) for one in state.rows.imports)


def retyped(state: State, places: NDArray[np.int64], texts: Sequence[str]) -> dict[str, Any]:
    """The value of a "cell" edit that gives some rows other texts, each file's in its own column; see `one_column`."""
    columns = [str(state.rows.column_of(one, state.shape.first)) for one in state.rows.imports]
    which = np.searchsorted(state.rows.starts, places, side="right") - 1
    return cells(columns[0] if len(set(columns)) == 1 else [columns[i] for i in which.tolist()], texts)


TITLES: Mapping[str, Message] = {
    "exclude": Message("Left out"),
    "restore": Message("Taken back in"),
    "split": Message("Moved to another part"),
    "cell": Message("Changed"),
    "labels": Message("Labels merged"),
}
