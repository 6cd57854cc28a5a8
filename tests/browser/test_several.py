"""Several at once in a real browser, with real trainings of a tiny model: begun, reloaded in the middle, seen in a second window, read, deleted."""

from __future__ import annotations

import random

import pytest

from core.data.dataset import Dataset
from core.studies.study import studies
from core.training import draft as drafts
from core.training.draft import Draft
from core.training.runs import runs

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
expect = pytest.importorskip("playwright.sync_api").expect
LONG = 150_000  # milliseconds for tiny trainings on a busy machine


@pytest.fixture
def mail(project, tmp_path, tiny_encoder):
    """300 labelled texts and a tiny base."""
    chance = random.Random(5)
    words = {"money": "card lost bank pay refund order late", "bike": "wheel bike box red blue green late"}
    rows = [(" ".join(chance.choices(found.split(), k=6)), label) for label, found in words.items() for _ in range(150)]
    chance.shuffle(rows)
    file = tmp_path / "mail.csv"
    file.write_text("text,label\n" + "\n".join(f"{text},{label}" for text, label in rows), encoding="utf-8")
    Dataset.open(project.data).add(file, file.name)
    drafts.write(project.folder, Draft("quick", {"base": str(tiny_encoder)}))
    yield project
    for one in studies(project.folder):
        one.stop(discard=True)


def open_part(page, open_tab):
    open_tab(page, "train")
    page.locator("#page-train .h-parts [data-key=several]").click()


def tick(page, title: str, on: bool) -> None:
    page.locator(".sv-tick").filter(has=page.get_by_text(title, exact=True)).locator("input").set_checked(on)


def test_ways_are_compared_side_by_side_through_a_reload_and_in_two_windows(page, new_page, open_tab, mail):
    open_part(page, open_tab)
    for title in ("Small added matrices (LoRA)", "The upper layers", "All of it"):
        tick(page, title, False)
    expect(page.locator(".sv-estimate")).to_contain_text("2 trainings", timeout=LONG)
    tick(page, "Word and character counts (n-grams)", False)
    expect(page.locator(".sv-estimate")).to_contain_text("at least two ways")
    expect(page.get_by_role("button", name="Start the comparison")).to_be_disabled()
    tick(page, "Word and character counts (n-grams)", True)
    expect(page.locator(".sv-estimate")).to_contain_text("2 trainings")
    page.get_by_role("button", name="Start the comparison").click()
    expect(page.locator("#several-table tbody tr")).to_have_count(2)
    page.reload()
    expect(page.locator(".sv-sentence")).to_contain_text("rst result comes")
    other = new_page(width=390, height=844, dark=True, language="zh-CN")
    open_tab(other, "train", language="zh")
    other.locator("#page-train .h-parts [data-key=several]").click()
    other.locator("#several-list tbody tr").first.click()
    for window, words in ((page, "2 of 2"), (other, "")):
        expect(window.locator("#several-table b", has_text="best" if words else "最好")).to_have_count(1, timeout=LONG)
        assert window.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(page.locator(".sv-sentence")).to_contain_text("“Only the last layer (linear probe)”")
    page.wait_for_function("document.querySelector('#several-plot .plot').data?.[0].x.length === 2")
    page.locator("#page-train .h-parts [data-key=one]").click()
    expect(page.locator("#train-runs tbody tr.train-group")).to_contain_text("2 runs")
    page.get_by_role("button", name="Side by side").click()
    page.get_by_role("button", name="More about Compare ways").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.locator("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(".sv-form")).to_be_visible()
    expect(other.locator(".sv-form")).to_be_visible(timeout=LONG)
    assert len(runs(mail.folder)) == 1 and not studies(mail.folder)
