"""Doubtful labels in a real browser: from the look to the last decision, by keys, undone, and still there after a reload."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

WORDS = {"bicycle": "bike wheel saddle chain brake pedal gear", "bank": "card money loan bank transfer fee account",
         "garden": "rose soil seed plant water leaf tree"}  # fmt: skip
WRONG = {4: "garden", 30: "bank", 62: "bicycle"}
SHEET = "#page-label .ld-sheet"


@pytest.fixture
def doubtful(page, open_tab, project, tmp_path: Path):
    """Ninety labelled texts, three of them wrong; the part is open and has looked through them."""
    chance = np.random.default_rng(1)
    file = tmp_path / "mail.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        lines = csv.writer(out)
        lines.writerow(["text", "label"])
        for i in range(90):
            name = list(WORDS)[i % 3]
            lines.writerow(
                [f"my {' '.join(chance.permutation(WORDS[name].split())[:4])} number {i}", WRONG.get(i, name)]
            )
    project.dataset().add(file, "mail.csv")
    open_tab(page, "label")
    page.click("#page-label [data-key=doubtful]")
    page.click("text=Look for doubtful labels")
    page.wait_for_selector(f"{SHEET} .ld-act", timeout=180_000)
    return page


def in_force(project, row: str) -> str | None:
    return project.dataset().row(row)["label"]


def saved(project, row: str, label: str | None, until) -> None:
    until(lambda: in_force(project, row) == label)


def number(page) -> int:
    """The row that is shown, counted from 0; its text may still be on its way."""
    page.wait_for_function(
        "document.querySelector('#page-label .ld-sheet .lb-meta span:last-child')?.textContent.trim()"
    )
    return int(page.inner_text(f"{SHEET} .lb-meta span:last-child").split()[-1]) - 1


@pytest.fixture
def until(page):
    def wait(true) -> None:
        for _ in range(100):
            if true():
                return
            page.wait_for_timeout(100)
        raise AssertionError("it did not come about")

    return wait


def test_keys_keep_change_and_undo_and_a_reload_loses_nothing(doubtful, project, until):
    page = doubtful
    first = number(page)
    assert first in WRONG and "5 of 5 models" in page.inner_text(f"{SHEET} .ld-why")
    assert page.locator(f"{SHEET} .ld-near li").count() == 3
    page.keyboard.press("c")
    saved(project, f"1:{first}", list(WORDS)[first % 3], until)
    second = number(page)
    assert second != first and page.inner_text(f"{SHEET} .lb-meta span").startswith("1 of ")
    page.keyboard.press("u")
    saved(project, f"1:{first}", WRONG[first], until)
    assert number(page) == first
    page.keyboard.press("k")
    page.wait_for_function(
        "document.querySelector('#page-label .ld-sheet .lb-meta span').textContent.startsWith('1 of ')"
    )
    page.wait_for_timeout(600)
    page.reload()
    page.wait_for_selector(f"{SHEET} .ld-act")
    assert page.inner_text(f"{SHEET} .lb-meta span").startswith("1 of ") and number(page) == second
    page.keyboard.press("u")  # also what was done before the reload
    page.wait_for_function(
        "document.querySelector('#page-label .ld-sheet .lb-meta span').textContent.startsWith('0 of ')"
    )
    assert number(page) == first and in_force(project, f"1:{first}") == WRONG[first]


def test_ticked_ones_are_changed_in_one_step_and_back(doubtful, project, until):
    page = doubtful
    page.click("#page-label .ld .choice [data-key=list]")
    page.wait_for_selector("#page-label .ld-turn")
    for row in WRONG:
        page.check(f"#page-label [data-key='tick-1:{row}']")
    page.click("text=Change 3 ticked to the proposed")
    until(lambda: all(in_force(project, f"1:{row}") == list(WORDS)[row % 3] for row in WRONG))
    page.click("#page-label .ld-listacts [data-key=undo]")
    until(lambda: all(in_force(project, f"1:{row}") == label for row, label in WRONG.items()))


def test_the_end_leads_to_training(doubtful, until):
    page = doubtful
    while page.locator(f"{SHEET} .lb-end").count() == 0:
        page.keyboard.press("c")
        page.wait_for_timeout(150)
    assert page.inner_text(f"{SHEET} .lb-end h2").startswith("You changed ")
    page.click(f"{SHEET} .lb-end .btn.primary")
    page.wait_for_selector("#page-settings > *")
