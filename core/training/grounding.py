"""A blank base becomes a folder: made from the run's own training texts when the run first opens, and found there again whenever it goes on.

The same rows and seed write the same files. Knows nothing of steps; a base that is no blank one stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.models.catalogue import BLANK, Base, in_folder
from core.tasks.base import Task

FOLDER = "base"  # within a run


def grounded(base: Base, folder: Path, task: Task, rows: Sequence[Mapping[str, Any]], seed: int) -> Base:
    """`base` with something to open: a blank one lies in `folder`, made now where it is not there. Written whole or not at all."""
    if not base.id.startswith(BLANK):
        return base
    if not (folder / "config.json").is_file():
        from core.models import blank
        from core.models.loading import quiet, replacing

        quiet()
        kind, _, name = base.id.removeprefix(BLANK).partition("-")
        size = blank.size_of(kind, name)
        with replacing(folder) as new:
            blank.make(size.kind, size.name, list(texts_of(task, rows)), new, seed)
    made = in_folder(folder)
    return replace(made, id=base.id, title=base.title, note=base.note, licence=base.licence, max_length=base.max_length)


def texts_of(task: Task, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Everything that is written in these rows, from which a tokenizer can learn."""
    roles = [column.role for column in task.columns if column.kind != "image"]
    for row in rows:
        for role in roles:
            yield from _words(row.get(role))


def _words(value: Any) -> Iterator[str]:
    """The texts in a value of any kind; of a turn what is said, not who says it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _words(value.get("content", value.get("text")))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _words(one)
