"""The calls of "Without training": what is offered, what is kept, an attempt as a job, prompts as recipes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from finished_runs import finish

from core import projects
from core.errors import DataError, HoneError, Missing, SettingsError
from core.evaluation import report
from core.workspace import Workspace
from webui.calls import Here, plain
from webui.studio import Studio
from webui.tabs import evaluate
from webui.tabs import untrained as part


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory):
    """A project with a finished run and its report."""
    home = tmp_path_factory.mktemp("untrained") / "home"
    workspace = Workspace.open(home)
    project = projects.create(workspace, "Mail")
    studio = Studio(home)
    report.make(finish(project).folder)
    yield Here(studio, workspace, "en", project.id)
    studio.close()


def waited(here: Here, seconds: float = 60.0) -> list[dict]:
    end = time.monotonic() + seconds
    while True:
        told = plain(part.untrained_attempts(here), "en")["attempts"]
        if all(one["state"] not in ("waiting", "running") for one in told):
            return told
        assert time.monotonic() < end, told
        time.sleep(0.1)


def test_the_part_offers_its_ways_each_with_what_it_needs(here: Here):
    told = plain(part.untrained(here), "en")
    assert told["why"] is None and [way["name"] for way in told["ways"]] == ["similar", "nearest", "entails", "likely"]
    assert all(way["needs"] and not way["blocked"] for way in told["ways"])
    assert told["base"] == "bundled:all-MiniLM-L6-v2"
    assert {one["name"]: one["words"] for one in told["labels"]}["lost card"] == "lost card"
    assert "label" not in told["variables"]["row"]
    assert evaluate.judged(here)["untrained"]
    entails = plain(part.untrained_keep(here, values={**told["values"], "way": "entails"}), "en")
    assert entails["base"] == "" and not entails["bases"] and len(entails["known"]) == 3


def test_what_is_typed_is_there_after_a_reload_even_where_it_is_wrong(here: Here):
    values = {"way": "likely", "prompt": "{text} {wrong}", "examples": "many"}
    told = plain(part.untrained_keep(here, values=values), "en")
    assert "examples" in told["problems"]
    label = next(one for one in part.untrained(here)["labels"] if one["name"] == "praise")
    part.untrained_label(here, label=label["id"], words="kind words", sentences=["a kind word about a film"])
    again = plain(part.untrained(here), "en")
    assert again["values"]["prompt"] == "{text} {wrong}" and again["values"]["examples"] == "many"
    assert next(one for one in again["labels"] if one["name"] == "praise")["words"] == "kind words"
    with pytest.raises(SettingsError):
        part.untrained_start(here, values=values)
    told = plain(part.untrained_preview(here, values={**values, "examples": 2}), "en")
    assert told["problems"]["prompt"].startswith("There is no {wrong} here.")
    shown = part.untrained_preview(here, values={"way": "likely", "examples": 2}, at=3)["shown"]
    assert shown["lines"][0].count("Text: ") == 3 and "kind words" in shown["lines"][0]


def test_an_attempt_stands_beside_the_runs_and_in_their_report(here: Here, tiny_encoder: Path):
    part.untrained_start(here, values={"way": "nearest", "base": str(tiny_encoder), "neighbours": 5})
    one = waited(here)[0]
    assert one["state"] == "ready" and one["scored"] and one["total"] == 48 and one["beside"]["n"] == 48, one
    run = part.untrained_attempts(here)["runs"][0]
    assert run["reported"] and run["seconds_a_text"] > 0 and run["total"] == 48
    lines = plain(evaluate.report_of(here, run=run["id"]), "en")["contenders"]["lines"]
    assert [line["id"] for line in lines] == ["majority", "counting", "untrained", "run"]
    assert lines[2]["share"] == one["accuracy"]
    mistakes = part.untrained_rows(here, attempt=one["id"])
    assert mistakes["total"] == one["wrong"] and all(row["said"] != row["right"] for row in mistakes["rows"])
    url = part.untrained_file(here, attempt=one["id"])["url"]
    assert here.studio.take(url.rsplit("/", 1)[1]).path.read_text(encoding="utf-8-sig").count("\n") == 49
    part.untrained_remove(here, attempt=one["id"])
    assert not part.untrained_attempts(here)["attempts"]
    with pytest.raises(Missing):
        part.untrained_rows(here, attempt=one["id"])


def test_a_prompt_is_kept_renamed_taken_away_and_brought_back(here: Here):
    values = {"way": "likely", "prompt": "Sort: {examples}{text} =", "examples": 1}
    kept = part.untrained_save(here, name="Mine", values=values)[0]
    part.untrained_rename(here, recipe=kept["id"], name="Ours")
    text = part.untrained_recipe(here, recipe=kept["id"])["text"]
    part.untrained_delete(here, recipe=kept["id"])
    assert not part.untrained(here)["recipes"]
    part.untrained_keep(here, values={"way": "similar"})
    assert part.untrained_load(here, text=text)[0]["name"] == "Ours"
    told = part.untrained(here)
    assert told["values"]["way"] == "likely" and told["values"]["prompt"] == "Sort: {examples}{text} ="
    with pytest.raises(DataError):
        part.untrained_load(here, text="no prompt")
    with pytest.raises(SettingsError):
        part.untrained_save(here, name="Off", values={"way": "likely", "prompt": "nothing"})


def test_a_model_that_cannot_answer_this_way_is_refused_with_the_reason(here: Here, tiny_encoder: Path):
    part.untrained_keep(here, values={"way": "entails"})
    with pytest.raises(HoneError, match="called entailment"):
        part.look_up_base(here, name=str(tiny_encoder))
    part.untrained_keep(here, values={"way": "likely"})
    with pytest.raises(HoneError, match="this task needs one that writes"):
        part.look_up_base(here, name=str(tiny_encoder))


def test_without_two_labels_the_part_says_what_is_missing(here: Here):
    project = projects.create(here.workspace, "Empty")
    empty = Here(here.studio, here.workspace, "en", project.id)
    assert "no texts yet" in plain(part.untrained(empty), "en")["why"]
    table = project.folder / "texts.csv"
    table.write_text("text\nfirst text\nsecond text\n")
    project.dataset().add(table, "texts.csv")
    assert "Name two labels first" in plain(part.untrained(empty), "en")["why"]
