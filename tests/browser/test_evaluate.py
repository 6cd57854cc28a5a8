"""The Evaluate tab in a real browser, on runs that the real worker finished."""

from __future__ import annotations

import csv

import pytest
from finished_runs import finish, many_labels, messages

from core import projects
from core.evaluation import report

pytestmark = pytest.mark.browser
READY = "#page-evaluate button:has-text('Download the report')"


@pytest.fixture(scope="module")
def judged(server) -> projects.Project:
    """A project with one finished run and its report."""
    project = projects.create(server.workspace, "Judged mail")
    report.make(finish(project).folder)
    return project


def test_a_project_without_a_finished_run_leads_to_training(page, open_tab):
    open_tab(page, "evaluate")
    page.get_by_text("Needs a finished run").last.wait_for()
    page.locator("#page-evaluate .btn.primary").click()
    page.wait_for_function("Hone.current() === 'train'")


def test_the_cards_fill_while_the_report_is_made_and_a_reload_goes_on_with_it(page, open_tab, server):
    project = projects.create(server.workspace, "Fresh mail")
    finish(project)
    open_tab(page, "evaluate", of=project)
    page.locator("#page-evaluate .progress").wait_for()
    page.locator("#page-evaluate .ev-wait").first.wait_for()
    page.reload()
    page.locator(READY).wait_for(timeout=120_000)
    assert "unseen texts correctly" in page.locator(".verdict .say").inner_text()
    assert not page.locator("#page-evaluate .ev-wait").count()
    assert len(list(server.workspace.jobs.glob("job-*/job.json"))) >= 1


def test_the_verdict_is_the_first_and_the_largest_sentence(page, open_tab, judged):
    open_tab(page, "evaluate", of=judged)
    say = page.locator(".verdict .say")
    say.wait_for()
    assert page.evaluate("getComputedStyle(document.querySelector('.verdict .say')).fontSize") == "24px"
    assert " of " in say.locator("em").first.inner_text()
    assert page.locator(".cmpr .nm").count() == 3
    assert page.locator("#evaluate-table tfoot tr").count() == 4


def test_arrow_keys_walk_the_matrix_and_enter_opens_the_texts(page, open_tab, judged):
    open_tab(page, "evaluate", of=judged)
    page.locator(".mx button[tabindex='0']").focus()
    names = page.locator(".mx tbody th").all_inner_texts()
    page.keyboard.press("End")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("[document.activeElement.dataset.right, document.activeElement.dataset.said]") == ["1", "1"]
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith(
        f"{names[1]} read as {names[1]}"
    )
    count = int(page.evaluate("document.activeElement.textContent"))
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=f"{names[1]}, read rightly").wait_for()
    page.locator("#evaluate-list .sub", has_text=f"{count} text").wait_for()
    page.locator("#evaluate-list button:has-text('read them')").click()
    page.get_by_role("heading", name="Surest mistakes").wait_for()


def test_relabelling_a_mistake_says_that_the_report_is_out_of_date_until_it_is_undone(page, open_tab, judged):
    open_tab(page, "evaluate", of=judged)
    page.locator("#evaluate-list button:has-text('Relabel')").first.click()
    page.locator("[role=menuitem]:not(.current)").first.click()
    page.get_by_text("This report is out of date").wait_for()
    page.reload()
    page.get_by_text("This report is out of date").wait_for()
    page.locator("#evaluate-list button:has-text('Undo')").click()
    page.get_by_text("This report is out of date").wait_for(state="detached")


def test_the_label_table_sorts_and_comes_as_csv(page, open_tab, judged):
    open_tab(page, "evaluate", of=judged)
    page.locator(".ev-table th button", has_text="both").click()
    page.wait_for_selector(".ev-table th[aria-sort='ascending']")
    shown = [float(text) for text in page.locator(".ev-table tbody td.both").all_inner_texts()]
    assert shown == sorted(shown)
    with page.expect_download() as waiting:
        page.locator("#evaluate-table button", has_text="CSV").click()
    with open(waiting.value.path(), encoding="utf-8-sig", newline="") as file:  # noqa: PTH123 - a download's own path
        assert len(list(csv.DictReader(file))) == len(shown) + 3


def test_the_matrix_comes_as_a_picture(page, open_tab, judged):
    open_tab(page, "evaluate", of=judged)
    for choice, ending, start in (("PNG", ".png", b"\x89PNG"), ("SVG", ".svg", b"<svg")):
        page.locator("#evaluate-confusion button", has_text="Picture").click()
        with page.expect_download() as waiting:
            page.locator("[role=menuitem]", has_text=choice).click()
        assert waiting.value.suggested_filename.endswith(ending)
        with open(waiting.value.path(), "rb") as file:  # noqa: PTH123
            assert file.read(4) == start


def test_html_in_texts_and_labels_is_shown_and_never_run(page, open_tab, server):
    project = projects.create(server.workspace, "Hostile mail")
    mean = {"praise": "<img src=x onerror='window.struck=1'>", "bicycle": "<script>window.struck=1</script>"}
    rows = [
        {
            **row,
            "text": f"<b onmouseover='window.struck=1'>{row['text']}</b>",
            "label": mean.get(row["label"], row["label"]),
        }
        for row in messages()
    ]
    report.make(finish(project, rows).folder)
    open_tab(page, "evaluate", of=project)
    page.locator("#evaluate-list .said").first.wait_for()
    assert page.locator("#evaluate-list .said").first.inner_text().startswith("<b onmouseover=")
    for name in mean.values():
        assert page.locator(".ev-table", has_text=name).count() == 1
    page.locator("#evaluate-list .said").first.hover()
    page.locator("#evaluate-list button:has-text('Relabel')").first.click()
    page.keyboard.press("Escape")
    assert page.evaluate("window.struck === undefined")
    assert not page.locator("#page-evaluate img, #page-evaluate script").count()


def test_many_labels_scroll_inside_their_card_and_the_most_confused_are_listed(new_page, open_tab, server):
    project = projects.create(server.workspace, "Many labels")
    report.make(finish(project, many_labels()).folder)
    for width in (390, 1440):
        page = open_tab(new_page(width=width, height=844), "evaluate", of=project)
        page.locator(".ev-pair").first.click()
        page.locator("#evaluate-list h2", has_text="read as").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate(
            "(() => { const box = document.querySelector('.mx-scroll'); return box.scrollWidth > box.clientWidth; })()"
        )
        page.evaluate("document.querySelector('.mx-scroll').scrollTo(200, 200)")
        held = (
            "['thead th', 'tbody th'].map((which) => getComputedStyle(document.querySelector('.mx ' + which)).position)"
        )
        assert page.evaluate(held) == ["sticky", "sticky"]


def test_a_report_is_chosen_per_run_and_the_choice_survives_a_reload(page, open_tab, server):
    project = projects.create(server.workspace, "Two runs")
    first, second = finish(project, name="The first"), finish(project, name="The second", ngram_high=1)
    for run in (first, second):
        report.make(run.folder)
    open_tab(page, "evaluate", of=project)
    page.locator(READY).wait_for()
    assert "The second" in page.locator("#evaluate-run option:checked").inner_text()
    page.locator("#evaluate-run").select_option(first.id)
    page.locator(".cmpr .nm.me small", has_text="The first").wait_for()
    page.reload()
    page.locator(".cmpr .nm.me small", has_text="The first").wait_for()


def test_the_report_speaks_chinese(new_page, open_tab, judged):
    page = open_tab(new_page(language="zh-CN"), "evaluate", language="zh", of=judged)
    page.locator(".verdict .say").wait_for()
    assert page.locator("h1:visible").inner_text() == "它可信吗？"
    assert "答对" in page.locator(".verdict .say").inner_text()
