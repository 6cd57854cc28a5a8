"""The calls of the Playground tab: answers, a whole file, the copy to take away; on runs that the real worker finished."""

from __future__ import annotations

import csv
import shutil
import zipfile
from pathlib import Path

import pytest
from finished_runs import fill, finish, messages

from core import projects
from core.errors import DataError, Missing
from core.workspace import Workspace, new_id, write_json
from webui.calls import Here, plain
from webui.studio import Studio
from webui.tabs import away, playground


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory):
    """A project with two finished runs."""
    home = tmp_path_factory.mktemp("playground") / "home"
    workspace = Workspace.open(home)
    project = projects.create(workspace, "Mail")
    studio = Studio(home)
    finish(project, name="The first")
    finish(project, name="The second", ngram_high=1)
    yield Here(studio, workspace, "en", project.id)
    studio.close()


@pytest.fixture
def runs(here: Here) -> list[str]:
    """Newest first."""
    return [run["id"] for run in playground.playground(here)["runs"]]


def uploaded(here: Here, path: Path, name: str | None = None) -> str:
    upload = new_id("upload")
    folder = here.workspace.folder / "uploads" / upload
    folder.mkdir(parents=True)
    shutil.copyfile(path, folder / "file")
    write_json(
        folder / "upload.json", {"format": 1, "file": "file", "name": name or path.name, "size": path.stat().st_size}
    )
    return upload


def test_two_runs_answer_side_by_side_in_the_order_asked(here: Here, runs: list[str]):
    assert len(runs) == 2
    both = plain(playground.answer(here, runs=runs, text="my card was lost"), "en")["answers"]
    turned = plain(playground.answer(here, runs=runs[::-1], text="my card was lost"), "en")["answers"]
    for answer in both:
        shares = [label["probability"] for label in answer["labels"]]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) == pytest.approx(1.0, abs=1e-4)
        assert answer["labels"][0]["name"] == "lost card"
        assert answer["milliseconds"] >= 0
    assert [answer["labels"] for answer in turned] == [answer["labels"] for answer in both[::-1]]


def test_a_run_that_is_gone_says_so_beside_the_other_ones_answer(here: Here, runs: list[str]):
    first, second = plain(playground.answer(here, runs=[runs[0], "run-gone"], text="a blue bike"), "en")["answers"]
    assert first["labels"][0]["name"] == "bicycle"
    assert "run-gone" in second["error"]["message"]
    with pytest.raises(Missing):
        playground.answer(here, runs=["run-gone"], text="a blue bike")


@pytest.mark.parametrize(
    ("shares", "says"),
    [
        ([0.9, 0.1], None),
        ([0.55, 0.45], "Not sure: the first two are close."),
        ([0.7, 0.6], "Not sure: the first two are close."),
        ([0.5, 0.2, 0.2, 0.1], "Not sure: no label stands out."),
        ([1.0], None),
    ],
)
def test_it_says_when_it_is_not_sure(shares: list[float], says: str | None):
    said = playground._unsure(shares)
    assert (str(said) if said else None) == says


def test_a_test_text_comes_with_its_label_and_never_twice_in_a_row(here: Here, runs: list[str]):
    last = None
    for _ in range(12):
        row = playground.sample(here, run=runs[0], not_this=last)
        assert row["id"] != last and row["label"] and row["text"]
        last = row["id"]


def test_one_it_got_wrong_is_really_wrong_also_without_a_report(here: Here, runs: list[str]):
    row = playground.sample(here, run=runs[0], wrong=True)
    said = plain(playground.answer(here, runs=runs[:1], text=row["text"]), "en")["answers"][0]["labels"][0]["name"]
    assert said != row["label"]


def test_the_examples_are_of_different_labels(here: Here, runs: list[str]):
    rows = playground.examples(here, run=runs[0])["rows"]
    assert len({row["label"] for row in rows}) == len(rows) == 3


def test_the_text_column_of_a_file_is_the_one_of_the_training_or_the_longest(
    here: Here, runs: list[str], tmp_path: Path
):
    named, other = tmp_path / "named.csv", tmp_path / "other.csv"
    named.write_text("text,remark\nshort,a much longer remark than the text\n", encoding="utf-8")
    other.write_text("number,remark\n1,a card was lost\n2,a red bike\n3,it is a good film\n", encoding="utf-8")
    assert playground.file_look(here, run=runs[0], upload=uploaded(here, named))["column"] == "text"
    look = playground.file_look(here, run=runs[0], upload=uploaded(here, other))
    assert look["column"] == "remark"
    assert look["first"]["remark"] == "a card was lost"


def test_columns_that_the_run_put_together_by_a_template_are_put_together_so_again():
    spec = {"data": {"columns": {"text": "{a}: {b}", "text_b": ["c", "d"]}}}
    assert playground._as_learnt(spec, "text", ["a", "b"]) == "{a}: {b}"
    assert playground._as_learnt(spec, "text", ["a"]) == ["a"] and playground._as_learnt(spec, "text", "a") == "a"
    assert playground._as_learnt(spec, "text_b", ["c", "d"]) == ["c", "d"]


def test_what_is_no_table_is_refused_before_anything_starts(here: Here, runs: list[str], tmp_path: Path):
    picture = tmp_path / "photo.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    with pytest.raises(DataError, match="picture"):
        playground.file_look(here, run=runs[0], upload=uploaded(here, picture))


def test_a_whole_file_comes_back_with_an_answer_beside_each_row(here: Here, runs: list[str], tmp_path: Path):
    table = tmp_path / "june mail.csv"
    rows = [(str(i), row["text"]) for i, row in enumerate(messages(700))]
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("number", "body"), *rows])
    upload = uploaded(here, table)
    job = playground.file_start(here, run=runs[0], upload=upload, column="body")["job"]
    assert playground.file_state(here)["state"] in ("waiting", "running", "done")
    here.jobs.wait(job, 120)
    state = playground.file_state(here)
    assert (state["state"], state["rows"], state["cut"], state["by"]) == ("done", 700, False, "The second")
    assert state["out"] == "june mail-answers.csv" and len(state["sample"]) == playground.SAMPLE
    offer = here.studio.take(playground.file_result(here, job=job)["url"].rsplit("/", 1)[1])
    with offer.path.open(encoding="utf-8-sig", newline="") as file:
        answered = list(csv.DictReader(file))
    assert [(row["number"], row["body"]) for row in answered] == rows
    one = plain(playground.answer(here, runs=runs[:1], text=rows[5][1]), "en")["answers"][0]["labels"][0]
    assert answered[5]["prediction"] == one["name"]
    assert float(answered[5]["probability"]) == pytest.approx(one["probability"], abs=1e-3)


def test_a_run_without_a_model_takes_no_file(here: Here, tmp_path: Path):
    project = projects.create(here.workspace, "Other")
    fill(project)
    with pytest.raises(Missing):
        playground.file_start(
            Here(here.studio, here.workspace, "en", project.id), run="run-none", upload="upload-none", column="text"
        )


def test_the_copy_is_offered_only_after_it_was_opened_again(here: Here, runs: list[str]):
    waiting = away.away(here, run=runs[0], begin=False)
    assert waiting["state"] == "making" and here.jobs.latest(f"away:{here.project_id}:{runs[0]}") is None
    assert away.away(here, run=runs[0])["state"] == "making"
    with pytest.raises(Missing):
        away.away_file(here, run=runs[0])
    state = here.jobs.wait(here.jobs.latest(f"away:{here.project_id}:{runs[0]}"), 240)
    assert state["state"] == "done", state["error"]
    ready = plain(away.away(here, run=runs[0]), "en")
    n = len(playground._kept_aside(here.run(runs[0]).folder))
    assert ready["checked"] == f"Opened again in a fresh process: same answer for {n} of {n} texts."
    assert ready["use"].startswith('python predict.py "') and "settings:" in ready["recipe"]
    assert ready["command"].startswith("hone train messages.csv --text text --label label --recipe recipe.yaml\n")
    offer = here.studio.take(away.away_file(here, run=runs[0])["url"].rsplit("/", 1)[1])
    with zipfile.ZipFile(offer.path) as archive:
        assert any(name.endswith("predict.py") for name in archive.namelist())


def test_the_line_to_copy_holds_no_sign_that_a_shell_would_read():
    assert away.NOT_IN_QUOTES.issuperset('"$`\\!%\n')
    assert away._quoted("june.csv") == "june.csv"
    assert away._quoted('june `rm` "mail".csv') == '"june rm mail.csv"'
