"""The calls of the Train tab: small answers about runs, read from their folders."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from core import projects
from core.data.dataset import Dataset
from core.errors import HoneError, Missing
from core.models.methods import METHODS
from core.training import draft as drafts
from core.training import runs
from core.training.draft import Draft
from core.training.events import Began, Evaluated, Failed, Started, Stepped
from core.workspace import Workspace
from webui.calls import Here, plain
from webui.studio import Studio
from webui.tabs import settings as form_tab
from webui.tabs import train as tab


@pytest.fixture
def here(workspace: Workspace, tmp_path: Path) -> Here:
    studio = Studio(workspace.home, inline=True)
    studio.engine.close()  # what is started waits in line
    project = projects.create(workspace, "Mail")
    file = tmp_path / "mail.csv"
    lines = [f"the card of {i} is lost,money" for i in range(40)] + [
        f"the wheel of {i} is bent,bike" for i in range(40)
    ]
    file.write_text("text,label\n" + "\n".join(lines), encoding="utf-8")
    Dataset.open(project.data).add(file, file.name)
    return Here(studio, workspace, "en", project.id)


@pytest.fixture
def run(here: Here):
    """A run with a few events, as a worker would have written them."""
    drafts.write(here.project.folder, Draft("balanced", {"batch_size": 8}))
    settled = drafts.settle(drafts.read(here.project.folder), here.dataset.facts())
    one = runs.create(
        here.project.folder, name="Balanced", task="classification", base=settled.base, settings=settled.settings,
        phases=settled.phases, preset="balanced", changed=settled.changed, dataset=here.dataset,
    )  # fmt: skip
    one.write(Started(pid=1, host="here"))
    one.write(Began(phase=0, method="head", first_step=0, steps=10, epochs=0, steps_per_epoch=1))
    one.write(
        Began(
            phase=1,
            method="full",
            first_step=10,
            steps=40,
            epochs=5,
            steps_per_epoch=8,
            settled={"settings": {"learning_rate": 5e-5}},
        )
    )
    for step in range(11, 31):
        one.write(Stepped(step=step, epoch=(step - 10) / 8, loss=1 / step, learning_rate=5e-5, grad_norm=1.0))
    watched = {row: {"label": "money", "probability": 0.9} for row in one.spec["watched"]}
    one.write(Evaluated(step=30, epoch=2.5, scores={"accuracy": 0.75, "loss": 0.4}, best=True, watched=watched))
    return one


def said(value) -> dict:
    return json.loads(json.dumps(plain(value, "en")))


def test_the_first_answer_holds_all_and_the_next_only_what_came(here: Here, run):
    first = said(tab.follow(here, run=run.id))
    assert len(first["points"]["step"]) == 20 and len(first["checks"]) == 1 and "slow" in first
    asked = {
        "generation": first["generation"],
        "points": first["seen_points"],
        "checks": first["seen_checks"],
        "stamp": first["stamp"],
    }
    run.write(Stepped(step=31, epoch=2.6, loss=0.03))
    second = said(tab.follow(here, run=run.id, **asked))
    assert second["points"]["step"] == [31] and second["checks"] == [] and "slow" not in second
    assert len(json.dumps(second)) < 900


def test_a_poll_without_news_is_cheap(here: Here, run):
    first = said(tab.follow(here, run=run.id))
    asked = {
        "generation": first["generation"],
        "points": first["seen_points"],
        "checks": first["seen_checks"],
        "stamp": first["stamp"],
    }
    began = time.perf_counter()
    for _ in range(50):
        tab.follow(here, run=run.id, **asked)
    assert (time.perf_counter() - began) / 50 < 0.05


def test_a_run_opens_with_its_labels_and_watched_texts(here: Here, run):
    told = said(tab.opened(here, run=run.id))
    assert {label["name"] for label in told["labels"]} == {"money", "bike"}
    assert [row["id"] for row in told["watched"]] == run.spec["watched"]
    assert all({"id", "text", "label"} <= set(row) for row in told["watched"])


def test_other_texts_are_watched_from_now_on_and_in_later_runs(here: Here, run):
    rows = said(tab.watchable(here, run=run.id))["rows"]
    told = said(tab.watch(here, run=run.id, rows=[rows[-1]["id"], "9:9", rows[0]["id"]]))
    assert [row["id"] for row in told["watched"]] == [rows[-1]["id"], rows[0]["id"]]
    later = here.run(form_tab.start(here)["run"])
    assert later.spec["watched"] == [rows[-1]["id"], rows[0]["id"]]


def test_watchable_texts_can_be_searched(here: Here, run):
    everything = said(tab.watchable(here, run=run.id))
    found = said(tab.watchable(here, run=run.id, search="WHEEL"))
    assert 0 < found["total"] < everything["total"]
    assert all("wheel" in row["text"] for row in found["rows"])


def test_the_list_tells_state_score_and_note(here: Here, run):
    tab.note(here, run=run.id, name="Second try", text="with fewer rounds")
    listed = said(tab.training(here))["runs"][0]
    assert (listed["name"], listed["note"], listed["score"], listed["step"]) == (
        "Second try",
        "with fewer rounds",
        0.75,
        30,
    )
    assert listed["state"] == "interrupted"


def test_a_name_cannot_be_empty(here: Here, run):
    with pytest.raises(HoneError, match="needs a name"):
        tab.note(here, run=run.id, name="  ")


def test_out_of_memory_comes_with_a_smaller_batch_that_starts_again(here: Here, run):
    message = {"say": "Out of memory at {b} texts a step. Nothing is lost.", "with": {"b": 8}}
    run.write(Failed(step=30, code="out_of_memory", message=message))
    failure = said(tab.follow(here, run=run.id))["slow"]["failure"]
    assert failure["repair"] == {"title": "Try with 4", "set": {"batch_size": 4}}
    again = here.run(tab.start_again(here, run=run.id, values=failure["repair"]["set"])["run"])
    assert again.settings.batch_size == 4
    assert drafts.read(here.project.folder).changed["batch_size"] == 4


def test_a_deleted_run_is_gone(here: Here, run):
    tab.delete(here, run=run.id)
    with pytest.raises(Missing):
        tab.opened(here, run=run.id)
    assert said(tab.training(here))["runs"] == []


def test_no_path_from_the_page_reaches_the_disk(here: Here, run):
    for name in ("../run", f"{run.id}/../{run.id}", "", ".", "/etc"):
        with pytest.raises(Missing):
            tab.follow(here, run=name)


def test_an_unknown_word_of_control_is_refused(here: Here, run):
    with pytest.raises(HoneError):
        tab.control(here, run=run.id, word="explode")


def test_every_way_to_tune_has_a_short_name_in_the_plot():
    script = (Path(__file__).resolve().parents[2] / "assets" / "js" / "curves.js").read_text(encoding="utf-8")
    named = set(re.findall(r"\b([a-z0-9]+): (?:\"|t\()", script))
    assert set(METHODS) <= named, set(METHODS) - named
