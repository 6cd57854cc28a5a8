"""A project that is shared for labelling: what a stranger, a labeller and the owner reach. Every call of every panel is tried."""

from __future__ import annotations

import inspect
import json
import pkgutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

import webui
from core import projects, sharing
from core.data import team, votes
from core.data.team import Team
from core.errors import Missing, NotAllowed
from core.workspace import Workspace
from webui import overview
from webui.calls import Here, answer
from webui.routes import routes
from webui.studio import DEMO, Studio
from webui.tabs import data as data_tab
from webui.tabs import label, label_team

LABELLING = {"overview", "state", "texts", "put", "history", "team_state"}
GUIDE = {"guided", "prepare", "prepared", "unprepare", "estimated"}
OPEN = LABELLING | GUIDE  # what a labeller may call on a shared project
SECRET = "where is my very secret parcel"


def request(name: str | None) -> Any:
    """What a call hears of who is asking: Gradio's login cookie."""
    return SimpleNamespace(
        app=SimpleNamespace(tokens={"cookie": name}, cookie_id="c"), cookies={"access-token-c": "cookie"}
    )


@pytest.fixture
def studio(tmp_path: Path):
    made = Studio(tmp_path / "home", "login", people=lambda: ["olga", "anna", "ben", "stranger"])
    yield made
    made.close()


@pytest.fixture
def project(studio: Studio, tmp_path: Path) -> projects.Project:
    """Olga's, shared with Anna and Ben; 40 texts without a label."""
    made = projects.create(Workspace.open(studio.home, "olga"), "Mail")
    file = tmp_path / "mail.csv"
    file.write_text("message\n" + "".join(f"{SECRET} {i}\n" for i in range(40)))
    data = studio.dataset(made.data)
    data.add(file, "mail.csv")
    for name in ("Delivery", "Refund"):
        data.labels.create(name)
    sharing.share(made, ["anna", "ben"])
    votes.set_team(data, Team("everybody", ("anna", "ben"), hidden=True))
    return made


@pytest.fixture
def address(project: projects.Project) -> str:
    return sharing.address("olga", project)


def ask(studio: Studio, who: str | None, function: Callable[..., Any], of: Any, /, **args: Any) -> dict[str, Any]:
    return answer(studio, function, {"project": of, "args": args, "language": "en"}, request(who))


def every_call() -> list[Callable[..., Any]]:
    """Whatever any module of the page marks as a call."""
    names = [one.name for one in pkgutil.walk_packages(webui.__path__, "webui.") if not one.ispkg]
    there = {value for name in names for value in vars(import_module(name)).values() if inspect.isfunction(value)}
    found = sorted(
        (one for one in there if one.__dict__.get("is_call")), key=lambda one: (one.__module__, one.__name__)
    )
    assert len(found) > 80
    return found


def arguments(function: Callable[..., Any], told: str) -> dict[str, Any]:
    """Something for every argument the call needs; `told` wherever a name may stand."""
    by_kind = {"str": told, "int": 1, "float": 0.5, "bool": True, "list": ["1:0"], "dict": {}}
    found = {}
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        kind = str(parameter.annotation).split("[")[0].split(" ")[0]
        if parameter.default is inspect.Parameter.empty:
            found[parameter.name] = by_kind.get(kind, told)
    return found


def seen(project: projects.Project, studio: Studio) -> tuple[Any, ...]:
    """Everything of a project that a call could change."""
    files = sorted(
        str(p.relative_to(project.folder))
        for p in project.folder.rglob("*")
        if "cache" not in p.parts and not p.name.startswith("log.sqlite")
    )
    return files, project.told, studio.dataset(project.data).version, sharing.of(project)


# --- every call of every panel ---


def test_what_is_open_to_labellers_is_what_this_file_says():
    there = {call.__name__ for call in every_call() if call.__dict__.get("for_labelling")}
    assert LABELLING <= there <= OPEN


@pytest.mark.parametrize("who", ["stranger", "anna"])
def test_no_call_shows_or_changes_a_project_that_it_is_not_open_for(
    studio: Studio, project: projects.Project, address: str, who: str
):
    """Names of the owner's project are tried where the page names its project and in every argument."""
    before = seen(project, studio)
    names = (address, project.id, f"../../olga/projects/{project.id}", f"olga~{project.id}/..", f"anna~{project.id}")
    for function in every_call():
        if function.__name__ in GUIDE or (who == "anna" and function.__name__ in OPEN):
            continue
        for name in names:
            for told in (name, address):
                said = ask(studio, who, function, name, **arguments(function, told))
                assert SECRET not in json.dumps(said), (function.__name__, name)
                assert seen(project, studio) == before, (function.__name__, name)


def test_a_stranger_is_refused_by_every_call_that_is_open_to_labellers(studio: Studio, address: str):
    for function in every_call():
        if function.__name__ in OPEN - {
            "overview",
            "prepared",
            "unprepare",
        }:  # the frame leads to a project of one's own; jobs are one's own
            given = {**arguments(function, address), **({"project": address} if function.__name__ == "put" else {})}
            assert ask(studio, "stranger", function, address, **given)["error"]["kind"] == "Missing", function.__name__


def test_nobody_without_a_login_reaches_anything(studio: Studio, project: projects.Project, address: str):
    for function in every_call():
        said = ask(studio, None, function, address, **arguments(function, address))
        assert said["error"]["kind"] == "NotAllowed", function.__name__


def test_a_stranger_does_not_learn_whether_a_project_is_there(studio: Studio, project: projects.Project, address: str):
    there = ask(studio, "stranger", label.state, address)
    not_there = ask(studio, "stranger", label.state, "olga~project-nothing-0000")
    assert there == not_there and there["error"]["kind"] == "Missing"


def test_a_refusal_is_a_calm_sentence(studio: Studio, address: str):
    error = ask(studio, "anna", data_tab.rows, address)["error"]
    assert error["kind"] == "NotAllowed" and "olga" in error["message"] and error["fix"]


# --- what a labeller does ---


def test_a_labeller_finds_labels_and_saves(studio: Studio, project: projects.Project, address: str):
    told = ask(studio, "anna", overview.overview, address)["ok"]
    assert told["guest"] and told["shared"] == [{"id": address, "name": "Mail", "owner": "olga"}]
    assert not told["projects"] and told["running"] is None and not told["away"]
    texts = ask(studio, "anna", label.texts, address)["ok"]
    assert texts["total"] == 40 and SECRET in texts["rows"][0]["text"]
    state = ask(studio, "anna", label.state, address)["ok"]
    assert state["me"] == "anna" and state["guest"] and state["counts"] == {"rows": 40, "labelled": 0, "unlabelled": 40}
    entry = {"row": "1:0", "label": state["labels"][0]["id"], "seq": 1, "client": "w", "seconds": 2.5}
    assert ask(studio, "anna", label.put, address, project=address, entries=[entry])["ok"]["saved"] == [1]
    again = ask(studio, "anna", label.texts, address, show="all")["ok"]["rows"][0]
    assert again["value"] == entry["label"] and again["by"] == "anna"
    history = ask(studio, "olga", label.history, project.id, row="1:0")["ok"]
    assert [(one["who"], one["label"]["name"]) for one in history] == [("anna", "Delivery")]


def test_answers_of_others_are_hidden_until_ones_own_are_done(studio: Studio, project: projects.Project, address: str):
    data = studio.dataset(project.data)
    say = lambda who, n, name, seq: data.labels.put([{"row": f"1:{n}", "label": name, "seq": seq, "client": who}], who)  # noqa: E731
    for n in range(40):
        say("ben", n, "Refund", n)
    refund = next(one["id"] for one in data.labels.labels() if one["name"] == "Refund")
    rows = ask(studio, "anna", label.texts, address, show="all")["ok"]["rows"]
    assert all(row["value"] is None and row["by"] is None for row in rows)
    assert ask(studio, "anna", label.texts, address, show="search", label=str(refund))["ok"]["rows"] == []
    assert ask(studio, "anna", label.history, address, row="1:0")["ok"] == []
    assert [one["count"] for one in ask(studio, "anna", label.state, address)["ok"]["labels"]] == [0, 0]
    told = ask(studio, "anna", label_team.team_state, address)["ok"]
    assert told["blind"] and told["agreement"] is None and told["settling"] is None and not told["logins"]
    for n in range(40):
        say("anna", n, "Delivery" if n < 4 else "Refund", n)
    told = ask(studio, "anna", label_team.team_state, address)["ok"]
    assert not told["blind"] and told["agreement"]["same"] == pytest.approx(0.9)
    assert len(ask(studio, "anna", label.history, address, row="1:0")["ok"]) == 2


def test_who_is_taken_out_has_no_access_at_the_next_click(studio: Studio, project: projects.Project, address: str):
    assert "ok" in ask(studio, "anna", label.state, address)
    sharing.share(project, ["ben"])
    assert ask(studio, "anna", label.state, address)["error"]["kind"] == "Missing"
    assert ask(studio, "anna", label.put, address, project=address, entries=[])["error"]["kind"] == "Missing"
    sharing.share(project, [])
    assert not (project.folder / sharing.FILE).exists() and "error" in ask(studio, "ben", label.state, address)


def test_everybody_with_a_login_may_join_and_is_of_the_team_with_the_first_answer(
    studio: Studio, project: projects.Project, address: str
):
    sharing.share(project, [], everybody=True)
    assert ask(studio, "stranger", label.texts, address)["ok"]["total"] == 40
    assert "stranger" not in team.of(studio.dataset(project.data).log).people
    entry = {"row": "1:0", "label": None, "seq": 1, "client": "w"}
    ask(studio, "stranger", label.put, address, project=address, entries=[entry])
    assert team.of(studio.dataset(project.data).log).people == ("anna", "ben", "stranger")


def test_a_broken_file_of_sharing_lets_nobody_in(studio: Studio, project: projects.Project, address: str):
    for text in (
        "",
        "[]",
        '{"people": 7}',
        '{"everybody": "yes", "people": null}',
        '{"format": 99, "everybody": true}',
        "null",
    ):
        (project.folder / sharing.FILE).write_text(text)
        assert ask(studio, "anna", label.state, address)["error"]["kind"] == "Missing", text


# --- what the owner does ---


def test_the_owner_shares_with_exactly_the_people_of_the_team(studio: Studio, project: projects.Project):
    save = {"mode": "split", "people": ["olga", "ben"], "share": 0.1, "times": 2, "hidden": False}
    assert "ok" in ask(studio, "olga", label_team.team_save, project.id, **save)
    assert sharing.of(project) == sharing.Sharing(("ben",))
    error = ask(studio, "olga", label_team.team_save, project.id, **{**save, "people": ["Ben"]})["error"]
    assert "Ben" in error["message"] and sharing.of(project).people == ("ben",)
    ask(studio, "olga", label_team.team_save, project.id, **{**save, "mode": "off"})
    assert sharing.of(project) == sharing.Sharing()


def test_the_owner_settles_and_takes_back(studio: Studio, project: projects.Project):
    data = studio.dataset(project.data)
    for who, name in (("anna", "Delivery"), ("ben", "Refund")):
        data.labels.put([{"row": "1:3", "label": name, "seq": 1, "client": who}], who)
    found = ask(studio, "olga", label_team.to_settle, project.id)["ok"]
    assert found["total"] == 1 and [one["who"] for one in found["rows"][0]["answers"]] == [["anna"], ["ben"]]
    entry = {"row": "1:3", "label": "Refund", "seq": 1, "client": "s"}
    assert ask(studio, "olga", label_team.settle, project.id, entries=[entry])["ok"]["saved"] == [1]
    assert (
        data.row("1:3")["label"] == "Refund"
        and ask(studio, "olga", label_team.to_settle, project.id)["ok"]["total"] == 0
    )
    back = {"row": "1:3", "seq": 2, "client": "s", "takes_back": {"client": "s", "seq": 1}}
    ask(studio, "olga", label_team.settle, project.id, entries=[back])
    assert data.row("1:3")["label"] is None


def test_a_copy_and_a_backup_are_shared_with_nobody(studio: Studio, project: projects.Project, tmp_path: Path):
    workspace = Workspace.open(studio.home, "olga")
    assert sharing.of(projects.duplicate(workspace, project)) == sharing.Sharing()
    backup = projects.backup(project, tmp_path / "mail.zip")
    assert sharing.of(projects.from_backup(workspace, backup)) == sharing.Sharing()


# --- other modes, and pictures ---


def test_in_the_demo_and_without_a_login_nothing_is_shared(project: projects.Project, address: str, studio: Studio):
    sharing.share(project, [""], everybody=True)
    for mode, limits in (("demo", DEMO), ("local", studio.limits)):
        other = Studio(studio.home, mode, limits=limits)
        here = Here(other, Workspace.open(studio.home, "visitor-1"), "en", address, labelling=True)
        with pytest.raises((Missing, NotAllowed)):
            here.project  # noqa: B018
        other.close()


def test_on_ones_own_machine_a_name_is_only_a_name(workspace: Workspace, tmp_path: Path):
    studio = Studio(workspace.home)
    project = projects.create(workspace, "Mail")
    file = tmp_path / "mail.csv"
    file.write_text("message\none\ntwo\n")
    data = studio.dataset(project.data)
    data.add(file, "mail.csv")
    label_id = data.labels.create("x").label
    votes.set_team(data, Team("everybody", ("Anna",)))
    question = {"project": project.id, "as": " Jürgen \u202e Groß ", "args": {}}
    assert answer(studio, label_team.team_join, question, request(None))["ok"] == {"me": "Jürgen Groß"}
    assert team.of(data.log).people == ("Anna", "Jürgen Groß")
    entry = {"row": "1:0", "label": label_id, "seq": 1, "client": "w"}
    answer(studio, label.put, {**question, "args": {"project": project.id, "entries": [entry]}}, request(None))
    assert [one["who"] for one in data.labels.history("1:0")] == ["Jürgen Groß"]
    for strange in ({"a": 1}, 7, "", "\u202e"):
        assert answer(studio, label.state, {"project": project.id, "as": strange}, request(None))["ok"]["me"] == "local"
    studio.close()


def test_pictures_of_a_shared_project_are_seen_by_its_labellers_only(
    studio: Studio, project: projects.Project, address: str
):
    files = project.data / "files"
    files.mkdir()
    name = "a" * 64 + ".png"
    Image.new("RGB", (40, 30), "red").save(files / name)
    from core.data import images

    if not images.NAME.fullmatch(name):
        name = next(f"{'a' * n}.png" for n in range(1, 100) if images.NAME.fullmatch(f"{'a' * n}.png"))
        Image.new("RGB", (40, 30), "red").save(files / name)
    app = Starlette(routes=routes(studio))
    app.tokens, app.cookie_id = {"of-anna": "anna", "of-stranger": "stranger"}, "c"  # type: ignore[attr-defined]

    def fetched(who: str, path: str) -> int:
        return TestClient(app, cookies={"access-token-c": f"of-{who}"}).get(path).status_code

    assert fetched("anna", f"/hone/picture/{address}/{name}") == 200
    assert fetched("stranger", f"/hone/picture/{address}/{name}") == 404
    assert fetched("anna", f"/hone/picture/{project.id}/{name}") == 404
    assert fetched("anna", f"/hone/picture/{address}/{name}?run=run-1") == 404
