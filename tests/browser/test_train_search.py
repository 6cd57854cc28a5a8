"""The search on the Train tab: what is tried is chosen, a finished one is read, its settings are used."""

from __future__ import annotations

import csv
import random

import pytest
from run_folders import opinions

from core.studies import ranges, search
from core.training import draft

pytestmark = pytest.mark.browser


@pytest.fixture
def searched(project):
    """A project with a finished search of eight trials whose scores are made up: two were stopped early, the last but one is best."""
    table = project.folder / "messages.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label", "split"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(opinions(90))
    data = project.dataset()
    data.add(table, "messages.csv")
    settled = draft.settle(draft.Draft("balanced"), data.facts())
    study = search.begin(project.folder, data, settled, ranges.usual(settled), trials=8, name="Made up")
    book, dice = search.book_of(study), random.Random(1)
    for score in (0.70, 0.72, 0.74, 0.71, None, 0.73, 0.81, None):
        asked = book.ask(study.id)
        book.report(asked.number, {1: (score or 0.3) - 0.1})
        if score:
            book.finished(asked.number, score, 20 + dice.random())
        else:
            book.pruned(asked.number, 5.0)
    part = {"texts": 18, "best": 0.81, "default": 0.7, "difference": 0.11, "low": -0.02, "high": 0.2}
    study.note(compared={"best": 6, "default": 0, "validation": part, "test": None})
    study.say("over")
    return study


def test_a_finished_search_is_read_and_its_settings_are_used(page, new_page, open_tab, project, searched):
    open_tab(page, "train")
    page.click("#page-train .h-parts [data-key=search]")
    page.wait_for_selector("#page-train .ts-sentence:has-text('within chance')")
    assert page.locator("#page-train .ts-compared li").count() == 1
    table = page.locator("#page-train table.tb").last
    assert table.locator("tbody tr").count() == 8
    assert table.locator("tbody tr", has_text="stopped early").count() == 2
    page.wait_for_selector("#page-train .ts-parcoords .parcoords")
    page.wait_for_function("document.querySelectorAll('#page-train .ts-plot .scatterlayer .point').length === 8")
    page.click("#ts-use")
    page.wait_for_selector(".toast:has-text('trial 6')")
    best = search.best_values(searched)
    assert draft.read(project.folder).changed["learning_rate"] == best["learning_rate"]
    phone = open_tab(new_page(width=390, height=844, language="zh-CN"), "train", language="zh")
    phone.click("#page-train .h-parts [data-key=search]")
    phone.wait_for_selector("#page-train .ts-sentence:has-text('偶然')")
    assert phone.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_what_is_tried_is_kept_and_a_wrong_range_is_named(page, open_tab, searched):
    open_tab(page, "settings")
    page.click("#page-settings .set-fold button:has-text('Rounds, batch and learning rate')")
    page.click("#page-settings .ts-find")
    page.wait_for_selector("#page-train #ts-find-rate")
    low = page.locator("#page-train input[aria-label='Step width: from']")
    low.fill("0.5")
    page.click("#ts-start")
    page.wait_for_selector("#page-train .ts-offer .error:has-text('must lie between')")
    page.reload()
    page.wait_for_selector("#ts-start")
    assert page.locator("#page-train input[aria-label='Step width: from']").input_value() == "0.5"
