"""What has had its time goes; everything else stays."""

from __future__ import annotations

import os
import time
from pathlib import Path

from core import projects
from core.workspace import Workspace, read_json, write_json
from webui.studio import DEMO, Studio
from webui.sweep import sweep
from webui.who import known, welcome


def test_a_visitor_of_the_demo_is_forgotten_after_a_day(workspace: Workspace) -> None:
    studio = Studio(workspace.home, "demo", limits=DEMO)
    old, new = welcome(studio), welcome(studio)
    visitor = next(p for p in (workspace.home / "users").glob("visitor-*/visitor.json") if _is_of(studio, old, p))
    write_json(visitor, {**read_json(visitor), "since": time.time() - 86_401})
    cleared: list[Path] = []
    sweep(workspace.home, cleared.append, days_kept=1.0)
    assert not known(studio, old)
    assert known(studio, new)
    assert cleared == [visitor.parent]


def test_people_with_a_workspace_of_their_own_are_never_forgotten(workspace: Workspace) -> None:
    project = projects.create(workspace, "mail")
    for days_kept in (None, 0.0):
        sweep(workspace.home, _never, days_kept)
    assert projects.projects(workspace) == [project]


def test_uploads_and_packed_projects_stay_a_day(workspace: Workspace) -> None:
    old, new = (workspace.folder / "uploads" / name for name in ("upload-1", "upload-2"))
    for folder in (old, new):
        folder.mkdir(parents=True)
        (folder / "file").write_text("text")
    packed = workspace.jobs / "project-1.zip"
    packed.write_text("zip")
    for path in (old, packed):
        os.utime(path, (time.time() - 90_000,) * 2)
    sweep(workspace.home, _never)
    assert not old.exists()
    assert not packed.exists()
    assert (new / "file").is_file()


def test_one_damaged_user_does_not_keep_the_others_from_being_swept(workspace: Workspace) -> None:
    broken = Workspace.open(workspace.home, "aaa")
    (broken.folder / "visitor.json").write_text("{")
    gone = projects.delete(workspace, projects.create(workspace, "mail"))
    (workspace.bin / gone / "deleted").write_text("0")
    sweep(workspace.home, _never, days_kept=1.0)
    assert not projects.binned(workspace)


def _is_of(studio: Studio, token: str, path: Path) -> bool:
    from webui.who import who

    return who(studio, None, token).folder == path.parent


def _never(folder: Path) -> None:
    raise AssertionError(f"the runs of {folder} were ended")
