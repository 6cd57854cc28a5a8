"""What people have looked at and found right: a verdict a row, kept with the data set, so that nobody is asked twice.

A verdict is about the answer that stood on the row: it holds no longer once another stands there. Knows no models.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from core.data.dataset import Dataset
from core.data.log import packed, row_id

LABEL = "label"  # what was looked at: is the answer right?


def keep(data: Dataset, answers: Mapping[str, Any], who: str, what: str = LABEL) -> None:
    """These rows were looked at, and their answers (label ids in the place of names) are right."""
    now = time.time()
    entries = [(packed(row), what, json.dumps({"kept": answer}), who, now) for row, answer in answers.items()]
    with data.log.change() as (db, _):
        db.executemany("INSERT OR REPLACE INTO reviews (row, what, verdict, who, at) VALUES (?, ?, ?, ?, ?)", entries)


def forget(data: Dataset, rows: Sequence[str], what: str = LABEL) -> None:
    """Take verdicts back."""
    with data.log.change() as (db, _):
        db.executemany("DELETE FROM reviews WHERE row = ? AND what = ?", [(packed(row), what) for row in rows])


def kept(data: Dataset, what: str = LABEL) -> dict[str, Any]:
    """row -> the answer that was found right."""
    found = data.log.read().execute("SELECT row, verdict FROM reviews WHERE what = ?", (what,)).fetchall()
    return {row_id(r["row"]): json.loads(r["verdict"]).get("kept") for r in found}
