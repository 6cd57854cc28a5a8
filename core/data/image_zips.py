"""Zips of pictures: folders named after labels, or a table beside the pictures, become files and rows (image, label, name, split).

    looks_like_images(path)            is this zip one of pictures?
    listed_in(path)                    its rows, from names alone
    unpack(path, files)                every good picture into the folder `files`; the rows, and what was left out
    matched(names, rows, pictures)     rows of a table that names its pictures, with the picture each means
    write(unpacked, path)              the rows as JSON lines, for the import of tables

No name out of an archive ever becomes a path, so none can point elsewhere. Knows nothing of the data set.
"""

from __future__ import annotations

import hashlib
import json
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from core.data.how import Progress, Stop, never, nothing
from core.data.images import MAX_ONE, Picture, TooLarge, keep, prune
from core.data.roles import as_split
from core.errors import Cancelled, DataError, NotATable
from core.words import Message, listed, plural

ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp")
TABLES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".xlsx", ".parquet")
MAX_FILES = 200_000
MAX_BYTES = 8 << 30  # unpacked, in all
MAX_TABLE = 256 << 20
MOST_TABLES = 20
Table = tuple[tuple[str, ...], tuple[tuple[str, ...], ...], list[Message]]


@dataclass(frozen=True)
class Unpacked:
    """A table of pictures: `columns` and rows of as many cells, one a picture or a line of its table; what was left out, in `warnings`."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    pictures: tuple[Picture, ...]
    warnings: tuple[Message, ...] = ()

    @property
    def sentence(self) -> Message:
        return plural(len(self.rows), "{n} picture.", "{n:,} pictures.")


def looks_like_images(path: Path) -> bool:
    """Whether this is a zip with more pictures than anything else in it."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [info.filename for info in archive.infolist()[:MAX_FILES] if _counts(info)]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeError):
        return False
    pictures = sum(name.lower().endswith(ENDINGS) for name in names)
    return pictures * 2 > len(names) and "[Content_Types].xml" not in names


def unpack(
    path: Path,
    files: Path,
    *,
    progress: Progress = nothing,
    cancelled: Stop = never,
    most: int = MAX_FILES,
    most_bytes: int = MAX_BYTES,
) -> Unpacked:
    """Pictures of a zip into `files`. DataError when there are none, or too much of anything; then nothing new stays behind."""
    files.mkdir(parents=True, exist_ok=True)
    before = {place.name for place in files.iterdir()}
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if _counts(info)]
            work = _Work(most_bytes, _encoding(infos))
            wanted = [info for info in infos if info.filename.lower().endswith(ENDINGS)]
            if len(wanted) > most:
                raise DataError(
                    Message("This zip holds {n:,} pictures; up to {most:,} are taken.", n=len(wanted), most=most),
                    fix=Message("Take a part of them."),
                )
            pictures = list(_pictures(archive, wanted, files, work, progress, cancelled))
            if not pictures:
                raise _none(work)
            columns, rows, notes = _from_tables(archive, infos, pictures, work) or _from_folders(pictures)
    except BaseException as error:
        prune(files, before)
        if isinstance(error, (zipfile.BadZipFile, UnicodeError)):
            raise _damaged(path) from error
        raise
    return Unpacked(columns, rows, tuple(pictures), (*work.messages(), *notes))


def listed_in(path: Path) -> Unpacked:
    """The rows that `unpack` would give, from the names alone: no picture is looked at, so each gets a made-up name."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if _counts(info)]
            work = _Work(MAX_BYTES, _encoding(infos))
            paths = [_name(info, work.encoding) for info in infos if info.filename.lower().endswith(ENDINGS)]
            made = [hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:32] for name in paths[:MAX_FILES]]
            pictures = [Picture(f"{one}.jpg", name, 0, 0) for one, name in zip(made, paths, strict=False)]
            columns, rows, _ = _from_tables(archive, infos, pictures, work) or _from_folders(pictures)
    except (zipfile.BadZipFile, UnicodeError) as error:
        raise _damaged(path) from error
    return Unpacked(columns, rows, tuple(pictures))


def matched(
    names: Sequence[str], rows: Sequence[Sequence[str]], pictures: Sequence[Picture]
) -> tuple[str, list[Picture | None]] | None:
    """The column that names the pictures, and the picture of each row; None when no column does for at least half of its cells.

    A cell may be a path, its end, or the name without an ending; where it could mean two pictures it means none.
    """
    index = _index(pictures)
    best, most = -1, 0
    for place in range(len(names)):
        cells = [row[place] for row in rows[:500] if place < len(row) and row[place].strip()]
        found = sum(_looked_up(cell, index) is not None for cell in cells)
        if found > most and found * 2 >= len(cells):
            best, most = place, found
    if best < 0:
        return None
    return names[best], [_looked_up(row[best], index) if best < len(row) else None for row in rows]


def write(unpacked: Unpacked, path: Path) -> None:
    """The rows as JSON lines."""
    with path.open("w", encoding="utf-8") as file:
        for row in unpacked.rows:
            file.write(json.dumps(dict(zip(unpacked.columns, row, strict=True)), ensure_ascii=False) + "\n")


# Out of the archive --------------------------------------------------------------------------------------------------


class _Locked(Exception): ...


class _Broken(Exception): ...


@dataclass
class _Work:
    """How much has been unpacked so far, and what could not be."""

    most_bytes: int
    encoding: str  # of the archive's names
    bytes: int = 0
    broken: list[str] = field(default_factory=list)
    large: list[str] = field(default_factory=list)
    locked: list[str] = field(default_factory=list)

    def messages(self) -> list[Message]:
        found = []
        if self.broken:
            found.append(
                plural(
                    len(self.broken),
                    "{n} file is no readable picture and was left out: {names}.",
                    "{n:,} files are no readable pictures and were left out: {names}.",
                    names=listed(self.broken, 3),
                )
            )
        if self.large:
            found.append(
                plural(
                    len(self.large),
                    "{n} picture is too large and was left out: {names}.",
                    "{n:,} pictures are too large and were left out: {names}.",
                    names=listed(self.large, 3),
                )
            )
        if self.locked:
            found.append(
                plural(
                    len(self.locked),
                    "{n} picture is locked with a password and was left out.",
                    "{n:,} pictures are locked with a password and were left out.",
                )
            )
        return found


def _pictures(
    archive: zipfile.ZipFile,
    infos: Sequence[zipfile.ZipInfo],
    files: Path,
    work: _Work,
    progress: Progress,
    cancelled: Stop,
) -> Iterator[Picture]:
    for done, info in enumerate(infos):
        if cancelled():
            raise Cancelled
        progress(done, len(infos))
        name = _name(info, work.encoding)
        try:
            yield keep(_bytes(archive, info, work, MAX_ONE), files, name)
        except _Locked:
            work.locked.append(name)
        except TooLarge:
            work.large.append(name)
        except _Full:
            raise
        except (_Broken, DataError):
            work.broken.append(name)
    progress(len(infos), len(infos))


class _Full(DataError): ...


def _bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo, work: _Work, most: int) -> bytes:
    """The bytes of a file, one more than `most` at most. What is really there counts, not what the archive's list says."""
    try:
        with archive.open(info) as file:
            data = file.read(most + 1)
    except RuntimeError as error:  # how zipfile says that a password is needed; NotImplementedError is one too
        raise _Broken if isinstance(error, NotImplementedError) else _Locked from error
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, struct.error) as error:
        raise _Broken from error
    work.bytes += len(data)
    if work.bytes > work.most_bytes:
        raise _Full(
            Message("Unpacked, this zip is larger than {n:,} MB.", n=work.most_bytes >> 20),
            fix=Message("Take a part of the pictures, or smaller copies: most models look at 224 pixels."),
        )
    return data


def _counts(info: zipfile.ZipInfo) -> bool:
    """Neither a folder nor what systems leave lying about."""
    parts = info.filename.replace("\\", "/").split("/")
    hidden = [part for part in parts if part.startswith((".", "__MACOSX")) and part not in (".", "..")]
    left_about = hidden or parts[-1] in ("Thumbs.db", "desktop.ini")
    return not info.is_dir() and not left_about


def _name(info: zipfile.ZipInfo, encoding: str) -> str:
    """The name in an archive, with / between its parts."""
    name = info.filename
    if not info.flag_bits & 0x800:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode(encoding)
    return name.replace("\\", "/")


def _encoding(infos: Sequence[zipfile.ZipInfo]) -> str:
    """Of names without the UTF-8 mark, which zipfile takes for cp437: a Mac wrote UTF-8, Chinese Windows GBK. All together tell."""
    try:
        for info in infos:
            if not info.flag_bits & 0x800:
                info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return "gb18030"
    return "utf-8"


def _damaged(path: Path) -> NotATable:
    return NotATable(
        Message("{file} is damaged: it breaks off or cannot be unpacked.", file=path.name),
        fix=Message("Save it again and drop it here again. Nothing was changed."),
    )


def _none(work: _Work) -> DataError:
    if work.locked:
        return DataError(
            Message("The pictures in this zip are locked with a password."), fix=Message("Save the zip without one.")
        )
    return DataError(
        Message("This zip holds no picture that Hone can read."), fix=Message("PNG, JPEG, WebP, GIF and BMP are read.")
    )


# Labels from folders -------------------------------------------------------------------------------------------------


def _from_folders(pictures: Sequence[Picture]) -> Table:
    """The label is the first folder below what all share and below train, val or test."""
    folders = [[part for part in picture.path.split("/")[:-1] if part not in ("", ".")] for picture in pictures]
    folders = _below(folders, lambda parts: len({part[0] for part in parts}) == 1 and not as_split(parts[0][0]))
    split = [as_split(parts[0]) if parts else None for parts in folders]
    if all(split):
        folders = [parts[1:] for parts in folders]
        folders = _below(
            folders, lambda parts: len({part[0] for part in parts}) == 1 and all(len(p) > 1 for p in parts)
        )
    else:
        split = [None] * len(folders)
    rows = [
        (picture.image, parts[0] if parts else "", PurePosixPath(picture.path).name, part or "")
        for picture, parts, part in zip(pictures, folders, split, strict=True)
    ]
    notes = []
    bare = sum(not row[1] for row in rows)
    if bare:
        notes.append(
            plural(
                bare,
                "{n} picture lies in no folder of its own kind, so it has no label yet.",
                "{n:,} pictures lie in no folder of their own kind, so they have no label yet.",
            )
        )
    columns = ("image", "label", "name", "split")
    if not any(split):
        return columns[:3], tuple(row[:3] for row in rows), notes
    return columns, tuple(rows), notes


def _below(folders: list[list[str]], shared: Callable[[list[list[str]]], bool]) -> list[list[str]]:
    """Without the leading folders that all pictures share."""
    while folders and all(folders) and shared(folders):
        folders = [parts[1:] for parts in folders]
    return folders


# Labels from tables --------------------------------------------------------------------------------------------------


def _from_tables(
    archive: zipfile.ZipFile, infos: Sequence[zipfile.ZipInfo], pictures: Sequence[Picture], work: _Work
) -> Table | None:
    """Rows of the tables in the archive that name its pictures; a table called train or test says so of its rows."""
    columns: dict[str, None] = {"image": None}
    found: list[dict[str, str]] = []
    strangers = 0
    for info in [info for info in infos if info.filename.lower().endswith(TABLES)][:MOST_TABLES]:
        table = _table(archive, info, work)
        hit = matched(*table, pictures) if table else None
        if table is None or hit is None:
            continue
        part = as_split(PurePosixPath(_name(info, work.encoding)).stem)
        names = table[0]
        columns |= dict.fromkeys(_renamed(name) for name in names if name != hit[0])
        columns |= {"name": None} | ({"split": None} if part and "split" not in names else {})
        for row, picture in zip(table[1], hit[1], strict=True):
            if picture is None:
                strangers += 1
                continue
            cells = {_renamed(name): cell for name, cell in zip(names, row, strict=False) if name != hit[0]}
            own = {"split": part} if part and "split" not in cells else {}
            found.append({**cells, **own, "image": picture.image, "name": PurePosixPath(picture.path).name})
    if not found:
        return None
    return (
        tuple(columns),
        tuple(tuple(row.get(name, "") for name in columns) for row in found),
        _notes(found, pictures, strangers),
    )


def _renamed(column: str) -> str:
    """A column that is called as ours are, but is not, gets another name."""
    return f"{column} (table)" if column in ("image", "name") else column


def _notes(rows: Sequence[dict[str, str]], pictures: Sequence[Picture], strangers: int) -> list[Message]:
    notes = []
    if strangers:
        notes.append(
            plural(
                strangers,
                "{n} row of the table names no picture of the zip and was left out.",
                "{n:,} rows of the table name no picture of the zip and were left out.",
            )
        )
    named = {row["image"] for row in rows}
    left = sum(picture.image not in named for picture in pictures)
    if left:
        notes.append(
            plural(
                left,
                "{n} picture is not named in the table and was left out.",
                "{n:,} pictures are not named in the table and were left out.",
            )
        )
    return notes


def _table(archive: zipfile.ZipFile, info: zipfile.ZipInfo, work: _Work) -> tuple[list[str], list[list[str]]] | None:
    """A table of the archive, read as any upload; None for what is none."""
    import pyarrow as pa

    from core.data.reading import read

    try:
        data = _bytes(archive, info, work, MAX_TABLE)
    except (_Locked, _Broken):
        return None
    if len(data) > MAX_TABLE:
        return None
    with tempfile.TemporaryDirectory(prefix="hone-") as folder:
        place, out = Path(folder) / "table", Path(folder) / "rows.arrow"
        place.write_bytes(data)
        try:
            columns = list(read(place, None, out, name=PurePosixPath(_name(info, work.encoding)).name).columns)
        except DataError:
            return None
        with pa.memory_map(str(out)) as source:
            rows = pa.ipc.open_file(source).read_all().select(columns).to_pylist()
    return columns, [[row[name] or "" for name in columns] for row in rows]


def _index(pictures: Sequence[Picture]) -> dict[str, Picture | None]:
    """Every way to name a picture: the ends of its path, with and without the ending. None where two pictures share it."""
    index: dict[str, Picture | None] = {}
    for picture in pictures:
        parts = picture.path.lower().split("/")
        ends = ["/".join(parts[i:]) for i in range(len(parts))]
        for key in {*ends, *(end.rsplit(".", 1)[0] for end in ends)}:
            known = index.get(key, picture)
            index[key] = known if known and known.image == picture.image else None
    return index


def _looked_up(cell: str, index: dict[str, Picture | None]) -> Picture | None:
    """The picture a cell means: its whole path, else the longest end of it that is known."""
    parts = [part for part in cell.strip().lower().replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return next((hit for i in range(len(parts)) if (hit := index.get("/".join(parts[i:])))), None)
