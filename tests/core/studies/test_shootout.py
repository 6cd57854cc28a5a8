"""Several ways on one split with one budget, and the same training on folds: real runs of tiny models."""

from __future__ import annotations

import json
from functools import partial

import pytest

from core import projects
from core.errors import HoneError
from core.models.catalogue import CLASSIC
from core.studies import folds, planned, shootout, study
from core.studies.base import look
from core.studies.compared import holm
from core.studies.director import Director
from core.training import draft as drafts
from core.training.draft import Draft
from core.training.engine import Engine
from core.workspace import Workspace

ROUNDS = shootout.Budget("rounds", 0.5)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return Workspace.open(tmp_path_factory.mktemp("studies") / "home")


@pytest.fixture(scope="module")
def data(home, telling):
    made = projects.create(home, "Messages")
    table = made.folder / "messages.csv"
    lines = ["text,label,split", *(f"{row['text']},{row['label']},{row['split']}" for row in telling(330))]
    table.write_text("\n".join(lines), encoding="utf-8")
    made.dataset().add(table, "messages.csv")
    return made


@pytest.fixture(scope="module")
def carried(home):
    """Carry a study out to its end, in this process."""

    def carry(one):
        engine = Engine(home.home, inline=True, warm=False)
        director = Director(engine)
        try:
            director.lead(one)
            director.wait(one)
        finally:
            director.close()
            engine.close()
        assert one.view().state == "over"
        return one

    return carry


@pytest.fixture(scope="module")
def settle(data):
    return partial(drafts.settle, facts=data.dataset().facts())


@pytest.fixture(scope="module")
def compared(data, settle, carried, tiny_encoder):
    before = Draft(changed={"max_length": 32, "least_count": 1})
    members = shootout.ways(settle, before, ["head", "full"], [str(tiny_encoder), CLASSIC], ROUNDS)
    asked = planned.question(members, budget=ROUNDS.as_json())
    return carried(study.create(data.folder, kind="shootout", name="Which?", question=asked, dataset=data.dataset()))


def test_every_way_is_measured_on_the_same_rows_with_what_it_costs(compared):
    told = shootout.result(compared, look(compared))
    assert [row["state"] for row in told["rows"]] == ["finished"] * 3 and told["split"] == "test"
    assert {row["test"]["n"] for row in told["rows"]} == {66}
    for row in told["rows"]:
        assert row["test"]["low"] < row["test"]["value"] < row["test"]["high"]
        assert (
            row["seconds"] > 0 and row["memory"] > 1e8 and 0 < row["learns"] <= row["weights"] and row["bytes"] > 1_000
        )
    head, full, counting = told["rows"]
    assert head["learns"] == 3 * 32 + 3 and full["learns"] > 10 * head["learns"] and full["weights"] == head["weights"]
    assert counting["values"] == {"base": CLASSIC}


def test_the_table_says_what_the_runs_say_and_outlives_them(compared):
    before = shootout.result(compared, look(compared))
    for row, run in zip(before["rows"], compared.runs().values(), strict=True):
        assert row["test"]["value"] == pytest.approx(run.view().test["accuracy"], abs=1e-6)
        credits = [json.loads(line) for line in compared.answers(run.id).read_text().splitlines()]
        tested = [line["credit"] for line in credits if line["split"] == "test"]
        assert sum(tested) / len(tested) == pytest.approx(row["test"]["value"], abs=1e-6)
    list(compared.runs().values())[1].delete()
    after = shootout.result(compared, look(compared))
    assert after["rows"][1]["runs"] == [] and after["rows"][1]["test"] == before["rows"][1]["test"]
    assert after["rows"][0]["p"] == before["rows"][0]["p"] or after["rows"][0]["best"]


def test_chance_differences_are_called_such(compared):
    told = shootout.result(compared, look(compared))
    best = next(row for row in told["rows"] if row["best"])
    for row in told["rows"]:
        assert row["good"] == (row is best or row["p"] >= 0.05)
    alike = [row for row in told["rows"] if row["good"]]
    assert ("No clear difference" in told["sentence"].template) == (min(alike, key=lambda r: r["seconds"]) is not best)


def test_many_questions_at_once_are_answered_more_carefully():
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": None}) == {
        "a": 0.03,
        "b": 0.06,
        "c": 0.06,
        "d": None,
    }  # statsmodels gives these


def test_steps_are_as_wide_as_suit_each_method_unless_somebody_chose(settle, tiny_encoder):
    def rates(changed):
        members = shootout.ways(settle, Draft(changed=changed), ["full", "lora"], [str(tiny_encoder)], ROUNDS)
        return [w.settings.learning_rate for w in members]

    full, lora = rates({})
    assert lora > full
    assert rates({"learning_rate": 1e-4}) == [1e-4, 1e-4]


def test_one_way_is_no_comparison(settle, tiny_encoder):
    with pytest.raises(HoneError, match="two ways"):
        shootout.ways(settle, Draft(), ["full"], [str(tiny_encoder)], ROUNDS)


def test_folds_give_every_text_an_answer_of_a_model_that_has_not_seen_it(data, settle, carried):
    way = folds.way(settle(Draft("quick", {"base": CLASSIC})))
    asked = planned.question([way], folds=3)
    one = carried(study.create(data.folder, kind="folds", name="Steady?", question=asked, dataset=data.dataset()))
    told = folds.result(one, look(one))
    rows = one.rows.table().to_pylist()
    held = {row["id"] for row in rows if row["split"] != "test"}
    answers = folds.out_of_fold(one)
    assert set(answers) == held and told["gathered"] == len(held)
    values = [row["validation"]["value"] for row in told["rows"]]
    assert told["spread"]["mean"] == pytest.approx(sum(values) / 3)
    texts = {row["id"]: row["text"] for row in rows}
    for run in one.runs().values():
        learnt = {texts[line["id"]] for line in split_of(run) if line["split"] == "train"}
        asked_of = {texts[line["id"]] for line in split_of(run) if line["split"] == "validation"}
        assert not learnt & asked_of
        assert run.spec["data"]["counts"]["test"] == sum(row["split"] == "test" for row in rows)
    assert told["sentence"].said("en").startswith("Share right") or "±" in told["sentence"].said("en")


def split_of(run):
    import pyarrow as pa

    with pa.memory_map(str(run.folder / "rows.arrow")) as source:
        return pa.ipc.open_file(source).read_all().to_pylist()
