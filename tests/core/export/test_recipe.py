"""Recipes: there and back, and every kind of wrong file."""

from __future__ import annotations

import pytest

from core.errors import DataError
from core.export.recipe import read_recipe, recipe_text
from core.training.settings import TrainingSettings


def test_a_recipe_comes_back_as_it_was():
    settings = TrainingSettings(learning_rate=3e-7, epochs=2.0, regularization=None, bucketing=False, base="owner/on")
    phases = [
        {"method": "head", "settings": {}, "fresh": False},
        {"method": "full", "settings": {"learning_rate": 1e-5}, "fresh": True},
    ]
    recipe = read_recipe(recipe_text(settings, preset="best", phases=phases, name="Mails: “urgent” # 1"))
    assert recipe.problems == []
    assert TrainingSettings(**recipe.settings) == settings
    assert (recipe.preset, recipe.name, recipe.phases) == ("best", "Mails: “urgent” # 1", phases)


def test_a_recipe_is_readable_by_a_person():
    text = recipe_text(TrainingSettings(), preset="balanced")
    assert "  # Rounds, batch and learning rate\n" in text
    assert "  learning_rate: 0.00005  # Step width\n" in text
    assert text.startswith("# A Hone recipe.")


def test_every_wrong_field_is_told_by_its_name():
    recipe = read_recipe(
        "settings: {learning_rate: 50, epochz: 3, batch_size: [1], epochs: 2}\npreset: hard\nphases: 3"
    )
    told = {p.field: str(p.message) for p in recipe.problems}
    assert set(told) == {"learning_rate", "epochz", "batch_size", "preset", "phases"}
    assert told["learning_rate"] == "50 is outside 0.0000001 to 0.1. 0.00005 is usual."
    assert told["epochz"] == "There is no setting called epochz."
    assert recipe.settings == {"epochs": 2}


def test_settings_without_a_heading_and_numbers_as_people_type_them_are_read():
    assert read_recipe("learning_rate: 2e-5\nepochs: 2\n").problems == []


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "no recipe"),
        ("just words", "no recipe"),
        ("a: [", "not readable as YAML (1:5)"),
        ("- 1\n- 2", "no recipe"),
        ("colour: red", "names no setting"),
        ("!!python/object/apply:os.system ['true']", "not readable as YAML"),
        ("a: &x [1]\nb: [*x, *x]", "repeats itself"),
        ("[" * 5000, "too tangled"),
        ("- " * 5000, "not readable"),
        ("x" * 300_000, "too long or too tangled"),
    ],
)
def test_what_is_no_recipe_is_refused_in_plain_words(text: str, words: str):
    with pytest.raises(DataError, match=words.replace("(", r"\(").replace(")", r"\)")) as raised:
        read_recipe(text)
    assert raised.value.fix is not None


def test_a_newer_recipe_is_told():
    assert [p.field for p in read_recipe("hone: 2\nsettings: {epochs: 1}").problems] == ["hone"]
