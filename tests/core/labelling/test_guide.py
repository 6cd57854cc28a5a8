"""The guide as the page asks it: a real data set, a real process; vectors on disk, learning from every few labels, honest about its record."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import numpy as np
import pytest

from core.data.dataset import Dataset
from core.data.shape import Part, Shape
from core.errors import Cancelled
from core.labelling import features
from core.labelling.guide import SHARE, Guide, aside
from core.labelling.offer import link_of, ways
from core.resident import Resident
from webui.tabs.label_guide import record

WORDS = {
    "money": ["refund", "invoice", "payment", "price", "bill"],
    "travel": ["train", "hotel", "flight", "beach", "ticket"],
    "food": ["soup", "bread", "cheese", "dinner", "kitchen"],
}


def text(kind: str, i: int) -> str:
    words = WORDS[kind]
    return f"{words[i % 5]} and {words[(i * 3 + 1) % 5]} were in the message number {i}"


KINDS = tuple(WORDS)
TEXTS = [(text(KINDS[i % 3], i), KINDS[i % 3]) for i in range(150)]


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    path = tmp_path / "mail.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["text"], *([said] for said, _ in TEXTS)])
    found = Dataset.open(tmp_path / "data")
    found.add(path, "mail.csv")
    for name in KINDS:
        found.labels.create(name)
    return found


def kinds_of(data: Dataset) -> dict[str, int]:
    return {one["name"]: one["id"] for one in data.labels.labels()}


def answer(data: Dataset, rows, guesses=None, start: int = 0) -> None:
    """Each row gets its right label; with what was guessed before it."""
    ids, entries = kinds_of(data), []
    for i, row in enumerate(rows):
        entry = {"row": row, "label": ids[TEXTS[data.rows.place(row)][1]], "seq": start + i, "client": "test"}
        if guesses and row in guesses:
            entry["guess"] = {"value": guesses[row]["value"], "p": guesses[row]["p"]}
        entries.append(entry)
    assert not data.labels.put(entries, "ann")["refused"]


def known(data: Dataset) -> features.Features:
    return features.ready(data, lambda done, total: None, lambda: False)


def question(data: Dataset, **more):
    return {"what": "look", "folder": str(data.folder), "order": "helpful", "count": 10, **more}


def test_vectors_are_made_once_and_only_what_is_new_costs(data: Dataset, tmp_path: Path):
    found = known(data)
    assert (found.way, found.vectors.shape) == ("encoder", (150, 384))
    assert np.linalg.norm(found.vectors, axis=1) == pytest.approx(np.sqrt(384), rel=1e-2)
    more = tmp_path / "more.csv"
    more.write_text(
        "text\n" + "".join(f"a further text {i}\n" for i in range(5)) + TEXTS[0][0] + "\n", encoding="utf-8"
    )
    data.add(more, "more.csv")
    assert len(features.missing(data)) == 5, "an equal text has its vector"
    again = known(data)
    assert len(again.places) == 156 and np.array_equal(again.vectors[:150], found.vectors)


def test_what_was_computed_before_a_cancel_is_kept_and_gone_on_with(data: Dataset, monkeypatch):
    monkeypatch.setattr(features, "BLOCK", 32)
    looks = iter([False, False, True])
    with pytest.raises(Cancelled):
        features.ready(data, lambda done, total: None, lambda: next(looks, True))
    held = len(features.known(data).places)
    assert 0 < held < 150
    assert len(features.missing(data)) == 150 - held
    whole = known(data)
    monkeypatch.undo()
    for file in (data.folder / "cache" / "vectors" / "encoder").iterdir():
        file.unlink()
    assert np.abs(known(data).vectors - whole.vectors).max() < 0.02  # fp16 on disk


def test_a_torn_block_is_left_out(data: Dataset):
    known(data)
    folder = data.folder / "cache" / "vectors" / "encoder"
    with (folder / "vectors.f16").open("r+b") as file:
        file.truncate(384 * 2 * 100 + 7)
    assert len(features.known(data).places) == 100
    assert len(known(data).places) == 150


def test_texts_the_encoder_does_not_know_are_counted(tmp_path: Path):
    path = tmp_path / "zh.csv"
    path.write_text(
        "text\n" + "".join(f"房间很干净服务也好{'早餐' * (i % 4)}第{i}次入住\n" for i in range(60)), encoding="utf-8"
    )
    data = Dataset.open(tmp_path / "data")
    data.add(path, "zh.csv")
    found = known(data)
    assert found.way == "counted" and found.vectors.shape[0] == 60
    assert not features.missing(data).size


def test_it_learns_to_guess_and_tells_typical_rows_first(data: Dataset):
    known(data)
    guide = Guide(data.folder)
    first = guide.look(question(data))
    assert (first["link"], first["learnt"], first["missing"], first["guesses"]) == ("softmax", 0, 0, {})
    assert {TEXTS[data.rows.place(row)][1] for row in first["next"]} == set(KINDS), "every kind is met at once"
    answer(data, first["next"])
    told = guide.look(question(data))
    assert told["learnt"] == 10 and not set(told["next"]) & set(first["next"])
    ids = kinds_of(data)
    right = [told["guesses"][row]["value"] == ids[TEXTS[data.rows.place(row)][1]] for row in told["next"]]
    assert sum(right) >= 8
    one = told["guesses"][told["next"][0]]
    assert one["top"][0] == [one["value"], one["p"]] and 0 < one["p"] <= 1


def test_its_record_counts_what_it_had_said_before_the_person_answered(data: Dataset):
    known(data)
    guide = Guide(data.folder)
    answer(data, guide.look(question(data))["next"])
    assert record(data) == {"right": 0, "of": 0}
    told = guide.look(question(data))
    answer(data, told["next"], told["guesses"], start=100)
    ids = kinds_of(data)
    right = sum(told["guesses"][row]["value"] == ids[TEXTS[data.rows.place(row)][1]] for row in told["next"])
    assert record(data) == {"right": right, "of": 10}
    data.labels.undo("ann")
    assert record(data)["of"] == 9, "what was taken back does not count"


def test_every_eighth_row_is_one_that_is_set_aside_and_no_way_prefers_it(data: Dataset):
    known(data)
    guide = Guide(data.folder)
    told = guide.look(question(data, count=32))
    state = data.state
    places = np.array([state.rows.place(row) for row in told["next"]])
    apart = aside(state, places)
    assert [i for i in range(32) if apart[i]] == [i for i in range(32) if i % SHARE == SHARE - 1]
    assert told["aside"] == [row for row, one in zip(told["next"], apart, strict=True) if one]


def test_filters_and_rows_to_leave_out_are_kept(data: Dataset):
    known(data)
    guide = Guide(data.folder)
    told = guide.look(question(data, only="all", search="soup"))
    assert told["total"] == sum("soup" in said for said, _ in TEXTS)
    assert all("soup" in TEXTS[data.rows.place(row)][0] for row in told["next"])
    without = guide.look(question(data, without=told["next"], only="all", search="soup"))
    assert not set(without["next"]) & set(told["next"])
    first = guide.look(question(data, first="1:77"))
    assert first["next"][0] == "1:77" and len(set(first["next"])) == 10
    like = guide.look(question(data, order="similar", like="1:0", count=3))
    assert {TEXTS[data.rows.place(row)][1] for row in like["next"]} == {"money"}


def test_it_finds_the_label_that_does_not_fit(data: Dataset):
    known(data)
    answer(data, [f"1:{i}" for i in range(90)])
    ids = kinds_of(data)
    data.labels.put([{"row": "1:30", "label": ids["food"], "seq": 999, "client": "test"}], "ann")  # it is about money
    told = Guide(data.folder).look(question(data, order="disagree", only="all", count=3))
    assert told["next"][0] == "1:30"


def test_rows_without_a_vector_come_all_the_same(data: Dataset):
    guide = Guide(data.folder)
    told = guide.look(question(data))
    assert (len(told["next"]), told["missing"]) == (10, 150)


def test_marks_are_learnt_by_the_tagger(tmp_path: Path):
    names = ["Anna", "Berta", "Clara", "Dora"]
    path = tmp_path / "notes.csv"
    path.write_text("text\n" + "".join(f"today {names[i % 4]} wrote note {i}\n" for i in range(40)), encoding="utf-8")
    data = Dataset.open(tmp_path / "data")
    data.add(path, "notes.csv")
    data.set_shape(Shape("tokens", (Part("text", "text"), Part("spans", "spans", target=True, required=False))))
    person = data.labels.create("PER").label
    value = lambda i: [{"start": 6, "end": 6 + len(names[i % 4]), "label": person}]  # noqa: E731
    entries = [{"row": f"1:{i}", "value": value(i), "seq": i, "client": "t"} for i in range(16)]
    assert not data.labels.put(entries, "ann")["refused"]
    told = Guide(data.folder).look(question(data, rows=["1:20"]))
    assert (told["link"], told["learnt"], told["missing"]) == ("marks", 16, 0)
    assert told["guesses"]["1:20"]["value"] == value(20)


def test_what_cannot_be_learnt_so_quickly_says_so(tmp_path: Path, data: Dataset):
    data.set_shape(Shape("text2text", (Part("text", "text"), Part("target", "text", target=True, required=False))))
    assert link_of(data.state) == ""
    assert [one.name for one in ways("")] == ["typical", "diverse", "similar", "random", "file"]
    told = Guide(data.folder).look(question(data, order="typical"))
    assert told["link"] == "" and len(told["next"]) == 10


def test_a_model_of_another_task_guesses_nothing(data: Dataset):
    known(data)
    answer(data, [f"1:{i}" for i in range(30)])
    guide = Guide(data.folder)
    assert guide.look(question(data))["guesses"]
    data.set_shape(Shape("text2text", (Part("text", "text"), Part("target", "text", target=True, required=False))))
    told = guide.look(question(data, order="random", rows=["1:40"]))
    assert (told["link"], told["learnt"], told["guesses"]) == ("", 0, {})


def test_the_process_answers_and_estimates_beside(data: Dataset, tmp_path: Path):
    known(data)
    answer(data, [f"1:{i}" for i in range(150)])
    guide = Resident("core.labelling.guide", tmp_path / "guide.log", 60)
    try:
        told = guide.ask(question(data, count=0, rows=["1:3"]), 60)
        assert told["learnt"] == 150 and told["guesses"]["1:3"]["value"] == kinds_of(data)["money"]
        began = time.perf_counter()
        estimate = guide.ask({"what": "estimate", "folder": str(data.folder)}, 60)
        assert time.perf_counter() - began < 60
        apart = int(aside(data.state, np.arange(150)).sum())
        assert estimate["aside"] == apart
        assert estimate["labels"] == []
        if apart >= 20:
            assert estimate["score"] > 0.9
        assert guide.ask({"what": "forget", "folder": str(data.folder)}, 60) == {}
        assert guide.ask(question(data, count=0), 60)["learnt"] == 150, "asked again, it is opened again"
    finally:
        guide.close()
