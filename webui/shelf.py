"""The calls behind the project picker: make, rename, copy, delete and bring back, pack, and delete everything of mine."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core import projects
from core.errors import HoneError, NotAllowed
from core.words import Message
from webui.calls import Here, call
from webui.overview import overview

PACK = "core.projects:pack"


@call
def shelf(here: Here) -> dict[str, Any]:
    """All projects with what they hold, the bin, and the disk used."""
    there = [_told(here, project) for project in projects.projects(here.workspace)]
    gone = [{"id": p.id, "name": p.name, "seconds": left} for p, left in projects.binned(here.workspace) if left > 0]
    used = projects.disk_used(here.workspace.folder)
    free = shutil.disk_usage(here.workspace.folder).free
    return {"projects": there, "bin": gone, "used": used, "free": free, "user": here.workspace.user}


@call
def create_project(here: Here, *, name: str) -> dict[str, Any]:
    _room_for_one_more(here)
    return {"id": projects.create(here.workspace, name).id}


@call
def rename_project(here: Here, *, id: str, name: str) -> None:
    projects.rename(projects.find(here.workspace, id), name)


@call
def duplicate_project(here: Here, *, id: str) -> dict[str, Any]:
    _room_for_one_more(here)
    return {"id": projects.duplicate(here.workspace, projects.find(here.workspace, id)).id}


@call
def delete_project(here: Here, *, id: str) -> dict[str, Any]:
    """Into the bin, for a day. Its trainings end first."""
    project = projects.find(here.workspace, id)
    here.studio.director.leave(project.folder)
    here.engine.clear(project.folder)
    here.studio.forget(project.data)
    projects.delete(here.workspace, project)
    return {"id": id}


@call
def restore_project(here: Here, *, id: str) -> dict[str, Any]:
    return {"id": projects.restore(here.workspace, id).id}


@call
def empty_bin(here: Here) -> int:
    return projects.empty_bin(here.workspace, older_than=0)


@call
def backup_project(here: Here, *, id: str) -> dict[str, Any]:
    """Begin to pack; ask `backup_state` for how far it is."""
    project = projects.find(here.workspace, id)
    out = here.workspace.jobs / f"{project.id}.zip"
    job = here.jobs.start(
        PACK,
        {"folder": str(project.folder), "out": str(out)},
        title=Message("Packing {name}", name=project.name),
        key=f"backup:{project.id}",
        light=True,
    )
    return {"job": job.id}


@call
def backup_state(here: Here, *, job: str, id: str) -> dict[str, Any]:
    state = here.jobs.state(job)
    if state["state"] == "done":
        name = projects.find(here.workspace, id).name
        state["url"] = here.offer(Path(state["result"]["path"]), f"{_file_name(name)}.hone.zip")
    return state


@call
def cancel_backup(here: Here, *, job: str) -> None:
    here.jobs.cancel(job)


@call
def restore_backup(here: Here, *, upload: str) -> dict[str, Any]:
    _room_for_one_more(here)
    path, _name = here.upload(upload)
    project = projects.from_backup(here.workspace, path)
    shutil.rmtree(path.parent, ignore_errors=True)
    return {"id": project.id}


@call
def delete_everything(here: Here) -> None:
    """All projects, the bin, uploads and jobs of this user, for good."""
    here.studio.director.leave(here.workspace.folder)
    here.engine.clear(here.workspace.folder)
    for project in projects.projects(here.workspace):
        here.studio.forget(project.data)
    projects.delete_everything(here.workspace)


def _told(here: Here, project: projects.Project) -> dict[str, Any]:
    return {
        "id": project.id,
        "name": project.name,
        "touched": project.touched,
        "texts": here.studio.dataset(project.data).counts().rows,
        "runs": len(project.runs()),
        "used": projects.disk_used(project.folder),
    }


def _room_for_one_more(here: Here) -> None:
    most = here.limits.projects
    if most is not None and len(projects.projects(here.workspace)) >= most:
        raise NotAllowed(
            Message("The demo keeps {n} projects for each visitor.", n=most), fix=Message("Delete one to make room.")
        )
    if shutil.disk_usage(here.workspace.folder).free < 50_000_000:
        raise HoneError(Message("The disk is full."), fix=Message("Delete a project or a run you no longer need."))


def _file_name(name: str) -> str:
    """A project's name as a file's name that every system takes."""
    kept = "".join(c if c.isalnum() or c in " ._-" else "_" for c in name).strip(" .")
    return kept[:60] or "project"


CALLS: list[Callable[..., Any]] = [
    overview,
    shelf,
    create_project,
    rename_project,
    duplicate_project,
    delete_project,
    restore_project,
    empty_bin,
    backup_project,
    backup_state,
    cancel_backup,
    restore_backup,
    delete_everything,
]
