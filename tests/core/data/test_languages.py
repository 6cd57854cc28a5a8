"""Languages: the first article of the Universal Declaration of Human Rights is told apart; what is not clear stays open."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from core.data import languages

FIRST_ARTICLE = {
    "en": "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience and should act towards one another in a spirit of brotherhood.",
    "de": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen begabt und sollen einander im Geist der Brüderlichkeit begegnen.",
    "fr": "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison et de conscience et doivent agir les uns envers les autres dans un esprit de fraternité.",
    "es": "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como están de razón y conciencia, deben comportarse fraternalmente los unos con los otros.",
    "it": "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti. Essi sono dotati di ragione e di coscienza e devono agire gli uni verso gli altri in spirito di fratellanza.",
    "pt": "Todos os seres humanos nascem livres e iguais em dignidade e em direitos. Dotados de razão e de consciência, devem agir uns para com os outros em espírito de fraternidade.",
    "nl": "Alle mensen worden vrij en gelijk in waardigheid en rechten geboren. Zij zijn begiftigd met verstand en geweten, en behoren zich jegens elkander in een geest van broederschap te gedragen.",
    "pl": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni obdarzeni rozumem i sumieniem i powinni postępować wobec innych w duchu braterstwa.",
    "sv": "Alla människor är födda fria och lika i värde och rättigheter. De har utrustats med förnuft och samvete och bör handla gentemot varandra i en anda av gemenskap.",
    "zh": "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。",
    "ja": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "ru": "Все люди рождаются свободными и равными в своем достоинстве и правах.",
    "ko": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "el": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
}


@pytest.mark.parametrize("code", FIRST_ARTICLE)
def test_one_text_is_told_by_its_little_words_or_its_script(code: str) -> None:
    assert languages.of_text(FIRST_ARTICLE[code]) == code


@pytest.mark.parametrize("text", ["", "OK", "Netflix 2023", "top up", "!!! 12:30", "lol brb gtg", "SKU AB-1200 XL"])
def test_what_is_not_clear_stays_open(text: str) -> None:
    assert languages.of_text(text) == ""


def test_hardly_an_english_question_is_taken_for_another_language(data_dir: Path) -> None:
    with (data_dir / "banking77/train.csv").open(encoding="utf-8", newline="") as file:
        found = [languages.of_text(row["text"]) for row in csv.DictReader(file)]
    assert found.count("en") > 0.7 * len(found)
    assert sum(code not in ("en", "") for code in found) <= 5
