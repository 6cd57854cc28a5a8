"""From the page to Python and back: who asks, what an error becomes, what a result becomes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core import projects
from core.errors import HoneError, Missing, NotAllowed, Problem, SettingsError
from core.words import Message
from core.workspace import Workspace
from webui.calls import Here, answer, call, panel, plain
from webui.studio import DEMO, Studio
from webui.who import known, welcome, who

NOBODY = SimpleNamespace(app=SimpleNamespace(tokens={}, cookie_id="c"), cookies={})


@call
def twice(here: Here, *, n: int = 1) -> dict[str, Any]:
    return {"n": 2 * n, "project": here.project.name, "said": Message("{n} rows", n=n)}


@call
def refuses(here: Here) -> None:
    raise HoneError(Message("The disk is full."), fix=Message("Delete a project or a run you no longer need."))


@call
def is_off(here: Here) -> None:
    raise SettingsError([Problem("epochs", Message("{n} rows", n=3))])


@call
def breaks(here: Here) -> None:
    raise KeyError("a path of the server, a password")


@pytest.fixture
def studio(workspace: Workspace) -> Studio:
    return Studio(workspace.home)


def test_a_call_gets_the_project_and_answers_in_plain_json(studio: Studio, workspace: Workspace) -> None:
    project = projects.create(workspace, "mail")
    said = answer(studio, twice, {"args": {"n": 4}, "project": project.id, "language": "en"}, NOBODY)
    assert said == {"ok": {"n": 8, "project": "mail", "said": "4 rows"}}


def test_an_error_comes_with_its_repair(studio: Studio) -> None:
    error = answer(studio, refuses, {"language": "en"}, NOBODY)["error"]
    assert error["message"] == "The disk is full."
    assert error["fix"].startswith("Delete a project")


def test_an_error_speaks_the_language_of_the_page(studio: Studio) -> None:
    error = answer(studio, refuses, {"language": "zh"}, NOBODY)["error"]
    assert error["message"] != "The disk is full."


def test_fields_that_are_off_are_named(studio: Studio) -> None:
    error = answer(studio, is_off, {}, NOBODY)["error"]
    assert error["problems"] == [{"field": "epochs", "message": "3 rows"}]


def test_an_unexpected_error_says_nothing_of_the_inside(studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
    error = answer(studio, breaks, {}, NOBODY)["error"]
    assert "password" not in str(error)
    assert error["message"] == "Something went wrong inside Hone. Nothing of yours was changed."
    assert "password" in caplog.text


@pytest.mark.parametrize("question", [None, 5, [], "x", {"args": 5}, {"args": {"n": 1, "m": 2}}, {"args": {"here": 1}}])
def test_a_malformed_question_is_answered_calmly(studio: Studio, question: Any) -> None:
    assert "error" in answer(studio, twice, question, NOBODY)


@pytest.mark.parametrize("project", ["../local", "", 7, None, "gone-1", {"a": 1}])
def test_a_project_that_is_not_there_is_missing(studio: Studio, project: Any) -> None:
    assert answer(studio, twice, {"project": project}, NOBODY)["error"]["kind"] in ("Missing", "HoneError")


def test_only_marked_functions_are_offered(studio: Studio) -> None:
    page = SimpleNamespace(studio=studio, language="en")
    with pytest.raises(TypeError, match="not marked"):
        panel(page, "data", [lambda here: None])


def test_everything_a_call_may_return_becomes_json() -> None:
    @dataclass
    class Row:
        text: str
        share: float

    value = {
        "rows": [Row("a", math.nan)],
        "n": np.int64(3),
        "x": np.array([1.5, 2.5]),
        "said": Message("{n} rows", n=2).as_json(),
        4: {1},
    }
    assert plain(value, "en") == {
        "rows": [{"text": "a", "share": None}],
        "n": 3,
        "x": [1.5, 2.5],
        "said": "2 rows",
        "4": [1],
    }
    with pytest.raises(TypeError):
        plain(object(), "en")


def test_with_a_login_only_the_name_behind_the_cookie_counts(workspace: Workspace) -> None:
    studio = Studio(workspace.home, "login")
    app = SimpleNamespace(tokens={"t-ana": "ana"}, cookie_id="c")
    ana = SimpleNamespace(app=app, cookies={"access-token-c": "t-ana"})
    assert who(studio, ana, token="ben").user == "ana"
    for cookies in ({}, {"access-token-c": "t-ben"}, {"access-token-other": "t-ana"}):
        with pytest.raises(NotAllowed):
            who(studio, SimpleNamespace(app=app, cookies=cookies), token="ana")


def test_in_the_demo_only_a_token_this_server_issued_counts(workspace: Workspace) -> None:
    studio = Studio(workspace.home, "demo", limits=DEMO)
    token = welcome(studio)
    mine = who(studio, NOBODY, token)
    assert token not in str(mine.folder)
    assert known(studio, token)
    for wrong in (None, "", "0" * 32, token[:-1], token.upper() + "x", "../local", 5, mine.user):
        with pytest.raises(NotAllowed):
            who(studio, NOBODY, wrong)  # type: ignore[arg-type]


def test_a_download_is_offered_once_and_not_for_ever(
    studio: Studio, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = workspace.folder / "model.zip"
    path.write_bytes(b"zip")
    key = studio.offer("local", path, "model.zip").rsplit("/", 1)[1]
    assert studio.take(key).path == path
    with pytest.raises(Missing):
        studio.take(key)
    late = studio.offer("local", path, "model.zip").rsplit("/", 1)[1]
    studio._offers[late].until = 0.0
    with pytest.raises(Missing):
        studio.take(late)


def test_one_address_cannot_fill_the_demo_with_visitors(workspace: Workspace) -> None:
    studio = Studio(workspace.home, "demo", limits=DEMO)
    for _ in range(60):
        studio.let_in("10.0.0.1")
    with pytest.raises(NotAllowed, match="Too many visits"):
        studio.let_in("10.0.0.1")
    studio.let_in("10.0.0.2")
