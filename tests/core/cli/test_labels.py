"""`hone labels export`: as a person gives it, on a project and on a file."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from core import projects
from core.cli import main
from core.workspace import Workspace


@pytest.fixture
def project(workspace: Workspace, tmp_path: Path) -> projects.Project:
    path = tmp_path / "mail.csv"
    path.write_text("text,label\none,a\ntwo,b\nthree,a\nfour,\n", encoding="utf-8")
    made = projects.create(workspace, "Mail")
    made.dataset().add(path, "mail.csv")
    made.dataset().labels.put([{"row": "1:0", "label": "b", "seq": 1}], "Ann")
    return made


def test_a_projects_labels_become_a_csv(project: projects.Project, workspace: Workspace, tmp_path: Path, capsys):
    out = tmp_path / "labels.csv"
    arguments = [
        "labels",
        "export",
        "Mail",
        "--out",
        str(out),
        "--workspace",
        str(workspace.home),
        "--user",
        workspace.user,
        "--json",
    ]
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"path": str(out), "rows": 4, "lines": 4}
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["label"], row["annotator"], row["origin"]) for row in rows[:2]] == [
        ("b", "Ann", "human"),
        ("b", "", "file"),
    ]


def test_a_file_goes_from_one_format_to_another(tmp_path: Path, capsys):
    path = tmp_path / "places.jsonl"
    lines = [{"text": f"Ada met Bob, {i}", "spans": [{"start": 0, "end": 3, "label": "PER"}]} for i in range(8)]
    path.write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    out = tmp_path / "out.json"
    assert main(["labels", "export", str(path), "--format", "label_studio", "--out", str(out)]) == 0
    assert json.loads(out.read_text(encoding="utf-8"))[0]["annotations"][0]["result"][0]["value"]["labels"] == ["PER"]
    assert "<Labels" in (tmp_path / "out.xml").read_text(encoding="utf-8")


def test_a_format_that_is_not_there_names_those_that_are(project: projects.Project, workspace: Workspace, capsys):
    arguments = [
        "labels",
        "export",
        "Mail",
        "--format",
        "word",
        "--workspace",
        str(workspace.home),
        "--user",
        workspace.user,
    ]
    assert main(arguments) == 1
    assert "csv, xlsx, jsonl, label_studio, spacy, conll" in capsys.readouterr().err
