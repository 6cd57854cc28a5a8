"""`hone check`: findings on standard output, as JSON, and the report as a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.cli import main

ROWS = "text,label\n" + "".join(f"{i} is a text of its own,{'ab'[i % 2]}\n" for i in range(40))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HONE_HOME", str(tmp_path / "home"))
    path = tmp_path / "texts.csv"
    path.write_text(ROWS + "write to ann@example.org,a\n,b\n", encoding="utf-8")
    return path


def test_findings_are_said_and_the_data_is_gone_afterwards(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(file), "--language", "en"]) == 0
    out = capsys.readouterr().out
    assert " ! 1 text holds personal data: mail addresses in 1." in out
    assert "    | write to [mail address]" in out
    assert " · 1 row is empty." in out
    assert not list(file.parent.glob("home/users/*/projects/*"))


def test_the_last_line_is_json_where_it_is_asked_for(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(file), "--json", "--language", "zh"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    personal = next(one for one in told["findings"] if one["code"] == "personal")
    assert personal["title"] == "1 条文本含有个人信息：邮箱地址 1 条。"


@pytest.mark.parametrize("ending", ["html", "md"])
def test_the_report_is_written(file: Path, ending: str) -> None:
    out = file.parent / f"report.{ending}"
    assert main(["check", str(file), "--report", str(out), "--language", "en"]) == 0
    text = out.read_text(encoding="utf-8")
    assert "texts.csv" in text and "1 row is empty." in text
    assert "ann@example.org" not in text


def test_another_ending_is_refused_before_anything_is_read(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(file), "--report", str(file.parent / "report.pdf"), "--language", "en"]) == 1
    assert "The report is written as .html or .md." in capsys.readouterr().err
