"""The guide as a person meets it: guesses come while one labels, Space takes them, the next text is chosen, and nothing of it labels by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import projects
from core.data.dataset import Dataset

pytestmark = pytest.mark.browser

WORDS = {
    "money": "refund invoice payment price bill",
    "travel": "train hotel flight beach ticket",
    "food": "soup bread cheese dinner kitchen",
}
KINDS = tuple(WORDS)
CURRENT = "document.querySelector('.lb-text')?.textContent || ''"


def kind_of(text: str) -> str:
    return next(kind for kind, words in WORDS.items() if any(word in text for word in words.split()))


@pytest.fixture
def data(project: projects.Project, tmp_path: Path) -> Dataset:
    texts = []
    for i in range(120):
        words = WORDS[KINDS[i % 3]].split()
        texts.append(f"message {i} about {words[i % 5]} and {words[(i * 3 + 1) % 5]}")
    file = tmp_path / "mail.csv"
    file.write_text("text\n" + "\n".join(texts) + "\n", encoding="utf-8")
    found = project.dataset()
    found.add(file, "mail.csv")
    for name in KINDS:
        found.labels.create(name)
    return found


def give(page, count: int) -> None:
    """Label what is shown, rightly, by its key."""
    for _ in range(count):
        page.wait_for_function("document.querySelector('.lb-text')?.textContent.startsWith('message')")
        text = page.evaluate(CURRENT)
        page.keyboard.press(str(1 + KINDS.index(kind_of(text))))
        page.wait_for_function(f"({CURRENT}) !== {text!r}")


def answers(data: Dataset) -> list[tuple[str, str | None]]:
    query = "SELECT row, label, guess FROM answers WHERE NOT undone ORDER BY seq"
    names = {one["id"]: one["name"] for one in data.labels.labels()}
    return [(names[r["label"]], r["guess"]) for r in data.log.read().execute(query)]


def test_it_learns_along_and_space_takes_its_guess(page, open_tab, data: Dataset):
    open_tab(page, "label", along=True)
    give(page, 12)
    page.wait_for_selector(".lb-guess:visible", timeout=120_000)
    assert page.locator(".lb-guess").inner_text().startswith("Hone would say")
    dashed = page.locator(".lb-key.guess")
    assert dashed.count() == 1 and dashed.get_attribute("aria-pressed") == "false"
    assert len(answers(data)) == 12, "a guess is no label"
    said, text = dashed.locator("span").inner_text(), page.evaluate(CURRENT)
    page.keyboard.press(" ")
    page.wait_for_function(f"({CURRENT}) !== {text!r}")
    page.wait_for_function("document.querySelector('.lb-saved').textContent === 'All saved'")
    label, guess = answers(data)[-1]
    assert label == said and guess is not None
    page.keyboard.press("u")
    page.wait_for_function(f"({CURRENT}) === {text!r}")
    page.wait_for_function("document.querySelector('.lb-saved').textContent === 'All saved'")
    assert len(answers(data)) == 12
    page.locator(".lb-accept").click()
    page.wait_for_function("document.querySelector('.lb-guess')?.textContent.includes('of the last 1 time')")
    assert page.locator(".lb-goodness").inner_text().startswith("How good is it by now?")


def test_the_same_text_is_there_after_a_reload_and_none_comes_twice(page, open_tab, data: Dataset):
    open_tab(page, "label", along=True)
    give(page, 8)
    page.wait_for_function("document.querySelector('.lb-saved').textContent === 'All saved'")
    text = page.evaluate(CURRENT)
    page.reload()
    page.wait_for_function(f"({CURRENT}) === {text!r}")
    give(page, 20)
    page.wait_for_function("document.querySelector('.lb-saved').textContent === 'All saved'")
    given = answers(data)
    assert len(given) == 28 and data.counts().labelled == 28, "each text was shown once"


def test_ways_to_choose_are_explained_and_the_model_can_be_switched_off(page, open_tab, data: Dataset):
    open_tab(page, "label", along=True)
    give(page, 1)
    chosen = page.locator(".lb-order select")
    assert chosen.input_value() == "helpful"
    assert "typical text of each kind" in page.locator(".lb-order").inner_text()
    chosen.select_option("random")
    page.wait_for_function("document.querySelector('.lb-order').textContent.includes('By chance')")
    page.locator(".lb-along input").uncheck()
    page.wait_for_function("document.querySelector('.lb-order select').value === 'file'")
    page.wait_for_function("document.querySelector('.lb-text').textContent.startsWith('message')")
    assert not page.locator(".lb-goodness").is_visible() and not page.locator(".lb-guess").is_visible()


def test_labelling_goes_on_while_the_server_is_away(page, launched, data_file, tmp_path: Path):
    server = launched()
    project = projects.create(server.workspace, "away")
    found = project.dataset()
    found.add(data_file, "mail.csv")
    for name in KINDS:
        found.labels.create(name)
    page.goto(f"{server.url}/?project={project.id}#label")
    give(page, 3)
    page.wait_for_function("document.querySelector('.lb-saved').textContent === 'All saved'")
    server.stop(kill=True)
    give(page, 3)
    assert "kept here" in page.locator(".lb-saved").inner_text()
    server.start()
    page.wait_for_function("document.querySelector('.lb-saved').textContent === 'All saved'", timeout=90_000)
    assert found.counts().labelled == 6


@pytest.fixture
def data_file(tmp_path: Path, watched) -> Path:
    watched.allow("Failed to load resource|ERR_CONNECTION_REFUSED|ERR_|EventSource|fetch")
    file = tmp_path / "letters.csv"
    file.write_text("text\n" + "\n".join(f"message {i} about bread" for i in range(60)) + "\n", encoding="utf-8")
    return file
