"""The Playground tab in a real browser, on runs that the real worker finished."""

from __future__ import annotations

import csv
import os
import signal
import zipfile
from pathlib import Path

import psutil
import pytest
from finished_runs import finish, messages

from core import projects

pytestmark = pytest.mark.browser
TEXT = "#playground-text"


@pytest.fixture(scope="module")
def tried(server) -> projects.Project:
    """A project with two finished runs."""
    project = projects.create(server.workspace, "Tried mail")
    finish(project, name="The first")
    finish(project, name="The second", ngram_high=1)
    return project


def answer(page) -> str:
    page.locator(".pb.top1").first.wait_for(timeout=60_000)
    return page.locator(".ans").first.inner_text()


def test_a_project_without_a_finished_run_leads_to_training(page, open_tab):
    open_tab(page, "playground")
    page.get_by_text("Needs a finished run").last.wait_for()
    page.locator("#page-playground .btn.primary").click()
    page.wait_for_function("Hone.current() === 'train'")


def test_it_answers_while_one_writes_and_only_the_last_text_counts(page, open_tab, tried):
    open_tab(page, "playground", of=tried)
    assert page.locator(".pb").count() >= 3 and not page.locator(".pb.top1").count()
    page.locator(TEXT).press_sequentially("my card was lost and the bank", delay=15)
    page.wait_for_function("document.querySelector('.ans').innerText === 'lost card'")
    page.locator(TEXT).fill("a red bike with a blue wheel")
    page.wait_for_function("document.querySelector('.ans').innerText === 'bicycle'")
    assert "Answered in" in page.locator(".pg-how").first.inner_text()
    page.locator(TEXT).fill("")
    page.locator(".pb.top1").wait_for(state="detached")


def test_what_was_typed_survives_a_reload_and_stays_in_this_window(page, open_tab, tried, new_page):
    open_tab(page, "playground", of=tried)
    page.locator(TEXT).fill("a red bike")
    assert answer(page) == "bicycle"
    page.reload()
    page.wait_for_function("document.querySelector('#playground-text')?.value === 'a red bike'")
    assert answer(page) == "bicycle"
    other = open_tab(new_page(), "playground", of=tried)
    other.locator(TEXT).wait_for()
    assert other.locator(TEXT).input_value() == ""


def test_an_example_a_test_text_and_a_wrong_one_are_a_click_away(page, open_tab, tried):
    open_tab(page, "playground", of=tried)
    page.locator(".pg-starter").first.click()
    page.locator(".pg-truth .chip").wait_for()
    answer(page)
    page.get_by_role("button", name="One it got wrong").click()
    page.locator(".pg-how .bad", has_text="Wrong.").wait_for()
    said = page.locator(".ans").first.inner_text()
    assert page.locator(".pg-truth .chip").inner_text() != said
    page.get_by_role("button", name="Clear").click()
    page.locator(".pg-starter").first.wait_for()


def test_two_runs_stand_side_by_side(page, open_tab, tried):
    open_tab(page, "playground", of=tried)
    page.locator("#playground-other").select_option(index=1)
    page.wait_for_function("document.querySelectorAll('.pg-block').length === 2")
    page.locator(TEXT).fill("good happy film")
    page.wait_for_function("document.querySelectorAll('.pb.top1').length === 2")
    assert page.locator(".ans").all_inner_texts() == ["praise", "praise"]
    how = page.locator(".pg-how").all_inner_texts()
    assert how[0].startswith("The second.") and how[1].startswith("The first.")


def services(server) -> list[psutil.Process]:
    children = psutil.Process(server.process.pid).children(recursive=True)
    return [child for child in children if "core.service" in child.cmdline()]


def test_an_answer_comes_also_when_the_process_that_answers_was_killed(page, open_tab, tried, server):
    open_tab(page, "playground", of=tried)
    page.locator(TEXT).fill("a red bike")
    assert answer(page) == "bicycle"
    for process in services(server):
        os.kill(process.pid, signal.SIGKILL)
    page.locator(TEXT).fill("my card was lost")
    page.wait_for_function("document.querySelector('.ans').innerText === 'lost card'")


def test_a_whole_file_goes_and_comes_back_with_an_answer_beside_each_row(page, open_tab, tried, tmp_path: Path):
    table = tmp_path / "june.csv"
    rows = [row["text"] for row in messages(300)]
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["number", "message"], *([i, text] for i, text in enumerate(rows))])
    open_tab(page, "playground", of=tried)
    page.locator(".wf-input").set_input_files(table)
    page.locator("#wf-column").wait_for()
    assert page.locator("#wf-column").input_value() == "message"
    page.get_by_role("button", name="Answer every row").click()
    page.reload()
    page.locator(".wf .tick", has_text="300 rows answered").wait_for(timeout=120_000)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download june-answers.csv").click()
    with open(waiting.value.path(), encoding="utf-8-sig", newline="") as file:  # noqa: PTH123 - a download's own path
        back = list(csv.DictReader(file))
    assert [row["message"] for row in back] == rows
    assert {row["prediction"] for row in back} == {"praise", "lost card", "bicycle"}


def test_a_picture_is_refused_with_words_and_the_picker_stays(page, open_tab, server, tmp_path: Path):
    picture = tmp_path / "photo.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(300))
    project = projects.create(server.workspace, "Mail without pictures")
    finish(project)
    open_tab(page, "playground", of=project)
    page.locator(".wf-input").set_input_files(picture)
    page.locator(".wf .notice", has_text="photo.png is a picture").wait_for()
    assert page.locator(".wf-drop").is_visible()


def test_the_model_can_be_taken_away_once_its_copy_was_checked(page, open_tab, server):
    project = projects.create(server.workspace, "Mail to take away")
    finish(project)
    open_tab(page, "playground", of=project)
    page.get_by_text("Checking the copy").wait_for()
    assert not page.locator("#download-model").count()
    page.locator("#download-model").wait_for(timeout=240_000)
    assert "same answer for" in page.locator(".aw .tick").first.inner_text()
    assert page.locator(".aw-code pre").first.inner_text().startswith('python predict.py "')
    with page.expect_download() as waiting:
        page.locator("#download-model").click()
    with zipfile.ZipFile(waiting.value.path()) as archive:
        assert any(name.endswith("/predict.py") for name in archive.namelist())


def test_a_phone_shows_everything_in_one_column(new_page, open_tab, tried):
    page = open_tab(new_page(width=390, height=844, dark=True), "playground", of=tried)
    page.locator(TEXT).fill("good happy film")
    assert answer(page) == "praise"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
