"""The calls of the guide: what it offers for each kind of answer, whose rows it may choose from, what a blind team is not shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import projects
from core.workspace import Workspace
from webui.calls import Here
from webui.studio import Studio
from webui.tabs import label, label_guide


@pytest.fixture
def here(tmp_path: Path):
    studio = Studio(tmp_path)
    workspace = Workspace.open(tmp_path)
    project = projects.create(workspace, "Mail")
    file = tmp_path / "mail.csv"
    file.write_text(
        "text\n" + "".join(f"{('soup', 'train')[i % 2]} and number {i}\n" for i in range(60)), encoding="utf-8"
    )
    data = project.dataset()
    data.add(file, "mail.csv")
    data.labels.create("food")
    data.labels.create("travel")
    yield Here(studio, workspace, "en", project.id)
    studio.close()


def give(here: Here, rows: list[str]) -> None:
    ids = {one["name"]: one["id"] for one in here.dataset.labels.labels()}
    kind = {row: ids[("food", "travel")[here.dataset.rows.place(row) % 2]] for row in rows}
    entries = [{"row": row, "label": kind[row], "seq": i, "client": "t"} for i, row in enumerate(rows)]
    assert not label.put(here, project=here.project_id, entries=entries)["refused"]


def test_the_page_is_offered_ways_with_sentences_and_a_proposal(here: Here):
    told = label.state(here)
    assert (told["link"], told["order"]) == ("softmax", "helpful")
    assert told["ways"][0]["name"] == "helpful" and told["ways"][-1]["name"] == "file"
    assert all(str(way["sentence"]) for way in told["ways"])


def test_texts_come_with_guesses_once_it_knows_them(here: Here):
    first = label_guide.guided(here, rows=[], count=6)
    assert (len(first["rows"]), first["missing"], first["guesses"]) == (6, 60, {})
    job = here.jobs.wait(label_guide.prepare(here), 120)
    assert job["state"] == "done" and job["result"]["rows"] == 60
    give(here, [row["id"] for row in first["rows"]] + ["1:0", "1:1"])
    told = label_guide.guided(here, rows=["1:10", "1:11"], count=4)
    assert told["missing"] == 0 and told["learnt"] >= 6
    ids = {one["name"]: one["id"] for one in here.dataset.labels.labels()}
    assert told["guesses"]["1:10"]["value"] == ids["food"] and told["guesses"]["1:11"]["value"] == ids["travel"]
    assert all(row["value"] is None for row in told["rows"])
    assert told["record"] == {"right": 0, "of": 0}
    estimate = label_guide.estimated(here)
    assert {one["name"] for one in estimate["labels"]} == {"food", "travel"}


def test_a_row_that_is_gone_or_was_never_there_breaks_nothing(here: Here):
    told = label_guide.guided(
        here, rows=["9:9", "nonsense", "../../x"], count=3, without=["", "7:1"], like="x", first="y", order="similar"
    )
    assert len(told["rows"]) == 3
    with pytest.raises(Exception, match="magic"):
        label_guide.guided(here, rows=[], count=3, order="magic")


def test_in_a_team_only_ones_own_rows_come_and_a_blind_one_sees_no_guess(here: Here):
    from core.data import team, votes

    label_guide.prepare(here)
    here.jobs.wait(here.jobs.latest(f"vectors:{here.dataset.folder}"), 120)
    give(here, [f"1:{i}" for i in range(10)])
    setting = team.Team("split", (here.person, "bob"), hidden=True)
    votes.set_team(here.dataset, setting)
    told = label_guide.guided(here, rows=["1:20"], count=40)
    own = team.mine(here.dataset, here.person)
    places = [here.dataset.rows.place(row["id"]) for row in told["rows"]]
    assert places and all(own.rows[place] for place in places)
    assert told["guesses"] == {}
