"""The Train tab in a real browser, with real trainings of a tiny model: watch, pause, resume, stop, discard, compare; nothing is lost."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.data.dataset import Dataset
from core.training import draft as drafts
from core.training.draft import Draft
from core.training.runs import runs

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
expect = pytest.importorskip("playwright.sync_api").expect
LONG = 90_000  # milliseconds for a tiny training on a busy machine
SHORT_RUN = {"epochs": 3.0, "evaluations": 1.0, "patience": 0}
LONG_RUN = {"length": "steps", "steps": 100_000, "batch_size": 4, "patience": 0, "evaluations": 1.0}


@pytest.fixture
def mail(project, tmp_path: Path, tiny_encoder: Path) -> Iterator:
    """A project with 150 labelled texts and a tiny base; whatever still works at the end is discarded."""
    chance = random.Random(5)
    words = {"money": "card lost bank pay refund order late", "bike": "wheel bike box red blue green late"}
    rows = [(" ".join(chance.choices(found.split(), k=6)), label) for label, found in words.items() for _ in range(75)]
    chance.shuffle(rows)
    file = tmp_path / "mail.csv"
    file.write_text("text,label\n" + "\n".join(f"{text},{label}" for text, label in rows), encoding="utf-8")
    Dataset.open(project.data).add(file, file.name)
    yield project
    for run in runs(project.folder):
        if not run.view().over:
            run.control("discard")


@pytest.fixture
def draft(mail, tiny_encoder: Path):
    def write(values: dict, preset: str = "balanced") -> None:
        drafts.write(mail.folder, Draft(preset, {"base": str(tiny_encoder), **values}))

    return write


def start(page) -> None:
    page.locator("#train-start").click()


def title(page):
    return page.locator("#page-train h1")


def button(page, name: str):
    return page.locator("#page-train .head").get_by_role("button", name=name)


def curve(page, trace: int = 0) -> list:
    """What is drawn: [x, y] of one trace of the loss plot, without the places where the line is lifted between phases."""
    script = """(i) => { const d = document.querySelector('#train-loss .plot').data;
      const there = Array.from(d[i].y, (_, k) => k).filter((k) => d[i].y[k] !== null);
      return [there.map((k) => d[i].x[k]), there.map((k) => d[i].y[k])]; }"""
    return page.evaluate(script, trace)


def wait_for_points(page, least: int) -> None:
    script = "(n) => { const p = document.querySelector('#train-loss .plot'); return p && p.data && p.data[0].x.length >= n }"
    page.wait_for_function(script, arg=least, timeout=LONG)


def test_before_the_first_run_it_says_what_will_come(page, open_tab, mail, draft):
    draft({})
    open_tab(page, "train")
    expect(title(page)).to_have_text("Ready to learn")
    expect(page.locator("#page-train")).to_contain_text("The curve will be drawn here")
    expect(page.locator("#page-train .head p")).to_contain_text("texts")


def test_without_texts_it_leads_to_the_data(page, open_tab):
    open_tab(page, "train")
    page.locator("#page-train .head").get_by_role("button", name="Add your texts").click()
    expect(page.locator("#tab-data-button")).to_have_attribute("aria-selected", "true")


def test_a_training_is_seen_to_its_end_and_a_reload_shows_the_same_curve(page, open_tab, mail, draft):
    draft(SHORT_RUN)
    open_tab(page, "train")
    start(page)
    expect(title(page)).to_have_text("Finished", timeout=LONG)
    expect(page.locator(".train-line")).to_contain_text("Finished in")
    expect(page.locator(".train-watch li")).to_have_count(5)
    wait_for_points(page, 2)
    before = [curve(page, trace) for trace in range(4)]
    page.reload()
    wait_for_points(page, 2)
    assert [curve(page, trace) for trace in range(4)] == before
    expect(page.locator("#train-runs tbody tr")).to_have_count(1)
    expect(page.locator("#page-train .head").get_by_role("button", name="See how good it is")).to_be_visible()


def test_pause_by_key_resume_and_stop_and_keep(page, open_tab, mail, draft):
    draft(LONG_RUN)
    open_tab(page, "train")
    start(page)
    wait_for_points(page, 3)
    page.locator("#page-train h1").click()
    page.keyboard.press("p")
    expect(title(page)).to_have_text("Paused", timeout=LONG)
    button(page, "Resume").click()
    expect(title(page)).to_have_text(re.compile("Learning|Getting ready"), timeout=LONG)
    button(page, "Stop and keep").click()
    expect(title(page)).to_have_text("Stopped and kept", timeout=LONG)
    assert (runs(mail.folder)[0].folder / "model" / "hone.json").exists()


def test_discard_asks_once_and_keeps_nothing(page, open_tab, mail, draft):
    draft(LONG_RUN)
    open_tab(page, "train")
    start(page)
    wait_for_points(page, 3)
    button(page, "Discard").click()
    page.get_by_role("button", name="Go on training").click()
    expect(title(page)).to_have_text("Learning")
    button(page, "Discard").click()
    page.get_by_role("dialog").get_by_role("button", name="Discard", exact=True).click()
    expect(title(page)).to_have_text("Discarded", timeout=LONG)
    assert not (runs(mail.folder)[0].folder / "model").exists()
    assert not (runs(mail.folder)[0].folder / "checkpoints").exists()


def test_a_second_window_shows_the_same_run_and_a_second_run_waits_in_line(new_page, open_tab, mail, draft):
    draft(LONG_RUN)
    first, second = new_page(), new_page(dark=True, language="zh-CN")
    open_tab(first, "train")
    start(first)
    wait_for_points(first, 3)
    open_tab(second, "train", language="zh")
    wait_for_points(second, 3)
    expect(title(second)).to_have_text("学习中")
    seen = curve(first)[0]
    there = curve(second)[0]
    both = min(len(seen), len(there))  # more points may have come between the two looks
    assert both >= 3 and there[:both] == seen[:both]
    open_tab(second, "settings", language="zh")
    second.locator("#set-start").click()
    expect(title(second)).to_have_text("排队中")
    expect(second.locator(".train-line")).to_contain_text("排在第 1 位")
    second.locator("#train-leave").click()
    expect(title(second)).to_have_text("已放弃", timeout=LONG)


def test_a_killed_server_shows_the_run_as_interrupted_and_it_goes_on(
    new_page, launched, watched, mail, draft, tiny_encoder, tmp_path
):
    import shutil

    from core import projects

    watched.allow("Failed to load resource|ERR_CONNECTION|NetworkError|Failed to fetch")
    own = launched()
    copy = projects.create(own.workspace, "mail")
    shutil.copytree(mail.data, copy.data, dirs_exist_ok=True)
    drafts.write(copy.folder, Draft("balanced", {"base": str(tiny_encoder), **LONG_RUN, "save_seconds": 0.5}))
    page = new_page()
    page.goto(f"{own.url}/?project={copy.id}#train")
    start(page)
    wait_for_points(page, 5)
    run = runs(copy.folder)[0]
    page.wait_for_function(
        "() => Number(document.querySelector('.train-steps').textContent.replace(/\\D+/g, ' ').trim().split(' ')[0]) > 0"
    )
    own.stop(kill=True)
    expect(page.locator("html")).to_have_attribute("data-offline", re.compile(".*"), timeout=LONG)
    own.start()
    expect(title(page)).to_have_text("Interrupted", timeout=LONG)
    expect(page.locator(".train-notice")).to_contain_text("Nothing is lost.")
    stopped = run.view().step
    page.locator("#train-resume").click()
    expect(title(page)).to_have_text("Learning", timeout=LONG)
    page.wait_for_function(
        "(s) => Number(document.querySelector('.train-steps').textContent.replace(/,/g, '').match(/\\d+/)[0]) > s",
        arg=stopped,
        timeout=LONG,
    )
    xs = curve(page)[0]
    assert xs == sorted(set(xs)), "points that came again after the resume are drawn once"
    button(page, "Discard").click()
    page.get_by_role("dialog").get_by_role("button", name="Discard", exact=True).click()
    expect(title(page)).to_have_text("Discarded", timeout=LONG)


def test_a_zoom_survives_new_points_and_the_theme(page, open_tab, mail, draft):
    draft(LONG_RUN)
    open_tab(page, "train")
    start(page)
    wait_for_points(page, 4)
    page.evaluate(
        "() => Plotly.relayout(document.querySelector('#train-loss .plot'), {'xaxis.range': [1, 3], 'xaxis.autorange': false})"
    )
    count = len(curve(page)[0])
    wait_for_points(page, count + 3)
    page.locator("#theme").click()
    page.wait_for_timeout(300)
    wait_for_points(page, count + 6)
    shown = page.evaluate("() => document.querySelector('#train-loss .plot').layout.xaxis.range")
    assert shown == [1, 3]
    button(page, "Discard").click()
    page.get_by_role("dialog").get_by_role("button", name="Discard", exact=True).click()
    expect(title(page)).to_have_text("Discarded", timeout=LONG)


def test_runs_are_named_noted_overlaid_and_deleted(page, open_tab, mail, draft):
    draft({}, preset="quick")
    open_tab(page, "train")
    start(page)
    expect(title(page)).to_have_text("Finished", timeout=LONG)
    page.locator("#train-start").click()
    expect(page.locator("#train-runs tbody tr")).to_have_count(2)
    expect(title(page)).to_have_text("Finished", timeout=LONG)
    alone = page.evaluate("() => document.querySelector('#train-loss .plot').data.length")
    page.locator("#train-runs tbody tr").nth(1).get_by_role("checkbox").check()
    page.wait_for_function("(n) => document.querySelector('#train-loss .plot').data.length === n + 1", arg=alone)
    expect(page.locator("#train-loss .legend")).to_contain_text("Quick look")

    page.locator("#train-runs tbody tr").nth(1).get_by_role("button", name=re.compile("More about")).click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("Morning <b>try</b>")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    expect(page.locator("#train-runs tbody tr").nth(1)).to_contain_text("Morning <b>try</b>")
    expect(page.locator("#train-loss .legend")).to_contain_text("Morning <b>try</b>")
    page.locator("#train-runs tbody tr").nth(1).get_by_role("button", name=re.compile("More about")).click()
    page.get_by_role("menuitem", name="Write a note").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("with the old labels")
    page.get_by_role("dialog").get_by_role("button", name="Keep").click()
    expect(page.locator("#train-runs tbody tr").nth(1)).to_contain_text("with the old labels")

    page.locator("#train-runs tbody tr").nth(1).get_by_role("button", name=re.compile("More about")).click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("#train-runs tbody tr")).to_have_count(1)


def test_other_texts_can_be_watched_while_it_learns(page, open_tab, mail, draft):
    draft(LONG_RUN)
    open_tab(page, "train")
    start(page)
    expect(page.locator(".train-watch li")).to_have_count(5, timeout=LONG)
    page.get_by_role("button", name="Choose others").click()
    boxes = page.get_by_role("dialog").get_by_role("checkbox")
    expect(boxes.nth(7)).to_be_visible()
    boxes.nth(0).uncheck()
    boxes.nth(6).check()
    page.get_by_role("button", name="Watch these").click()
    last = page.locator(".train-watch li").nth(4)
    expect(last.locator(".strip i.none").first).to_be_visible()
    expect(last.locator(".strip i:not(.none)").first).to_be_visible(timeout=LONG)
    button(page, "Stop and keep").click()
    expect(title(page)).to_have_text("Stopped and kept", timeout=LONG)


def test_a_training_that_cannot_go_on_says_why(page, open_tab, mail, draft, tiny_encoder: Path, tmp_path: Path):
    import shutil

    broken = tmp_path / "broken"
    shutil.copytree(tiny_encoder, broken)
    config = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps({**config, "intermediate_size": 48}))  # not the shape of its weights
    drafts.write(mail.folder, Draft("quick", {"base": str(broken)}))
    open_tab(page, "train")
    start(page)
    expect(title(page)).to_have_text("It could not go on", timeout=LONG)
    expect(page.locator(".train-notice .notice")).to_be_visible()
    assert "Traceback" not in page.locator("#page-train").inner_text()


def test_the_second_plot_shows_other_curves_and_every_plot_is_a_table_too(page, open_tab, mail, draft):
    draft(SHORT_RUN)
    open_tab(page, "train")
    start(page)
    expect(title(page)).to_have_text("Finished", timeout=LONG)
    page.locator("#train-curve").click()
    page.get_by_role("menuitem", name=re.compile("^Step width")).click()
    expect(page.locator("#train-score h2")).to_have_text("Step width")
    page.locator("#train-loss summary").click()
    expect(page.locator("#train-loss .as-table tbody tr").first).to_be_visible()
    expect(page.locator("#train-loss .plot")).to_have_attribute(
        "aria-label", re.compile(r"^Loss over steps\. At step \d+")
    )


def test_a_page_in_the_background_tells_progress_by_its_title_and_the_end_by_a_notification(
    new_page, open_tab, mail, draft
):
    draft({"length": "minutes", "minutes": 0.5, "batch_size": 4, "patience": 0, "evaluations": 1.0})
    page = new_page(permissions=["notifications"])
    page.add_init_script(
        "window.told = []; window.Notification = class { static permission = 'granted'; static async requestPermission() { return 'granted'; }"
        " constructor(title, options) { window.told.push(options.body); } close() {} };"
    )
    open_tab(page, "train")
    start(page)
    expect(title(page)).to_have_text("Learning", timeout=LONG)
    page.get_by_label("Tell me when it is done").check()
    page.wait_for_function("() => /^Train \\d+ %/.test(document.title)")
    page.evaluate("() => Object.defineProperty(document, 'hidden', { get: () => true })")
    page.wait_for_function("() => window.told.length === 1", timeout=LONG)
    assert page.evaluate("() => window.told[0]").startswith("Finished: ")
