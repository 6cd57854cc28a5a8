"""Options and the right one, in the forms people bring; how the right one is told is decided over all rows, with the reason."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest

from core.data.choices import Options, Scheme, columns_of, decide, options, parse, right
from core.data.relations import relation_of

FOUR = ("red", "blue", "green", "grey")


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["question", "A", "B", "C", "D", "answer"], ["A", "B", "C", "D"]),
        (["id", "option1", "option2", "label"], ["option1", "option2"]),
        (["Option 3", "Option 1", "Option 2"], ["Option 1", "Option 2", "Option 3"]),
        (["ctx", "ending0", "ending1", "ending2", "ending3", "label"], ["ending0", "ending1", "ending2", "ending3"]),
        (["opa", "opb", "opc", "opd", "cop"], ["opa", "opb", "opc", "opd"]),
        (["选项A", "选项B", "答案"], ["选项A", "选项B"]),
        (["question", "choices", "answerKey"], ["choices"]),
        (["text", "label"], None),
        (["a", "text"], None),
    ],
)
def test_columns_of_options_are_found_by_their_names(names: list[str], found: list[str] | None) -> None:
    got = columns_of(names)
    assert (got[0] if got else None) == found


def test_the_columns_come_with_their_reason() -> None:
    got = columns_of(["A", "B", "C"])
    assert got is not None and str(got[1]) == "Their names follow each other from A to C."


@pytest.mark.parametrize(
    "cell",
    [
        json.dumps(FOUR),
        json.dumps({"text": FOUR, "label": list("ABCD")}),
        json.dumps([{"label": label, "text": text} for label, text in zip("ABCD", FOUR, strict=True)]),
        json.dumps(dict(zip("ABCD", FOUR, strict=True))),
        str(list(FOUR)),
        "red|blue|green|grey",
        "red; blue; green; grey",
        "A. red\nB. blue\nC. green\nD. grey",
        "red,blue,green,grey",
    ],
)
def test_all_options_in_one_cell_are_taken_apart(cell: str) -> None:
    assert parse({"choices": cell}) == list(FOUR)


def test_blank_options_are_none_and_one_option_is_no_choice() -> None:
    assert parse({"A": "red", "B": " ", "C": "blue"}) == ["red", "blue"]
    assert parse({"A": "red", "B": ""}) is None
    assert parse({"text": "Well, this is only a sentence."}) is None
    assert parse({"text": ""}) is None


def told(cells: list[str], columns: tuple[str, ...] = ()) -> Scheme:
    return decide([(Options(FOUR), cell) for cell in cells], columns)


@pytest.mark.parametrize(
    ("cells", "how", "why"),
    [
        (["A", "D", "b", "C)"], "letter", "The answers are letters: A is the first option."),
        (["0", "3", "2", "1"], "zero", "Some answers are 0, so the first option is number 0."),
        (
            ["1", "4", "2", "3"],
            "one",
            "Some answers are as high as there are options, so the first option is number 1.",
        ),
        (["1.0", "4.0"], "one", "Some answers are as high as there are options, so the first option is number 1."),
        (["blue", "GREY", "red"], "text", "Each answer is the text of one of its options."),
        (["1", "2", "2"], "one", "No answer is 0 or 4, so they are taken to count from 1. Please check a few."),
        (["", "", "2"], "one", "No answer is 0 or 4, so they are taken to count from 1. Please check a few."),
    ],
)
def test_the_whole_corpus_decides_how_answers_are_told(cells: list[str], how: str, why: str) -> None:
    scheme = told(cells)
    assert (scheme.how, str(scheme.reason), scheme.unread) == (how, why, 0)


def test_names_of_columns_settle_what_numbers_leave_open() -> None:
    assert told(["1", "2"], columns=("ending0", "ending1", "ending2", "ending3")).how == "zero"
    assert told(["1", "2"], columns=("option1", "option2", "option3", "option4")).how == "one"


def test_options_that_are_numbers_are_told_by_their_text() -> None:
    rows = [(Options(("3", "4", "5", "6")), cell) for cell in ("3", "6", "4")]
    assert decide(rows).how == "text"


def test_keys_of_their_own_come_before_letters() -> None:
    given = options(['{"text": ["red", "blue"], "label": ["1", "2"]}'])
    scheme = decide([(given, "1"), (given, "2")])
    assert scheme.how == "key"
    assert right(given, "2", scheme.how) == "blue"


def test_a_few_slips_do_not_decide_and_are_counted() -> None:
    scheme = told(["A", "B", "C", "D"] * 50 + ["?"])
    assert (scheme.how, scheme.unread) == ("letter", 1)
    mixed = told(["A", "B", "3", "red", "C"])
    assert (mixed.how, mixed.unread) == ("letter", 2)
    assert "not all of one kind" in str(mixed.reason)


def test_the_right_option_is_its_text() -> None:
    given = Options(("red", "", "green"))
    assert right(given, "C", "letter") == "green"  # the blank one keeps its letter
    assert right(given, "B", "letter") is None
    assert right(given, "2", "zero") == "green"
    assert right(given, "3", "one") == "green"
    assert right(given, "0", "one") is None
    assert right(given, "", "letter") is None
    assert right(given, " GREEN ", "text") == "green"
    assert right(given, "7", "zero") is None


def test_no_rows_decide_nothing_and_raise_nothing() -> None:
    assert decide([]).unread == 0


# --- derived from the relations' names, for the shared data has no multiple choice ---


def derived(data_dir: Path, n: int, seed: int) -> list[dict[str, str]]:
    """Questions such as "What holds between cat and box?" with four relations to choose from, the right one under a letter."""
    with (data_dir / "semeval2010_task8" / "test.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:n]
    names = sorted({relation_of(row["relation"])[0] for row in rows})
    chance = random.Random(seed)
    made = []
    for row in rows:
        answer = relation_of(row["relation"])[0]
        offered = [answer, *chance.sample([name for name in names if name != answer], 3)]
        chance.shuffle(offered)
        made.append({"question": row["sentence"], **dict(zip("ABCD", offered, strict=True)), "answer": "ABCD"[offered.index(answer)], "truth": answer})  # fmt: skip
    return made


def test_questions_derived_from_relations_come_through_whole(data_dir: Path) -> None:
    rows = derived(data_dir, 400, seed=1)
    found = columns_of(list(rows[0]))
    assert found is not None and found[0] == ["A", "B", "C", "D"]
    given = [options([row[name] for name in found[0]]) for row in rows]
    scheme = decide(zip(given, (row["answer"] for row in rows), strict=True), found[0])
    assert (scheme.how, scheme.unread) == ("letter", 0)
    assert [right(o, row["answer"], scheme.how) for o, row in zip(given, rows, strict=True)] == [row["truth"] for row in rows]  # fmt: skip
    assert all(len(o.choices) == len(set(o.choices)) == 4 for o in given)
