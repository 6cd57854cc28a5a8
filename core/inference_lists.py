"""Whole files with one candidate a row, for a model that puts candidates in order: rows are answered as lists, and each comes back with
its candidate's share in its list and its place there. Knows files and a Predictor; nothing of models.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from core.data import lists
from core.data.chunks import sampled
from core.data.lists import Flat
from core.data.shape import Shape
from core.data.tables import table, unused
from core.data.values import kind
from core.errors import Cancelled
from core.tasks import task

if TYPE_CHECKING:
    from core.inference import Predictor

TITLES = ("score", "place")
BLOCK = 64  # lists answered together


def flat(name: str, arrow: Path, titles: Sequence[str], chosen: Mapping[str, Any]) -> Flat | None:
    """How the rows of a file make lists for this task; None where they are lists, or the task has none."""
    shape = Shape.of(name, task(name).columns)
    if not shape.listed:
        return None
    with pa.memory_map(str(arrow)) as source:
        rows = pa.ipc.open_file(source).read_all()
        cells = sampled(rows, titles)
        said = {part.kind: _each(chosen.get(part.role)) for part in shape.inputs}
        if not all(said.values()):
            return lists.ungraded(rows, cells)
        if len(said["choices"]) > 1 or not {*said["text"], *said["choices"]} <= set(cells):
            return None
        return lists.by_roles(rows, said["text"], said["choices"][0], "", cells)


def write(
    predictor: Predictor,
    arrow: Path,
    titles: Sequence[str],
    how: Flat,
    out: Path,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> int:
    """The rows in their order, with what is said of each; returns how many were answered."""
    with pa.memory_map(str(arrow)) as source:
        rows = pa.ipc.open_file(source).read_all()
        columns = {name: [cell or "" for cell in rows.column(name).to_pylist()] for name in titles}
        which = lists.numbered(rows, how.key)
    order = np.argsort(which, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(which[order])) + 1) if len(order) else []
    said: dict[int, tuple[float, int]] = {}
    done = 0
    for start in range(0, len(groups), BLOCK):
        some = groups[start : start + BLOCK]
        try:
            _answer(predictor, columns, how, some, said, cancelled)
        except Cancelled:
            break
        done += sum(map(len, some))
        progress(done, len(order))
    with table(out, [*titles, *(unused(title, titles) for title in TITLES)]) as writing:
        for i in range(len(order)):
            writing.row([*(columns[name][i] for name in titles), *said.get(i, ("", ""))])
    return done


def _answer(
    predictor: Predictor,
    columns: Mapping[str, Sequence[str]],
    how: Flat,
    groups: Sequence[Any],
    said: dict[int, tuple[float, int]],
    cancelled: Callable[[], bool],
) -> None:
    asked = [kind("text").read({name: columns[name][group[0]] for name in how.asked}, {}) or "" for group in groups]
    shown = [[columns[how.candidate][i].strip() for i in group] for group in groups]
    given = [
        {"text": text, "choices": [option for option in dict.fromkeys(options) if option]}
        for text, options in zip(asked, shown, strict=True)
    ]
    answers: Sequence[Any] = predictor.predict(given, cancelled=cancelled)
    for group, options, answer in zip(groups, shown, answers, strict=True):
        places = {item["text"]: (item["score"], place) for place, item in enumerate(answer.items, 1)}
        said.update((int(i), places[option]) for i, option in zip(group, options, strict=True) if option)


def _each(chosen: Any) -> list[str]:
    return [chosen] if isinstance(chosen, str) else list(chosen or [])
