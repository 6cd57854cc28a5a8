"""The whole story with the bundled encoder, as the README tells it: example, repair, label, choose, train, judge, try, take away."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
LONG = 240_000  # milliseconds: reading the encoder and its features on a busy machine


def tab(page, name: str) -> None:
    page.evaluate("(name) => Hone.go(name)", name)
    page.wait_for_selector(f"#page-{name} > *")


def test_from_an_example_to_a_model_that_runs_anywhere(page, open_tab, tmp_path: Path):
    open_tab(page)
    page.get_by_text("Mail to a bicycle shop").click()
    page.wait_for_selector("#page-data .dt-rows tbody tr")
    page.get_by_text("351 rows. Read as UTF-8").wait_for()

    repair = page.locator("#page-data").get_by_role("button", name="Leave out").first
    repair.click()
    page.locator("#page-data").get_by_role("button", name="Undo").first.wait_for()

    tab(page, "label")
    page.locator("#page-label").get_by_text("Delivery").first.wait_for()
    for key in "1234":
        page.keyboard.press(key)
    page.get_by_text("All saved").wait_for()

    tab(page, "settings")
    page.get_by_text("Quick look", exact=True).first.click()
    page.locator("#page-settings .head").get_by_role("button", name="Start training").click()

    page.wait_for_function("Hone.current() === 'train'")
    finished = page.locator("#page-train .head").get_by_role("button", name="See how good it is")
    finished.wait_for(timeout=LONG)
    page.reload()  # the curve is the run's, not the page's
    finished.wait_for()
    page.wait_for_selector("#train-loss .plot .main-svg")

    finished.click()
    page.get_by_text("unseen texts correctly").wait_for(timeout=LONG)
    page.get_by_text("What it confuses").first.wait_for(timeout=LONG)

    tab(page, "playground")
    page.locator("#playground-text").fill("My parcel has been on the map for nine days, where is it?")
    page.locator(".pb.top1").first.wait_for(timeout=LONG)
    assert page.locator(".ans").first.inner_text() == "Delivery"

    button = page.get_by_role("button", name="Download the model")
    button.wait_for(timeout=LONG)
    with page.expect_download() as download:
        button.click()
    archive = tmp_path / "model.zip"
    download.value.save_as(archive)
    assert says(archive, tmp_path, "Where is my parcel? The courier left it at the wrong door.") == "Delivery"


def says(archive: Path, folder: Path, text: str) -> str:
    """What the downloaded predict.py answers, in an interpreter that cannot see Hone."""
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder / "taken")
    script = next((folder / "taken").rglob("predict.py"))
    command = [sys.executable, "-P", str(script), text]
    done = subprocess.run(command, capture_output=True, text=True, cwd=script.parent, check=True, timeout=120)
    return "Delivery" if "Delivery" in done.stdout.splitlines()[-1] + done.stdout.splitlines()[0] else done.stdout
