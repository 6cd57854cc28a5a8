"""Many at once, in a real browser: an area drawn on the map, a group, a search with a tick for all, a rule; each a step that is taken back."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from core.projects import Project

TOPICS = {
    "Refund": ["refund", "money back", "reimburse"],
    "Card": ["card lost", "card stolen", "card broken"],
    "Weather": ["rain today", "sunny sky", "cold wind"],
}
HOSTILE = "<img src=x onerror=document.title='taken'> <b>refund</b> now"


@pytest.fixture
def mail(project: Project, tmp_path: Path) -> Project:
    """Sixty-one texts of three topics, six of them labelled; one is markup."""
    rows = [
        (f"please tell me about the {words[i % 3]} number {i}", name)
        for i in range(20)
        for name, words in TOPICS.items()
    ]
    lines = [f'"{text}",{name if i < 6 else ""}' for i, (text, name) in enumerate(rows)] + [f'"{HOSTILE}",']
    file = tmp_path / "mail.csv"
    file.write_text("text,label\n" + "\n".join(lines) + "\n")
    project.dataset().add(file, "mail.csv")
    return project


@pytest.fixture
def many(open_tab, mail: Project):
    """``many(page, "search")``: the part, with one way to pick."""

    def open_(page, way: str):
        open_tab(page, "label")
        page.locator(".h-parts button", has_text="Many at once").click()
        page.locator(f".ma-bar [data-key={way}]").click()
        return page

    return open_


def labels(project: Project) -> list[str | None]:
    state = project.dataset().state
    return [state.shown(place) for place in range(len(state))]


def test_all_that_a_search_finds_get_a_label_by_its_key_and_lose_it_again_after_a_reload(page, many, mail: Project):
    before = labels(mail)
    many(page, "search")
    page.get_by_role("searchbox").fill("card")
    page.locator(".ma-all", has_text="Pick all 20").locator("input").check()
    page.get_by_role("heading", name="20 texts picked").wait_for()
    page.locator(".ma-side h2").click()
    page.keyboard.press("2")
    page.locator(".ma-last", has_text="18 texts are “Card” now").wait_for()
    assert labels(mail).count("Card") == 20
    page.reload()
    page.locator(".ma-last", has_text="The last step: 18 texts").wait_for()
    page.keyboard.press("u")
    page.locator(".ma-last", has_text="Taken back").wait_for()
    assert labels(mail) == before


def test_markup_in_a_text_stays_text(page, many):
    many(page, "search")
    page.get_by_role("searchbox").fill("onerror")
    page.locator(".ma-found .said", has_text="<img src=x").wait_for()
    assert page.title() != "taken" and page.locator(".ma-found img").count() == 0


def test_a_pattern_that_is_none_says_so_under_the_field(page, many):
    many(page, "search")
    page.get_by_text("It is a pattern").click()
    page.get_by_role("searchbox").fill("(never closed")
    page.locator(".ma-main .notice.bad", has_text="no pattern that can be searched for").wait_for()


def test_a_rule_guesses_and_the_guesses_become_labels_only_by_a_press(page, many, mail: Project):
    many(page, "rules")
    page.locator("[data-key=rule-any]").fill("refund, reimburse")
    page.locator("[data-key=rule-label]").select_option(label="Refund")
    page.locator(".ma-result", has_text="It is about 14 texts").wait_for()
    page.get_by_role("button", name="Add the rule").click()
    page.locator(".ma-counts", has_text="13 guessed by rules").wait_for()
    assert labels(mail).count("Refund") == 2
    page.get_by_role("button", name="Look at them").click()
    page.locator(".ma-side .ma-guess", has_text="guessed by rules").first.wait_for()
    page.locator("[data-key=least]").select_option("0.5")
    page.get_by_role("button", name="Accept 13 as labels").click()
    page.locator(".ma-last", has_text="13 guesses are labels now").wait_for()
    assert labels(mail).count("Refund") == 15
    page.locator(".ma-last [data-key=undo]").click()
    page.locator(".ma-counts", has_text="13 guessed by rules").wait_for()
    assert labels(mail).count("Refund") == 2


def test_an_area_drawn_on_the_map_is_labelled_and_a_reload_shows_the_map_at_once(page, many, mail: Project):
    page.set_default_timeout(240_000)  # the small model is loaded first
    many(page, "map")
    page.locator(".ma-plot .main-svg").first.wait_for()
    page.wait_for_function("!document.querySelector('#page-label .ma .progress')")
    box = page.locator(".ma-plot").bounding_box()
    middle, reach = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), box["width"] / 2 - 24
    page.mouse.move(middle[0] + reach, middle[1])
    page.mouse.down()
    for i in range(1, 33):
        turn = 2 * math.pi * i / 32
        page.mouse.move(middle[0] + reach * math.cos(turn), middle[1] + (box["height"] / 2 - 24) * math.sin(turn))
    page.mouse.up()
    page.locator(".ma-side h2", has_text="texts picked").wait_for()
    n = int(page.locator(".ma-side h2").inner_text().split()[0])
    open_before = labels(mail).count(None)
    page.locator(".ma-keys button", has_text="Weather").click()
    page.locator(".ma-last", has_text="“Weather” now").wait_for()
    assert n > 30 and labels(mail).count(None) < open_before - 20
    page.locator(".ma-bar [data-key=groups]").click()
    page.locator(".ma-group h3").first.wait_for()
    page.reload()
    page.locator(".ma-bar [data-key=map]").click()
    page.locator(".ma-legend", has_text="Weather").wait_for()
    assert page.locator(".ma .progress").count() == 0 and page.get_by_role("button", name="Draw the map").count() == 0
    page.locator(".ma-plot .main-svg").first.wait_for()


def test_the_part_fits_a_phone(new_page, many):
    phone = new_page(width=390, height=844)
    for way in ("search", "near", "rules"):
        many(phone, way)
        phone.wait_for_timeout(300)
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390
