"""The Label tab where an answer is more than one label: sets, numbers, marks, a place, a written text; and what else a row brings."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from label_sheets import LABELS, filled, press, ready, saved, texts, values, words

pytestmark = pytest.mark.browser

NAMES = "Maria Schmidt 🙂 flew from Berlin to 北京大学 with Ada"
RECT = """([words]) => {
  const walk = document.createTreeWalker(document.querySelector('.lb-text'), NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const at = node.data.indexOf(words);
    if (at < 0) continue;
    const range = document.createRange();
    range.setStart(node, at);
    range.setEnd(node, at + words.length);
    const box = range.getBoundingClientRect();
    return { left: box.left, right: box.right, y: box.top + box.height / 2 };
  }
}"""


def drag(page, start: str, end: str) -> None:
    """From the middle of the words `start` to the middle of `end`."""
    a, b = page.evaluate(RECT, [start]), page.evaluate(RECT, [end])
    page.mouse.move((a["left"] + a["right"]) / 2, a["y"])
    page.mouse.down()
    page.mouse.move((b["left"] + b["right"]) / 2, b["y"], steps=4)
    page.mouse.up()


def question(page, words: str) -> None:
    page.locator(".lb-input").get_by_text(words).wait_for()


def commit(page) -> str:
    return page.locator(".lb-commit").inner_text().split("\n")[-1]


# --- any number of labels ---


def test_keys_switch_labels_and_enter_takes_the_set_also_an_empty_one(page, open_tab, project, tmp_path: Path):
    data = filled(project, tmp_path, "multilabel", texts("one", "two", "three", "four"), LABELS)
    open_tab(page, "label")
    ready(page, "one")
    assert commit(page) == "none of them"
    press(page, "1", "3", "2", "1")  # the first is switched off again
    assert commit(page) == "save 2 labels"
    assert page.locator(".lb-key[aria-pressed=true]").all_inner_texts() == ["2\nPlace", "3\nGroup"]
    press(page, "Enter", "Enter", "1", "u", "Enter", "2", "Enter")
    saved(page)
    assert values(data) == {1: ["Place", "Group"], 2: [], 3: [], 4: ["Place"]}
    page.get_by_text("Every text has a label.").wait_for()
    press(page, "u", "u")
    ready(page, "three")
    saved(page)
    assert values(data) == {1: ["Place", "Group"], 2: []}
    assert page.locator(".lb-list .num").all_inner_texts() == ["0", "1", "1"]


def test_what_was_begun_and_what_was_not_sent_are_there_after_a_reload(
    page, open_tab, project, watched, tmp_path: Path
):
    watched.allow("503")
    data = filled(project, tmp_path, "multilabel", texts("one", "two", "three"), LABELS)
    open_tab(page, "label")
    ready(page, "one")
    page.route("**/component_server/", lambda route: route.fulfill(status=503, body="away"))
    press(page, "2", "Enter", "1", "3")
    page.get_by_text(re.compile("1 kept here|1 to save")).wait_for()
    page.unroute("**/component_server/")
    page.reload()
    ready(page, "two")
    assert commit(page) == "save 2 labels"
    press(page, "Enter")
    saved(page)
    assert values(data) == {1: ["Place"], 2: ["Person", "Group"]}


def test_of_many_labels_several_are_found_by_name(page, open_tab, project, tmp_path: Path):
    data = filled(
        project, tmp_path, "multilabel", texts("one", "two"), tuple(f"topic_{c}" for c in "abcdefghijklmnopqr")
    )
    open_tab(page, "label")
    ready(page, "one")
    for letter in "kc":
        press(page, "0")
        page.keyboard.type(f"ic_{letter}")
        press(page, "Enter")
    press(page, "Enter")
    saved(page)
    assert values(data) == {1: ["topic_c", "topic_k"]}


# --- a number ---


def test_a_number_is_typed_or_set_on_the_scale_of_the_data(page, open_tab, project, tmp_path: Path):
    rows = [{"text": "low", "label": "0.5"}, {"text": "high", "label": "5"}, *texts("one", "two", "three")]
    data = filled(project, tmp_path, "regression", rows)
    open_tab(page, "label")
    ready(page, "one")
    press(page, "Enter")
    page.get_by_text("Type a number first, or skip.").wait_for()
    press(page, "Escape", "3", ",", "2", "6", "Backspace", "Enter")
    ready(page, "two")
    press(page, "7")
    page.get_by_text("So far the numbers go from 0.5 to 5.").wait_for()
    slider = page.get_by_role("slider")
    slider.fill("4.25")
    assert commit(page) == "save 4.25"
    slider.press("Enter")
    ready(page, "three")
    press(page, "-", "Enter")
    page.get_by_text("“-” is no number.").wait_for()
    saved(page)
    assert values(data) == {1: 0.5, 2: 5, 3: 3.2, 4: 4.25}


# --- marked places ---


def test_marks_by_keyboard_are_code_points_may_overlap_and_can_be_undone(page, open_tab, project, tmp_path: Path):
    data = filled(project, tmp_path, "tokens", texts(NAMES, "Nothing"), LABELS)
    open_tab(page, "label")
    ready(page, "Maria")
    press(page, "ArrowRight", "Shift+ArrowRight", "1")  # Maria Schmidt
    press(page, "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "2")  # 🙂 flew from Berlin
    press(page, "ArrowRight", "ArrowRight", "Shift+ArrowRight", "2")  # to 北京
    press(page, "ArrowLeft", "ArrowLeft", "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight")
    assert page.locator(".lb-mark.chosen").all_inner_texts() == ["北京", "大学"]
    press(page, "3", "ArrowRight", "1", "u")  # the last mark goes, nothing else does
    assert page.locator(".lb-text").evaluate("node => node.textContent") == NAMES
    assert page.locator(".lb-tag").evaluate_all("tags => tags.map(tag => tag.dataset.name)") == [
        "Person",
        "Place",
        "Place",
        "Group",
    ]
    assert commit(page) == "save 4 marks"
    press(page, "Enter")
    ready(page, "Nothing")
    press(page, "Enter")
    saved(page)
    assert words(data) == [("Maria Schmidt", "Person"), ("Berlin", "Place"), ("北京", "Place"), ("北京大学", "Group")]
    assert values(data)[2] == []


def test_a_drag_snaps_to_words_and_a_click_changes_or_removes_a_mark(page, open_tab, project, tmp_path: Path):
    data = filled(project, tmp_path, "tokens", texts(NAMES, "Nothing"), LABELS)
    open_tab(page, "label")
    ready(page, "Maria")
    drag(page, "Schmidt", "flew")
    assert page.locator(".lb-mark.chosen").inner_text() == "Schmidt 🙂 flew"
    press(page, "Enter")
    page.get_by_text("The chosen words have no label yet").wait_for()
    press(page, "3")
    page.locator(".lb-mark").click()
    page.get_by_role("menuitem", name="Person").click()
    page.keyboard.down("Alt")
    drag(page, "Berlin", "北京大学")
    page.keyboard.up("Alt")
    page.get_by_role("button", name="Place").first.click()
    page.get_by_role("button", name="Person Schmidt 🙂 flew").click()  # the same from the list under the text
    page.get_by_role("menuitem", name="Remove the mark").click()
    press(page, "Enter")
    ready(page, "Nothing")
    saved(page)
    ((found, label),) = words(data)
    assert label == "Place" and "lin to 北" in found and not found.startswith("Berlin")


def test_a_finger_taps_the_first_and_the_last_word(new_page, open_tab, project, tmp_path: Path):
    data = filled(project, tmp_path, "tokens", texts("Maria Anna Schmidt flew", "Nothing"), ("人物", "地点"))
    page = new_page(width=390, height=844, dark=True, language="zh-CN", has_touch=True)
    open_tab(page, "label", language="zh")
    ready(page, "Maria")
    for word in ("Maria", "Schmidt"):
        at = page.evaluate(RECT, [word])
        page.touchscreen.tap((at["left"] + at["right"]) / 2, at["y"])
        page.locator(".lb-mark.chosen").filter(has_text=word).wait_for()
    page.locator(".lb-key").first.tap()
    button = page.get_by_role("button", name="保存 1 处标记")
    assert button.bounding_box()["height"] >= 44
    button.tap()
    ready(page, "Nothing")
    page.get_by_text("已全部保存").wait_for()
    assert words(data) == [("Maria Anna Schmidt", "人物")]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# --- one place ---


def test_the_answer_is_a_place_of_the_text_or_none(page, open_tab, project, tmp_path: Path):
    context = "🙂 The tower was built in 1889 by Gustave Eiffel."
    rows = [{"text": context, "question": q, "label": ""} for q in ("Who built it?", "When?", "Why?")]
    data = filled(project, tmp_path, "answers", rows)
    open_tab(page, "label")
    question(page, "Who built it?")
    press(page, "Enter")
    page.get_by_text("Choose the answer in the text first").wait_for()
    drag(page, "Gustave", "Eiffel")
    page.locator(".lb-said").get_by_text("Gustave Eiffel").wait_for()
    press(page, "Enter")
    question(page, "When?")
    press(page, *["ArrowRight"] * 7, "Enter")
    question(page, "Why?")
    press(page, "0")
    saved(page)
    start = context.index("Gustave")
    assert values(data) == {
        1: [{"text": "Gustave Eiffel", "start": start}],
        2: [{"text": "1889", "start": context.index("1889")}],
        3: [],
    }


# --- a written text, nothing at all, further inputs ---


def test_a_text_is_written_or_put_right_and_a_begun_one_waits(page, open_tab, project, tmp_path: Path):
    rows = [{"text": "Ein Hund.", "label": ""}, {"text": "Zwei.", "label": "Too."}, {"text": "Drei.", "label": ""}]
    data = filled(project, tmp_path, "text2text", rows)
    open_tab(page, "label")
    page.get_by_role("radio", name="All texts").click()
    ready(page, "Ein")
    field = page.get_by_label("Your text")
    field.fill("A dog")
    page.get_by_role("button", name="S skip").click()
    ready(page, "Zwei")
    assert field.input_value() == "Too."
    field.fill("Two.")
    field.press("Control+Enter")
    ready(page, "Drei")
    field.press("Escape")
    press(page, "ArrowLeft", "ArrowLeft", "Enter")  # back to the first, and into the field
    assert field.input_value() == "A dog"
    press(page, "End", "Enter")  # a new line, no decision
    page.keyboard.type("runs.")
    press(page, "Control+Enter")
    saved(page)
    assert values(data) == {1: "A dog\nruns.", 2: "Two."}


def test_where_nothing_is_labelled_the_page_says_so_and_leads_on(page, open_tab, project, tmp_path: Path):
    filled(project, tmp_path, "language", [{"text": "Once upon a time"}])
    open_tab(page, "label")
    page.get_by_text("There is nothing to label here.").wait_for()
    page.locator("#page-label").get_by_role("button", name="Choose settings").click()
    page.wait_for_selector("#page-settings > *", state="visible")


def test_what_was_clicked_in_a_list_stands_pressed_and_a_key_says_another(page, open_tab, project, tmp_path: Path):
    rows = [
        {"text": "shoes", "choices": word, "label": clicked}
        for word, clicked in (("red", "1"), ("blue", "0"), ("grey", "1"))
    ]
    rows += [{"text": "hats", "choices": word, "label": "0"} for word in ("warm", "cold")]
    data = filled(project, tmp_path, "ranking", rows)
    open_tab(page, "label")
    ready(page, "hats")
    page.get_by_role("radio", name="All texts").click()
    ready(page, "shoes")
    pressed = "[...document.querySelectorAll('.lb-options .lb-key')].map((one) => one.getAttribute('aria-pressed'))"
    assert page.evaluate(pressed) == ["true", "false", "true"]
    press(page, "2")
    ready(page, "hats")
    press(page, "1")
    saved(page)
    assert [row["value"] for row in data.page(0, 2).rows] == [{"blue": 1.0}, {"warm": 1.0}]


def test_the_second_text_of_a_pair_stands_under_the_first(page, open_tab, project, tmp_path: Path):
    rows = [
        {"text": "A dog runs.", "text_b": "An animal moves.", "label": ""},
        {"text": "It rains.", "text_b": "", "label": ""},
    ]
    data = filled(project, tmp_path, "pairs", rows, ("yes", "no"))
    open_tab(page, "label")
    ready(page, "A dog")
    first, second = page.locator(".lb-text").bounding_box(), page.locator(".lb-input .said").bounding_box()
    assert second["y"] >= first["y"] + first["height"]
    assert page.locator(".lb-text").get_attribute("data-called") == "First text"
    assert page.locator(".lb-input h3").inner_text() == "Second text"
    press(page, "1")
    saved(page)
    assert [row["label"] for row in data.page(0, 5).rows] == ["yes", None]


def test_two_marked_entities_are_marks_and_other_tags_are_text(page, open_tab, project, tmp_path: Path):
    rows = [{"text": "<e1>China</e1> sent <b>all</b> <e2>seeds</e2>.", "label": ""}]
    data = filled(project, tmp_path, "relations", rows, ("Source", "Other"))
    open_tab(page, "label")
    ready(page, "China")
    assert page.locator(".lb-text mark").all_inner_texts() == ["China1", "seeds2"]
    assert "sent <b>all</b> seeds" in page.locator(".lb-text").inner_text()
    press(page, "1")
    saved(page)
    assert [row["label"] for row in data.page(0, 5).rows] == ["Source"]


# --- offsets and words, without a server's help ---


def test_offsets_agree_with_python_and_selections_snap_to_words(page, open_tab, project):
    """Against Python's own count, on texts that mix widths, scripts, emoji sequences and combining marks."""
    open_tab(page, "label")
    chance = random.Random(3)
    pieces = ["Zoë", "🙂", "👩‍👩‍👧", "北京", "e\u0301", " ", "\n", "𝔘", "don't", "🇩🇪", ",", "नमस्ते"]
    for _ in range(12):
        text = "".join(chance.choices(pieces, k=20))
        units = [len(text[:i].encode("utf-16-le")) // 2 for i in range(len(text) + 1)]
        told = page.evaluate(
            """text => { const at = Hone.places(text), n = [...text].length;
              const units = Array.from({ length: n + 1 }, (_, i) => at.unit(i));
              return { units, points: units.map((one) => at.point(one)), whole: Hone.units(text).map((u) => text.slice(u.from, u.to)) }; }""",
            text,
        )
        assert told["units"] == units and told["points"] == list(range(len(text) + 1))
        assert "".join(told["whole"]) == "".join(text.split())
    for text, start, end, exact, found in (
        ("We met Anna-Lena there", 8, 9, False, "Anna"),
        ("We met Anna there", 6, 12, False, "Anna"),
        ("I don't know", 3, 4, False, "don't"),
        ("costs 3.50 now", 7, 8, False, "3.50"),
        ("她在北京大学读书", 2, 4, False, "北京"),
        ("一家👩‍👩‍👧人", 3, 4, False, "👩‍👩‍👧"),
        ("Berlin", 1, 3, True, "er"),
        ("a🙂b", 2, 3, True, "🙂"),
        ("   ", 0, 2, False, None),
    ):
        place = page.evaluate("([text, a, b, exact]) => Hone.snapped(text, a, b, exact)", [text, start, end, exact])
        said = place and text.encode("utf-16-le")[place[0] * 2 : place[1] * 2].decode("utf-16-le")
        assert said == found, (text, place)
