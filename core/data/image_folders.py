"""A folder of pictures, or a table that names picture files, packed as the zip that `core.data.image_zips` reads.

For a person's own files on their own machine: a table may name any file. Never for what comes from a browser.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from core.data.image_zips import ENDINGS, MAX_FILES, TABLES
from core.errors import DataError
from core.words import Message


def gathered(source: Path, target: Path) -> Path:
    """The zip `target` with the pictures of a folder and its tables, or with a table and the pictures it names."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        count = 0
        for path, name in _within(source) if source.is_dir() else _named(source):
            archive.write(path, name)
            count += name.lower().endswith(ENDINGS)
            if count > MAX_FILES:
                raise DataError(
                    Message("There are more than {most:,} pictures.", most=MAX_FILES),
                    fix=Message("Take a part of them."),
                )
    if not count:
        raise DataError(
            Message("{file} holds or names no picture.", file=source.name),
            fix=Message("Give a folder or a zip of pictures, or a table with their file names."),
        )
    return target


def _within(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix.lower() in (*ENDINGS, *TABLES):
            yield path, path.relative_to(folder).as_posix()


def _named(table: Path) -> Iterator[tuple[Path, str]]:
    """The table, and each file that one of its cells names, beside it or by its whole path."""
    import tempfile

    import pyarrow as pa

    from core.data.reading import read

    yield table, table.name
    with tempfile.TemporaryDirectory(prefix="hone-") as folder:
        out = Path(folder) / "rows.arrow"
        columns = read(table, None, out).columns
        with pa.memory_map(str(out)) as source:
            cells = {cell for name in columns for cell in pa.ipc.open_file(source).read_all().column(name).to_pylist()}
    for cell in sorted(cell for cell in cells if cell and cell.strip().lower().endswith(ENDINGS)):
        path = table.parent / cell.strip()
        if path.is_file():
            parts = [part for part in PurePosixPath(cell.strip().replace("\\", "/")).parts if part not in ("/", "..")]
            yield path, "/".join(parts)
