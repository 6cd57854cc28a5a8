"""The calls of the Label tab: texts in their order, labels that are sent in any way a browser may, changes of the label list."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import projects
from core.data.roles import Role
from core.data.shape import Shape
from core.errors import DataError, Missing
from core.tasks import TASKS
from core.words import Message
from core.workspace import Workspace
from webui.calls import Here, plain
from webui.studio import Studio
from webui.tabs import label


@pytest.fixture
def here(workspace: Workspace, tmp_path: Path):
    """Five texts; the file labels the first two."""
    studio = Studio(workspace.home)
    project = projects.create(workspace, "Mail")
    file = tmp_path / "mail.csv"
    file.write_text("message,topic\nWhere is it?,Delivery\nMoney back,Refund\nHello,\nA crack,\nThank you,\n")
    data = studio.dataset(project.data)
    data.add(file, "mail.csv")
    data.set_roles({"text": "message", "label": "topic"})
    yield Here(studio, workspace, "en", project.id)
    studio.close()


def ids(here: Here) -> dict[str, int]:
    return {one["name"]: one["id"] for one in label.state(here)["labels"]}


def put(here: Here, row: str, name: str | None, seq: int, client: str = "window", **more) -> dict:
    entry = {"row": row, "label": ids(here)[name] if name else None, "seq": seq, "client": client, **more}
    return label.put(here, project=here.project.id, entries=[entry])


def shown(here: Here, **ask) -> list[str]:
    return [row["text"] for row in label.texts(here, **ask)["rows"]]


def test_the_state_has_question_labels_keys_and_counts(here: Here):
    told = plain(label.state(here), "en")
    assert told["question"] == "What is this message about?"
    assert [(one["name"], one["key"], one["colour"], one["count"]) for one in told["labels"]] == [
        ("Delivery", "1", 0, 1),
        ("Refund", "2", 1, 1),
    ]
    assert told["counts"] == {"rows": 5, "labelled": 2, "unlabelled": 3}


def test_unlabelled_texts_come_in_order_and_go_on_behind_the_last(here: Here):
    first = label.texts(here, count=2)
    assert [row["text"] for row in first["rows"]] == ["Hello", "A crack"] and first["total"] == 3
    assert shown(here, after=first["next"]) == ["Thank you"]
    assert label.texts(here, after=first["next"])["next"] is None


def test_the_place_of_a_text_leads_back_to_it_after_a_reload(here: Here):
    rows = label.texts(here, show="all")["rows"]
    assert shown(here, show="all", after=rows[3]["place"])[0] == rows[3]["text"]


def test_texts_are_found_by_label_and_by_words(here: Here):
    assert shown(here, show="search", label=str(ids(here)["Refund"])) == ["Money back"]
    assert shown(here, show="search", search="CRACK") == ["A crack"]
    assert shown(here, show="search", label="none") == ["Hello", "A crack", "Thank you"]
    assert sorted(shown(here, show="all", order="random")) == sorted(shown(here, show="all"))


def test_a_label_sent_twice_counts_once(here: Here):
    put(here, "1:2", "Refund", 1)
    put(here, "1:2", "Delivery", 2)
    put(here, "1:2", "Refund", 1)  # the answer to the first was lost, so it came again
    row = next(r for r in label.texts(here, show="all")["rows"] if r["id"] == "1:2")
    assert row["value"] == ids(here)["Delivery"] and row["by"] == "local" and row["at"]
    assert len(label.history(here, row="1:2")) == 2


def test_what_cannot_be_saved_is_named_and_holds_up_nothing(here: Here):
    entries = [
        {"row": "9:9", "label": None, "seq": 1, "client": "w"},
        {"row": "1:2", "label": 99, "seq": 2, "client": "w"},
        {"row": "1:3", "label": ids(here)["Refund"], "seq": 3, "client": "w"},
        {"nonsense": True},
    ]
    answer = plain(label.put(here, project=here.project.id, entries=entries), "en")
    assert [r["seq"] for r in answer["refused"]] == [1, 2, None] and answer["saved"] == [3]
    assert "any more" in answer["refused"][0]["message"]


def test_labels_go_to_the_project_they_were_given_in(here: Here):
    first = here.project.id
    here.project_id = projects.create(here.workspace, "Another").id
    assert label.put(here, project=first, entries=[{"row": "1:2", "label": None, "seq": 1, "client": "w"}])[
        "saved"
    ] == [1]
    with pytest.raises(Missing):
        label.put(here, project="project-of-nobody", entries=[])


def test_taking_back_shows_what_stood_before(here: Here):
    put(here, "1:0", "Refund", 1)  # over the file's Delivery
    put(here, "1:0", None, 2, takes_back={"client": "window", "seq": 1})
    row = label.texts(here, show="all")["rows"][0]
    assert row["value"] == ids(here)["Delivery"] and row["origin"] == "file"
    put(here, "1:0", None, 2, takes_back={"client": "window", "seq": 1})  # sent again
    assert label.texts(here, show="all")["rows"][0]["origin"] == "file"


def test_an_answer_and_its_undo_may_come_in_one_batch(here: Here):
    name = ids(here)
    entries = [
        {"row": "1:2", "label": name["Refund"], "seq": 1, "client": "w"},
        {"row": "1:2", "label": None, "seq": 2, "client": "w", "takes_back": {"client": "w", "seq": 1}},
        {"row": "1:2", "label": name["Delivery"], "seq": 3, "client": "w"},
    ]
    assert label.put(here, project=here.project.id, entries=entries)["saved"] == [1, 2, 3]
    row = next(r for r in label.texts(here, show="all")["rows"] if r["id"] == "1:2")
    assert row["value"] == name["Delivery"]


def test_nobody_can_take_back_what_another_person_said(here: Here):
    here.dataset.labels.put([{"row": "1:2", "label": "Refund", "seq": 1, "client": "maria-window"}], "maria")
    put(here, "1:2", None, 1, takes_back={"client": "maria-window", "seq": 1})
    assert here.dataset.row("1:2")["label"] == "Refund"


def test_the_history_says_who_and_when_and_what_the_file_said(here: Here):
    here.dataset.labels.put([{"row": "1:0", "label": "Refund", "seq": 1, "client": "maria-window"}], "maria")
    put(here, "1:0", "Delivery", 1)
    told = plain(label.history(here, row="1:0"), "en")
    assert [(e["who"], e["label"]["name"], e["origin"]) for e in told] == [
        ("you", "Delivery", "human"),
        ("maria", "Refund", "human"),
        ("mail.csv", "Delivery", "file"),
    ]
    assert all(e["at"] for e in told)


def test_two_first_labels_are_made_together_or_not_at_all(here: Here):
    with pytest.raises(DataError):
        label.create(here, names=["Praise", "Praise"])
    assert "Praise" not in ids(here)
    assert [one["name"] for one in label.create(here, names=["Praise", "Other"])["labels"]][-2:] == ["Praise", "Other"]


def test_every_change_of_the_label_list_says_how_many_rows_and_can_be_undone(here: Here):
    put(here, "1:2", "Refund", 1)
    name = ids(here)
    for change, rows in (
        (lambda: label.rename(here, label=name["Refund"], name="Refunds"), 2),
        (lambda: label.recolour(here, label=name["Refund"], colour=5), 2),
        (lambda: label.merge(here, label=name["Refund"], into=name["Delivery"]), 2),
        (lambda: label.delete(here, label=name["Refund"]), 2),
    ):
        before = label.state(here)["labels"]
        told = change()
        assert told["rows"] == rows and label.state(here)["labels"] != before
        label.revert(here, change=told["undo"])
        assert label.state(here)["labels"] == before


def test_a_long_text_is_sent_as_far_as_a_person_reads(here: Here, tmp_path: Path):
    file = tmp_path / "long.csv"
    file.write_text("message,topic\n" + "word " * 100_000 + ",\n")
    here.dataset.add(file, "long.csv")
    assert max(len(row["text"]) for row in label.texts(here)["rows"]) == label.LONGEST


# --- answers that are no single label ---


def of_task(here: Here, tmp_path: Path, task: str, rows: str) -> Here:
    """The rows (csv whose columns are called as the roles) in a project of this task."""
    project = projects.create(here.workspace, task)
    file = tmp_path / f"{task}.csv"
    file.write_text(rows, encoding="utf-8")
    data = here.studio.dataset(project.data)
    data.add(file, file.name)
    shape = Shape.of(task, TASKS[task].columns)
    names = {name: Role(name if name in data.columns else None, Message("You chose it.")) for name in shape.names}
    data.set_shape(shape, names)
    return Here(here.studio, here.workspace, "en", project.id)


def answer(here: Here, row: str, value, seq: int) -> dict:
    entry = {"row": row, "value": value, "seq": seq, "client": "window"}
    return label.put(here, project=here.project.id, entries=[entry])


def test_sets_travel_as_ids_so_that_a_renamed_label_is_still_the_same(here: Here, tmp_path: Path):
    sets = of_task(here, tmp_path, "multilabel", "text,label\nLate and torn,Delivery;Damage\nThanks,\nHello,\n")
    told = plain(label.state(sets), "en")
    assert (told["kind"], told["single"], told["inputs"]) == (
        "multi",
        False,
        [{"role": "text", "kind": "text", "title": "The text is in"}],
    )
    name = ids(sets)
    assert answer(sets, "1:1", [name["Damage"]], 1)["saved"] == [1]
    assert answer(sets, "1:2", [], 2)["saved"] == [2]
    label.rename(sets, label=name["Damage"], name="Broken")
    rows = label.texts(sets, show="all")["rows"]
    assert [row["value"] for row in rows] == [[name["Delivery"], name["Damage"]], [name["Damage"]], []]
    assert [row["origin"] for row in rows] == ["file", "human", "human"]
    assert label.state(sets)["counts"]["unlabelled"] == 0


def test_the_history_of_a_set_says_each_answer_in_a_line_and_what_the_file_said(here: Here, tmp_path: Path):
    sets = of_task(here, tmp_path, "multilabel", "text,label\nLate and torn,Delivery;Damage\nThanks,\n")
    answer(sets, "1:0", [ids(sets)["Damage"]], 1)
    answer(sets, "1:0", [], 2)
    answer(sets, "1:0", None, 3)
    told = plain(label.history(sets, row="1:0"), "en")
    assert [(entry["said"], entry["origin"]) for entry in told] == [
        (None, "human"),
        ("", "human"),
        ("Damage", "human"),
        ("Delivery, Damage", "file"),
    ]
    assert not label.history(sets, row="1:1")


def test_candidates_of_a_list_are_answered_by_their_words_and_several_clicks_of_a_file_stay(here: Here, tmp_path: Path):
    rows = "text,choices,label\nq,red,1\nq,blue,0\nq,grey,1\nr,red,0\nr,blue,0\n"
    lists = of_task(here, tmp_path, "ranking", rows)
    told = label.texts(lists, show="all")["rows"]
    assert [(row["inputs"]["choices"], row["value"]) for row in told] == [
        (["red", "blue", "grey"], {"red": 1.0, "grey": 1.0}),
        (["red", "blue"], None),  # nothing was clicked, so it waits for a person
    ]
    assert answer(lists, told[1]["id"], "blue", 1)["saved"] == [1]
    assert [row["value"] for row in label.texts(lists, show="all")["rows"]][1] == {"blue": 1.0}
    assert answer(lists, told[1]["id"], {"blue": 0}, 2)["refused"]


def test_the_scale_is_that_of_the_numbers_in_the_data(here: Here, tmp_path: Path):
    numbers = of_task(here, tmp_path, "regression", "text,label\na,1\nb,4\nc,\nd,\n")
    assert label.state(numbers)["scale"] == {"low": 1.0, "high": 4.0, "whole": True}
    answer(numbers, "1:2", 4.5, 1)
    assert label.state(numbers)["scale"] == {"low": 1.0, "high": 4.5, "whole": False}
    assert plain(answer(numbers, "1:3", "many", 2), "en")["refused"]
    assert label.state(of_task(here, tmp_path, "regression", "text,label\na,1\nb,\n"))["scale"] is None


def test_marks_outside_what_is_sent_of_a_long_text_are_kept(here: Here, tmp_path: Path):
    long = "word " * 5_000 + "Berlin"
    marks = of_task(here, tmp_path, "tokens", f"text,label\n{long},\n")
    place = label.create(marks, names=["Place"])["labels"][0]["id"]
    span = {"start": len(long) - 6, "end": len(long), "label": place}
    answer(marks, "1:0", [span], 1)
    (row,) = label.texts(marks, show="all")["rows"]
    assert row["cut"] and len(row["text"]) == label.LONGEST and row["value"] == [span]
