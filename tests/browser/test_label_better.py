"""The Label tab where one says which of two answers is better; and every way to answer by touch, by keys alone and from the right."""

from __future__ import annotations

from pathlib import Path

import pytest
from label_sheets import LABELS, filled, press, ready, saved, texts, values, words

pytestmark = pytest.mark.browser

TWO = [
    {
        "messages": f"What is number {i}?",
        "response_a": f"The first one said {i}.",
        "response_b": f"Somebody else said {i}.",
    }
    for i in range(6)
]


def compare(project, tmp_path: Path):
    data = filled(project, tmp_path, "preferences", TWO)
    data.set_roles({"messages": "messages", "chosen": "response_a", "rejected": "response_b"})
    return data


def shown_first(page) -> str:
    """Which of the data's answers stands first on the page."""
    return page.eval_on_selector(".lb-candidate", "node => node.dataset.value")


def test_the_better_of_two_answers_is_chosen_by_a_key_in_a_fair_order(page, open_tab, project, tmp_path: Path):
    data = compare(project, tmp_path)
    open_tab(page, "label")
    ready(page, "personWhat is number 0?")
    assert page.get_by_role("group", name="Two answers").get_by_role("button").count() == 2
    first = shown_first(page)
    press(page, "1")
    ready(page, "personWhat is number 1?")
    second = shown_first(page)
    press(page, "2")
    ready(page, "personWhat is number 2?")
    press(page, "0")
    ready(page, "personWhat is number 3?")
    press(page, "s")
    ready(page, "personWhat is number 4?")
    saved(page)
    assert values(data) == {1: first, 2: {"1": "2", "2": "1"}[second], 3: "same"}
    press(page, "u", "u")
    ready(page, "personWhat is number 2?")
    saved(page)
    assert values(data) == {1: first, 2: {"1": "2", "2": "1"}[second]}
    swapped = page.evaluate(
        "() => Array.from({ length: 2000 }, (_, i) => Hone.swapped(`1:${i}`)).filter(Boolean).length"
    )
    assert 900 < swapped < 1100  # a fair coin: 2,000 throws lie within 4.5 standard deviations of a half
    page.reload()
    ready(page, "personWhat is number 2?")


def test_two_answers_stand_one_under_the_other_on_a_phone(new_page, open_tab, project, tmp_path: Path):
    data = compare(project, tmp_path)
    page = new_page(390, 844, has_touch=True, is_mobile=True)
    open_tab(page, "label")
    ready(page, "personWhat is number 0?")
    boxes = [side.bounding_box() for side in page.locator(".lb-candidate").all()]
    assert boxes[0]["x"] == boxes[1]["x"] and boxes[1]["y"] >= boxes[0]["y"] + boxes[0]["height"]
    assert all(box["width"] <= 390 and box["height"] >= 44 for box in boxes)
    value = shown_first(page)
    page.locator(".lb-candidate").first.tap()
    ready(page, "personWhat is number 1?")
    saved(page)
    assert values(data) == {1: value}
    page.locator(".lb-same").tap()
    ready(page, "personWhat is number 2?")
    saved(page)
    assert values(data) == {1: value, 2: "same"}


def test_a_long_answer_before_this_one_pushes_nothing_aside(page, open_tab, project, tmp_path: Path):
    rows = [{"messages": f"Why {i}?", "response_a": "because " * 40, "response_b": "since " * 40} for i in range(4)]
    data = filled(project, tmp_path, "preferences", rows)
    data.set_roles({"messages": "messages", "chosen": "response_a", "rejected": "response_b"})
    open_tab(page, "label")
    ready(page, "personWhy 0?")
    press(page, "1")
    ready(page, "personWhy 1?")
    sheet, beside = (page.locator(one).first.bounding_box() for one in (".lb-sheet", ".lb-grid aside"))
    assert sheet["x"] + sheet["width"] <= beside["x"]


def test_a_phone_offers_a_minus_where_numbers_below_nought_stand_in_the_data(
    new_page, open_tab, project, tmp_path: Path
):
    rows = [{"text": "cold", "label": "-3.5"}, {"text": "warm", "label": "4"}, {"text": "open", "label": ""}]
    data = filled(project, tmp_path, "regression", rows)
    page = new_page(390, 844, has_touch=True, is_mobile=True)
    open_tab(page, "label")
    ready(page, "open")
    assert page.get_attribute("input.num", "inputmode") == "text"  # the keys for decimals of a phone have no minus
    page.locator("input.num").fill("-1.5")
    page.get_by_role("button", name="save -1.5").tap()
    saved(page)
    assert values(data)[3] == -1.5


def test_a_slider_is_set_and_saved_by_keys_alone(page, open_tab, project, tmp_path: Path):
    rows = [{"text": "low", "label": "0.5"}, {"text": "high", "label": "4.5"}, {"text": "open", "label": ""}]
    data = filled(project, tmp_path, "regression", rows)
    open_tab(page, "label")
    ready(page, "open")
    slider = page.get_by_role("slider", name="Number, from 0.5 to 4.5")
    assert slider.get_attribute("aria-valuetext") == "no number yet"
    slider.focus()
    press(page, "End", "ArrowLeft")
    assert float(slider.get_attribute("aria-valuetext")) < 4.5
    press(page, "Enter")
    saved(page)
    assert 4 < values(data)[3] < 4.5


def test_a_label_that_has_the_focus_marks_with_enter_and_space_and_says_so(page, open_tab, project, tmp_path: Path):
    data = filled(project, tmp_path, "tokens", texts("Bob lives in Rome"), LABELS)
    open_tab(page, "label")
    ready(page, "Bob")
    press(page, "ArrowRight")
    page.get_by_role("button", name="1 Person").focus()
    press(page, "Enter")
    page.wait_for_function("document.querySelector('.lb-main .sr[aria-live]').textContent === 'Person: Bob'")
    press(page, "ArrowRight")
    page.get_by_role("button", name="2 Place").focus()
    press(page, " ")
    assert page.get_by_role("list", name="Marked places").get_by_role("listitem").count() == 2
    page.get_by_role("button", name="save 2 marks").click()
    saved(page)
    assert words(data) == [("Bob", "Person"), ("lives", "Place")]


@pytest.mark.parametrize(("task", "labels"), [("tokens", LABELS), ("answers", ()), ("text2text", ())])
def test_a_text_that_reads_from_the_right_stands_on_the_right(
    page, open_tab, project, tmp_path: Path, task: str, labels: tuple[str, ...]
):
    text = "مرحبا بالعالم"
    filled(project, tmp_path, task, [{"text": text, "question": "؟", "label": ""}], labels)
    open_tab(page, "label")
    ready(page, text)
    where = ".lb-write" if task == "text2text" else ".lb-text"
    if task == "text2text":
        page.locator(where).fill(text)
    assert page.eval_on_selector(where, "node => getComputedStyle(node).direction") == "rtl"
