"""Without training, in a real browser: labels described, texts asked, the score beside the runs; what is typed outlives a reload."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.projects import Project

TOPICS = {"lost_card": "I lost my card and want to block it", "bike": "the wheel of my bicycle is broken"}
HOSTILE = "<img src=x onerror=document.title='taken'> my card is gone"


@pytest.fixture
def mail(project: Project, tmp_path: Path) -> Project:
    """Forty-one texts of two labels, a fifth of them kept for the test; one is markup."""
    lines = [
        f'"{words}, case {i}",{label},{("train", "train", "train", "validation", "test")[i % 5]}'
        for i in range(20)
        for label, words in TOPICS.items()
    ]
    file = tmp_path / "mail.csv"
    file.write_text("text,label,split\n" + "\n".join([*lines, f'"{HOSTILE}",bike,test']) + "\n")
    project.dataset().add(file, "mail.csv")
    project.dataset().set_roles({"text": "text", "label": "label", "split": "split"})
    return project


@pytest.fixture
def part(open_tab, mail: Project):
    def open_(page, language: str = "en"):
        open_tab(page, "evaluate", language)
        page.locator(".h-parts [data-key=untrained]").click()
        page.locator(".un-way").first.wait_for()
        return page

    return open_


def test_labels_are_described_texts_asked_and_a_reload_shows_both(page, part):
    page.set_default_timeout(120_000)  # the small model is loaded first
    part(page)
    page.get_by_label("bike: a sentence that describes it").fill("my bicycle needs a repair\nthe bike has a flat tyre")
    page.get_by_role("button", name="Ask 9 test texts").click()
    page.locator(".un-score b").wait_for()
    score = page.locator(".un-score b").inner_text()
    assert 0.8 <= float(score) <= 1.0
    page.reload()
    page.locator(".un-score b", has_text=score).wait_for()
    assert (
        page.get_by_label("bike: a sentence that describes it")
        .input_value()
        .startswith("my bicycle needs a repair\nthe")
    )
    page.get_by_role("button", name="Its mistakes").click()
    page.locator(".un-texts .said", has_text="<img src=x").wait_for()  # its label is wrong
    assert page.title() != "taken" and page.locator(".un-texts img").count() == 0
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Remove").click()
    page.locator(".un-table", has_text="Nothing asked yet").wait_for()


def test_a_prompt_is_previewed_with_a_real_text_kept_and_what_is_off_said_at_its_field(page, part):
    part(page)
    page.locator("#un-way-likely").check()
    page.locator(".un-read", has_text="Each text gets one of these labels: lost card, bike.").wait_for()
    before = page.locator(".un-read").inner_text()
    page.locator("[data-key=un-next]").click()
    page.wait_for_function("(before) => document.querySelector('.un-read').innerText !== before", arg=before)
    page.locator("[data-key=un-prompt]").fill("Sort {text} {wrong}")
    page.locator(".field .error", has_text="There is no {wrong} here.").wait_for()
    page.locator("[data-key=un-prompt]").fill("Sort {examples}{text} =")
    page.locator(".un-read", has_text="Sort Text:").wait_for()
    page.locator("[data-key=un-kept]").click()
    page.get_by_role("menuitem", name="Keep this one").click()
    page.locator("dialog input").fill("My prompt")
    page.get_by_role("button", name="Keep", exact=True).click()
    page.locator(".toast", has_text="Kept as My prompt.").wait_for()
    page.get_by_role("button", name="Ask 9 test texts").click()
    page.locator(".un-trouble", has_text="This way needs a model of its own.").wait_for()
    page.reload()
    page.locator("[data-key=un-prompt]").wait_for()
    assert page.locator("[data-key=un-prompt]").input_value() == "Sort {examples}{text} ="


def test_the_part_fits_a_phone_in_chinese(new_page, part):
    phone = new_page(width=390, height=844)
    part(phone, "zh")
    for way in ("similar", "entails", "likely"):
        phone.locator(f"#un-way-{way}").check()
        phone.wait_for_timeout(300)
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390
