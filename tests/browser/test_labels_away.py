"""Take the labels away, in a real browser: from the Data and from the Label tab, with what a format cannot hold said before."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser


@pytest.fixture
def labelled(project, tmp_path: Path):
    path = tmp_path / "mail.csv"
    rows = "\n".join(f"text {i},{'pos' if i % 2 else 'neg'}" for i in range(12))
    path.write_text(f"text,label\n{rows}\nopen,\n", encoding="utf-8")
    data = project.dataset()
    data.add(path, "mail.csv")
    data.labels.put([{"row": "1:1", "label": "neg", "seq": 1}], "Ann")
    return data


def test_the_rows_card_gives_a_csv_with_who_answered(page, open_tab, labelled):
    open_tab(page, "data")
    page.get_by_role("button", name="Take the labels away").click()
    page.get_by_text("12 texts have an answer; 1 person gave answers.").wait_for()
    assert page.get_by_role("group", name="Format").get_by_role("radio").count() == 5
    with page.expect_download() as got:
        page.get_by_role("button", name="Make the file").click()
    with Path(got.value.path()).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 13 and (rows[1]["label"], rows[1]["annotator"], rows[1]["origin"]) == ("neg", "Ann", "human")


def test_the_label_tab_gives_label_studio_its_tasks_and_its_configuration(page, open_tab, labelled):
    open_tab(page, "label")
    page.get_by_role("button", name="Take the labels away").click()
    page.get_by_role("radio", name="Label Studio").check()
    page.get_by_text("only if it knows them by the same e-mail address", exact=False).wait_for()
    page.get_by_role("radio", name="One row an answer").check()
    page.get_by_role("radio", name="Only those with an answer").check()
    with page.expect_download() as got:
        page.get_by_role("button", name="Make the file").click()
    tasks = json.loads(Path(got.value.path()).read_text(encoding="utf-8"))
    assert [one["annotations"][0]["completed_by"]["email"] for one in tasks] == ["Ann"]
    assert '<Choices name="label" toName="text"' in page.locator(".la-config pre").inner_text()
