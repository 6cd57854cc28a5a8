"""The calls of the Evaluate tab, on runs that the real worker finished."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import pytest
from finished_runs import finish, messages

from core import projects
from core.errors import Missing
from core.evaluation import report
from core.workspace import Workspace
from webui.calls import Here, plain
from webui.studio import Studio
from webui.tabs import evaluate


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evaluate") / "home"


@pytest.fixture(scope="module")
def here(home: Path):
    """A project with one finished run and its report."""
    workspace = Workspace.open(home)
    project = projects.create(workspace, "Mail")
    studio = Studio(home)
    report.make(finish(project).folder)
    yield Here(studio, workspace, "en", project.id)
    studio.close()


@pytest.fixture
def run(here: Here) -> str:
    return evaluate.judged(here)["runs"][0]["id"]


def told(here: Here, run: str):
    """The report as the page gets it."""
    return plain(evaluate.report_of(here, run=run), here.language)


def offered(here: Here, run: str, what: str) -> Path:
    url = evaluate.report_file(here, run=run, what=what)["url"]
    return here.studio.take(url.rsplit("/", 1)[1]).path


def test_only_runs_with_a_model_can_be_judged(here: Here):
    (only,) = evaluate.judged(here)["runs"]
    assert only["title"] == "A run of tests"
    assert {label["name"] for label in only["labels"]} == {"praise", "lost card", "bicycle"}
    assert sorted(label["colour"] for label in only["labels"]) == [0, 1, 2]


def test_a_ready_report_has_every_card(here: Here, run: str):
    made = told(here, run)
    assert made["state"] == "ready" and made["split"] == "test"
    assert [line["id"] for line in made["contenders"]["lines"]] == ["majority", "counting", "run"]
    assert [line["me"] for line in made["contenders"]["lines"]] == [False, False, True]
    assert all(0 <= line["low"] <= line["share"] <= line["high"] <= 1 for line in made["contenders"]["lines"])
    assert [row["title"] for row in made["table"]["averages"]] == [
        "share right (accuracy)",
        "all texts together (micro)",
        "mean of labels (macro)",
        "mean of texts (weighted)",
    ]
    assert sum(cell[2] for cell in made["confusion"]["cells"]) == made["total"]
    assert all(right != said for right, said, _ in made["confusion"]["pairs"])


def test_the_verdict_sets_off_its_figures_whatever_the_language(here: Here, run: str):
    made = told(here, run)
    total = made["total"]
    right = sum(n for a, b, n in made["confusion"]["cells"] if a == b)
    assert f"It answers \x01{right}\x02 of \x01{total}\x02 " in made["verdict"]["answers"]
    chinese = Here(here.studio, here.workspace, "zh", here.project_id)
    assert f"\x01{right}\x02" in told(chinese, run)["verdict"]["answers"]


def test_the_texts_of_a_cell_are_as_many_as_the_cell_says(here: Here, run: str):
    made = told(here, run)["confusion"]
    for right, said, count in made["cells"]:
        what = {"kind": "cell", "right": made["names"][right], "said": made["names"][said]}
        page = evaluate.texts(here, run=run, what=what)
        assert page["total"] == count
        assert {(row["right"], row["said"]) for row in page["rows"]} == {(what["right"], what["said"])}


def test_mistakes_come_surest_first_and_page_by_page(here: Here, run: str):
    total = told(here, run)["mistakes"]["total"]
    assert total > 1
    first = evaluate.texts(here, run=run, what={"kind": "mistakes"}, count=1)
    second = evaluate.texts(here, run=run, what={"kind": "mistakes"}, start=1, count=1)
    assert first["total"] == second["total"] == total
    assert first["rows"][0]["id"] != second["rows"][0]["id"]
    assert first["rows"][0]["probability"] >= second["rows"][0]["probability"]


def test_relabelling_a_test_text_puts_the_report_out_of_date_and_undoing_it_back(here: Here, run: str):
    row = evaluate.texts(here, run=run, what={"kind": "mistakes"})["rows"][0]
    right = sum(n for a, b, n in told(here, run)["confusion"]["cells"] if a == b)
    evaluate.relabel(here, run=run, row=row["id"], label=row["said"], client="a-test", seq=1)
    stale = told(here, run)["stale"]
    assert stale["title"] == "This report is out of date: 1 text of the test carries another label now."
    assert stale["body"].startswith(f"With today’s labels it would be {right + 1} of ")
    assert evaluate.texts(here, run=run, what={"kind": "mistakes"})["rows"][0]["now"] == row["said"]
    evaluate.relabel(here, run=run, row=row["id"], label=row["right"], client="a-test", seq=2)
    assert told(here, run)["stale"] is None


def test_the_tables_can_be_taken_as_csv_and_all_in_one_zip(here: Here, run: str):
    with offered(here, run, "labels").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows][-3:] == ["(micro)", "(macro)", "(weighted)"]
    with offered(here, run, "answers").open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.DictReader(file))) == told(here, run)["total"]
    with zipfile.ZipFile(offered(here, run, "all")) as archive:
        assert {"labels.csv", "confusion.csv", "rows.csv", "report.json"} <= set(archive.namelist())
    with pytest.raises(Missing):
        evaluate.report_file(here, run=run, what="../run.json")


def test_a_run_of_somebody_else_is_not_there(here: Here, run: str, home: Path):
    other = Workspace.open(home, "someone")
    stranger = Here(here.studio, other, "en", projects.create(other, "Mine").id)
    with pytest.raises(Missing):
        evaluate.report_of(stranger, run=run)


def test_a_missing_report_is_begun_by_looking_and_joined_by_a_second_window(here: Here):
    project = projects.create(here.workspace, "New")
    new = Here(here.studio, here.workspace, "en", project.id)
    run = finish(project, messages(100)).id
    first = told(new, run)
    assert first["state"] == "making" and first["verdict"] is None
    told(new, run)
    jobs = [job for job in here.workspace.jobs.glob("job-*") if run in (job / "job.json").read_text(encoding="utf-8")]
    assert len(jobs) == 1
    new.jobs.wait(new.jobs.latest(f"report:{project.id}:{run}"), 120)
    assert told(new, run)["state"] == "ready"


def test_a_cancelled_report_says_so_and_can_be_finished(here: Here):
    project = projects.create(here.workspace, "Cancelled")
    new = Here(here.studio, here.workspace, "en", project.id)
    run = finish(project, messages(100)).id
    told(new, run)
    evaluate.cancel_report(new, run=run)
    new.jobs.wait(new.jobs.latest(f"report:{project.id}:{run}"), 120)
    assert told(new, run)["state"] == "cancelled"
    evaluate.make_report(new, run=run)
    new.jobs.wait(new.jobs.latest(f"report:{project.id}:{run}"), 120)
    assert told(new, run)["state"] == "ready"


def test_tuning_is_compared_with_the_model_before_it(here: Here, tiny_encoder: Path):
    project = projects.create(here.workspace, "Tuned")
    new = Here(here.studio, here.workspace, "en", project.id)
    run = finish(project, base=tiny_encoder, phases=("head", "full"), epochs=2.0, learning_rate=1e-3)
    report.make(run.folder)
    made = told(new, run.id)
    assert [line["id"] for line in made["contenders"]["lines"]] == ["majority", "counting", "before", "run"]
    change = made["contenders"]["change"]
    assert change["by_tuning"]
    for kind in ("mended", "broken"):
        page = evaluate.texts(new, run=run.id, what={"kind": kind})
        assert page["total"] == change[kind]
        assert all((row["said"] == row["right"]) == (kind == "mended") for row in page["rows"])
        assert all((row["before"] == row["right"]) == (kind == "broken") for row in page["rows"])
