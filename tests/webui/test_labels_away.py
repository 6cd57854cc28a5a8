"""Take the labels away, as the page does it: the calls, the job and the download."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from core import projects
from core.errors import DataError, Missing
from core.workspace import Workspace
from webui.calls import Here, plain
from webui.studio import Studio
from webui.tabs import labels_away


@pytest.fixture
def here(workspace: Workspace, tmp_path: Path):
    studio = Studio(workspace.home)
    project = projects.create(workspace, "Mail / 2026")
    path = tmp_path / "mail.csv"
    path.write_text("text,label\none,a\ntwo,b\nthree,a\nfour,\n", encoding="utf-8")
    project.dataset().add(path, "mail.csv")
    project.dataset().labels.put([{"row": "1:3", "label": "b", "seq": 1}], "Ann")
    yield Here(studio, workspace, "en", project.id)
    studio.close()


def test_the_file_is_made_as_a_job_and_fetched_once(here: Here):
    begun = labels_away.labels_make(here, format="csv", layout="merged", labelled=False)
    end = here.jobs.wait(begun["id"], timeout=60)
    assert end["state"] == "done", end
    url = labels_away.labels_file(here, job=begun["id"])["url"]
    offer = here.studio.take(url.rsplit("/", 1)[-1])
    assert offer.name == "Mail 2026-labels.csv"
    with offer.path.open(encoding="utf-8-sig", newline="") as file:
        assert [row["label"] for row in csv.DictReader(file)] == ["a", "b", "a", "b"]


def test_only_formats_that_hold_these_answers_are_offered(here: Here):
    told = plain(labels_away.labels_formats(here), "en")
    assert [one["name"] for one in told["formats"]] == ["csv", "xlsx", "jsonl", "label_studio", "spacy"]
    assert (told["rows"], told["labelled"], told["answers"], told["people"]) == (4, 4, 1, 1)
    with pytest.raises(DataError):
        labels_away.labels_losses(here, format="conll", layout="merged")


def test_another_projects_job_gives_no_file(here: Here):
    begun = labels_away.labels_make(here, format="csv", layout="merged", labelled=False)
    here.jobs.wait(begun["id"], timeout=60)
    here.project_id = projects.create(here.workspace, "Other").id
    with pytest.raises(Missing):
        labels_away.labels_file(here, job=begun["id"])
