"""The calls of "Doubtful labels": from too few labels to a look, decisions and taking them back."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import projects
from core.data.dataset import Dataset
from core.errors import HoneError
from core.labelling import suspects
from core.words import Message
from core.workspace import Workspace
from webui.calls import Here, plain
from webui.studio import Studio
from webui.tabs import label, label_doubtful

WORDS = {"bicycle": "bike wheel saddle chain brake pedal gear", "bank": "card money loan bank transfer fee account",
         "garden": "rose soil seed plant water leaf tree"}  # fmt: skip
WRONG = {4: "garden", 30: "bank", 62: "bicycle"}


def rows(count: int) -> list[tuple[str, str]]:
    chance = np.random.default_rng(1)
    found = []
    for i in range(count):
        name = list(WORDS)[i % 3]
        found.append((f"my {' '.join(chance.permutation(WORDS[name].split())[:4])} number {i}", WRONG.get(i, name)))
    return found


def brought(data: Dataset, folder: Path) -> None:
    """Ninety texts of three labels, three of them wrong."""
    file = folder / "mail.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([("text", "label"), *rows(90)])
    data.add(file, "mail.csv")


@pytest.fixture
def here(workspace: Workspace, tmp_path: Path):
    studio = Studio(workspace.home)
    project = projects.create(workspace, "Mail")
    brought(studio.dataset(project.data), tmp_path)
    yield Here(studio, workspace, "en", project.id)
    studio.close()


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of such a data set after a look, which takes seconds: made once, and copied."""
    folder = tmp_path_factory.mktemp("searched")
    brought(Dataset.open(folder / "data"), folder)
    suspects.look(str(folder / "data"), progress=lambda *told: None, cancelled=lambda: False)
    return folder / "data"


@pytest.fixture
def looked(workspace: Workspace, searched: Path):
    """After a look."""
    studio = Studio(workspace.home)
    project = projects.create(workspace, "Mail")
    shutil.copytree(searched, project.data, dirs_exist_ok=True)
    yield Here(studio, workspace, "en", project.id)
    studio.close()


def became(here: Here) -> dict[str, str]:
    return {one["row"]: one["became"] for one in label_doubtful.doubtful(here)["rows"]}


def names(here: Here, row: str) -> str | None:
    return here.dataset.row(row)["label"]


def test_with_few_labels_it_says_how_many_are_needed(workspace: Workspace, tmp_path: Path):
    studio = Studio(workspace.home)
    project = projects.create(workspace, "Few")
    (tmp_path / "few.csv").write_text("text,label\na text,one\nanother,two\n", encoding="utf-8")
    studio.dataset(project.data).add(tmp_path / "few.csv", "few.csv")
    told = label_doubtful.doubtful(Here(studio, workspace, "en", project.id))
    studio.close()
    assert (told["state"], told["labelled"], told["least"]) == ("few", 2, 50)


def test_before_the_first_look_there_is_an_estimate_of_its_time(here: Here):
    told = label_doubtful.doubtful(here)
    assert told["state"] == "none" and told["seconds"] > 1 and told["job"] is None


def test_a_look_finds_the_planted_labels_with_evidence(here: Here):
    job = label_doubtful.doubtful_look(here)
    ended = here.jobs.wait(job["id"], 120)
    assert ended["state"] == "done", ended
    looked = here
    told = plain(label_doubtful.doubtful(looked), "en")
    assert told["state"] == "ready" and told["looked_through"] == 90 and told["changed"] == 0
    first = [one["row"] for one in told["rows"][:3]]
    assert set(first) == {f"1:{i}" for i in WRONG} and {one["became"] for one in told["rows"]} == {"open"}
    ids = {one["name"]: one["id"] for one in label.state(looked)["labels"]}
    [whole] = [one for one in label_doubtful.doubtful_rows(looked, rows=first) if one["id"] == "1:4"]
    assert whole["given"] == whole["value"] == ids["garden"] and whole["proposed"] == ids["bank"]
    assert len(whole["similar"]) == 3 and all(one["text"] and one["value"] for one in whole["similar"])


def test_a_kept_label_is_not_shown_again_until_it_changes(looked: Here):
    label_doubtful.doubtful_keep(looked, row="1:4")
    assert became(looked)["1:4"] == "kept"
    ids = {one["name"]: one["id"] for one in label.state(looked)["labels"]}
    label_doubtful.doubtful_change(looked, rows=[{"row": "1:4", "value": ids["bank"]}])
    assert became(looked)["1:4"] == "changed"


def decide(here: Here, how: str) -> dict[str, Any]:
    ids = {one["name"]: one["id"] for one in label.state(here)["labels"]}
    if how == "kept":
        return label_doubtful.doubtful_keep(here, row="1:4")
    if how == "gone":
        return label_doubtful.doubtful_leave_out(here, row="1:4")
    value = ids["bank"] if how == "changed" else None
    return label_doubtful.doubtful_change(here, rows=[{"row": "1:4", "value": value}])


@pytest.mark.parametrize(
    ("how", "shown"), [("kept", "garden"), ("gone", "garden"), ("changed", "bank"), ("removed", None)]
)
def test_every_decision_can_be_taken_back(looked: Here, how: str, shown: str | None):
    told = decide(looked, how)
    assert became(looked)["1:4"] == {"removed": "changed"}.get(how, how) and names(looked, "1:4") == shown
    label_doubtful.doubtful_undo(looked, undo=told["undo"])
    label_doubtful.doubtful_undo(looked, undo=told["undo"])  # twice changes nothing
    assert became(looked)["1:4"] == "open" and names(looked, "1:4") == "garden"


def test_a_change_is_an_answer_of_the_person_and_many_ticked_ones_are_many_at_once(looked: Here):
    ids = {one["name"]: one["id"] for one in label.state(looked)["labels"]}
    label_doubtful.doubtful_change(looked, rows=[{"row": "1:4", "value": ids["bank"]}])
    both = [{"row": "1:30", "value": ids["bicycle"]}, {"row": "1:62", "value": ids["garden"]}]
    told = label_doubtful.doubtful_change(looked, rows=both, many=True)
    assert told["saved"] == 2 and label_doubtful.doubtful(looked)["changed"] == 3
    assert looked.dataset.labels.history("1:4")[0]["origin"] == "human"
    assert looked.dataset.labels.history("1:62")[0]["origin"] == "bulk"
    label_doubtful.doubtful_undo(looked, undo=told["undo"])
    assert [names(looked, row) for row in ("1:4", "1:30", "1:62")] == ["bank", "bank", "bicycle"]


def test_a_label_that_is_gone_is_told_in_a_sentence(looked: Here):
    with pytest.raises(HoneError) as told:
        label_doubtful.doubtful_change(looked, rows=[{"row": "1:4", "value": 999}])
    assert isinstance(told.value.message, Message) and "999" in str(told.value.message)
