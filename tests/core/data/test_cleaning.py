"""Cleaning does what its steps say, in their order, and the places of marked spans survive it."""

from __future__ import annotations

import itertools
import json
import random
import sys
import time

import pytest

from core.data.cleaning import SPACES, STEPS, Cleaning
from core.errors import DataError

PIECES = [
    "a", "B", "Ω", "İ", "ß", "Σ", " ", "  ", "\n", "\r\n", "\t", "\u3000", "，", "ＡＢ", "１２", "ｶﾞ", "ｱ", "ﾟ", "漢字", "頭髮", "发", "😀", "👨‍👩‍👧", "é",
    "<b>", "</b>", "<br/>", "<p class='x'>", "<script>", "</script>", "<e1>", "</e1>", "<", ">", "&", "&amp;", "&lt;", "&#20013;", "&nbsp;", "&copy=1", "&",
    "<!-- c -->", "<![x", "<!DOCTYPE html>", "<?pi?>", "https://a.b/c?d=1).", "www.x.org", "me@x.org", "\u200b", "\ufeff", "\x00", "\u2028", "\x85",
]  # fmt: skip


def texts(count: int) -> list[str]:
    dice = random.Random(5)
    return ["".join(dice.choices(PIECES, k=dice.randint(0, 14))) for _ in range(count)]


def cleanings() -> list[Cleaning]:
    names = [step.name for step in STEPS if step.name != "space"]
    alone = [Cleaning(**{name: True}) for name in names]
    return [*alone, *(Cleaning(**dict.fromkeys(names, True), space=space) for space in SPACES), Cleaning(space="lines")]


@pytest.mark.parametrize(
    ("cleaning", "text", "clean"),
    [
        (Cleaning(html=True), "<p>Fish &amp; <b>chips</b></p>", "\nFish & chips\n"),
        (Cleaning(html=True), "<script>alert(1 < 2)</script>Hi<!-- no -->", "Hi"),
        (Cleaning(html=True), "The <e1>key</e1> is <unk>, 1 < 2 & 3 > 2, I <3 you", "The <e1>key</e1> is <unk>, 1 < 2 & 3 > 2, I <3 you"),
        (Cleaning(html=True), "x?a=1&copy=2 &#20013;&#x6587; &lt;b&gt;", "x?a=1&copy=2 中文 <b>"),
        (Cleaning(html=True), "one\ntwo <i>three\nfour</i>\n&gt;", "one\ntwo three\nfour\n>"),
        (Cleaning(width=True), "ＡＢＣ　１２３！ｶﾞｷﾞ中文，好", "ABC 123!ガギ中文,好"),
        (Cleaning(width=True), "ﬁ ² ① ℃", "ﬁ ² ① ℃"),
        (Cleaning(control=True), "a\u200bb\ufeffc\x07d\u2028e👨\u200d👩", "abcd\ne👨\u200d👩"),
        (Cleaning(urls=True), "see https://x.org/a_(b)?q=1, (www.y.org) and访问http://z.cn/中", "see [URL], ([URL]) and访问[URL]中"),
        (Cleaning(emails=True), "write to ann.b@x.co.uk. or @bob", "write to [EMAIL]. or @bob"),
        (Cleaning(lower=True), "ÀB İstanbul", "àb i̇stanbul"),
        (Cleaning(space="one"), "  a \n b\t\tc ", "a b c"),
        (Cleaning(space="lines"), " a  b \r\n\r\n\r\n c\n d ", "a b\n\nc\nd"),
        (Cleaning(html=True, lower=True, space="one"), "<P>A&nbsp;B</P>\n<p>C</p>", "a b c"),
        (Cleaning(), " <b>A</b> ", " <b>A</b> "),
    ],
)  # fmt: skip
def test_a_step_does_what_it_says(cleaning: Cleaning, text: str, clean: str):
    assert cleaning.apply(text) == clean


def test_traditional_becomes_simplified_word_by_word():
    pytest.importorskip("opencc", reason="OpenCC is an extra")
    cleaning = Cleaning(simplified=True)
    assert cleaning.apply("漢字轉換：頭髮與發展，乾隆乾燥，Ｘ") == "汉字转换：头发与发展，乾隆干燥，Ｘ"


def test_without_the_package_it_says_what_to_install(monkeypatch):
    from core.data import cleaning

    cleaning._opencc.cache_clear()
    monkeypatch.setitem(sys.modules, "opencc", None)
    with pytest.raises(DataError, match="OpenCC") as error:
        Cleaning(simplified=True).apply("漢")
    assert "pip install OpenCC" in str(error.value.fix)
    cleaning._opencc.cache_clear()


@pytest.mark.parametrize("cleaning", cleanings(), ids=lambda c: ",".join(k for k, v in c.as_json().items() if v))
def test_offsets_hold_for_any_text(cleaning: Cleaning):
    """Same text as without; as many places as characters; they never fall; unchanged characters come from themselves."""
    if cleaning.simplified:
        pytest.importorskip("opencc", reason="OpenCC is an extra")
    for text in texts(400):
        clean, offsets = cleaning.apply_with_offsets(text)
        assert clean == cleaning.apply(text)
        assert len(offsets.starts) == len(offsets.ends) == len(clean)
        assert all(a <= b for a, b in itertools.pairwise(offsets.starts))
        assert all(a <= b for a, b in itertools.pairwise(offsets.ends))
        assert all(0 <= a < b <= len(text) for a, b in zip(offsets.starts, offsets.ends, strict=True))
        for i in range(len(clean)):
            start, end = offsets.original(i, i + 1)
            back = offsets.clean(start, end)
            assert back and back[0] <= i < back[1]


def test_a_marked_place_is_found_again_in_both_directions():
    text = "<p>Ｍｒ． <b>Ｓｍｉｔｈ</b> &amp; Sons, 　東京</p>"
    clean, offsets = Cleaning(html=True, width=True, space="one").apply_with_offsets(text)
    assert clean == "Mr. Smith & Sons, 東京"
    at = clean.index("Smith")
    assert text[slice(*offsets.original(at, at + 5))] == "Ｓｍｉｔｈ"
    start = text.index("&amp; Sons")
    assert clean[slice(*offsets.clean(start, start + 10))] == "& Sons"
    assert offsets.clean(0, 3) is None  # the tag is gone
    assert offsets.original(0, 0) == (3, 3) and offsets.original(len(clean), len(clean)) == (len(text), len(text))


def test_text_that_needs_nothing_keeps_every_place():
    clean, offsets = Cleaning(html=True, space="lines", width=True).apply_with_offsets("plain 文字")
    assert clean == "plain 文字" and offsets.starts == tuple(range(8))


def test_tidying_twice_changes_nothing_more():
    for cleaning in (
        Cleaning(width=True),
        Cleaning(control=True, space="one"),
        Cleaning(space="lines"),
        Cleaning(urls=True, emails=True),
    ):
        for text in texts(300):
            once = cleaning.apply(text)
            assert cleaning.apply(once) == once


def test_a_cleaning_travels_as_json_and_a_step_nobody_knows_is_refused():
    cleaning = Cleaning(html=True, space="one")
    assert Cleaning.from_json(json.loads(json.dumps(cleaning.as_json()))) == cleaning
    assert Cleaning.from_json(None) == Cleaning() and not Cleaning() and cleaning
    for wrong in ({"stemming": True}, {"space": "two"}):
        with pytest.raises(DataError, match="knows no cleaning step"):
            Cleaning.from_json(wrong)


def test_every_field_is_a_declared_step_in_the_same_order():
    assert [step.name for step in STEPS] == list(Cleaning().as_json())


@pytest.mark.parametrize("text", ["<" * 100_000, "<!--" * 30_000, "<a " * 40_000, "&" * 100_000, "a@" * 50_000, "www." * 30_000, "<script>" * 20_000, " \n" * 60_000])  # fmt: skip
def test_hostile_texts_take_no_more_than_a_moment(text: str):
    started = time.monotonic()
    Cleaning(html=True, control=True, width=True, urls=True, emails=True, lower=True, space="one").apply(text)
    assert time.monotonic() - started < 5
