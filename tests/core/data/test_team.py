"""Several people label one data set: who gets which row, what is in force, what a file that is read again keeps."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from core.data import team, together, votes
from core.data.dataset import Dataset
from core.data.shape import Shape
from core.data.team import Team
from core.errors import DataError
from core.tasks import TASKS

PEOPLE = ("anna", "ben", "cem", "dora")
seq = iter(range(1, 10**9))


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    """600 texts, the first 60 labelled by the file."""
    path = tmp_path / "mail.csv"
    path.write_text(
        "text,label\n" + "".join(f"text number {i},{('ham', 'spam')[i % 2] if i < 60 else ''}\n" for i in range(600))
    )
    found = Dataset.open(tmp_path / "data")
    found.add(path, "mail.csv")
    return found


def say(data: Dataset, who: str, row: int, label: str | None, origin: str = "human") -> int:
    number = next(seq)
    told = data.labels.put([{"row": f"1:{row}", "label": label, "seq": number, "client": "t"}], who, origin)
    assert told["saved"] == [number]
    return number


def back(data: Dataset, who: str, row: int, number: int) -> None:
    data.labels.put([{"row": f"1:{row}", "seq": next(seq), "takes_back": {"client": "t", "seq": number}}], who)


def now(data: Dataset, row: int) -> str | None:
    return data.row(f"1:{row}")["label"]


def of(task: str) -> Shape:
    return Shape.of(task, TASKS[task].columns)


# --- who gets which row ---


def test_a_split_gives_every_row_to_one_person_and_shares_fairly():
    keys = np.random.default_rng(1).integers(0, 2**63, 20_000).astype(np.uint64)
    masks = [team.assigned(Team("split", PEOPLE), keys, name) for name in PEOPLE]
    assert (np.sum(masks, axis=0) == 1).all()
    assert all(abs(mask.mean() - 0.25) < 0.015 for mask in masks)


def test_an_overlap_gives_its_share_to_so_many_and_the_others_to_one():
    keys = np.random.default_rng(2).integers(0, 2**63, 20_000).astype(np.uint64)
    chosen = Team("overlap", PEOPLE, share=0.1, times=3)
    times = np.sum([team.assigned(chosen, keys, name) for name in PEOPLE], axis=0)
    assert set(times.tolist()) == {1, 3} and abs((times == 3).mean() - 0.1) < 0.01
    assert (team.several(chosen, keys) == (times == 3)).all()
    assert team.several(Team("overlap", PEOPLE, share=1.0), keys).all()


def test_who_joins_takes_rows_and_nobody_else_gets_a_new_one():
    keys = np.random.default_rng(3).integers(0, 2**63, 20_000).astype(np.uint64)
    before = {name: team.assigned(Team("split", PEOPLE), keys, name) for name in PEOPLE}
    larger = Team("split", (*PEOPLE, "emil"))
    after = {name: team.assigned(larger, keys, name) for name in larger.people}
    assert all(not (after[name] & ~before[name]).any() for name in PEOPLE)
    assert abs(after["emil"].mean() - 0.2) < 0.015
    assert (
        team.assigned(Team("split", PEOPLE), keys, "emil") == after["emil"]
    ).all()  # asked before being written down


def test_equal_texts_fall_to_the_same_person(tmp_path: Path):
    path = tmp_path / "twice.csv"
    path.write_text("text\n" + "".join(f"text {i % 100}\n" for i in range(300)))
    data = Dataset.open(tmp_path / "data")
    data.add(path, "twice.csv")
    mask = team.assigned(Team("split", PEOPLE), data.state.keys, "anna").reshape(3, 100)
    assert (mask == mask[0]).all() and 0 < mask[0].sum() < 100


def test_rows_of_a_person_shrink_with_their_answers_and_rows_of_the_file_are_nobodys(data: Dataset):
    votes.set_team(data, Team("split", PEOPLE))
    total = {name: team.mine(data, name).counts["rows"] for name in PEOPLE}
    assert sum(total.values()) == 540
    first = data.queue(mine=team.mine(data, "anna")).rows[0]
    assert not first["answered"]
    say(data, "anna", first["number"] - 1, "ham")
    mine = team.mine(data, "anna")
    assert mine.counts == {"rows": total["anna"], "labelled": 1, "unlabelled": total["anna"] - 1}
    assert data.queue(mine=mine).rows[0]["id"] != first["id"]
    assert [row["id"] for row in data.queue(only="label:ham", mine=mine).rows] == [first["id"]]


def test_a_row_that_somebody_labelled_before_another_joined_is_done(data: Dataset):
    votes.set_team(data, Team("split", PEOPLE))
    mine = team.mine(data, "anna")
    for place in np.flatnonzero(mine.open).tolist():
        say(data, "anna", place, "ham")
    votes.join(data, "emil")
    assert team.of(data.log).people == (*PEOPLE, "emil")
    assert not (team.mine(data, "emil").open & mine.open).any()


def test_answers_are_hidden_until_all_of_ones_rows_are_done(data: Dataset):
    votes.set_team(data, Team("everybody", ("anna", "ben"), hidden=True))
    say(data, "ben", 100, "spam")
    blind = team.mine(data, "anna")
    assert blind.blind and not data.queue(only="label:spam", mine=blind).rows
    rows = data.queue(only="all", count=500, mine=blind).rows
    team.as_mine(data.state, rows, blind)
    assert not any(row["answered"] for row in rows)
    for place in np.flatnonzero(blind.open).tolist():
        say(data, "anna", place, "ham")
    assert not team.mine(data, "anna").blind and team.mine(data, "ben").blind


def test_what_is_no_team_is_refused():
    with pytest.raises(DataError):
        Team.from_json({"mode": "all of us"})
    with pytest.raises(DataError):
        Team.from_json({"mode": "overlap", "share": "much"})
    with pytest.raises(DataError):
        Team.from_json({"mode": "split", "people": [f"p{i}" for i in range(1000)]})
    told = Team.from_json({"mode": "split", "people": ["  Anna \u202e Berg ", "", None, 7, "x" * 100, "Anna Berg"]})
    assert told.people[0] == "Anna Berg" and len(told.people) == 2 and len(told.people[1]) == 40


# --- what is in force ---


def test_the_majority_is_in_force_and_a_tie_waits(data: Dataset):
    votes.set_team(data, Team("everybody", PEOPLE))
    say(data, "anna", 100, "ham")
    assert now(data, 100) == "ham"
    say(data, "ben", 100, "spam")
    assert now(data, 100) is None and together.settling(data)["open"] == 1
    third = say(data, "cem", 100, "spam")
    assert now(data, 100) == "spam" and together.settling(data) == {"differ": 1, "open": 0, "settled": 0}
    back(data, "cem", 100, third)
    assert now(data, 100) is None
    say(data, "anna", 100, "spam")  # changes her mind: her last answer counts, once
    assert now(data, 100) == "spam" and together.settling(data)["differ"] == 0
    say(data, "anna", 100, None)
    say(data, "ben", 100, None)
    assert now(data, 100) is None and data.row("1:100")["cleared"]


def test_a_tie_over_a_label_of_the_file_leaves_the_files(data: Dataset):
    votes.set_team(data, Team("everybody", PEOPLE))
    say(data, "anna", 0, "spam")
    assert now(data, 0) == "spam"
    say(data, "ben", 0, "ham")
    assert (now(data, 0), data.row("1:0")["origin"]) == ("ham", "file")


def test_what_is_settled_stands_until_it_is_taken_back(data: Dataset):
    votes.set_team(data, Team("everybody", PEOPLE))
    for who, label in (("anna", "ham"), ("ben", "ham"), ("cem", "spam")):
        say(data, who, 100, label)
    number = say(data, "owner", 100, "spam", "settled")
    assert now(data, 100) == "spam"
    say(data, "dora", 100, "ham")
    assert now(data, 100) == "spam" and together.settling(data) == {"differ": 0, "open": 0, "settled": 1}
    assert not team.mine(data, "emil").open[100]
    back(data, "owner", 100, number)
    assert now(data, 100) == "ham" and together.settling(data)["settled"] == 0


def test_a_correction_under_data_is_settled_where_several_label(data: Dataset):
    votes.set_team(data, Team("everybody", PEOPLE))
    for who in PEOPLE:
        say(data, who, 100, "ham")
    data.labels.decide([{"row": "1:100", "label": "spam", "seq": next(seq), "client": "t"}], "owner")
    assert now(data, 100) == "spam"


def test_labels_that_are_merged_say_the_same(data: Dataset):
    votes.set_team(data, Team("everybody", PEOPLE))
    junk = data.labels.create("junk").label
    say(data, "anna", 100, "spam")
    say(data, "ben", 100, "junk")
    assert now(data, 100) is None
    spam = next(one["id"] for one in data.labels.labels() if one["name"] == "spam")
    change = data.labels.merge(junk, spam)
    assert now(data, 100) == "spam" and together.settling(data)["differ"] == 0
    data.labels.undo_change(change.change)
    assert now(data, 100) is None


def test_switching_the_team_on_and_off_decides_every_row_anew(data: Dataset):
    for who, label in (("anna", "ham"), ("ben", "ham"), ("cem", "spam")):
        say(data, who, 100, label)
    taken = say(data, "cem", 101, "spam")
    back(data, "cem", 101, taken)
    assert now(data, 100) == "spam"  # the last answer of anybody
    votes.set_team(data, Team("split", PEOPLE))
    assert now(data, 100) == "ham" and now(data, 101) is None
    votes.set_team(data, Team())
    assert now(data, 100) == "spam" and now(data, 101) is None


def test_of_numbers_the_middle_one_is_in_force(tmp_path: Path):
    path = tmp_path / "likeness.csv"
    path.write_text("text,score\n" + "".join(f"text {i},\n" for i in range(9)))
    data = Dataset.open(tmp_path / "data")
    data.add(path, "likeness.csv")
    data.set_shape(of("regression"))
    data.set_roles({"text": "text", "label": "score"})
    votes.set_team(data, Team("everybody", PEOPLE))
    for who, value in (("anna", 1.0), ("ben", 2.0), ("cem", 5.0)):
        data.labels.put([{"row": "1:0", "value": value, "seq": next(seq), "client": "t"}], who)
    assert data.row("1:0")["value"] == 2.0
    data.labels.put([{"row": "1:0", "value": 3.0, "seq": next(seq), "client": "t"}], "dora")
    assert data.row("1:0")["value"] == 2.5
    assert together.figures(data)["figures"][0]["name"] == "alpha_interval"


def test_lists_of_labels_and_marked_places_agree_whatever_their_order(tmp_path: Path):
    path = tmp_path / "texts.csv"
    path.write_text("text,labels\nAnna lives in Rome,\nBen too,\n")
    data = Dataset.open(tmp_path / "data")
    data.add(path, "texts.csv")
    data.set_shape(of("multilabel"))
    data.set_roles({"text": "text", "label": "labels"})
    for name in "xyz":
        data.labels.create(name)
    votes.set_team(data, Team("everybody", PEOPLE))
    for who, value in (("anna", ["x", "y"]), ("ben", ["y", "x"]), ("cem", ["z"])):
        data.labels.put([{"row": "1:0", "value": value, "seq": next(seq), "client": "t"}], who)
    assert sorted(data.row("1:0")["value"]) == ["x", "y"]
    found = together.to_settle(data)["rows"][0]["answers"]
    assert [one["who"] for one in found] == [["anna", "ben"], ["cem"]]
    mixed = {(one["a"], one["b"]): one["n"] for one in together.figures(data)["mixed"]}
    assert mixed == {("x", None): 2, ("y", None): 2, ("z", None): 2}


# --- what the team is told ---


def test_people_with_their_rows_speed_and_agreement(data: Dataset):
    votes.set_team(data, Team("everybody", ("anna", "ben")))
    for place in range(100, 140):
        label = ("ham", "spam")[place % 2]
        for who, wrong in (("anna", False), ("ben", place % 10 == 0)):
            entry = {
                "row": f"1:{place}",
                "label": "spam" if wrong else label,
                "seq": next(seq),
                "client": "t",
                "seconds": 2.0 if who == "anna" else 5.0,
            }
            data.labels.put([entry], who)
    told = {one["who"]: one for one in together.people(data, team.of(data.log))}
    assert (told["anna"]["done"], told["anna"]["rows"], told["anna"]["seconds"], told["ben"]["seconds"]) == (
        40,
        540,
        2.0,
        5.0,
    )
    found = together.figures(data)
    kappa = next(one for one in found["figures"] if one["name"] == "cohen")
    assert kappa["value"] == pytest.approx(told["anna"]["agrees"]) and kappa["rows"] == 40
    assert found["same"] == pytest.approx(0.9) and found["mixed"] == [{"a": "ham", "b": "spam", "n": 4}]
    assert len(together.to_settle(data, labels=["spam", "ham"])["rows"]) == 4
    assert not together.to_settle(data, labels=["ham", None])["rows"]
    assert len(together.to_settle(data, of=["ben", "anna"])["rows"]) == 4
    rest = together.to_settle(data, after="1:100")
    assert [row["id"] for row in rest["rows"]] == ["1:110", "1:120", "1:130"] and rest["total"] == 4


def test_speed_is_told_by_the_time_between_answers_where_the_page_said_none(data: Dataset):
    for place in range(100, 104):
        say(data, "anna", place, "ham")
    with data.log.change("answers") as (db, _):
        db.execute("UPDATE answers SET at = 1000 + 7 * seq WHERE seq < 4")
        db.execute("UPDATE answers SET at = 100000 WHERE seq = 4")  # after lunch
    assert together.people(data, Team())[0]["seconds"] == 7.0


# --- a file that comes again ---


def test_a_file_read_again_keeps_every_persons_answer_with_its_time_and_origin(data: Dataset, tmp_path: Path):
    votes.set_team(data, Team("everybody", PEOPLE))
    say(data, "anna", 100, "ham")
    say(data, "ben", 100, "spam")
    say(data, "cem", 200, "ham", "import")
    say(data, "owner", 300, "spam", "settled")
    gone = say(data, "dora", 200, "spam")
    back(data, "dora", 200, gone)
    with data.log.change("answers") as (db, _):
        db.execute("UPDATE answers SET at = 1000 + seq, seconds = 3.5")
    path = tmp_path / "mail.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    data.replace(path, "mail.csv")
    query = (
        "SELECT row & 1099511627775 AS n, who, label, origin, at, seconds FROM answers WHERE row >> 40 = 2 ORDER BY seq"
    )
    found = [tuple(r) for r in data.log.read().execute(query)]
    names = {one["id"]: one["name"] for one in data.labels.labels()}
    assert [(599 - n, who, names[label], origin, at, s) for n, who, label, origin, at, s in found] == [
        (100, "anna", "ham", "human", 1001.0, 3.5),
        (100, "ben", "spam", "human", 1002.0, 3.5),
        (200, "cem", "ham", "import", 1003.0, 3.5),
        (300, "owner", "spam", "settled", 1004.0, 3.5),
    ]
    assert together.settling(data) == {"differ": 1, "open": 1, "settled": 1}
    assert data.row("2:299")["label"] == "spam"


# --- speed ---


def test_an_answer_takes_milliseconds_beside_a_hundred_thousand(tmp_path: Path):
    path = tmp_path / "large.csv"
    path.write_text("text,label\nfirst,ham\nsecond,spam\n" + "".join(f"text number {i},\n" for i in range(50_000)))
    data = Dataset.open(tmp_path / "data")
    data.add(path, "large.csv")
    votes.set_team(data, Team("everybody", PEOPLE))
    ham = next(one["id"] for one in data.labels.labels() if one["name"] == "ham")
    with data.log.change("answers") as (db, version):
        many = [((1 << 40) | i % 50_000 + 2, ham, PEOPLE[i // 50_000], 1.0 * i, "many", i) for i in range(100_000)]
        db.executemany("INSERT INTO answers (row, label, who, at, client, client_seq) VALUES (?, ?, ?, ?, ?, ?)", many)
        votes.count_all(db, version)
    assert data.counts().labelled == 50_002
    took = []
    for place in range(2, 42):
        began = time.perf_counter()
        say(data, "cem", place, "spam")
        took.append(time.perf_counter() - began)
    assert sorted(took)[20] < 0.05
    began = time.perf_counter()
    data.queue(mine=team.mine(data, "cem"))
    assert time.perf_counter() - began < 1.0


def test_labels_of_many_people_at_once_are_all_there(data: Dataset):
    import threading

    votes.set_team(data, Team("everybody", PEOPLE))

    def works(who: str) -> None:
        for place in range(100, 130):
            data.labels.put([{"row": f"1:{place}", "label": "ham", "seq": place, "client": who}], who)

    threads = [threading.Thread(target=works, args=(who,)) for who in PEOPLE]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    found = Counter(r[0] for r in data.log.read().execute("SELECT who FROM answers"))
    assert found == dict.fromkeys(PEOPLE, 30) and together.figures(data)["rows"] == 30


# --- every way to answer ---


@pytest.mark.parametrize(
    "task", [one.name for one in TASKS.values() if any(c.target for c in one.columns) and one.name != "images"]
)
def test_people_who_differ_are_counted_shown_and_settled_in_every_task_that_is_labelled(task: str, tmp_path: Path):
    """Two people say the same of two rows and differ on a third: the figures know it, it is offered, and settling it puts it in force."""
    import csv

    from contract_rows import ROWS

    from core.data.values import encode, kind

    columns = TASKS[task].columns
    target = next(one for one in columns if one.target)
    inputs = [one for one in columns if not one.target]
    rows = ROWS[task](tmp_path)
    two = [next(r for r in rows if r[target.role] != rows[0][target.role]), rows[0]]
    rows = [rows[0], two[0], rows[0] if inputs[0].kind == "choices" else two[1], *rows[1:4]]
    path = tmp_path / "rows.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([one.role for one in inputs])
        writer.writerows([encode(one.kind, row.get(one.role)) or "" for one in inputs] for row in rows)
    data = Dataset.open(tmp_path / "data")
    data.set_shape(of(task))
    data.add(path, "rows.csv")
    data.set_roles({one.role: one.role for one in inputs})
    here = kind(target.kind)
    for name in dict.fromkeys(name for row in rows for name in here.names(row[target.role])):
        data.labels.create(str(name))
    votes.set_team(data, Team("everybody", ("anna", "ben")))

    def answer(who: str, row: int, value: object, origin: str = "human") -> None:
        entry = {"row": f"1:{row}", "label" if data.shape.by_label else "value": value, "seq": next(seq), "client": "t"}
        told = data.labels.put([entry], who, origin)
        assert not told["refused"], told

    first, second = rows[0][target.role], rows[1][target.role]
    for who, values in (("anna", (first, second, first)), ("ben", (first, second, second))):
        for row, value in enumerate(values):
            answer(who, row, value)
    told = together.figures(data)
    assert (told["rows"], told["pairs"]) == (3, 3) and told["same"] == pytest.approx(2 / 3)
    assert (
        told["figures"] and told["people"][0]["rows"] == 3 and together.people(data, team.of(data.log))[0]["done"] == 3
    )
    found = together.to_settle(data)
    assert found["total"] == 1 and [one["who"] for one in found["rows"][0]["answers"]] == [["anna"], ["ben"]]
    assert here.shown(found["rows"][0]["answers"][1]["value"], found["rows"][0]["inputs"]) is not None
    answer("owner", 2, found["rows"][0]["answers"][1]["value"], "settled")
    assert together.settling(data) == {"differ": 0, "open": 0, "settled": 1}
    now = data.row("1:2")
    assert (now["label"] if data.shape.by_label else now["value"]) == found["rows"][0]["answers"][1]["value"]
