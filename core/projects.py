"""Projects: a data set, its runs and its recipe under one name. Made, renamed, copied, binned, brought back, packed.

A deleted project lies in the user's bin for a day and can be restored until then. This module knows folders, not what is in them.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import Cancelled, HoneError, Missing
from core.words import Message
from core.workspace import FORMAT, Workspace, check_format, inside, new_id, read_json, write_json

NOT_COPIED = "shared.json"  # whom a project is shared with (core.sharing): a copy is one's own
BIN_SECONDS = 24 * 3600.0
LONGEST_NAME = 80
Progress = Callable[[int, int], None]
Asked = Callable[[], bool]


@dataclass(frozen=True)
class Project:
    """A project's folder; its name and times are read from project.json when asked for."""

    folder: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def told(self) -> dict[str, Any]:
        value = read_json(self.folder / "project.json")
        check_format(value, self.folder / "project.json")
        return value

    @property
    def name(self) -> str:
        return str(self.told["name"])

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def touched(self) -> float:
        """When something last changed in it, in seconds since 1970."""
        places = (self.folder / "project.json", self.data, self.folder / "runs", self.data / "log.sqlite")
        return max((p.stat().st_mtime for p in places if p.exists()), default=0.0)

    def dataset(self) -> Any:
        from core.data.dataset import Dataset

        return Dataset.open(self.data)

    def runs(self) -> list[Any]:
        from core.training.runs import runs

        return runs(self.folder)


def projects(workspace: Workspace) -> list[Project]:
    """All projects, the last touched first."""
    found = [Project(p) for p in workspace.projects.iterdir() if (p / "project.json").is_file()]
    return sorted(found, key=lambda project: project.touched, reverse=True)


def find(workspace: Workspace, project: str) -> Project:
    folder = workspace.project_folder(project)
    if not (folder / "project.json").is_file():
        raise Missing(Message("There is nothing called “{name}” here any more.", name=project))
    return Project(folder)


def create(workspace: Workspace, name: str, task: str = "classification") -> Project:
    """A new, empty project. A name that is taken gets a number."""
    chosen = _free_name(workspace, _checked_name(name))
    folder = workspace.projects / new_id("project")
    for part in ("data", "runs"):
        (folder / part).mkdir(parents=True)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    write_json(folder / "project.json", {"format": FORMAT, "name": chosen, "created": now, "task": task})
    return Project(folder)


def rename(project: Project, name: str) -> None:
    write_json(project.folder / "project.json", {**project.told, "name": _checked_name(name)})


def duplicate(workspace: Workspace, project: Project) -> Project:
    """Data, labels and recipe under a new name. Runs stay with the original: they are large and their story is there."""
    copy = create(workspace, project.name)
    for path in sorted(project.folder.iterdir()):
        if path.name in ("project.json", "runs", NOT_COPIED):
            continue
        if path.is_dir():
            shutil.copytree(path, copy.folder / path.name, dirs_exist_ok=True, copy_function=_copied)
        else:
            _copied(path, copy.folder / path.name)
    return copy


def delete(workspace: Workspace, project: Project) -> str:
    """Into the bin. The returned id brings it back with `restore`."""
    target = workspace.bin / project.id
    os.replace(project.folder, target)  # noqa: PTH105 - says that it is atomic
    (target / "deleted").write_text(str(time.time()), encoding="utf-8")
    return project.id


def restore(workspace: Workspace, project: str) -> Project:
    folder = inside(workspace.bin, project)
    (folder / "deleted").unlink(missing_ok=True)
    target = workspace.projects / project
    os.replace(folder, target)  # noqa: PTH105
    return Project(target)


def binned(workspace: Workspace) -> list[tuple[Project, float]]:
    """What lies in the bin, with the seconds it stays there; the last deleted first."""
    found = [(Project(p), _deleted(p) + BIN_SECONDS - time.time()) for p in workspace.bin.iterdir() if _is_binned(p)]
    return sorted(found, key=lambda pair: pair[1], reverse=True)


def empty_bin(workspace: Workspace, older_than: float = BIN_SECONDS) -> int:
    """Remove for good what was deleted longer ago than `older_than` seconds; how many."""
    old = [p for p in workspace.bin.iterdir() if p.is_dir() and time.time() - _deleted(p) >= older_than]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return len(old)


def disk_used(folder: Path) -> int:
    """Bytes of all files under a folder; files that vanish meanwhile count nothing."""
    total, folders = 0, [folder]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except OSError:
            continue
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                elif entry.is_file(follow_symlinks=False):
                    total += entry.stat(follow_symlinks=False).st_size
            except OSError:
                continue
    return total


def backup(project: Project, out: Path, progress: Progress = lambda done, total: None, cancelled: Asked = bool) -> Path:
    """The whole project as one zip, which `from_backup` reads. The data set's log is copied as one moment of it."""
    files = [p for p in sorted(project.folder.rglob("*")) if p.is_file() and not _passing(p)]
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(out.name + ".part")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=4, allowZip64=True) as archive:
            for done, path in enumerate(files):
                if cancelled():
                    raise Cancelled()
                _pack(archive, path, path.relative_to(project.folder).as_posix())
                progress(done + 1, len(files))
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    return out


def pack(folder: str, out: str, *, progress: Progress, cancelled: Asked) -> dict[str, Any]:
    """`backup` as a job of the page."""
    path = backup(Project(Path(folder)), Path(out), progress, cancelled)
    return {"path": str(path), "size": path.stat().st_size}


def from_backup(workspace: Workspace, path: Path) -> Project:
    """A project out of a backup. Only plain relative names are unpacked; sizes are checked against what the zip declares."""
    wrong = HoneError(
        Message("This zip is not a backup of a Hone project."), fix=Message("Choose the zip that Backup gave you.")
    )
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError):
        raise wrong from None
    with archive:
        names = archive.namelist()
        if "project.json" not in names or not all(_is_plain(n) for n in names):
            raise wrong
        if sum(i.file_size for i in archive.infolist()) > shutil.disk_usage(workspace.folder).free * 0.9:
            raise HoneError(Message("There is not enough room on the disk for this backup."))
        folder = workspace.projects / new_id("project")
        unpacked = workspace.folder / f".{folder.name}"
        try:
            archive.extractall(unpacked)
            value = read_json(unpacked / "project.json")
            check_format(value, unpacked / "project.json")
            name = _free_name(workspace, _checked_name(str(value["name"])))
            write_json(unpacked / "project.json", {**value, "name": name})
            (unpacked / NOT_COPIED).unlink(missing_ok=True)
            unpacked.replace(folder)
        except (zipfile.BadZipFile, ValueError, KeyError, OSError):
            raise wrong from None
        finally:
            shutil.rmtree(unpacked, ignore_errors=True)
    return Project(folder)


def delete_everything(workspace: Workspace) -> None:
    """All of this user's projects, bin, jobs and uploads, for good."""
    shutil.rmtree(workspace.folder, ignore_errors=True)
    Workspace.open(workspace.home, workspace.user)


def _checked_name(name: str) -> str:
    cleaned = " ".join(str(name).split())[:LONGEST_NAME].strip()
    if not cleaned:
        raise HoneError(Message("A project needs a name."))
    return cleaned


def _free_name(workspace: Workspace, name: str) -> str:
    taken = {project.name for project in projects(workspace)}
    chosen, number = name, 2
    while chosen in taken:
        chosen, number = f"{name} {number}", number + 1
    return chosen


def _copied(source: Any, target: Any) -> Any:
    """A copy; Arrow imports are never changed, so they are linked where the disk allows it."""
    source, target = Path(source), Path(target)
    if source.suffix == ".arrow":
        try:
            os.link(source, target)
            return target
        except OSError:
            pass
    if source.suffix == ".sqlite":
        return _one_moment(source, target)
    if source.name.endswith(("-wal", "-shm")):
        return target
    return shutil.copy2(source, target)


def _one_moment(source: Path, target: Path) -> Path:
    """A consistent copy of a database that may be written to meanwhile."""
    import sqlite3

    with sqlite3.connect(source) as old, sqlite3.connect(target) as new:
        old.backup(new)
    old.close()
    new.close()
    return target


def _pack(archive: zipfile.ZipFile, path: Path, name: str) -> None:
    if path.suffix == ".sqlite":
        copy = path.with_name(f".{path.name}.backup")
        try:
            archive.write(_one_moment(path, copy), name)
        finally:
            copy.unlink(missing_ok=True)
        return
    with contextlib.suppress(FileNotFoundError):  # a checkpoint that a running training has just replaced
        archive.write(path, name)


def _passing(path: Path) -> bool:
    """Locks, temporary files and a database's journal belong to a process, not to the project."""
    return path.name.startswith(".") or path.name in ("run.lock", "control") or path.name.endswith(("-wal", "-shm"))


def _is_plain(name: str) -> bool:
    parts = name.rstrip("/").split("/")
    return not name.startswith("/") and "\\" not in name and ":" not in name and not {"", ".", ".."} & set(parts)


def _is_binned(folder: Path) -> bool:
    return (folder / "project.json").is_file() and (folder / "deleted").is_file()


def _deleted(folder: Path) -> float:
    try:
        return float((folder / "deleted").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return folder.stat().st_mtime
