"""The frame around the tabs, as a person meets it."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request

import pytest

from core import projects

pytestmark = pytest.mark.browser
TABS = ("Data", "Label", "Settings", "Train", "Evaluate", "Playground")


def drawn(page):
    """Wait until the header knows its project."""
    page.wait_for_function("window.Hone && Hone.overview")
    return page


def tab(page, name: str):
    return page.locator(f"#tab-{name.lower()}-button")


def test_every_tab_opens_and_nothing_is_asked_of_another_machine(page, open_tab):
    drawn(open_tab(page))
    for name in TABS:
        tab(page, name).click()
        page.wait_for_selector(f"#page-{name.lower()} h1, #page-{name.lower()} h2")
        assert page.evaluate("location.hash") == f"#{name.lower()}"
    assert not page.locator("footer:visible, .nav-holder:visible").count()


def test_a_reload_keeps_the_tab_and_the_project(page, open_tab, server, project):
    drawn(open_tab(page, "settings"))
    page.reload()
    drawn(page)
    assert tab(page, "Settings").get_attribute("aria-selected") == "true"
    assert page.locator("#project").inner_text() == project.name
    page.goto(server.url)
    drawn(page)
    assert page.locator("#project").inner_text() == project.name


def test_an_empty_project_says_what_each_step_waits_for_and_what_comes_next(page, open_tab):
    drawn(open_tab(page))
    notes = page.evaluate("Object.fromEntries(Hone.TABS.map((n) => [n, Hone.overview.steps[n].note]))")
    assert notes["label"] == "Needs texts"
    assert notes["settings"] == "Needs two labels"
    assert notes["evaluate"] == notes["playground"] == "Needs a finished run"
    assert page.locator("#next-step").inner_text().split() == ["Next:", "add", "your", "texts"]
    shown = page.evaluate("getComputedStyle(document.querySelector('#tab-label-button'), '::after').content")
    assert shown == '"Needs texts"'


def test_the_language_follows_the_browser_first_and_a_choice_is_remembered(new_page, open_tab, server):
    page = new_page(language="zh-CN")
    page.goto(f"{server.url}/#train")
    drawn(page)
    assert page.url.split("#")[0].rstrip("/").endswith("/zh")
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    page.get_by_label("English").click()
    page.wait_for_url(re.compile(r"/(\?[^#]*)?#train$"))
    drawn(page)
    page.goto(server.url)
    drawn(page)
    assert page.evaluate("document.documentElement.lang") == "en"


def test_the_language_switch_keeps_tab_and_project(page, open_tab, project):
    drawn(open_tab(page, "evaluate"))
    page.get_by_label("简体中文").click()
    page.wait_for_url(re.compile(r"/zh\?.*#evaluate$"))
    drawn(page)
    assert page.locator("#project").inner_text() == project.name


def test_the_theme_button_turns_the_page_and_is_remembered(page, open_tab):
    drawn(open_tab(page))
    dark = "document.documentElement.classList.contains('dark') && document.body.classList.contains('dark')"
    assert not page.evaluate(dark)
    page.evaluate("window.turned = 0; void Hone.bus.on('theme', () => { window.turned += 1; })")
    page.locator("#theme").click()
    assert page.evaluate(dark)
    assert page.evaluate("turned") == 1
    page.reload()
    drawn(page)
    assert page.evaluate(dark)
    assert (
        page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--h-ground').trim()") == "#0e1618"
    )


def test_arrow_keys_move_between_the_steps(page, open_tab):
    drawn(open_tab(page))
    tab(page, "Data").focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.id") == "tab-label-button"
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.id") == "tab-playground-button"
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-data-button"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert page.evaluate("Hone.current()") == "playground"


def test_help_opens_with_a_question_mark_and_closes_with_escape(page, open_tab):
    drawn(open_tab(page, "label"))
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog")
    assert "Esc" in sheet.inner_text()
    assert len(page.locator(".help-terms dt").all()) == 5
    page.keyboard.press("Escape")
    assert not sheet.count()


def test_a_project_is_made_renamed_and_deleted_and_comes_back(page, open_tab, server, project):
    drawn(open_tab(page))
    page.locator("#project").click()
    page.get_by_role("menuitem", name="New project").click()
    page.get_by_label("Name of the project").fill("Postcards <b>")
    page.get_by_role("button", name="Create").click()
    page.wait_for_function("document.querySelector('#project')?.textContent === 'Postcards <b>'")
    drawn(page)

    page.locator("#project").click()
    page.get_by_role("menuitem", name="Rename", exact=True).click()
    page.get_by_label("Name of the project").fill("Letters")
    page.get_by_role("button", name="Rename", exact=True).click()
    page.wait_for_function("document.querySelector('#project').textContent === 'Letters'")

    page.locator("#project").click()
    page.get_by_role("menuitem", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_text("Letters is in the bin.").wait_for()
    assert "Letters" not in [p.name for p in projects.projects(server.workspace)]
    page.get_by_role("button", name="Undo").click()
    page.wait_for_function("document.querySelector('#project')?.textContent === 'Letters'")
    assert "Letters" in [p.name for p in projects.projects(server.workspace)]


def test_a_backup_is_downloaded_and_can_be_brought_in(page, open_tab, server, project, tmp_path):
    drawn(open_tab(page))
    page.locator("#project").click()
    page.get_by_role("menuitem", name="All projects").click()
    row = page.locator(f'.shelf-row[data-id="{project.id}"]')
    row.get_by_role("button", name="More for").click()
    with page.expect_download() as started:
        page.get_by_role("menuitem", name="Back up").click()
    path = tmp_path / "backup.zip"
    started.value.save_as(path)
    assert started.value.suggested_filename.endswith(".hone.zip")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Bring in a backup").click()
    chooser.value.set_files(path)
    page.wait_for_function("name => document.querySelector('#project')?.textContent === name", arg=f"{project.name} 2")


def test_a_lost_connection_is_said_and_mends_itself(new_page, launched, watched):
    watched.allow(
        "ERR_CONNECTION_REFUSED|Failed to fetch|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET|ERR_INCOMPLETE|NetworkError|Connection errored"
    )
    server = launched()
    page = new_page()
    page.goto(server.url)
    drawn(page)
    server.stop(kill=True)
    line = page.get_by_text("Connection lost. Training goes on; this page reconnects by itself.")
    line.wait_for()
    server.start()
    line.wait_for(state="hidden", timeout=40_000)
    assert page.evaluate("Hone.connection()")
    tab(page, "Playground").click()
    page.wait_for_selector("#page-playground h1")


def test_the_page_and_the_server_say_durations_alike(page, open_tab):
    from webui.show import duration

    drawn(open_tab(page))
    seconds = [0, 1, 4, 9, 11, 12, 13, 57, 89, 90, 100, 149, 299, 599, 600, 3000, 3569, 3570, 3700, 5400, 7300, 9000]
    shown = page.evaluate("all => all.map((s) => Hone.fmt.duration(s))", seconds)
    assert shown == [str(duration(s)) for s in seconds]


@pytest.mark.parametrize("width", [1440, 1280, 900, 390])
def test_nothing_is_wider_than_the_screen(new_page, open_tab, width):
    page = new_page(width=width, height=844)
    drawn(open_tab(page))
    for name in ("data", "label", "settings", "train", "evaluate", "playground"):
        page.evaluate("name => Hone.go(name)", name)
        page.wait_for_selector(f"#page-{name} > *")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name


def test_on_a_phone_the_steps_are_a_bar_below_with_targets_of_44_pixels(new_page, open_tab):
    page = new_page(width=390, height=844)
    drawn(open_tab(page))
    for name in TABS:
        box = tab(page, name).bounding_box()
        assert box["height"] >= 44
        assert box["y"] > 700
    for target in ("#project", "#theme", ".seg a:visible"):
        assert page.locator(target).first.bounding_box()["height"] >= 40
    page.locator("#project").click()
    page.get_by_role("menuitem", name="Help").click()
    assert page.get_by_role("dialog").count()


def test_a_visitor_of_the_demo_sees_only_what_is_his(launched, new_page):
    server = launched("--demo")
    first, second = new_page(), new_page()
    for page in (first, second):
        page.goto(server.url)
        drawn(page)
        page.get_by_text("This is a public demo").wait_for()
    a, b = (page.evaluate("Hone.overview.project") for page in (first, second))
    assert a != b
    taken = second.evaluate(
        "id => { Hone.project = id; return Hone.frameCtx.call('overview').then((o) => o.project); }", a
    )
    assert taken == b
    token = first.evaluate("Hone.token")
    assert re.fullmatch(r"[0-9a-f]{32}", token)
    assert token not in str(list((server.home / "users").iterdir()))


def test_a_login_is_asked_and_users_are_apart(launched, new_page, tmp_path, watched):
    from core.users import add

    watched.allow("400")
    file = tmp_path / "users"
    add(file, "ana", "correct horse")
    add(file, "ben", "battery staple")
    server = launched("--auth", str(file))
    seen = {}
    for name, password in (("ana", "correct horse"), ("ben", "battery staple")):
        page = new_page()
        page.goto(server.url)
        page.get_by_label("User name").fill(name)
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        page.get_by_text("Name or password is not right.").wait_for()
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Log in").click()
        drawn(page)
        seen[name] = page.evaluate("[Hone.overview.user, Hone.overview.project]")
    assert seen["ana"][0] == "ana"
    assert seen["ben"][0] == "ben"
    assert seen["ana"][1] != seen["ben"][1]
    page.locator("#project").click()
    page.get_by_role("menuitem", name="Log out ben").click()
    page.get_by_label("Password").wait_for()


def test_a_call_without_a_login_is_refused(launched, tmp_path):
    from core.users import add

    file = tmp_path / "users"
    add(file, "ana", "correct horse")
    server = launched("--auth", str(file))
    body = json.dumps({"data": {}, "component_id": 1, "session_hash": "x", "fn_name": "overview"}).encode()
    ask = urllib.request.Request(
        f"{server.url}/gradio_api/component_server", body, {"Content-Type": "application/json"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(ask)
    assert refused.value.code == 401
    upload = urllib.request.Request(f"{server.url}/hone/upload?name=a.csv", b"text\nx", method="POST")
    said = json.loads(urllib.request.urlopen(upload).read())
    assert said["error"]["kind"] == "NotAllowed"
