"""The ways to tune as the Settings page offers them: what suits, what it costs, how wide its steps are."""

from __future__ import annotations

import pytest

from core.models.catalogue import CLASSIC, find
from core.models.known import KNOWN
from core.models.methods import METHODS
from core.tasks import TASKS
from core.training import ways
from core.training.advice import Facts, Machine
from core.training.draft import Draft, settle

LAPTOP = Machine(2, 8 << 30)
MAIL = Facts(train=2_000, validation=250, labels={"a": 1_000, "b": 1_000})


def told(base, task="classification", machine=LAPTOP, **values):
    return {way["value"]: way for way in ways.told(values, base, TASKS[task], machine, 2)}


def test_a_way_brings_the_width_of_its_steps_and_a_person_may_set_another():
    plain = settle(Draft("balanced"), MAIL, machine=LAPTOP).settings.learning_rate
    lora = settle(Draft("balanced", {"method": "lora"}), MAIL, machine=LAPTOP)
    assert lora.settings.learning_rate == lora.good["learning_rate"] == pytest.approx(METHODS["lora"].rate * plain)
    assert "learning_rate" not in lora.changed
    own = settle(Draft("balanced", {"method": "lora", "learning_rate": 2e-4}), MAIL, machine=LAPTOP)
    assert own.settings.learning_rate == 2e-4


def test_steps_take_more_texts_where_a_text_costs_next_to_nothing_and_enough_steps_are_left():
    many = Facts(train=9_000, validation=1_000, labels={"a": 4_500, "b": 4_500})
    usual = settle(Draft("balanced"), many, machine=LAPTOP).settings.batch_size
    assert settle(Draft("balanced", {"method": "headsteps"}), many, machine=LAPTOP).settings.batch_size == 4 * usual
    assert settle(Draft("balanced", {"method": "lora"}), many, machine=LAPTOP).settings.batch_size == usual
    assert [ways.batch("headsteps", 32, texts) for texts in (800, 3_200, 6_400, 90_000)] == [32, 64, 128, 128]


def test_a_way_that_cannot_be_had_is_a_problem_of_its_field():
    settled = settle(Draft("balanced", {"method": "qlora"}), MAIL, machine=LAPTOP)
    if (reason := METHODS["qlora"].suits(settled.base, settled.task, LAPTOP)) is None:
        pytest.skip("this machine has a GPU and bitsandbytes")
    assert [(p.field, str(p.message)) for p in settled.problems] == [("method", str(reason))]


def test_every_way_says_what_it_costs_and_four_are_usual():
    found = told(find("bundled:all-MiniLM-L6-v2"))
    assert set(found) == set(METHODS)
    assert [name for name, way in found.items() if way["usual"]] == ["full", "lora", "head", "top"]
    assert all(way["count"] and way["size"] == 4 * way["count"] for way in found.values())
    assert found["bitfit"]["share"] < 0.01 < found["lora"]["share"] < 0.1 < found["full"]["share"] < 1


def test_values_that_are_off_do_not_stop_the_sums():
    assert told(find("bundled:all-MiniLM-L6-v2"), lora_rank="many", top_layers=1)["top"]["count"]


@pytest.mark.parametrize(
    ("base", "task", "name", "why"),
    [
        ("microsoft/resnet-18", "images", "lora", "convolutions"),
        ("google/vit-base-patch16-224", "images", "prompt", "pictures"),
        ("google-t5/t5-small", "text2text", "bitfit", "biases"),
        ("openai-community/gpt2", "chat", "oft", "GPT-2"),
    ],
)
def test_what_does_not_suit_says_why(base, task, name, why):
    assert why in str(told(KNOWN[base], task)[name]["reason"])


def test_counted_words_have_no_ways():
    assert told(find(CLASSIC)) == {}
