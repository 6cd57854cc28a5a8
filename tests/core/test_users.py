"""Logins: what is stored, what is refused."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from core import users
from core.errors import HoneError, Missing, NotAllowed

PASSWORD = "correct horse 电池"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "auth" / "users"
    assert users.add(path, "ada", PASSWORD)
    return path


def test_the_right_password_opens_and_no_other(file: Path):
    known = users.Users(file)
    assert known.verify("ada", PASSWORD)
    assert not known.verify("ada", PASSWORD + " ")
    assert not known.verify("eve", PASSWORD)
    assert not known.verify("", "")


def test_the_file_holds_no_password_and_only_its_owner_reads_it(file: Path):
    text = file.read_text(encoding="utf-8")
    assert text.startswith("ada:scrypt:16384:8:1:") and "horse" not in text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_two_users_with_one_password_have_different_lines(file: Path):
    users.add(file, "bob", PASSWORD)
    ada, bob = file.read_text(encoding="utf-8").splitlines()
    assert ada.split(":")[5:] != bob.split(":")[5:]


def test_a_new_password_replaces_the_old_and_is_noticed_at_once(file: Path):
    known = users.Users(file)
    assert not users.add(file, "ada", "another password")
    assert known.verify("ada", "another password") and not known.verify("ada", PASSWORD)
    users.remove(file, "ada")
    assert not known.verify("ada", "another password")


def test_five_wrong_passwords_lock_the_name_for_a_while(file: Path):
    now = [0.0]
    known = users.Users(file, clock=lambda: now[0])
    users.add(file, "bob", PASSWORD)
    for _ in range(5):
        assert not known.verify("ada", "wrong")
    with pytest.raises(NotAllowed, match="Too many wrong passwords") as raised:
        known.verify("ada", PASSWORD)
    assert str(raised.value.fix) == "Try again in 5 minutes."
    assert known("ada", PASSWORD) is False
    assert known.verify("bob", PASSWORD)
    now[0] = 301.0
    assert known.verify("ada", PASSWORD)


@pytest.mark.parametrize("name", ["", "a b", "../x", "a:b", "ä" * 3, "x" * 80])
def test_names_that_cannot_be_folders_are_refused(file: Path, name: str):
    with pytest.raises(HoneError, match="cannot be a user's name"):
        users.add(file, name, PASSWORD)


def test_a_short_password_is_refused(file: Path):
    with pytest.raises(HoneError, match="needs 8 characters or more"):
        users.add(file, "bob", "short")


def test_a_foreign_line_and_a_missing_file_are_told(tmp_path: Path):
    (tmp_path / "auth").write_text("# comment\n\nada:plain:secret\n", encoding="utf-8")
    with pytest.raises(HoneError, match="Line 3 of the file of users"):
        users.Users(tmp_path / "auth")
    with pytest.raises(HoneError, match="There is no file of users"):
        users.Users(tmp_path / "none")
    with pytest.raises(Missing):
        users.remove(tmp_path / "auth", "bob")
