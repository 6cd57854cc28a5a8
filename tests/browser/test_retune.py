"""Going on from a finished run in a real browser: what has arrived is told, a sheet starts the run, old and new texts have their curve and table."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from core.models.catalogue import find
from core.training import runs
from core.training.settings import TrainingSettings
from core.training.worker import worker

SORTS = {"good": "good great happy", "bad": "bad awful sad", "money": "money bank pay"}


def add(project, folder: Path, count: int, *sorts: str) -> None:
    dice = random.Random(7)
    rows = [
        f"{' '.join(dice.choices([*SORTS[sort].split(), 'the', 'was', 'it'], k=6))} {sort} {i},{sort}"
        for sort in sorts
        for i in range(count)
    ]
    path = folder / f"{'-'.join(sorts)}.csv"
    path.write_text("text,label\n" + "\n".join(rows), encoding="utf-8")
    project.dataset().add(path, path.name)


@pytest.fixture
def grown(project, tiny_encoder, tmp_path: Path):
    """A project with a finished run on two labels, to whose data a third has come since."""
    add(project, tmp_path, 60, "good", "bad")
    run = runs.create(
        project.folder, name="Balanced", task="classification", base=find(str(tiny_encoder)), preset="balanced", threads=1,
        settings=TrainingSettings(learning_rate=2e-3, epochs=3, batch_size=16), dataset=project.dataset(),
        phases=[{"method": method, "settings": {}, "fresh": False} for method in ("head", "full")],
    )  # fmt: skip
    worker(str(run.folder))
    add(project, tmp_path, 50, "money")
    return project


def test_a_finished_run_goes_on_with_what_arrived_and_tells_what_it_kept(page, open_tab, grown):
    open_tab(page, "train")
    page.wait_for_selector("#page-train .rt-arrived .notice")
    assert "40 texts to learn from arrived or changed, with one new label" in page.inner_text("#page-train .rt-arrived")
    page.click("#page-train .rt-arrived button")
    page.wait_for_selector(".rt-sheet .rt-time")
    assert page.locator(".rt-sheet .rt-way").count() == 4
    page.check(".rt-sheet input[value=distil]")
    page.wait_for_selector("#retune-share", state="detached")
    page.check(".rt-sheet input[value=replay]")
    page.select_option("#retune-share", "0.2")
    page.wait_for_function("document.querySelector('#retune-share')?.value === '0.2'")
    page.click("#retune-start")
    page.wait_for_selector("#page-train h1:has-text('Finished')", timeout=180_000)
    page.wait_for_selector("#train-memory .rt-verdict:has-text('what it knew')")
    assert "“Balanced”, with 40 new texts and 20 old ones seen again" in page.inner_text("#train-memory")
    assert runs.runs(grown.folder)[0].name == "Balanced, retuned"
    # looked at before it is over: the part comes by itself
    page.click("#tab-evaluate-button")
    page.click("#page-evaluate [data-key=forgetting]")
    page.wait_for_selector("#forgetting-matrix .fg-lost")
    rows = page.locator("#forgetting-matrix tbody tr")
    assert rows.count() == 3
    assert [cell.strip() for cell in rows.nth(0).locator("td").all_inner_texts()][1] == ""
    assert "what it knew" in page.inner_text("#page-evaluate .fg-verdict")
