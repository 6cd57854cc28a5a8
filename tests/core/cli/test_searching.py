"""hone search: the result is one line of JSON, and a search is found again by its id."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from run_folders import opinions

from core.cli import main


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "opinions.csv"
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, ["text", "label", "split"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(opinions(90))
    return path


def test_a_search_tells_its_best_and_goes_on_by_its_id(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    home = ["--workspace", str(tmp_path / "home"), "--language", "en", "--json", "--inline"]
    told = ["--base", "classic:ngram", "--trials", "3", "--try", "ngram_high=1..3", "--try", "least-count=1..4"]
    assert main(["search", str(file), *told, *home]) == 0
    said = capsys.readouterr()
    result = json.loads(said.out.splitlines()[-1])
    assert [one["state"] for one in result["trials"]] == ["finished"] * 3
    assert set(result["trials"][1]["values"]) == {"ngram_high", "least_count"}
    assert result["default"] == 0 and "Trial 2:" in said.err
    assert main(["search", "--go-on", result["search"], *home]) == 0
    again = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert again["trials"] == result["trials"]


def test_a_range_that_will_not_do_is_said_and_leaves_nothing(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    home = tmp_path / "home"
    assert (
        main(
            [
                "search",
                str(file),
                "--base",
                "classic:ngram",
                "--try",
                "ngram_high=3..99",
                "--workspace",
                str(home),
                "--language",
                "en",
            ]
        )
        != 0
    )
    assert "must lie between" in capsys.readouterr().err
    assert not list(home.glob("users/*/projects/*/studies/*"))
