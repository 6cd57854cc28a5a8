"""A finished run made smaller in a real browser: the choice, the result measured without asking, and its page on the Train tab."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from core.models.catalogue import find
from core.training import runs
from core.training.settings import TrainingSettings
from core.training.worker import worker


@pytest.fixture
def learnt(project, tiny_encoder, tmp_path: Path):
    dice = random.Random(7)
    sorts = {"good": "good great happy", "bad": "bad awful sad"}
    rows = [
        f"{' '.join(dice.choices([*words.split(), 'the', 'was', 'it'], k=6))} {i},{sort}"
        for sort, words in sorts.items()
        for i in range(60)
    ]
    path = tmp_path / "texts.csv"
    path.write_text("text,label\n" + "\n".join(rows), encoding="utf-8")
    project.dataset().add(path, path.name)
    run = runs.create(
        project.folder, name="Balanced", task="classification", base=find(str(tiny_encoder)), preset="balanced", threads=1,
        settings=TrainingSettings(learning_rate=2e-3, epochs=3, batch_size=16), dataset=project.dataset(),
        phases=[{"method": "full", "settings": {}, "fresh": False}],
    )  # fmt: skip
    worker(str(run.folder))
    return project


def test_a_run_is_made_smaller_and_measured_and_shows_no_empty_curves(page, open_tab, learnt):
    open_tab(page, "evaluate")
    page.click("#page-evaluate [data-key=smaller]")
    page.check("#sm-way-int8")
    page.click("[data-key=sm-start]")
    page.wait_for_selector("#page-evaluate .sm-table tbody tr:nth-child(2)", timeout=180_000)
    table = page.inner_text("#page-evaluate .sm-table")
    assert "Balanced, whole numbers" in table
    made = runs.runs(learnt.folder)[0]
    assert made.name == "Balanced, whole numbers" and made.view().step == 0
    page.click("#tab-train-button")
    page.wait_for_selector("#page-train h1:has-text('Finished')")
    page.wait_for_selector("#train-loss", state="hidden")
    assert not page.is_visible("#train-watched")
    page.locator("#page-train .runs input[type=checkbox], #page-train table input[type=checkbox]").nth(1).check()
    page.wait_for_selector("#train-loss", state="visible")
