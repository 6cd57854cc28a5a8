"""A data set from its first file to the rows of a run: roles, splits, pages, edits, several files, copies."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import pyarrow as pa
import pytest

from core.data.dataset import Dataset
from core.data.how import How
from core.errors import Cancelled, ColumnMissing, DataError, HoneError, Missing

WORDS = ["order", "refund", "parcel", "late", "broken", "wheel", "invoice", "card", "bank", "size", "saddle", "courier"]


def mails(n: int = 200, labels: tuple[str, ...] = ("Delivery", "Refund", "Sizing"), empty: bool = False) -> str:
    rows = [
        f"message {i} about a {WORDS[i % 12]} and a {WORDS[i * 7 % 12]},{labels[i % len(labels)]}" for i in range(n)
    ]
    if empty:
        rows[5], rows[6] = ",Delivery", "   ,Refund"
    return "message,topic\n" + "\n".join(rows) + "\n"


def write(tmp_path: Path, content: str, name: str = "mails.csv") -> Path:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return path


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    found = Dataset.open(tmp_path / "data")
    found.add(write(tmp_path, mails()), "mails.csv")
    return found


def frozen(data: Dataset, tmp_path: Path) -> tuple[object, list[dict[str, str]]]:
    info = data.freeze(tmp_path / "rows.arrow")
    with pa.memory_map(str(tmp_path / "rows.arrow")) as source:
        return info, pa.ipc.open_file(source).read_all().to_pylist()


def test_a_new_data_set_is_empty_and_everything_can_be_asked(tmp_path: Path) -> None:
    data = Dataset.open(tmp_path / "data")
    assert data.empty
    assert data.counts().rows == 0
    assert data.page().rows == []
    assert data.queue().rows == []
    assert data.labels.labels() == []
    assert data.findings() == []
    assert data.facts().rows == {"train": 0, "validation": 0, "test": 0}
    assert data.lengths()["counts"] == [0]
    assert data.freeze(tmp_path / "rows.arrow").labels == ()


def test_roles_are_guessed_with_their_reasons(data: Dataset) -> None:
    roles = data.roles
    assert roles["text"].column == "message"
    assert str(roles["text"].reason).startswith("Its name says so, and its texts have ")
    assert (roles["label"].column, str(roles["label"].reason)) == (
        "topic",
        "Its name says so, and it has 3 different values.",
    )
    assert (roles["split"].column, str(roles["split"].reason)) == (
        None,
        "No column says what is for testing, so Hone splits.",
    )


def test_counts_splits_and_labels_add_up(data: Dataset) -> None:
    counts = data.counts()
    assert (counts.rows, counts.labelled, counts.unlabelled, counts.excluded, counts.empty) == (200, 200, 0, 0, 0)
    assert counts.labels == {"Delivery": 67, "Refund": 67, "Sizing": 66}
    assert sum(counts.splits.values()) == 200
    assert counts.splits["test"] == counts.splits["validation"] == 21
    assert json.dumps(counts.as_json())


def test_a_page_has_rows_with_everything_the_table_shows(data: Dataset) -> None:
    page = data.page(3, 2)
    assert page.total == 200
    assert [row["id"] for row in page.rows] == ["1:3", "1:4"]
    row = page.rows[0]
    assert row["text"].startswith("message 3 about a ")
    assert (row["number"], row["label"], row["origin"], row["excluded"]) == (4, "Delivery", "file", False)
    assert row["cells"]["topic"] == "Delivery"
    assert row["split"] in ("train", "validation", "test")


def test_search_and_filters_work_together(data: Dataset) -> None:
    both = data.page(0, 500, search="REFUND", label="Refund")
    assert both.total == len(both.rows) > 0
    assert all("refund" in row["text"] and row["label"] == "Refund" for row in both.rows)
    test = data.page(0, 500, split="test")
    assert test.total == data.counts().splits["test"]
    assert {row["split"] for row in test.rows} == {"test"}
    assert data.page(only="unlabelled").total == 0
    assert data.page(search="half a pair \ud83d").total == 0
    assert data.page(search="(unbalanced[").total == 0, "a search is text, not a pattern"


def test_sorting_goes_both_ways(data: Dataset) -> None:
    lengths = [len(row["text"]) for row in data.page(0, 200, sort="-length").rows]
    assert lengths == sorted(lengths, reverse=True)
    labels = [row["label"] for row in data.page(0, 200, sort="label").rows]
    assert labels == sorted(labels)
    texts = [row["text"] for row in data.page(0, 200, sort="text").rows]
    assert texts == sorted(texts)


@pytest.mark.parametrize(
    "wrong", [{"label": "Nope"}, {"split": "nope"}, {"only": "nope"}, {"sort": "nope"}, {"only": "finding:x"}]
)
def test_a_wrong_filter_is_an_error_for_a_person(data: Dataset, wrong: dict[str, str]) -> None:
    with pytest.raises(HoneError):
        data.page(**wrong)  # type: ignore[arg-type]


# --- several files, splits ---


def test_a_second_file_can_be_the_test(data: Dataset, tmp_path: Path) -> None:
    further = mails(30).replace("\nmessage ", "\nfurther ")
    data.add(write(tmp_path, further, "t.csv"), "t.csv", split="test")
    counts = data.counts()
    assert counts.rows == 230
    assert counts.splits["test"] == 30
    assert counts.splits["validation"] > 0, "validation still comes from the rest"
    assert {row["split"] for row in data.page(200, 30).rows} == {"test"}
    data.set_import_split(data.imports[1].id, None)
    assert data.counts().splits["test"] != 30


def test_a_second_file_may_name_its_columns_otherwise(data: Dataset, tmp_path: Path) -> None:
    content = "review|klasse\n" + "".join(
        f"a review number {i} that is long enough|{'Refund' if i % 2 else 'Other'}\n" for i in range(40)
    )
    data.add(write(tmp_path, content, "other.csv"), "other.csv")
    assert data.counts().labelled == 240
    assert data.counts().labels["Other"] == 20
    row = data.page(200, 1).rows[0]
    assert row["text"] == "a review number 0 that is long enough"
    assert data.columns == ("message", "topic", "review", "klasse")


@pytest.mark.parametrize(
    "words", [("train", "dev", "test"), ("Training", "VALID", "Held-out"), ("训练集", "验证集", "测试集")]
)
def test_a_split_column_is_recognised_and_obeyed(words: tuple[str, str, str], tmp_path: Path) -> None:
    content = "text,label,split\n" + "".join(
        f"text number {i},{'ab'[i % 2]},{words[0 if i < 30 else 1 if i < 40 else 2]}\n" for i in range(60)
    )
    data = Dataset.open(tmp_path / "data")
    data.add(write(tmp_path, content), "mails.csv")
    assert data.roles["split"].column == "split"
    assert data.counts().splits == {"train": 30, "validation": 10, "test": 20}
    data.set_split(column=None)
    assert data.counts().splits["test"] == 6


def test_shares_and_seed_can_be_set_and_wrong_ones_are_refused(data: Dataset) -> None:
    data.set_split(validation=0.2, test=0.3)
    assert data.counts().splits == {"train": 101, "validation": 39, "test": 60}
    first = {row["id"] for row in data.page(0, 200, split="test").rows}
    data.set_split(seed=99)
    assert {row["id"] for row in data.page(0, 200, split="test").rows} != first
    data.set_split(validation=0.0, test=0.0)
    assert data.counts().splits == {"train": 200, "validation": 0, "test": 0}
    for wrong in ({"test": 0.9}, {"validation": -0.1}, {"test": "much"}, {"test": 0.5, "validation": 0.5}):
        with pytest.raises(DataError):
            data.set_split(**wrong)


def test_one_label_more_moves_hardly_any_row_to_another_split(data: Dataset) -> None:
    before = {row["id"]: row["split"] for row in data.page(0, 200).rows}
    data.labels.put([{"row": f"1:{i}", "label": "Refund", "seq": i, "client": "c"} for i in range(0, 20)], "me")
    after = {row["id"]: row["split"] for row in data.page(0, 200).rows}
    assert sum(before[row] != after[row] for row in before) <= 8


def test_replace_reads_first_and_only_then_lets_go(data: Dataset, tmp_path: Path) -> None:
    bad = tmp_path / "picture.csv"
    bad.write_bytes(b"\x89PNG....")
    with pytest.raises(DataError):
        data.replace(bad, "picture.csv")
    assert data.counts().rows == 200
    with pytest.raises(Cancelled):
        data.replace(write(tmp_path, mails(50), "n.csv"), "n.csv", cancelled=lambda: True)
    assert data.counts().rows == 200
    data.replace(write(tmp_path, mails(50, ("A", "B")), "n.csv"), "n.csv")
    assert data.counts().rows == 50
    assert data.counts().labels == {"A": 25, "B": 25}
    assert [p.name for p in (tmp_path / "data" / "imports").iterdir()] == ["2.arrow"]


def test_a_file_that_comes_again_keeps_what_people_did(data: Dataset, tmp_path: Path) -> None:
    data.labels.put(
        [
            {"row": "1:4", "label": "Sizing", "seq": 1, "client": "c"},
            {"row": "1:9", "label": None, "seq": 2, "client": "c"},
        ],
        "ann",
    )
    data.exclude(["1:11"])
    data.move(["1:12"], "test")
    text = {row["id"]: row["text"] for row in data.page(0, 20).rows}
    lines = mails().splitlines()
    data.replace(write(tmp_path, "\n".join([lines[0], "a new first row,Refund", *lines[1:]])), "mails.csv")
    found = {row["text"]: row for row in data.page(0, 500).rows}
    assert found[text["1:4"]]["label"] == "Sizing"
    assert found[text["1:9"]]["label"] is None
    assert found[text["1:11"]]["excluded"]
    assert found[text["1:12"]]["split"] == "test"
    assert data.labels.history(found[text["1:4"]]["id"])[0]["who"] == "ann"


def test_reading_a_file_differently_keeps_its_place_and_its_answers(tmp_path: Path) -> None:
    path = write(tmp_path, mails())
    data = Dataset.open(tmp_path / "data")
    one = data.add(path, "mails.csv", How(header=False), split="train")
    assert data.counts().rows == 201
    place = data.page(search="message 7 ").rows[0]["id"]
    data.labels.create("Mine")
    data.labels.put([{"row": place, "label": "Mine", "seq": 1, "client": "c"}], "ann")
    data.reread(one.id, path, How(header=True))
    assert (data.counts().rows, data.roles["text"].column) == (200, "message")
    assert data.imports[0].split == "train"
    assert data.page(search="message 7 ").rows[0]["label"] == "Mine"


def test_removing_a_file_takes_its_rows_and_labels(data: Dataset, tmp_path: Path) -> None:
    data.add(write(tmp_path, mails(20, ("Only here", "Refund")), "b.csv"), "b.csv")
    assert "Only here" in data.counts().labels
    data.remove(data.imports[1].id)
    assert data.counts().rows == 200
    assert "Only here" not in data.counts().labels
    with pytest.raises(Missing):
        data.remove(77)


# --- roles, edits, versions ---


def test_roles_can_be_set_and_a_wrong_column_names_the_columns(data: Dataset) -> None:
    data.set_roles({"label": None})
    assert data.counts().unlabelled == 200
    assert data.labels.labels() == []
    data.set_roles({"label": "topic"})
    assert data.counts().labelled == 200
    with pytest.raises(ColumnMissing, match=r"There is no column “nope”\. There are message, topic"):
        data.set_roles({"text": "nope"})
    with pytest.raises(ColumnMissing):
        data.set_roles({"text": None})


def test_a_column_with_too_many_values_is_no_label_column(tmp_path: Path) -> None:
    data = Dataset.open(tmp_path / "data")
    data.add(write(tmp_path, "text,label,other\n" + "".join(f"text {i},{i % 3},{i}x\n" for i in range(3000))), "m.csv")
    with pytest.raises(DataError, match="3,000 different values"):
        data.set_roles({"label": "other"})
    assert data.roles["label"].column == "label"


def test_edits_are_undone_in_any_order_and_every_change_makes_a_version(data: Dataset) -> None:
    versions = [data.version]
    out = data.exclude(["1:0", "1:1"])
    versions.append(data.version)
    again = data.exclude(["1:1", "1:2"])
    moved = data.move(["1:3"], "test")
    changed = data.change_cell("1:4", "message", "another text")
    versions.append(data.version)
    assert data.counts().excluded == 3
    assert data.page(3, 1).rows[0]["split"] == "test"
    assert data.page(4, 1).rows[0]["text"] == data.page(4, 1).rows[0]["cells"]["message"] == "another text"
    assert data.page(search="another text").total == 1
    data.undo(out)
    assert data.counts().excluded == 2
    for group in (again, moved, changed):
        data.undo(group)
    versions.append(data.version)
    assert data.counts().excluded == 0
    assert data.page(search="another text").total == 0
    assert versions == sorted(set(versions))
    with pytest.raises(Missing):
        data.undo("edit-nope")
    with pytest.raises(Missing):
        data.exclude(["9:9"])


# --- for runs ---


def test_a_run_gets_labelled_included_rows_with_text_and_a_split(tmp_path: Path) -> None:
    data = Dataset.open(tmp_path / "data")
    data.add(write(tmp_path, mails(empty=True)), "mails.csv")
    data.exclude(["1:0"])
    data.labels.put([{"row": "1:1", "label": None, "seq": 1, "client": "c"}], "me")
    data.change_cell("1:2", "message", "a text that was mended")
    info, rows = frozen(data, tmp_path)
    assert len(rows) == 200 - 4
    assert [r["id"] for r in rows[:2]] == ["1:2", "1:3"]
    assert rows[0]["text"] == "a text that was mended"
    assert info.labels == ("Delivery", "Refund", "Sizing")  # type: ignore[attr-defined]
    assert info.colours == (1, 2, 3)  # type: ignore[attr-defined]
    assert info.counts == {s: sum(r["split"] == s for r in rows) for s in ("train", "validation", "test")}  # type: ignore[attr-defined]
    assert info.version == data.version  # type: ignore[attr-defined]
    assert info.columns == {"text": "message", "label": "topic", "split": None}  # type: ignore[attr-defined]
    pages = {row["id"]: row for row in data.page(0, 500).rows}
    assert all(pages[r["id"]]["label"] == r["label"] and pages[r["id"]]["split"] == r["split"] for r in rows)


def test_numbers_as_labels_stand_in_their_order(tmp_path: Path) -> None:
    data = Dataset.open(tmp_path / "data")
    data.add(write(tmp_path, "text,label\n" + "".join(f"text {i},{(10, 2, 1)[i % 3]}\n" for i in range(30))), "m.csv")
    assert data.freeze(tmp_path / "rows.arrow").labels == ("1", "2", "10")


def test_labels_of_tells_the_labels_of_today(data: Dataset) -> None:
    assert data.labels_of(["1:0", "1:1", "8:1"]) == {"1:0": "Delivery", "1:1": "Refund"}


# --- the queue of the Label tab ---


def test_the_queue_goes_on_behind_a_row_whether_or_not_it_is_still_in_it(tmp_path: Path) -> None:
    data = Dataset.open(tmp_path / "data")
    data.add(write(tmp_path, mails(empty=True)), "mails.csv")
    data.set_roles({"label": None})
    data.labels.create("x")
    first = data.queue(count=3)
    assert [row["id"] for row in first.rows] == ["1:0", "1:1", "1:2"]
    assert (first.total, first.left) == (198, 195)
    data.labels.put([{"row": "1:2", "label": "x", "seq": 1, "client": "c"}], "me")
    assert [row["id"] for row in data.queue(after="1:2", count=3).rows] == ["1:3", "1:4", "1:7"], (
        "empty rows are passed over"
    )
    assert [row["id"] for row in data.queue(only="all", before="1:4", count=2).rows] == ["1:2", "1:3"]
    assert [row["id"] for row in data.queue(only="label:x").rows] == ["1:2"]
    assert data.queue(search="message 19 ", only="all").total == 1


def test_a_random_queue_is_the_same_tomorrow_and_shows_every_row_once(data: Dataset, tmp_path: Path) -> None:
    seen: list[str] = []
    after = None
    while page := data.queue(order="random", only="all", after=after, count=70).rows:
        seen += [row["id"] for row in page]
        after = seen[-1]
    assert len(seen) == len(set(seen)) == 200
    assert seen != sorted(seen, key=lambda row: int(row[2:]))
    data.close()
    again = Dataset.open(tmp_path / "data").queue(order="random", only="all", count=70).rows
    assert [row["id"] for row in again] == seen[:70]


# --- on disk ---


def test_a_copied_folder_is_a_data_set_of_its_own(data: Dataset, tmp_path: Path) -> None:
    data.exclude(["1:0"])
    copy = data.copy_to(tmp_path / "copy")
    data.exclude(["1:1"])
    assert (copy.counts().excluded, data.counts().excluded) == (1, 2)
    data.close()
    shutil.copytree(tmp_path / "data", tmp_path / "plain")
    assert Dataset.open(tmp_path / "plain").counts().excluded == 2


def test_a_folder_put_in_the_place_of_another_is_noticed(data: Dataset, tmp_path: Path) -> None:
    other = Dataset.open(tmp_path / "other")
    other.add(write(tmp_path, mails(10), "ten.csv"), "ten.csv")
    data.close()
    other.close()
    shutil.rmtree(tmp_path / "data")
    (tmp_path / "other").rename(tmp_path / "data")
    assert Dataset.open(tmp_path / "data").counts().rows == 10


def test_two_processes_see_each_other(data: Dataset, tmp_path: Path) -> None:
    """A second Dataset object on the same folder stands for another process: it shares nothing but the file."""
    other = Dataset(tmp_path / "data")
    assert other.counts().excluded == 0
    data.exclude(["1:0"])
    assert other.counts().excluded == 1
    other.labels.put([{"row": "1:5", "label": "Sizing", "seq": 1, "client": "other"}], "other")
    assert data.page(5, 1).rows[0]["label"] == "Sizing"


def test_many_threads_may_read_and_write_at_once(data: Dataset) -> None:
    errors: list[BaseException] = []

    def work(n: int) -> None:
        try:
            for i in range(20):
                data.labels.put([{"row": f"1:{n * 20 + i}", "label": "Sizing", "seq": i, "client": f"t{n}"}], f"t{n}")
                assert data.page(n * 20 + i, 1).rows[0]["label"] == "Sizing"
                data.counts()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert data.page(0, 500, label="Sizing", only="by_hand").total == 120


def test_facts_tell_lengths_language_and_unknown_share(data: Dataset, tmp_path: Path) -> None:
    facts = data.facts()
    assert (facts.language, facts.spaces, facts.unknown_share) == ("en", True, 0.0)
    assert facts.words[50] == 8
    assert facts.tokens[100] >= 10
    assert facts.rows == data.counts().splits
    histogram = data.lengths()
    assert histogram["unit"] == "words"
    assert sum(histogram["counts"]) == histogram["n"] == 200
    assert len(histogram["edges"]) == len(histogram["counts"]) + 1
    chinese = Dataset.open(tmp_path / "zh")
    chinese.add(
        write(
            tmp_path, "text,label\n" + "".join(f"这家饭店的味道真不错第{i}次,{i % 2}\n" for i in range(50)), "zh.csv"
        ),
        "zh.csv",
    )
    facts = chinese.facts()
    assert (facts.language, facts.spaces) == ("zh", False)
    assert facts.unknown_share > 0.2
    assert chinese.lengths()["unit"] == "characters"
