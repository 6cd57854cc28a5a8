"""Files coming in as jobs: read into the data set, with the source kept beside it so that it can be read differently later.

Each function takes JSON arguments, `progress` and `cancelled`, and returns JSON: what core.jobs wants. Knows nothing of the page; a
path comes from the server, never from a browser.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.data import gathering
from core.data.dataset import Dataset
from core.data.how import How, Progress, Stop
from core.data.rows import Import
from core.errors import DataError, Missing
from core.words import Message

SOURCES = "sources"


def bring(
    folder: str,
    path: str,
    name: str,
    split: str | None = None,
    replace: bool = False,
    most: int | None = None,
    *,
    progress: Progress,
    cancelled: Stop,
) -> dict[str, Any]:
    """Add an uploaded file, or put it in the place of all that is there. The upload is used up, whatever happens."""
    data, source = Dataset.open(folder), Path(path)
    try:
        brings = data.replace if replace else data.add
        one = brings(source, name, None, split, _limited(progress, most), cancelled)
        _keep(data, one, source)
        return _told(one)
    finally:
        shutil.rmtree(source.parent, ignore_errors=True)


def copy(folder: str, path: str, name: str, *, progress: Progress, cancelled: Stop) -> dict[str, Any]:
    """Add a file that stays where it is: a built-in example."""
    data = Dataset.open(folder)
    return _told(data.add(Path(path), name, None, None, progress, cancelled))


def reread(
    folder: str,
    file: int,
    how: Mapping[str, Any],
    most: int | None = None,
    *,
    progress: Progress,
    cancelled: Stop,
) -> dict[str, Any]:
    """Read a file's source again in another way. Only once that has worked does the old reading go; labels stay with equal texts."""
    data = Dataset.open(folder)
    old, path = source(data, file)
    one = data.reread(old.id, path, How.from_json(how), _limited(progress, most), cancelled)
    os.replace(path, _place(data, one.id))  # noqa: PTH105 - says that it is atomic
    return _told(one)


def hub(
    folder: str,
    name: str,
    config: str | None,
    hub_split: str,
    most: int | None = None,
    *,
    progress: Progress,
    cancelled: Stop,
) -> dict[str, Any]:
    return _told(Dataset.open(folder).add_hub(name, config, hub_split, None, _limited(progress, most), cancelled))


def source(data: Dataset, file: int) -> tuple[Import, Path]:
    """An import and the file it was read from; Missing where that was not kept."""
    one = next((i for i in data.imports if i.id == file), None)
    if one is None:
        raise Missing(Message("There is nothing called “{name}” here any more.", name=str(file)[:40]))
    path = _kept(data, one.id)
    if not path.is_file():
        raise Missing(
            Message("The file itself was not kept, so it cannot be read again."), fix=Message("Drop it here once more.")
        )
    return one, path


def has_source(data: Dataset, one: Import) -> bool:
    return _kept(data, one.id).is_file()


def prune(data: Dataset) -> None:
    """Let go of sources whose imports are gone."""
    alive = {str(number) for one in data.imports for number in gathering.readings(data, one.id)}
    for path in (data.folder / SOURCES).glob("*"):
        if path.name not in alive:
            path.unlink(missing_ok=True)


def _keep(data: Dataset, one: Import, source: Path) -> None:
    target = _place(data, one.id)
    target.parent.mkdir(exist_ok=True)
    shutil.move(source, target)
    prune(data)


def _place(data: Dataset, number: int) -> Path:
    return data.folder / SOURCES / str(number)


def _kept(data: Dataset, number: int) -> Path:
    """The source of an import, or of another reading of the same file."""
    there = [_place(data, n) for n in gathering.readings(data, number)]
    return next((path for path in there if path.is_file()), there[0])


def _told(one: Import) -> dict[str, Any]:
    return {"file": one.id, "name": one.name, "rows": one.rows}


def _limited(progress: Progress, most: int | None) -> Progress:
    """Progress that ends an import with more rows than this place takes."""
    if most is None:
        return progress

    def watched(done: int, total: int) -> None:
        if done > most:
            raise DataError(
                Message("This place takes up to {n:,} rows, and there are more in it.", n=most),
                fix=Message("Take a part of the rows, or install Hone on a machine of your own."),
            )
        progress(done, total)

    return watched
