"""The data report: all figures of the data set, in both languages, and no word of the data becomes a mark of the page."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from core.data import checks
from core.data.checkup.report import FORMS, written
from core.data.dataset import Dataset

EVIL = '<script>alert("x")</script> **bold** | `code` [link](http://x) of ann@example.org'


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.closed: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.closed.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def visible(page: str) -> str:
    parser = Tags()
    parser.feed(page)
    return parser.text


@pytest.fixture(scope="module")
def banking(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Dataset:
    data = Dataset.open(tmp_path_factory.mktemp("banking") / "data")
    data.add(data_dir / "banking77/train.csv", "train.csv")
    data.add(data_dir / "banking77/test.csv", "test.csv", split="test")
    return data


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_holds_the_figures_and_every_finding_in_words(banking: Dataset, form: str, language: str) -> None:
    text = written(banking, "Bank", language, form)
    for figure in ("13,083", "3,080", "train.csv", "test.csv"):
        assert figure in text
    plain = re.sub(r"\\(.)", r"\1", text) if form == "md" else visible(text)
    for finding in banking.findings():
        assert finding.title.said(language) in plain
        assert finding.detail.said(language) in plain


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_is_whole_and_needs_nothing_else(banking: Dataset, language: str) -> None:
    parser = Tags()
    page = written(banking, "Bank", language, "html")
    parser.feed(page)
    assert sorted(tag for tag in parser.opened if tag != "meta") == sorted(parser.closed)
    assert not set(parser.opened) & {"script", "link", "img", "iframe"}
    assert "http" not in page.split("</style>")[0]


def test_words_of_the_data_are_no_marks_and_personal_ones_are_masked(labelled: Callable[..., Dataset]) -> None:
    data = labelled([(f"{EVIL} {i % 30}", ("<b>bold</b>", "b")[i % 2]) for i in range(60)])
    page = written(data, "<i>Name</i>", "en", "html")
    parser = Tags()
    parser.feed(page)
    assert not {"script", "b"} & set(parser.opened)
    assert '<script>alert("x")</script>' in parser.text and "<b>bold</b>" in parser.text
    text = written(data, "Name", "en", "md")
    assert not re.search(r"(?<!\\)(\*\*bold|`code|\]\(http|<script)", text)
    for form in (page, text):
        assert "ann@example.org" not in form


def test_what_was_mended_is_said(labelled: Callable[..., Dataset]) -> None:
    data = labelled([*((f"{i} is a text of its own", "ab"[i % 2]) for i in range(40)), ("", "a")])
    checks.apply(data, "empty", "leave_out")
    assert "Mended." in written(data, "Name", "en", "md")


def test_nothing_to_mend_is_said_too(labelled: Callable[..., Dataset]) -> None:
    data = labelled([(f"{i} is a text of its own", "ab"[i % 2]) for i in range(40)])
    assert "Nothing to mend." in written(data, "Name", "en", "md")
