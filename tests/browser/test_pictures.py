"""Pictures in a real browser, from a zip to the playground."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from core.training import draft as drafts
from core.training.draft import Draft

pytestmark = pytest.mark.browser
LONG = 120_000  # milliseconds on a busy machine
COLOURS = {"apple": (200, 30, 40), "leaf": (30, 170, 50)}
SEEN = "img => img.complete && img.naturalWidth > 0"


def picture(label: str, dice: random.Random) -> bytes:
    red, green, blue = (max(0, min(255, part + dice.randint(-25, 25))) for part in COLOURS[label])
    buffer = io.BytesIO()
    Image.new("RGB", (dice.randint(60, 200), 90), (red, green, blue)).save(buffer, "PNG")
    return buffer.getvalue()


def zipped(path: Path, count: int = 40) -> Path:
    dice = random.Random(3)
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(count):
            for label in COLOURS:
                archive.writestr(f"fruit/{label}/{i}.png", picture(label, dice))
            archive.writestr(f"fruit/{i}.png", picture("apple", dice))  # without a label yet
    return path


def tab(page, name: str) -> None:
    page.evaluate("(name) => Hone.go(name)", name)
    page.wait_for_selector(f"#page-{name} > *")


def seen(page, selector: str) -> None:
    """The first picture there has come and can be seen."""
    page.locator(selector).first.wait_for()
    page.wait_for_function(
        f"s => {{ const img = document.querySelector(s); return img && ({SEEN})(img); }}", arg=selector
    )


def test_pictures_from_upload_to_playground(page, open_tab, project, tmp_path: Path):
    open_tab(page)
    with page.expect_file_chooser() as chooser:
        page.locator("#page-data button.dt-drop").click()
    chooser.value.set_files(zipped(tmp_path / "fruit.zip"))
    page.locator(".dt-task h3", has_text="Sort pictures under labels").wait_for()
    seen(page, "#page-data .dt-rows tbody img.pic")

    tab(page, "label")
    seen(page, "#page-label .lb-text img.pic.large")
    page.locator("#page-label .head", has_text="One picture, one key").wait_for()  # and not: one text
    before = page.locator("#page-label .lb-text img").get_attribute("src")
    page.locator("#page-label .lb-key", has_text="apple").click()
    page.wait_for_function(
        "b => document.querySelector('#page-label .lb-text img').getAttribute('src') !== b", arg=before
    )
    seen(page, "#page-label .lb-last img.pic")

    tab(page, "settings")
    page.locator("#page-settings .head").get_by_role("button", name="Start training").wait_for()
    drafts.write(project.folder, Draft("balanced", {"base": "blank:image-tiny", "epochs": 4, "learning_rate": 5e-3}))
    page.reload()
    page.locator("#page-settings .head").get_by_role("button", name="Start training").click()
    page.wait_for_function("Hone.current() === 'train'")
    page.locator("#page-train .head").get_by_role("button", name="See how good it is").wait_for(timeout=LONG)
    seen(page, "#page-train .train-watch img.pic")

    tab(page, "evaluate")
    page.locator("#page-evaluate .mx button:not(.z)").first.wait_for(timeout=LONG)
    seen(page, "#page-evaluate .ms-rows img.pic")
    page.locator("#page-evaluate .mx button:not(.z)").first.click()
    seen(page, "dialog.sheet-over .pic-wall img")
    page.keyboard.press("Escape")

    tab(page, "playground")
    page.locator(".pg-starter img.pic").first.click()
    page.locator(".pg-answers", has_text="Answered in").wait_for(timeout=LONG)
    own = tmp_path / "own.png"
    own.write_bytes(picture("leaf", random.Random(8)))
    page.set_input_files("#playground-text", own)
    page.locator(".pg-answers", has_text="Answered in").wait_for(timeout=LONG)
    seen(page, "#page-playground .pg-drop img.pic.large")
