"""Folders of a home: names that are no paths, files that are whole, formats that are known."""

from __future__ import annotations

import threading

import pytest

from core.errors import HoneError, Missing
from core.workspace import Workspace, inside, new_id, read_json, write_json, write_text


def test_a_home_is_made_and_opened_again(tmp_path):
    one = Workspace.open(tmp_path / "home", "ada@example.org")
    assert one.projects.is_dir() and one.jobs.is_dir() and one.engine.is_dir()
    assert Workspace.open(tmp_path / "home", "ada@example.org") == one
    assert Workspace.open(tmp_path / "home", "bob").projects != one.projects


@pytest.mark.parametrize("user", ["", "..", "../bob", "a/b", "a" * 65, ".hidden", "a b"])
def test_a_user_whose_name_is_a_path_is_refused(tmp_path, user):
    with pytest.raises(HoneError):
        Workspace.open(tmp_path, user)


@pytest.mark.parametrize("name", ["..", "../x", "/etc", "a/../b", "", ".", "none", "a\\b", "a\0b", None, 7])
def test_what_a_browser_sends_is_never_a_path(tmp_path, name):
    (tmp_path / "there").mkdir()
    assert inside(tmp_path, "there") == tmp_path / "there"
    with pytest.raises(Missing):
        inside(tmp_path, name)


def test_a_home_of_a_newer_hone_is_refused_with_what_to_do(tmp_path):
    Workspace.open(tmp_path)
    write_json(tmp_path / "home.json", {"format": 99})
    with pytest.raises(HoneError) as error:
        Workspace.open(tmp_path)
    assert "newer" in str(error.value) and "Update Hone" in str(error.value.fix)


def test_a_file_is_never_seen_half_written(tmp_path):
    path, whole = tmp_path / "value.json", {"rows": list(range(2000))}
    write_json(path, whole)
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            write_json(path, whole, lasting=False)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(300):
            assert read_json(path) == whole
    finally:
        over.set()
        writer.join()
    assert [p.name for p in tmp_path.iterdir()] == ["value.json"]


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "before")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "\ud800")
    assert path.read_text() == "before" and len(list(tmp_path.iterdir())) == 1


def test_ids_sort_by_time_and_never_come_twice():
    made = [new_id("run") for _ in range(200)]
    assert len(set(made)) == 200
    assert made == sorted(made)


def test_the_secret_is_made_once_and_only_its_owner_reads_it(workspace):
    assert workspace.secret() == workspace.secret() and len(workspace.secret()) == 64
    assert (workspace.home / "secret").stat().st_mode & 0o077 == 0
