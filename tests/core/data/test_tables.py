"""Tables that go out: read back by independent readers, harmless in a spreadsheet."""

from __future__ import annotations

import csv
from pathlib import Path

import openpyxl
import pytest

from core.data import tables

ROWS = [
    ['=HYPERLINK("http://x","y")', 0.5],
    ["+1 to this", 1],
    ["-5", None],
    ["@you, look", 2.0],
    ['plain, with "quotes"\nand a line', 3],
    ["中文，标点", 4],
    ["nul \x00 and \ud800", 5],
]


def test_a_csv_cell_is_never_a_formula_and_numbers_stay_numbers(tmp_path: Path):
    tables.write(tmp_path / "out.csv", ["text", "n"], ROWS)
    data = (tmp_path / "out.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        names, *rows = list(csv.reader(line.replace("\0", "0") for line in file))
    assert names == ["text", "n"]
    assert [r[0] for r in rows[:6]] == ["'" + ROWS[0][0], "'+1 to this", "-5", "'@you, look", ROWS[4][0], "中文，标点"]
    assert rows[2][1] == ""


@pytest.mark.parametrize("text", ["-5", "+3.2", "-1,000.5", "1e5", "-12 %", ".5", "", "a=b", "3-4"])
def test_what_is_no_formula_is_left_alone(text: str):
    assert tables.safe(text) == text


@pytest.mark.parametrize("text", ["=1+1", " =1+1", "-2+3+cmd|' /C calc'!A0", "@SUM(1)", "\t=1", "＝1+1", "+A1"])
def test_what_could_be_one_is_quoted(text: str):
    assert tables.safe(text) == "'" + text


def test_an_xlsx_cell_is_text_even_when_it_looks_like_a_formula(tmp_path: Path):
    tables.write(tmp_path / "out.xlsx", ["text", "n"], [*ROWS, ["x" * 40_000, 6]])
    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx").active
    cells = list(sheet.iter_rows())
    assert all(row[0].data_type == "s" for row in cells)
    assert cells[1][0].value == ROWS[0][0]
    assert [row[1].value for row in cells[1:5]] == [0.5, 1, None, 2]
    assert len(cells[-1][0].value) == 32_767


def test_more_rows_than_a_sheet_holds_go_on_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tables, "XLSX_ROWS", 4)
    tables.write(tmp_path / "out.xlsx", ["n"], [[i] for i in range(7)])
    book = openpyxl.load_workbook(tmp_path / "out.xlsx")
    sheets = [[c.value for (c,) in sheet.iter_rows()] for sheet in book]
    assert sheets == [["n", 0, 1, 2], ["n", 3, 4, 5], ["n", 6]]
