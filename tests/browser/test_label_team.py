"""Several people at the Label tab in a real browser: a team is made, two people label, one settles what they disagree on."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from core import projects, sharing, users
from core.data import team, votes
from core.data.shape import Shape
from core.data.team import Team
from core.tasks import TASKS
from core.workspace import Workspace

pytestmark = pytest.mark.browser

LABELS = ("Delivery", "Refund", "Damage")
SAVED = "document.querySelector('.lb-saved').textContent === 'All saved'"
TEXT = "document.querySelector('.lb-text')?.textContent.startsWith('letter')"


def filled(project: projects.Project, tmp_path: Path, texts: int = 12):
    file = tmp_path / "mail.csv"
    file.write_text("message\n" + "".join(f"letter number {i}\n" for i in range(1, texts + 1)), encoding="utf-8")
    data = project.dataset()
    data.add(file, "mail.csv")
    for name in LABELS:
        data.labels.create(name)
    return data


def together(page) -> None:
    page.locator(".h-parts [data-key=together]").click()
    page.wait_for_selector(".lt .head")


def say(data, who: str, row: int, label: str, seq: int) -> None:
    data.labels.put([{"row": f"1:{row}", "label": label, "seq": seq, "client": who, "seconds": 3.0}], who)


def answers(data) -> list[tuple[str, int, str, str]]:
    """(who, row number, label, origin) of everything that stands, in order."""
    names = {one["id"]: one["name"] for one in data.labels.labels()}
    query = "SELECT who, row & 1099511627775, label, origin FROM answers WHERE NOT undone ORDER BY seq"
    return [(r[0], r[1] + 1, names[r[2]], r[3]) for r in data.log.read().execute(query)]


def test_a_team_is_made_and_two_names_label_at_one_machine(page, open_tab, project, tmp_path: Path):
    data = filled(project, tmp_path)
    page.add_init_script(f"localStorage.setItem('hone:{project.id}:label.filter', JSON.stringify({{order: 'file'}}))")
    open_tab(page, "label")
    together(page)
    assert "Nobody labels with you yet" in page.locator(".lt").inner_text()
    page.get_by_role("button", name="Who labels what").click()
    page.locator("#lt-mode-everybody").check()
    for name in ("Anna", "Ben"):
        page.locator("#lt-person").fill(name)
        page.locator("#lt-person").press("Enter")
    assert "About 12 texts for each." in page.locator(".lt-each").inner_text()
    page.locator("#lt-save").click()
    page.wait_for_selector(".lt .tb")
    assert team.of(data.log) == Team("everybody", ("Anna", "Ben"))
    for name, keys in (("Anna", "1212"), ("Ben", "1112")):
        with page.expect_navigation():
            page.locator("#lt-name").fill(name)
            page.get_by_role("button", name="Take this name").click()
        page.locator(".h-parts [data-key=one]").click()
        page.wait_for_function(TEXT)
        assert page.locator(".lb-meta").inner_text().split()[:3] == ["0", "of", "12"]
        for key in keys:
            page.wait_for_timeout(150)
            page.keyboard.press(key)
        page.wait_for_function(SAVED)
        assert page.locator(".lb-meta").inner_text().split()[:3] == ["4", "of", "12"]
        together(page)
    given = answers(data)
    assert [(who, n) for who, n, *_ in given] == [(who, n) for who in ("Anna", "Ben") for n in (1, 2, 3, 4)]
    page.wait_for_function("document.querySelector('.lt').textContent.includes('in 75 of 100 cases')")
    told = page.locator(".lt").inner_text()
    assert "Cohen's kappa" in told and "Ben (you)" in told
    seconds = [r[0] for r in data.log.read().execute("SELECT seconds FROM answers")]
    assert all(one is not None and 0.1 <= one < 20 for one in seconds)


def test_disagreements_are_settled_by_keys_and_taken_back(page, open_tab, project, tmp_path: Path):
    data = filled(project, tmp_path)
    votes.set_team(data, Team("everybody", ("Anna", "Ben")))
    for i, (a, b) in enumerate(
        (("Delivery", "Refund"), ("Refund", "Refund"), ("Damage", "Refund"), ("Delivery", "Refund"))
    ):
        say(data, "Anna", i, a, i)
        say(data, "Ben", i, b, i)
    open_tab(page, "label")
    together(page)
    page.locator("#lt-settle").click()
    page.wait_for_selector(".lt-answer")
    assert page.locator(".lt-bar").inner_text().strip().endswith("0 settled, 3 to go")
    assert "letter number 1" in page.locator(".lt-sheet").inner_text()
    page.keyboard.press("2")
    page.wait_for_function("document.querySelector('.lt-sheet').textContent.includes('letter number 3')")
    page.keyboard.press("s")
    page.wait_for_function("document.querySelector('.lt-sheet').textContent.includes('letter number 4')")
    page.keyboard.press("1")
    page.wait_for_function("document.querySelector('.lt-bar').textContent.includes('2 settled, 1 to go')")
    assert (data.row("1:0")["label"], data.row("1:2")["label"], data.row("1:3")["label"]) == (
        "Refund",
        None,
        "Delivery",
    )
    page.keyboard.press("u")
    page.wait_for_function("document.querySelector('.lt-bar').textContent.includes('1 settled, 2 to go')")
    assert data.row("1:3")["label"] is None
    page.locator(".lt-other select").select_option("Damage")  # none of the two
    page.wait_for_function("document.querySelector('.lt-bar').textContent.includes('2 settled, 1 to go')")
    assert data.row("1:3")["label"] == "Damage" and answers(data)[-1] == ("local", 4, "Damage", "settled")
    page.locator("#lt-back").click()
    page.wait_for_selector(".lt .tb")
    page.locator(".lt .tb tr.open", has_text="Damage").first.click()  # only texts on which these two labels meet
    page.wait_for_selector(".lt-answer")
    assert "letter number 3" in page.locator(".lt-sheet").inner_text()


def test_marked_places_stand_side_by_side(page, open_tab, project, tmp_path: Path):
    file = tmp_path / "places.csv"
    file.write_text("text\nAnna Berg flew from Rome to Oslo.\n<b>Nobody</b> here.\n")
    data = project.dataset()
    data.add(file, "places.csv")
    data.set_shape(Shape.of("tokens", TASKS["tokens"].columns))
    data.set_roles({"text": "text"})
    for name in ("person", "place"):
        data.labels.create(name)
    votes.set_team(data, Team("everybody", ("Anna", "Ben")))
    for who, end in (("Anna", 9), ("Ben", 4)):
        value = [{"start": 0, "end": end, "label": "person"}, {"start": 20, "end": 24, "label": "place"}]
        data.labels.put([{"row": "1:0", "value": value, "seq": 1, "client": who}], who)
    open_tab(page, "label")
    together(page)
    told = page.locator(".lt").inner_text()
    assert "F1, overlapping" in told and "alpha over characters" in told
    page.locator("#lt-settle").click()
    page.wait_for_selector(".lt-answer mark")
    assert page.locator(".lt-answer").nth(0).locator("mark").first.inner_text().startswith("Anna Berg")
    assert page.locator(".lt-answer").nth(1).locator("mark").first.inner_text().startswith("Anna")
    page.keyboard.press("1")
    page.wait_for_function("document.querySelector('.lt-sheet').textContent.includes('Nothing is left to settle')")
    assert data.row("1:0")["value"][0]["end"] == 9


@pytest.fixture
def with_logins(tmp_path: Path, launched: Callable[..., object]):
    """A server with the logins olga and anna; Olga's project is shared with Anna."""
    auth = tmp_path / "users"
    for name in ("olga", "anna"):
        users.add(auth, name, f"the password of {name}")
    server = launched("--auth", str(auth))
    project = projects.create(Workspace.open(server.home, "olga"), "Mail of Olga")
    data = filled(project, tmp_path)
    votes.set_team(data, Team("everybody", ("olga", "anna"), hidden=True))
    sharing.share(project, ["anna"])
    return server, project, data


def log_in(page, server, name: str) -> None:
    page.goto(server.url)
    page.locator("input[name=username]").fill(name)
    page.locator("input[name=password]").fill(f"the password of {name}")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_selector("#project span:not(:empty)")


def test_somebody_it_is_shared_with_finds_labels_and_sees_nothing_else(with_logins, new_page, watched):
    server, project, data = with_logins
    watched.allow("401")
    page = new_page()
    log_in(page, server, "anna")
    page.wait_for_function(TEXT)  # a person without projects of their own begins with the one that is shared
    assert page.locator("#project").inner_text().strip() == "Mail of Olga"
    assert [one.is_visible() for one in page.locator("#steps [role=tab]").all()].count(True) == 1
    assert (
        not page.get_by_role("button", name="Labels", exact=True).count()
        and not page.get_by_role("button", name="Done for now").count()
    )
    for key in "123":
        page.keyboard.press(key)
    page.wait_for_function(SAVED)
    assert [(who, label) for who, _, label, _ in answers(data)] == [("anna", name) for name in LABELS]
    together(page)
    told = page.locator(".lt").inner_text()
    assert "once all of your own texts are done" in told and not page.locator("#lt-settle").count()
    assert not page.get_by_role("button", name="Who labels what").count()
    page.locator("#project").click()
    menu = page.locator("#hone-layer .menu")
    assert "olga shares it with you" in menu.inner_text() and "Delete" not in menu.inner_text()
    page.keyboard.press("Escape")
    page.goto(f"{server.url}/?project={sharing.address('olga', project)}#data")  # by an address of another tab
    page.wait_for_function("location.hash === '#label'")
    stranger = new_page()
    log_in(stranger, server, "olga")
    assert re.search(r"Mail of Olga", stranger.locator("#project").inner_text())


def test_what_another_person_left_in_this_browser_is_never_sent_in_ones_own_name(with_logins, new_page, watched):
    """A shared computer: Olga closed her page before her answer was sent; Anna logs in. Anna's own left-over answer is sent."""
    server, project, data = with_logins
    watched.allow("401")
    page = new_page()
    log_in(page, server, "anna")
    page.wait_for_function(TEXT)
    label, of = data.labels.labels()[0]["id"], sharing.address("olga", project)
    left = f"""(whose, row) => localStorage.setItem(`hone:{of}!${{whose}}:labels:old${{whose}}`,
        JSON.stringify([{{row, label: {label}, client: 'old' + whose, seq: 1}}]))"""
    page.evaluate(f"() => {{ const left = {left}; left('olga', '1:7'); left('anna', '1:8'); }}")
    page.reload()
    page.wait_for_function(TEXT)
    page.wait_for_function("!Object.keys(localStorage).some((key) => key.includes('!anna:labels:'))")
    assert [(who, n) for who, n, *_ in answers(data)] == [("anna", 9)]
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.includes('!olga:labels:')).length") == 1
