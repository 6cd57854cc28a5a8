"""The form is the declaration: nothing of it is written a second time."""

from __future__ import annotations

import json

from core.settings import Settings, knob, knobs
from core.training.settings import GROUPS, TrainingSettings
from webui.calls import plain
from webui.form import form, messages, stops

ENCODER, CLASSIC = {"base_kind": "encoder"}, {"base_kind": "classic"}


class Small(Settings):
    width: float = knob(5e-5, "Step width", "How far.", low=1e-7, high=1e-1, log=True, group="a")
    share: float = knob(0.06, "Gentle start", "Share.", low=0.0, high=0.9, group="a")
    count: int = knob(32, "Texts per step", "Texts.", low=1, high=1024, group="b")
    doubt: float | None = knob(
        None, "Doubt", "Empty: none.", low=0.0, high=0.5, group="b", shown_when={"loss": "focal"}
    )
    loss: str = knob("plain", "Loss", "Which.", choices={"plain": "Plain", "focal": "Focal"}, group="b")
    seed: int = knob(7, "Seed", "Of chance.", low=0, high=2**31 - 1, group="b")


def by_name(name: str):
    return next(k for k in knobs(Small) if k.name == name)


def test_every_knob_stands_in_exactly_one_group():
    told = form(TrainingSettings, GROUPS)
    names = [name for group in told["groups"] for name in group["knobs"]]
    assert sorted(names) == sorted(TrainingSettings.model_fields)
    assert [group["id"] for group in told["groups"]] == list(GROUPS)


def test_the_form_is_json_in_both_languages():
    for language in ("en", "zh"):
        told = json.loads(json.dumps(plain(form(TrainingSettings, GROUPS), language)))
        assert isinstance(told["knobs"]["learning_rate"]["title"], str)
        assert all(isinstance(group["title"], str) for group in told["groups"])
        assert told["knobs"]["learning_rate"]["default"] == TrainingSettings().learning_rate


def test_a_slider_rests_at_its_ends_and_its_default():
    for k in knobs(TrainingSettings):
        found = stops(k)
        if found:
            assert (found[0], found[-1]) == (k.low, k.high)
            assert k.default is None or k.default in found
            assert found == sorted(set(found))
            assert len(found) <= 101


def test_a_slider_over_powers_of_ten_rests_at_round_numbers():
    found = stops(by_name("width"))
    assert {1e-7, 1e-6, 2e-5, 5e-5, 1e-4, 0.1} <= set(found)


def test_a_slider_of_a_narrow_range_goes_in_even_steps():
    found = stops(by_name("share"))
    assert found[:3] == [0.0, 0.01, 0.02] and found[-1] == 0.9


def test_a_slider_of_whole_numbers_rests_at_halves_and_doubles():
    assert {1, 2, 4, 8, 16, 24, 32, 1024} <= set(stops(by_name("count")))
    assert all(isinstance(n, int) for n in stops(by_name("count")))


def test_what_has_no_sensible_range_has_no_slider():
    assert stops(by_name("seed")) == []
    assert stops(by_name("loss")) == []


def test_a_value_out_of_range_is_answered_with_one_that_suits():
    said = messages(Small, {"width": 0.5}, {}, {"width": 2e-5})
    assert str(said["width"]) == "0.5 is outside 0.0000001 to 0.1. 0.00002 suits this model."


def test_text_where_a_number_belongs_is_said_so():
    said = messages(Small, {"count": "many"}, {}, {"count": 16})
    assert str(said["count"]) == "“many” is not a number. 32 is usual."


def test_nothing_is_said_of_fields_that_do_not_count():
    assert messages(Small, {"doubt": 7, "loss": "plain"}, {}, {}) == {}
    assert "doubt" in messages(Small, {"doubt": 7, "loss": "focal"}, {}, {})


def test_nothing_is_said_of_the_steps_of_a_model_that_only_counts():
    values = {"learning_rate": 9.0, "method": "full"}
    assert "learning_rate" in messages(TrainingSettings, values, ENCODER, {})
    assert messages(TrainingSettings, {"top_layers": 0}, CLASSIC, {}) == {}
