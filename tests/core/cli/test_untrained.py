"""`hone untrained`: a file or a project scored without training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.cli import main

WORDS = {"card": "my card is lost", "bike": "the red bike has a wheel"}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HONE_HOME", str(tmp_path / "home"))
    path = tmp_path / "mail.csv"
    rows = [
        f"{words} {i},{label},{('train', 'train', 'validation', 'test')[i % 4]}"
        for i in range(12)
        for label, words in WORDS.items()
    ]
    path.write_text("text,topic,split\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_a_file_is_scored_in_one_line_and_nothing_is_left(
    file: Path, tiny_encoder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = ["--text", "text", "--label", "topic", "--split", "split", "--language", "en"]
    command = ["untrained", str(file), *columns, "--base", str(tiny_encoder)]
    assert main([*command, "--way", "nearest", "--neighbours", "1"]) == 0
    assert capsys.readouterr().out.startswith("nearest\ttest: accuracy 1.0000 [0.6097, 1.0000], macro_f1 1.0000, ")
    assert not list(file.parent.glob("home/users/*/projects/*"))
    described = ["--describe", "card=my card is lost 3", "--describe", "bike=the red bike has a wheel 3", "--json"]
    assert main([*command, "--way", "similar", *described]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["accuracy"] == 1.0 and told["total"] == 6 and told["split"] == "test"


def test_what_is_off_is_said_with_what_there_is(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = ["--text", "text", "--label", "topic", "--split", "split", "--language", "en"]
    assert main(["untrained", str(file), *columns, "--describe", "boat=a boat"]) == 1
    assert "There is no label “boat”." in (told := capsys.readouterr().err) and "card" in told
    assert main(["untrained", str(file), *columns, "--way", "likely"]) == 1
    assert "This way needs a model of its own." in capsys.readouterr().err
    assert main(["untrained", str(file), *columns, "--way", "magic"]) == 1
    assert "“magic” is not one of similar, nearest, entails, likely." in capsys.readouterr().err
