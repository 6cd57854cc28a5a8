"""Projects: folders with a name, made, copied, binned and packed."""

from __future__ import annotations

import sqlite3
import time
import zipfile
from pathlib import Path

import pytest

from core import projects
from core.errors import Cancelled, HoneError, Missing
from core.workspace import Workspace, read_json


def test_a_name_that_is_taken_gets_a_number(workspace: Workspace) -> None:
    names = [projects.create(workspace, "  Support \n mail ").name for _ in range(3)]
    assert names == ["Support mail", "Support mail 2", "Support mail 3"]


def test_a_project_needs_a_name(workspace: Workspace) -> None:
    with pytest.raises(HoneError, match="A project needs a name"):
        projects.create(workspace, " \t ")


def test_the_list_begins_with_what_was_touched_last(workspace: Workspace) -> None:
    old, new = projects.create(workspace, "old"), projects.create(workspace, "new")
    assert {p.name for p in projects.projects(workspace)} == {"old", "new"}
    later = time.time() + 60
    import os

    os.utime(old.folder / "project.json", (later, later))
    assert [p.id for p in projects.projects(workspace)] == [old.id, new.id]


@pytest.mark.parametrize("name", ["../home", "..", "a/b", "", "nothing-here", "/etc"])
def test_what_the_browser_sends_is_never_a_path(workspace: Workspace, name: str) -> None:
    projects.create(workspace, "one")
    with pytest.raises(Missing):
        projects.find(workspace, name)


def test_a_copy_has_the_data_and_the_recipe_but_not_the_runs(workspace: Workspace) -> None:
    project = _filled(projects.create(workspace, "mail"))
    copy = projects.duplicate(workspace, project)
    assert copy.name == "mail 2"
    assert (copy.folder / "recipe.json").read_text() == '{"preset": "best"}'
    assert (copy.data / "imports" / "one.arrow").read_bytes() == b"rows"
    assert _labels(copy) == [("r1", "good")]
    assert not list((copy.folder / "runs").iterdir())


def test_a_label_in_the_copy_does_not_reach_the_original(workspace: Workspace) -> None:
    project = _filled(projects.create(workspace, "mail"))
    copy = projects.duplicate(workspace, project)
    _label(copy, "r2", "bad")
    assert _labels(project) == [("r1", "good")]


def test_a_deleted_project_lies_in_the_bin_and_comes_back_whole(workspace: Workspace) -> None:
    project = _filled(projects.create(workspace, "mail"))
    gone = projects.delete(workspace, project)
    assert not projects.projects(workspace)
    [(binned, left)] = projects.binned(workspace)
    assert binned.name == "mail"
    assert 86_000 < left <= 86_400
    back = projects.restore(workspace, gone)
    assert back.id == project.id
    assert _labels(back) == [("r1", "good")]
    assert not projects.binned(workspace)


def test_the_bin_keeps_a_project_for_a_day(workspace: Workspace) -> None:
    gone = projects.delete(workspace, projects.create(workspace, "mail"))
    assert projects.empty_bin(workspace) == 0
    (workspace.bin / gone / "deleted").write_text(str(time.time() - 86_401))
    assert projects.empty_bin(workspace) == 1
    with pytest.raises(Missing):
        projects.restore(workspace, gone)


def test_a_backup_opens_as_a_project_with_everything(workspace: Workspace, tmp_path: Path) -> None:
    project = _filled(projects.create(workspace, "mail"))
    seen: list[tuple[int, int]] = []
    out = projects.backup(project, tmp_path / "mail.zip", progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] > 0
    back = projects.from_backup(workspace, out)
    assert back.name == "mail 2"
    assert _labels(back) == [("r1", "good")]
    assert (back.folder / "runs" / "run-1" / "events.jsonl").read_text() == "{}\n"
    assert not (back.folder / "runs" / "run-1" / "run.lock").exists()


def test_a_cancelled_backup_leaves_nothing(workspace: Workspace, tmp_path: Path) -> None:
    project = _filled(projects.create(workspace, "mail"))
    with pytest.raises(Cancelled):
        projects.backup(project, tmp_path / "mail.zip", cancelled=lambda: True)
    assert not list(tmp_path.glob("*.zip*"))


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "C:evil", "a\\..\\evil"])
def test_a_zip_with_a_path_that_leaves_its_folder_is_no_backup(workspace: Workspace, tmp_path: Path, name: str) -> None:
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("project.json", '{"format": 1, "name": "x"}')
        archive.writestr(name, "boo")
    with pytest.raises(HoneError, match="not a backup"):
        projects.from_backup(workspace, path)
    assert not projects.projects(workspace)
    assert not [p for p in workspace.folder.iterdir() if p.name.startswith(".")]


def test_what_is_no_zip_is_no_backup(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "bad.zip"
    path.write_bytes(b"PK\x03\x04 and nothing more")
    with pytest.raises(HoneError, match="not a backup"):
        projects.from_backup(workspace, path)


def test_delete_everything_leaves_an_empty_workspace(workspace: Workspace) -> None:
    other = Workspace.open(workspace.home, "ben")
    projects.create(other, "his")
    projects.delete(workspace, _filled(projects.create(workspace, "a")))
    _filled(projects.create(workspace, "b"))
    projects.delete_everything(workspace)
    assert not projects.projects(workspace)
    assert not projects.binned(workspace)
    assert projects.disk_used(workspace.folder) == 0
    assert [p.name for p in projects.projects(other)] == ["his"]


def test_disk_used_counts_the_bytes_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "one").write_bytes(b"x" * 1000)
    (tmp_path / "a" / "b" / "two").write_bytes(b"x" * 234)
    (tmp_path / "link").symlink_to(tmp_path / "a" / "one")
    assert projects.disk_used(tmp_path) == 1234


def test_a_project_of_a_newer_hone_says_so(workspace: Workspace) -> None:
    project = projects.create(workspace, "mail")
    value = read_json(project.folder / "project.json")
    (project.folder / "project.json").write_text(__import__("json").dumps({**value, "format": 99}))
    with pytest.raises(HoneError, match="newer Hone"):
        _ = project.name


def _filled(project: projects.Project) -> projects.Project:
    (project.data / "imports").mkdir()
    (project.data / "imports" / "one.arrow").write_bytes(b"rows")
    (project.folder / "recipe.json").write_text('{"preset": "best"}')
    run = project.folder / "runs" / "run-1"
    run.mkdir()
    (run / "events.jsonl").write_text("{}\n")
    (run / "run.lock").write_text("")
    _label(project, "r1", "good")
    return project


def _label(project: projects.Project, row: str, label: str) -> None:
    with sqlite3.connect(project.data / "log.sqlite") as database:
        database.execute("pragma journal_mode = wal")
        database.execute("create table if not exists labels (row text, label text)")
        database.execute("insert into labels values (?, ?)", (row, label))
    database.close()


def _labels(project: projects.Project) -> list[tuple[str, str]]:
    with sqlite3.connect(project.data / "log.sqlite") as database:
        found = database.execute("select row, label from labels").fetchall()
    database.close()
    return found
