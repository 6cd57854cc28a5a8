"""The calls of the Data, Evaluate and Playground tabs for a task with measures of its own, on a run that the real worker finished."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from core import projects
from core.errors import DataError, Missing
from core.evaluation import report
from core.models.catalogue import find
from core.tasks import TASKS, guessing
from core.training import runs
from core.training.settings import TrainingSettings
from core.training.worker import worker
from core.workspace import Workspace, new_id, write_json
from webui import asking
from webui.calls import Here, plain
from webui.studio import Studio
from webui.tabs import data, evaluate, playground

WORDS = {
    "joy": ["happy", "laughing", "cheerful"],
    "anger": ["furious", "shouting", "angry"],
    "fear": ["scared", "trembling", "afraid"],
}


def feelings(count: int = 160) -> list[dict[str, Any]]:
    rows = []
    for i in range(count):
        labels = [name for j, name in enumerate(WORDS) if (i >> j) & 1]
        words = [WORDS[name][i % 3] for name in labels] or ["quiet"]
        split = ("train", "train", "train", "validation", "test")[i % 5]
        rows.append({"text": f"day {i} {' and '.join(words)}", "labels": "|".join(labels), "split": split})
    return rows


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory):
    """A project with a finished run of label sets and its report."""
    home = tmp_path_factory.mktemp("measures") / "home"
    project = projects.create(Workspace.open(home), "Feelings")
    path = home / "feelings.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["text", "labels", "split"])
        writer.writeheader()
        writer.writerows(feelings())
    rows = project.dataset()
    rows.add(path, "feelings.csv")
    assert guessing.settle(rows) == "multilabel"
    base = find("classic:ngram")
    run = runs.create(
        project.folder,
        name="Quick look",
        task=rows.task,
        base=base,
        settings=TrainingSettings(base=base.id, least_count=1),
        phases=[{"method": "head", "settings": {}, "fresh": False}],
        preset="quick",
        dataset=rows,
        threads=1,
    )
    worker(str(run.folder))
    report.make(run.folder)
    studio = Studio(home)
    yield Here(studio, Workspace.open(home), "en", project.id)
    studio.close()


@pytest.fixture
def run(here: Here) -> str:
    return playground.playground(here)["runs"][0]["id"]


def test_the_data_tab_tells_the_task_its_columns_and_why(here: Here):
    told = plain(data.state(here), "en")
    assert told["task"]["name"] == "multilabel" and told["task"]["named"] and "labels" in told["task"]["why"]
    assert [column["role"] for column in told["task"]["columns"]] == ["text", "label"]
    assert {label["name"] for label in told["counts"]["labels"]} == set(WORDS)
    first = plain(data.rows(here, start=3, count=1), "en")["rows"][0]
    assert first["value"] == ["joy", "anger"] and first["inputs"]["text"] == first["text"]


def test_every_task_is_offered_the_likeliest_first(here: Here):
    offered = plain(data.choices(here), "en")
    assert offered[0]["name"] == "multilabel" and offered[0]["seen"]
    assert {one["name"] for one in offered} == set(TASKS)
    assert all(one["title"] and one["help"] and one["why"] for one in offered)


def test_a_task_that_is_not_there_is_refused(here: Here):
    with pytest.raises(Missing):
        data.learn(here, task="fortune telling")


def test_the_report_comes_as_measures_with_contenders_and_figures(here: Here, run: str):
    made = plain(evaluate.report_of(here, run=run), "en")
    assert (made["state"], made["kind"], made["split"], made["total"]) == ("ready", "measures", "test", 28)
    assert [one["name"] for one in made["scores"] if one["main"]] == ["macro_f1"]
    assert made["contenders"]["lines"][-1]["me"] and len(made["contenders"]["lines"]) >= 2
    assert {figure["kind"] for figure in made["figures"]} >= {"table", "bars"}
    assert "\x01" in made["verdict"]["answers"] and "{" not in made["verdict"]["answers"]


def test_the_worst_answers_come_first_page_by_page(here: Here, run: str):
    page = evaluate.texts(here, run=run, what={"kind": "worst"}, start=0, count=10)
    rest = evaluate.texts(here, run=run, what={"kind": "worst"}, start=10, count=100)
    credits = [row["credit"] for row in [*page["rows"], *rest["rows"]]]
    assert credits == sorted(credits) and len(credits) == page["total"]
    assert set(page["rows"][0]) >= {"inputs", "gold", "said", "prediction"}


def test_its_tables_can_be_taken_as_csv_and_all_in_one_zip(here: Here, run: str):
    def offered(what: str) -> Path:
        return here.studio.take(evaluate.report_file(here, run=run, what=what)["url"].rsplit("/", 1)[1]).path

    with offered("rows").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 28 and rows[0]["text"]
    with zipfile.ZipFile(offered("all")) as archive:
        assert {"scores.csv", "contenders.csv", "rows.csv", "labels.csv", "report.json"} <= set(archive.namelist())
    with pytest.raises(Missing):
        evaluate.report_file(here, run=run, what="../run")


def test_another_right_answer_makes_the_report_out_of_date(here: Here, run: str):
    best = evaluate.texts(here, run=run, what={"kind": "best"}, count=1)["rows"][0]
    other = ["fear"] if best["gold"] != "fear" else ["joy"]
    here.dataset.labels.put([{"row": best["id"], "value": other, "client": "test", "seq": 1}], "me")
    stale = plain(evaluate.report_of(here, run=run), "en")["stale"]
    assert stale["title"] == "This report is out of date: 1 row of the test has another right answer now."
    back = {"row": best["id"], "takes_back": {"client": "test", "seq": 1}, "client": "test", "seq": 2, "value": None}
    here.dataset.labels.put([back], "me")
    assert plain(evaluate.report_of(here, run=run), "en")["stale"] is None


def test_the_playground_knows_what_to_ask_and_answers_with_a_set(here: Here, run: str):
    (told,) = plain(playground.playground(here), "en")["runs"]
    assert told["answers"] == "label_set" and [one["role"] for one in told["inputs"]] == ["text"]
    assert told["accuracy"] is not None
    (said,) = playground.answer(here, runs=[run], inputs={"text": "they were laughing and furious"})["answers"]
    assert said["kind"] == "label_set" and set(said["said"]["probabilities"]) == set(WORDS)
    assert set(said["said"]["thresholds"]) == set(WORDS)


def test_an_input_that_is_missing_or_of_the_wrong_kind_is_told(here: Here, run: str):
    for inputs in ({}, {"text": ""}, {"text": ["no", "text"]}):
        with pytest.raises(DataError):
            playground.answer(here, runs=[run], inputs=inputs)


def test_a_row_kept_aside_comes_with_its_inputs_and_its_right_answer(here: Here, run: str):
    row = playground.sample(here, run=run)
    there = {one["text"]: one["labels"].replace("|", ", ") for one in feelings()}
    assert row["inputs"] == {"text": row["text"]} and there[row["text"]] == (row["label"] or "")
    assert len(playground.examples(here, run=run)["rows"]) == 3


def test_a_conversation_is_asked_without_its_last_answer():
    turns = [{"role": "user", "content": "Where?"}, {"role": "assistant", "content": "Here."}]
    row = asking.again("chat", "1:0", {"messages": turns})
    assert row["inputs"] == {"messages": turns[:1]} and row["label"] == "Here."


def test_a_whole_file_comes_back_with_the_sets(here: Here, run: str, tmp_path: Path):
    upload = new_id("upload")
    folder = here.workspace.folder / "uploads" / upload
    folder.mkdir(parents=True)
    (folder / "file").write_text("text,n\nthey were laughing,1\nfurious and trembling,2\n", encoding="utf-8")
    write_json(folder / "upload.json", {"format": 1, "file": "file", "name": "new.csv", "size": 1})
    look = plain(playground.file_look(here, run=run, upload=upload), "en")
    assert look["roles"] == [{**look["roles"][0], "role": "text", "columns": ["text"]}]
    job = playground.file_start(here, run=run, upload=upload, columns={"text": "text"})["job"]
    assert here.jobs.wait(job, timeout=120)["state"] == "done"
    state = plain(playground.file_state(here), "en")
    assert state["rows"] == 2 and state["sample"][0]["text"] == "they were laughing"
    json.dumps(state)
