"""A model that writes, in a real browser: its text appears as it is written, can be stopped, and a conversation goes on from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from contract_rows import write_run

from core.tasks import TASKS
from core.training.worker import worker

pytestmark = pytest.mark.browser


@pytest.fixture
def writer(project, data_dir: Path) -> Path:
    """A finished run of plain text, on a tiny real language model."""
    folder = project.folder / "runs" / "run-1"
    write_run(folder, TASKS["language"], data_dir / "stories260k", length="steps", steps=2, answer_length=240)
    worker(str(folder))
    return folder


def test_a_text_appears_as_it_is_written_and_can_be_stopped(page, open_tab, writer: Path):
    open_tab(page, "playground")
    page.locator("#playground-text").fill("Once upon a time, there was a little girl named Lily.")
    page.get_by_role("button", name="Ask the model").click()
    page.get_by_text("Writing…").wait_for()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.locator(".pg-how", has_text="Answered in").wait_for()
    assert page.locator(".pg-written").inner_text().strip()
    assert page.locator(".pg-said .pg-answers").get_attribute("aria-busy") == "false"
    page.get_by_role("button", name="Stop", exact=True).wait_for(state="hidden")
