"""What the Settings tab holds follows the data, keeps what was typed, and becomes a run only when all of it is in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import SettingsError
from core.training import draft as drafts
from core.training.advice import Facts, Machine, advise
from core.training.draft import Draft, drafted, limited, settle

MAIL = Facts(train=1758, validation=200, labels={"a": 900, "b": 858}, tokens={50: 20, 95: 40, 99: 60, 100: 90})
CHINESE = Facts(
    train=2000, validation=200, labels={"a": 1000, "b": 1000}, tokens={50: 20, 100: 90}, unknown=0.64, spaces=False
)
LAPTOP = Machine(cores=2)


def test_an_untouched_draft_is_the_preset_itself():
    settled = settle(Draft("balanced"), MAIL, machine=LAPTOP)
    assert settled.settings == advise(MAIL, "balanced", LAPTOP).settings
    assert settled.changed == {} and settled.problems == []
    assert [p["method"] for p in settled.phases] == ["head", "full"]


def test_a_changed_knob_is_kept_and_named():
    settled = settle(Draft("balanced", {"learning_rate": "0.0001", "epochs": 2}), MAIL, machine=LAPTOP)
    assert settled.settings.learning_rate == 1e-4
    assert settled.changed == {"learning_rate": 1e-4, "epochs": 2.0}


def test_all_that_is_off_is_told_together():
    settled = settle(Draft("balanced", {"learning_rate": 0.5, "batch_size": "many", "warmup": 3}), MAIL, machine=LAPTOP)
    assert {p.field for p in settled.problems} == {"learning_rate", "batch_size", "warmup"}
    with pytest.raises(SettingsError) as caught:
        _ = settled.settings
    assert len(caught.value.problems) == 3


def test_a_wrong_value_that_does_not_count_stops_nothing():
    settled = settle(Draft("balanced", {"steps": "some", "lora_rank": 100_000}), MAIL, machine=LAPTOP)
    assert settled.problems == []
    assert settled.settings.steps == settled.good["steps"]


def test_the_preset_follows_the_data():
    few = Facts(train=80, validation=10, labels={"a": 40, "b": 40})
    draft = Draft("balanced", {"weight_decay": 0.1})
    before, after = settle(draft, few, machine=LAPTOP), settle(draft, MAIL, machine=LAPTOP)
    assert before.settings.epochs > after.settings.epochs
    assert before.settings.weight_decay == after.settings.weight_decay == 0.1


def test_the_texts_choose_the_base_unless_a_person_does():
    assert settle(Draft("balanced"), CHINESE, machine=LAPTOP).base.kind == "classic"
    chosen = settle(Draft("balanced", {"base": "bundled:all-MiniLM-L6-v2"}), CHINESE, machine=LAPTOP)
    assert chosen.base.kind == "encoder"
    assert chosen.settings.base == "bundled:all-MiniLM-L6-v2"
    assert chosen.good["base"] == "classic:ngram"


def test_a_base_that_is_not_there_is_a_problem_of_its_field():
    settled = settle(Draft("balanced", {"base": "/no/such/folder"}), MAIL, machine=LAPTOP)
    assert [p.field for p in settled.problems] == ["base"]
    assert "holds no model" in str(settled.problems[0].message)


def test_folders_of_a_shared_server_cannot_be_named(tiny_encoder: Path):
    for name in (str(tiny_encoder), "../models", "~/model", "..\\model", "./a/b"):
        settled = settle(Draft("balanced", {"base": name}), MAIL, machine=LAPTOP, folders=False)
        assert [str(p.message)[:22] for p in settled.problems] == ["Folders of the server "]
    assert settle(Draft("balanced", {"base": str(tiny_encoder)}), MAIL, machine=LAPTOP).base.source == str(tiny_encoder)


def test_best_tries_its_rates_around_the_changed_one():
    settled = settle(Draft("best", {"learning_rate": 1e-4}), MAIL, machine=LAPTOP)
    assert settled.phases[0]["method"] == "head"
    assert {p["settings"]["learning_rate"] for p in settled.phases[1:]} == {5e-5, 1e-4, 2e-4, 4e-4}


def test_a_draft_survives_on_disk_with_its_half_typed_values(tmp_path: Path):
    draft = Draft("best", {"learning_rate": "0.", "epochs": None}, ("1:4",))
    drafts.write(tmp_path, draft)
    assert drafts.read(tmp_path) == draft


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"preset": 3}', '{"preset": "balanced", "changed": [1]}'])
def test_a_damaged_draft_is_a_fresh_one(tmp_path: Path, text: str):
    (tmp_path / drafts.FILE).write_text(text, encoding="utf-8")
    assert drafts.read(tmp_path) == Draft()


def test_only_plain_values_of_known_knobs_enter_a_draft():
    draft = drafted("balanced", {"epochs": 3, "evil": 1, "base": "x" * 5000, "metric": ["a"]})
    assert set(draft.changed) == {"epochs", "base"}
    assert len(draft.changed["base"]) == drafts.LONGEST


@pytest.mark.parametrize(
    ("task", "there", "not_there"),
    [
        (
            "classification",
            {"class_weights", "sampling", "vary_texts", "agreement", "mixup", "adversarial"},
            {"effective_beta"},
        ),
        ("tokens", {"class_weights", "agreement", "adversarial"}, {"sampling", "vary_texts", "mixup"}),
        ("choice", {"agreement", "loss"}, {"class_weights", "focal_alpha", "sampling", "vary_texts", "mixup"}),
        ("images", {"class_weights", "sampling", "mixup", "average_last"}, {"adversarial", "agreement", "vary_texts"}),
        ("chat", {"adversarial", "average_decay", "recompute"}, {"agreement", "mixup", "class_weights"}),
    ],
)
def test_each_trick_is_offered_where_it_does_something(task, there, not_there):
    facts = Facts(train=100, validation=10, labels={}, tokens={50: 20, 95: 40, 99: 60, 100: 90}, task=task)
    counted = settle(Draft("balanced", {"loss": "focal", "method": "full"}), facts, machine=LAPTOP).counted
    assert there <= counted and not not_there & counted


def test_a_demo_shortens_what_is_too_long():
    settings = advise(MAIL, "balanced", LAPTOP).settings.model_copy(update={"epochs": 50.0})
    short = limited(settings, MAIL, 600)
    assert (short.length, short.steps) == ("steps", 600)
    assert limited(settings.model_copy(update={"epochs": 1.0}), MAIL, 600).length == "epochs"
    assert limited(settings, MAIL, None) == settings
