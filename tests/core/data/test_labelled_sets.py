"""Label sets in every way people write them give the same lists; numbers are read as meant, or refused."""

from __future__ import annotations

import csv
import json

import pytest

from core.data.labelled_sets import (
    Holding,
    columns_of,
    decimal_sign,
    fits,
    flag_columns,
    holding,
    no_numbers,
    number,
    number_reader,
    parse,
    reader,
    separator,
    split,
)

# Sets --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["train", "dev", "test"])
def test_goemotions_gives_the_same_lists_from_csv_and_jsonl(data_dir, part: str):
    with (data_dir / f"goemotions/{part}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = (data_dir / f"goemotions/{part}.jsonl").read_text(encoding="utf-8").splitlines()
    lists = [json.loads(line)["labels"] for line in lines]
    as_csv = holding(["text", "labels"], [[row["text"], row["labels"]] for row in rows[:50]])
    assert as_csv and (as_csv.columns, as_csv.separator) == (("labels",), "|")
    joined = [{"text": "", "labels": ",".join(row)} for row in lists]  # as the reader of JSON brings plain lists
    as_jsonl = holding(["text", "labels"], [[row["text"], row["labels"]] for row in joined[:500]])
    as_json = holding(["labels"], [[json.dumps(row)] for row in lists[:50]])
    assert as_jsonl and as_jsonl.separator == "," and as_json and as_json.name == "json"
    assert [parse(row, as_csv) for row in rows] == lists
    assert [parse(row, as_jsonl) for row in joined] == lists
    assert [parse({"labels": json.dumps(row)}, as_json) for row in lists] == lists


@pytest.mark.parametrize("sign", ["|", ";", ",", "/", "、", "；", "\n", " "])
def test_a_separator_is_found_when_its_pieces_come_back(sign: str):
    assert separator([sign.join(p) for p in ("ab", "bc", "a", "ca", "abc", "b")]) == sign


def test_a_comma_with_a_space_leaves_clean_names():
    cells = ["sports, politics", "politics, art", "art, sports", "art"]
    assert split(cells[0], separator(cells)) == ["sports", "politics"]


@pytest.mark.parametrize(
    "cells",
    [
        ["Arts, crafts & sewing", "Cars", "Home & garden", "Cars", "Home & garden"],
        ["home/kitchen", "home/garden", "home/bath", "toys/dolls", "toys/cars", "toys/games"],
        ["a/b/c", "a/b/d", "a/b/e", "a/b/f", "a/b/g"],
        ["positive", "negative"],
        ["1.5", "2.5", "1.2", "2.2"],
        ["2024-01-02", "2024-01-03"],
        ["lost card", "late refund", "lost pin"],
        [],
    ],
)
def test_names_that_hold_a_sign_are_not_split(cells: list[str]):
    assert separator(cells) is None


def test_sentences_are_no_label_sets(data_dir):
    with (data_dir / "banking77/train.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:600]
    assert holding(["text", "category"], rows) is None


@pytest.mark.parametrize(
    "cell", ['["joy", "anger, rage"]', "['joy', 'anger, rage']", ' [ "joy" , "anger, rage", "joy" ] ']
)
def test_lists_in_cells_are_read_whatever_the_separator(cell: str):
    assert split(cell, ",") == ["joy", "anger, rage"]


def test_labels_come_once_and_in_order_and_an_empty_cell_is_no_answer():
    assert split("b|a|b||", "|") == ["b", "a"]
    assert split(" ", "|") is None and split("[]", "|") == []


@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("True", "False"), ("yes", "no"), ("x", ""), ("✓", "✗"), ("1.0", "0.0"), ("是", "否")])  # fmt: skip
def test_one_yes_or_no_column_a_label(yes: str, no: str):
    names = ["text", "joy", "anger", "fear"]
    rows = [["a", yes, no, no], ["b", yes, yes, no], ["c", no, no, no], ["d", no, yes, yes]]
    how = holding(names, rows)
    assert how and how.name == "columns" and how.columns == ("joy", "anger", "fear")
    found = [parse(dict(zip(names, row, strict=True)), how) for row in rows]
    assert found == [["joy"], ["joy", "anger"], [], ["anger", "fear"]]


def test_a_row_without_any_mark_is_unanswered_where_no_is_written():
    how = holding(["a", "b"], [["1", "0"], ["0", "1"], ["", ""]])
    assert how and parse({"a": "", "b": ""}, how) is None and parse({"a": "0", "b": "0"}, how) == []


def test_a_label_nobody_has_among_the_first_rows_is_still_one():
    assert flag_columns(["t", "a", "b", "c"], [["x y", "1", "0", "0"], ["z", "0", "1", "0"]]) == ("a", "b", "c")


def test_a_single_yes_or_no_column_is_an_ordinary_label():
    assert holding(["text", "spam"], [["a", "0"], ["b", "1"], ["c", "0"]]) is None


def test_a_holding_travels_as_json_and_says_why():
    how = holding(["labels"], [["a|b"], ["b|c"], ["c|a"]])
    assert how and Holding.from_json(json.loads(json.dumps(how.as_json()))) == how
    assert "“|” stands between labels: 3 of 3" in str(how.reason)


# Numbers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("3", 3), ("3.5", 3.5), ("3,5", 3.5), ("-0.25", -0.25), ("−3", -3), ("+2", 2), (".5", 0.5), ("5.", 5), ("007", 7), ("0,123", 0.123),
        ("1,234,567", 1234567), ("1.234.567", 1234567), ("1,234.5", 1234.5), ("1.234,5", 1234.5), ("1 234,5", 1234.5), ("1\u202f234", 1234),
        ("1'234.5", 1234.5), ("12%", 0.12), ("45,5 %", 0.455), ("5‰", 0.005), ("1e-3", 0.001), ("2.5E+4", 25000), ("３．５", 3.5), (" 4 ", 4),
    ],
)  # fmt: skip
def test_a_number_is_read_as_meant(cell: str, value: float):
    assert number(cell) == pytest.approx(value)


@pytest.mark.parametrize(
    "cell",
    ["", " ", "nan", "NaN", "inf", "-", ".", ",", "3/5", "4 stars", "$5", "1_000", "1,23,456", "12 34", "1.2.3", "1e999", "0x10", "--1", "%", "1,2345,6", "e5"],
)  # fmt: skip
def test_what_is_no_number_is_refused(cell: str):
    assert number(cell) is None


def test_the_column_settles_what_one_cell_cannot():
    assert decimal_sign(["1,234", "0,5", "2,75"]) == "," and decimal_sign(["1,234", "950", "3.5"]) == "."
    assert (number("1,234"), number("1,234", ","), number("1.234"), number("1.234", ",")) == (1234, 1.234, 1.234, 1234)


def test_cells_that_are_no_numbers_are_counted_with_an_example():
    assert no_numbers(["1", "", "2,5"]) is None
    assert str(no_numbers(["1", "good", "bad"])) == "2 cells are no numbers, such as “good”."


def test_the_scores_of_stsb_are_all_numbers(data_dir):
    with (data_dir / "stsb_en/train.csv").open(encoding="utf-8", newline="") as file:
        cells = [row["score"] for row in csv.DictReader(file)]
    assert no_numbers(cells) is None and decimal_sign(cells) == "."
    assert [number(cell) for cell in cells] == [float(cell) for cell in cells]


# Settled by a column -----------------------------------------------------------------------------------------------


def test_a_reader_decides_by_all_cells_what_one_cannot_tell():
    read = reader({"topics": ["a/b", "b/c", "c/a", "b"]})
    assert read({"topics": "a/b"}) == ["a", "b"] and parse({"topics": "a/b"}) == ["a/b"]
    kept = reader({"category": ["Arts, crafts", "Cars", "Home, garden"]})
    assert kept({"category": "Arts, crafts"}) == ["Arts, crafts"] and parse({"x": "a|b"}) == ["a", "b"]
    flags = reader({"joy": ["x", ""], "fear": ["", "x"]})
    assert flags({"joy": "", "fear": ""}) == [] and flags({"joy": "x", "fear": ""}) == ["joy"]
    assert number_reader(["0,5", "1,234"])("1,234") == 1.234


def test_sentences_with_commas_do_not_look_like_label_sets(data_dir):
    with (data_dir / "banking77/train.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:200]
    assert fits([row["text"] for row in rows]) == 0.0 and columns_of({"text": [row["text"] for row in rows]}) is None
    assert fits(["a|b", "b|c", "c|a"]) == 1.0 and columns_of({"labels": ["a|b", "b|c", "c|a"]})[0] == ["labels"]
