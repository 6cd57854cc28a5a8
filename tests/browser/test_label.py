"""The Label tab as a person meets it: keys as fast as fingers go, a server that goes away, a page that is reloaded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core import projects

pytestmark = pytest.mark.browser

TEXTS = 160
LABELS = ("Delivery", "Refund", "Damage", "Praise")
SAVED = "document.querySelector('.lb-saved').textContent === 'All saved'"


def filled(project: projects.Project, tmp_path: Path, labels: tuple[str, ...] = LABELS, texts: int = TEXTS):
    file = tmp_path / "mail.csv"
    file.write_text("message\n" + "".join(f"letter number {i}\n" for i in range(1, texts + 1)), encoding="utf-8")
    data = project.dataset()
    data.add(file, "mail.csv")
    for name in labels:
        data.labels.create(name)
    return data


def ready(page) -> None:
    page.wait_for_function("document.querySelector('.lb-text')?.textContent.startsWith('letter')")


def given(data) -> dict[int, str]:
    """Row number -> label, as the data set has it."""
    return {row["number"]: row["label"] for row in data.page(0, 500).rows if row["label"]}


def test_eighty_keys_as_fast_as_they_come_are_eighty_labels(page, open_tab, project, tmp_path: Path):
    data = filled(project, tmp_path)
    open_tab(page, "label")
    ready(page)
    keys = [str(1 + i % 4) for i in range(80)]
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_function(SAVED)
    assert given(data) == {i + 1: LABELS[int(key) - 1] for i, key in enumerate(keys)}
    assert page.locator(".lb-meta").inner_text().split() == ["80", "of", "160", "row", "81"]


def test_the_next_text_is_there_before_the_key_is_handled(page, open_tab, project, tmp_path: Path):
    """In the same turn of the event loop: no answer of a server can be between the key and the text."""
    filled(project, tmp_path)
    open_tab(page, "label")
    ready(page)
    shown = page.evaluate(
        """() => { const text = document.querySelector('.lb-text'), seen = [];
          for (let i = 0; i < 40; i++) {
            document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '1', bubbles: true }));
            seen.push(text.textContent);
          } return seen; }"""
    )
    assert shown == [f"letter number {i}" for i in range(2, 42)]


def test_skip_undo_and_arrows(page, open_tab, project, tmp_path: Path):
    data = filled(project, tmp_path)
    open_tab(page, "label")
    ready(page)
    page.keyboard.press("2")
    page.keyboard.press("s")
    page.keyboard.press("3")
    page.wait_for_function(SAVED)
    assert given(data) == {1: "Refund", 3: "Damage"}
    assert "Damage" in page.locator(".lb-last").inner_text()
    page.keyboard.press("u")
    assert page.locator(".lb-text").inner_text() == "letter number 3"
    page.keyboard.press("u")
    assert page.locator(".lb-text").inner_text() == "letter number 2"
    page.keyboard.press("u")
    assert page.locator(".lb-text").inner_text() == "letter number 1"
    page.wait_for_function(SAVED)
    assert given(data) == {}
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert page.locator(".lb-text").inner_text() == "letter number 2"


def test_keys_rest_while_somebody_types_or_composes(page, open_tab, project, tmp_path: Path):
    data = filled(project, tmp_path)
    open_tab(page, "label")
    ready(page)
    page.keyboard.press("/")
    page.keyboard.type("number 12")
    page.locator(".lb-fields").get_by_text("11 texts").wait_for()
    page.keyboard.press("Escape")
    page.evaluate(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '1', bubbles: true, isComposing: true }))"
    )
    page.evaluate(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '1', bubbles: true, ctrlKey: true }))"
    )
    assert given(data) == {}
    page.keyboard.press("1")
    page.wait_for_function(SAVED)
    assert given(data) == {12: "Delivery"}


def test_a_key_held_down_decides_once(page, open_tab, project, tmp_path: Path):
    data = filled(project, tmp_path)
    open_tab(page, "label")
    ready(page)
    for _ in range(5):
        page.keyboard.down("1")
    page.keyboard.up("1")
    page.wait_for_function(SAVED)
    assert given(data) == {1: "Delivery"}


def test_nothing_is_lost_when_the_server_dies_and_comes_back(new_page, launched, watched, alone, tmp_path: Path):
    watched.allow("Failed to load resource|Failed to fetch|ERR_")
    server = launched()
    project = projects.create(server.workspace, "Mail")
    data = filled(project, tmp_path)
    page = new_page()
    alone(page)
    page.goto(f"{server.url}/?project={project.id}#label")
    ready(page)
    page.keyboard.press("1")
    page.wait_for_function(SAVED)
    server.stop(kill=True)
    for key in "234":
        page.keyboard.press(key)
    page.get_by_text("3 kept here, sent when the connection is back").wait_for()
    assert page.locator(".lb-text").inner_text() == "letter number 5"
    server.start()
    page.wait_for_function(SAVED, timeout=40_000)
    assert given(data) == {1: "Delivery", 2: "Refund", 3: "Damage", 4: "Praise"}


def test_what_was_not_sent_before_a_reload_is_sent_after_it(page, open_tab, project, watched, tmp_path: Path):
    watched.allow("503")
    data = filled(project, tmp_path)
    open_tab(page, "label")
    ready(page)
    page.route("**/component_server/", lambda route: route.fulfill(status=503, body="away"))
    page.keyboard.press("4")
    page.keyboard.press("3")
    page.get_by_text(re.compile("2 kept here|2 to save")).wait_for()
    page.unroute("**/component_server/")
    page.reload()
    ready(page)
    page.wait_for_function(SAVED)
    assert given(data) == {1: "Praise", 2: "Damage"}
    assert page.locator(".lb-text").inner_text() == "letter number 3"
    page.keyboard.press("u")
    page.wait_for_function(SAVED)
    assert given(data) == {1: "Praise"}


def test_two_windows_share_the_work(page, open_tab, project, tmp_path: Path, server, alone):
    data = filled(project, tmp_path)
    open_tab(page, "label")
    ready(page)
    other = page.context.new_page()
    alone(other)
    other.goto(f"{server.url}/?project={project.id}#label")
    ready(other)
    page.keyboard.press("1")
    other.get_by_text("by you").wait_for()  # the text both stood on has its label here too
    other.keyboard.press("ArrowRight")
    page.keyboard.press("2")
    page.keyboard.press("2")
    page.wait_for_function(SAVED)  # of two labels for one text the later one holds: it is to be the other window's
    other.keyboard.press("3")
    other.wait_for_function(SAVED)
    assert given(data) == {1: "Delivery", 2: "Damage", 3: "Refund"}


def test_the_first_two_labels_are_named_on_the_page(page, open_tab, project, tmp_path: Path):
    filled(project, tmp_path, labels=())
    open_tab(page, "label")
    page.get_by_text("No labels yet: name the first two").wait_for()
    page.keyboard.type("Good")
    page.keyboard.press("Enter")  # the second is still missing: the focus goes there
    page.keyboard.type("Bad")
    page.keyboard.press("Enter")
    ready(page)
    page.keyboard.press("2")
    page.wait_for_function(SAVED)
    assert "1 of 160" in page.locator(".lb-meta").inner_text()


def test_labels_are_managed_and_every_change_says_its_rows(page, open_tab, project, tmp_path: Path):
    data = filled(project, tmp_path)
    data.labels.put([{"row": f"1:{i}", "label": "Refund", "seq": i, "client": "t"} for i in range(3)], "local")
    open_tab(page, "label")
    ready(page)
    page.locator("#page-label").get_by_role("button", name="Labels", exact=True).click()
    told, rows = page.locator(".lm-told"), page.locator(".lm-row")
    rows.nth(1).get_by_label("Name of the label").fill("Money back")
    page.keyboard.press("Enter")
    told.get_by_text("“Refund” is now called “Money back”. 3 rows changed.").wait_for()
    rows.nth(1).get_by_role("button", name=re.compile("More for")).click()
    page.get_by_role("menuitem", name=re.compile("Merge into")).click()
    page.get_by_role("button", name="Merge", exact=True).click()
    told.get_by_text("“Money back” is now part of “Delivery”. 3 rows changed.").wait_for()
    told.get_by_role("button", name="Undo").click()
    told.get_by_text("Undone.").wait_for()
    rows.nth(1).get_by_role("button", name=re.compile("More for")).click()
    page.get_by_role("menuitem", name=re.compile("Delete")).click()
    told.get_by_text("“Money back” is deleted. 3 rows changed.").wait_for()
    page.keyboard.press("Escape")
    page.locator(".lb-key", has_text="Money back").wait_for(state="detached")
    assert [tile.inner_text().split("\n")[-1] for tile in page.locator(".lb-key").all()] == [
        "Delivery",
        "Damage",
        "Praise",
    ]
    assert "0 of 160" in page.locator(".lb-meta").inner_text()


def test_the_row_tells_who_labelled_it(page, open_tab, project, tmp_path: Path):
    data = filled(project, tmp_path)
    data.labels.put([{"row": "1:0", "label": "Refund", "seq": 1, "client": "t"}], "maria")
    open_tab(page, "label")
    page.get_by_role("radio", name="All texts").click()
    page.get_by_text("by maria, just now").wait_for()
    page.get_by_role("button", name="History").click()
    table = page.locator(".lm-history table")
    table.wait_for()
    assert "maria" in table.inner_text() and "Refund" in table.inner_text()


def test_with_many_labels_enter_letters_enter(page, open_tab, project, tmp_path: Path):
    data = filled(project, tmp_path, labels=tuple(f"topic_{word}" for word in "abcdefghijklmnopqrstuvwxyz"))
    open_tab(page, "label")
    ready(page)
    page.keyboard.press("Enter")
    page.keyboard.type("ic_w")
    page.keyboard.press("Enter")
    page.wait_for_function(SAVED)
    assert given(data) == {1: "topic_w"}
    page.keyboard.press("a")  # the tenth label's key
    page.wait_for_function(SAVED)
    assert given(data)[2] == "topic_j"


def test_a_phone_has_large_keys_and_skip_and_undo_within_reach(new_page, open_tab, project, tmp_path: Path):
    data = filled(project, tmp_path)
    page = new_page(width=390, height=844, dark=True, language="zh-CN", has_touch=True)
    open_tab(page, "label", language="zh")
    ready(page)
    assert all(tile.bounding_box()["height"] >= 52 for tile in page.locator(".lb-key").all())
    undo = page.get_by_role("button", name="撤销").last
    box, bar = undo.bounding_box(), page.locator("#tab-data-button").bounding_box()
    assert box["height"] >= 44 and box["y"] + box["height"] <= bar["y"] + 1
    page.locator(".lb-key").nth(3).tap()
    page.get_by_text("已全部保存").wait_for()
    assert given(data) == {1: "Praise"}
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_texts_it_leads_back_to_the_data(page, open_tab):
    open_tab(page, "label")
    page.get_by_role("button", name="Add texts").click()
    page.get_by_role("heading", name="Start with your texts").wait_for()


def test_when_every_text_has_a_label_it_leads_on(page, open_tab, project, tmp_path: Path):
    filled(project, tmp_path, texts=2)
    open_tab(page, "label")
    ready(page)
    page.keyboard.press("1")
    page.keyboard.press("2")
    page.get_by_text("Every text has a label.").wait_for()
    assert not page.locator(".lb-keys").is_visible()
