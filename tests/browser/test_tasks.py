"""A task of another kind in a real browser, from upload to the playground: any number of labels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.training import draft as drafts
from core.training.draft import Draft

pytestmark = pytest.mark.browser
LONG = 120_000  # milliseconds on a busy machine
WORDS = {
    "joy": "happy laughing delighted cheerful",
    "anger": "furious shouting angry outraged",
    "fear": "scared trembling afraid terrified",
}


def mixed(path: Path, count: int = 72) -> Path:
    """Texts that carry one, two or no label, as a list in JSON lines."""
    names = list(WORDS)
    rows = []
    for i in range(count):
        labels = [name for j, name in enumerate(names) if (i >> j) & 1]
        words = [WORDS[name].split()[i % 4] for name in labels]
        rows.append({"text": f"today number {i} they were {' and '.join(words) or 'quiet'}", "labels": labels})
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def drop(page, path: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.locator("#page-data button.dt-drop").click()
    chooser.value.set_files(path)
    page.wait_for_selector("#page-data .dt-rows tbody tr")


def tab(page, name: str) -> None:
    page.evaluate("(name) => Hone.go(name)", name)
    page.wait_for_selector(f"#page-{name} > *")


def test_label_sets_from_upload_to_playground(page, open_tab, project, tmp_path: Path):
    open_tab(page)
    drop(page, mixed(tmp_path / "feelings.jsonl"))
    page.locator(".dt-task h3", has_text="Give texts any number of labels").wait_for()
    page.locator("#page-data .dt-rows tbody tr", has_text="laughing").first.locator(".chip", has_text="joy").wait_for()

    tab(page, "settings")
    page.locator("#page-settings .head").get_by_role("button", name="Start training").wait_for()
    drafts.write(project.folder, Draft("quick", {"base": "classic:ngram"}))
    page.reload()
    page.locator("#page-settings .head").get_by_role("button", name="Start training").click()
    page.wait_for_function("Hone.current() === 'train'")
    page.locator("#page-train .head").get_by_role("button", name="See how good it is").wait_for(timeout=LONG)

    tab(page, "evaluate")
    page.locator("#evaluate-scores", has_text="macro F1").wait_for(timeout=LONG)
    page.locator("#evaluate-figures .ms-figure").first.wait_for(timeout=LONG)
    assert "on" in page.locator(".verdict .say").inner_text()
    page.locator("#evaluate-worst li").first.wait_for()

    tab(page, "playground")
    page.locator("#playground-text").fill("they were laughing and furious")
    page.locator(".ans.set .chip, .ans.none").first.wait_for(timeout=LONG)
    page.locator(".pb u").first.wait_for()


def test_another_task_is_chosen_and_taken_back(page, open_tab, tmp_path: Path):
    open_tab(page)
    drop(page, mixed(tmp_path / "feelings.jsonl"))
    page.get_by_role("button", name="Something else").click()
    page.locator("dialog .dt-example", has_text="Sort texts under labels").click()
    page.get_by_text("Now: Sort texts under labels.").wait_for()
    page.locator(".dt-task h3", has_text="Sort texts under labels").wait_for()
    page.locator(".toast").get_by_role("button", name="Undo").click()
    page.locator(".dt-task h3", has_text="Give texts any number of labels").wait_for()


def test_a_role_takes_several_columns_and_gives_them_back(page, open_tab, tmp_path: Path):
    file = tmp_path / "mail.csv"
    rows = "".join(f"subject {i},body of letter {i},{'ab'[i % 2]}\n" for i in range(40))
    file.write_text("subject,body,topic\n" + rows, encoding="utf-8")
    open_tab(page)
    drop(page, file)
    page.locator(".dt-column", has_text="The text is in").get_by_role("button", name="and another column").click()
    page.locator("[role=menuitem]", has_text="subject").click()
    page.locator(".dt-many li").nth(1).wait_for()
    page.locator("#page-data .dt-text", has_text="subject 0").first.wait_for()
    page.get_by_role("button", name="put together by a template").click()
    page.locator("#page-data .dt-text", has_text="body: body of letter 0").first.wait_for()
    box = page.get_by_label("Template")
    box.fill("{subject}, and then {body}")
    box.blur()
    page.locator("#page-data .dt-text", has_text="subject 0, and then body of letter 0").first.wait_for()
    box.fill("{no such column}")
    box.blur()
    page.get_by_text("There is no column “no such column”").first.wait_for()
    page.get_by_role("button", name="line by line instead").click()
    page.get_by_role("button", name="put together by a template").wait_for()
    page.get_by_role("button", name="Without subject").click()
    page.locator(".dt-many").wait_for(state="detached")


def test_the_pages_of_another_task_fit_a_phone_in_the_dark_and_in_chinese(new_page, open_tab, tmp_path: Path):
    page = open_tab(new_page(width=390, height=844, dark=True, language="zh-CN"), language="zh")
    drop(page, mixed(tmp_path / "feelings.jsonl"))
    page.locator(".dt-task h3").wait_for()
    assert page.locator(".dt-task .sub").first.inner_text() == "让模型学什么？"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
