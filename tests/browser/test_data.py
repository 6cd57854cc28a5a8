"""The Data tab as a person meets it: files that fit and files that do not, repairs, a look at the rows."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

MAIL = "message,topic,shop\n" + "".join(
    f"letter {i} about {word},{topic},{'north' if i % 2 else 'south'}\n"
    for i in range(30)
    for word, topic in (("the parcel", "Delivery"), ("my money", "Refund"), ("a scratch", "Damage"))
)


def drop(page, path: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.locator("#page-data button.dt-drop").click()
    chooser.value.set_files(path)


def read(page, path: Path) -> None:
    drop(page, path)
    page.wait_for_selector("#page-data .dt-rows tbody tr")


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    file = tmp_path / "support-mail.csv"
    file.write_text(MAIL + ",Refund,north\nletter 1 about the parcel,Refund,north\n", encoding="utf-8")
    return file


def test_a_file_becomes_a_page_of_what_was_read(page, open_tab, mail: Path):
    open_tab(page)
    page.get_by_role("heading", name="Start with your texts").wait_for()
    page.get_by_text("Nothing leaves this machine.").wait_for()
    read(page, mail)
    page.get_by_text("92 rows. Read as UTF-8, comma between columns, names in the first row.").wait_for()
    assert page.get_by_label("The text is in").input_value() == "=message"
    assert page.get_by_label("The label is in").input_value() == "=topic"
    page.get_by_text("Its name says so, and it has 3 different values.").wait_for()
    page.wait_for_selector("#page-data .plot .main-svg")
    assert page.locator("#page-data .dt-rows tbody tr").count() == 50
    page.get_by_role("button", name="Choose settings").wait_for()


def test_what_is_no_table_is_said_and_the_picker_is_back(page, open_tab, tmp_path: Path):
    picture = tmp_path / "holiday.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8)
    letter = tmp_path / "letter.docx"
    with zipfile.ZipFile(letter, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    open_tab(page)
    for file, words in (
        (picture, "holiday.png is a picture, not a table."),
        (letter, "letter.docx is a Word document, not a table."),
        (empty, "empty.csv is empty."),
    ):
        drop(page, file)
        alert = page.get_by_role("alert").filter(has_text=words)
        alert.wait_for()
        assert "Nothing was changed." in alert.inner_text()
        assert page.locator("#page-data button.dt-drop").is_visible()


def test_a_file_may_be_dropped_anywhere_on_the_tab(page, open_tab, mail: Path):
    open_tab(page)
    data = page.evaluate_handle(
        "text => { const d = new DataTransfer(); d.items.add(new File([text], 'dropped.csv')); return d; }", MAIL
    )
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event("#page-data h1", event, {"dataTransfer": data})
    page.get_by_role("heading", name="dropped.csv").wait_for()


def test_pasted_cells_survive_a_reload_and_are_read(page, open_tab):
    open_tab(page)
    page.get_by_label("or paste cells from a spreadsheet").fill('text\tlabel\nhello there\tgood\n"two\nlines"\tbad\n')
    page.reload()
    page.get_by_role("button", name="Use these cells").click()
    page.get_by_text("2 rows. Read as UTF-8, tab between columns").wait_for()


def test_an_example_is_there_in_a_click_in_chinese_too(new_page, open_tab):
    page = new_page(width=390, height=844, dark=True, language="zh-CN")
    open_tab(page, language="zh")
    page.get_by_role("button", name=re.compile("咖啡馆留言")).click()
    page.get_by_role("heading", name="cafe-notes-zh.csv").wait_for()
    page.locator(".dt-facts").get_by_text("平均字数").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_it_can_be_read_differently_with_a_preview_at_once(page, open_tab, tmp_path: Path):
    file = tmp_path / "umlaute.csv"
    file.write_bytes("text;note\nschöne Grüße;a\nübel;b\n".encode("cp1252"))
    open_tab(page)
    read(page, file)
    page.get_by_role("button", name="Read it differently").click()
    preview = page.locator(".dr-preview")
    preview.get_by_text("schöne Grüße").wait_for()
    page.get_by_label("Encoding").select_option("gb18030")
    preview.get_by_text("schöne Grüße").wait_for(state="detached")
    page.get_by_label("Encoding").select_option("cp1252")
    page.get_by_label("Between columns stands").select_option("")
    preview.get_by_text("schöne Grüße;a").wait_for()
    page.get_by_role("button", name="Read it like this").click()
    page.locator("#page-data .dt-rows").get_by_text("schöne Grüße;a").wait_for()


def test_a_repair_stays_in_the_list_with_its_undo(page, open_tab, mail: Path):
    open_tab(page)
    read(page, mail)
    finding = page.locator(".dt-find").filter(has_text="1 row is empty.")
    finding.get_by_role("button", name="Look at them").click()
    page.get_by_text("1–1 / 1").wait_for()
    finding.get_by_role("button", name="Leave out").click()
    finding.get_by_text("Done.").wait_for()
    page.get_by_text("1 left out").wait_for()
    finding.get_by_role("button", name="Undo").click()
    finding.get_by_role("button", name="Leave out").wait_for()


def test_personal_data_is_found_by_a_job_masked_and_brought_back(page, open_tab, tmp_path: Path):
    file = tmp_path / "many.csv"
    rows = [f"text {i} about thing {i * 7 % 1009} and {i * 13 % 997},{'ab'[i % 2]}" for i in range(2_400)]
    file.write_text("text,label\n" + "\n".join([*rows, "please write to ann@example.org today,a"]), encoding="utf-8")
    open_tab(page)
    read(page, file)
    finding = page.locator(".dt-find").filter(has_text="1 text holds personal data: mail addresses in 1.")
    finding.wait_for()
    page.locator(".dt-looking").wait_for(state="hidden")
    examples = finding.get_by_role("button", name="Examples")
    assert examples.get_attribute("aria-expanded") == "false"
    examples.click()
    finding.locator("mark").get_by_text("[mail address]").wait_for()
    assert "ann@example.org" not in finding.inner_text()
    finding.get_by_role("button", name="Look at them").click()
    page.locator(".dt-rows").get_by_text("please write to ann@example.org today").wait_for()
    finding.get_by_role("button", name="Mask them").click()
    finding.get_by_text("Done.").wait_for()
    page.locator(".dt-rows").get_by_text("please write to ann@example.org today").wait_for(state="detached")
    finding.get_by_role("button", name="Undo").click()
    finding.get_by_role("button", name="Mask them").wait_for()


def test_the_data_report_is_downloaded_as_a_page(page, open_tab, mail: Path, tmp_path: Path):
    open_tab(page)
    read(page, mail)
    page.get_by_role("button", name="Data report").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="As a page (HTML)").click()
    path = tmp_path / "report.html"
    download.value.save_as(path)
    assert download.value.suggested_filename.endswith("-data.html")
    page.set_content(path.read_text(encoding="utf-8"))
    page.get_by_role("heading", name="What the check-up found").wait_for()
    page.get_by_role("heading", name="1 row is empty.").wait_for()


def test_rows_are_turned_searched_left_out_and_brought_back(page, open_tab, mail: Path):
    open_tab(page)
    read(page, mail)
    page.locator("#page-data h1").click()
    page.keyboard.press("ArrowRight")
    page.get_by_text("51–92 / 92").wait_for()
    page.keyboard.press("/")
    page.keyboard.type("letter 7 about my money")
    page.get_by_text("1–1 / 1").wait_for()
    row = page.locator(".dt-rows tbody tr")
    row.click()
    page.locator(".dt-open dl").get_by_text("north").wait_for()
    page.get_by_role("button", name=re.compile("More for row")).click()
    page.get_by_role("menuitem", name="Leave it out").click()
    page.locator(".dt-rows tr.out").wait_for()
    page.locator(".toast").get_by_role("button", name="Undo").click()
    page.locator(".dt-rows tr.out").wait_for(state="detached")


def test_shares_out_of_range_are_said_beside_the_field(page, open_tab, mail: Path):
    open_tab(page)
    read(page, mail)
    page.get_by_role("button", name="Change the shares").click()
    test = page.get_by_label(re.compile("For the final test, of 100"))
    test.fill("95")
    page.get_by_text("A whole number from 0 to 80.").wait_for()
    test.fill("30")
    page.get_by_text("60 of 100 are left to learn from.").wait_for()
    page.get_by_role("button", name="Share out anew").click()
    page.locator(".dt-legend").get_by_text(re.compile("^27 for the final test|^2[678] for")).wait_for()


def test_nothing_in_a_cell_runs(page, open_tab, tmp_path: Path):
    evil = [
        "<script>window.__ran=1</script>",
        "<img src=x onerror=window.__ran=1>",
        "javascript:window.__ran=1",
        "=1+1",
    ]
    file = tmp_path / "<b>evil.csv"
    rows = [[text, "<i onmouseover=window.__ran=1>label</i>", "{{1+1}}"] for text in evil]
    file.write_text(
        "<u>text</u>,label,note\n" + "\n".join(",".join(json.dumps(c) for c in row) for row in rows), encoding="utf-8"
    )
    open_tab(page)
    read(page, file)
    page.locator(".dt-rows tbody tr").first.click()
    page.wait_for_selector("#page-data .plot .main-svg")
    page.wait_for_selector(".dt-find, .dt-well")
    assert page.locator(".dt-rows").get_by_text(evil[0]).count()
    assert page.locator("#page-data script, #page-data img, #page-data i[onmouseover], #page-data u").count() == 0
    assert page.evaluate("window.__ran") is None


def test_an_import_is_followed_after_a_reload_and_can_be_cancelled(page, open_tab, tmp_path: Path):
    file = tmp_path / "large.csv"
    with file.open("w") as out:
        out.write("text,label\n")
        out.writelines(
            f"line {i} of a rather large file with many words in it,{'ab'[i % 2]}\n" for i in range(1_000_000)
        )
    open_tab(page)
    drop(page, file)
    page.locator(".progress").get_by_text(re.compile("rows so far")).wait_for()
    page.reload()
    page.locator(".progress").get_by_role("button", name="Cancel").click()
    page.locator("#page-data button.dt-drop").wait_for()
    assert page.get_by_role("alert").count() == 0


def test_without_a_network_the_hub_says_so(page, open_tab):
    open_tab(page)
    page.get_by_text("Or a data set of the Hugging Face hub").click()
    page.get_by_label("Name of the data set").fill("not a name")
    page.get_by_role("button", name="Load").click()
    page.get_by_role("alert").filter(has_text="is no name of a hub data set").wait_for()
