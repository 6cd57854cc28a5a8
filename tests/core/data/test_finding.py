"""Examples of findings: short, with what it is about in sight."""

from __future__ import annotations

import pytest

from core.data.checkup.finding import SHOWN, cut


def said(pieces: tuple[tuple[str, bool], ...]) -> str:
    return "".join(text for text, _ in pieces)


def test_a_short_text_is_shown_whole_with_its_marks() -> None:
    pieces = [("call ", False), ("[phone number]", True), (" now", False)]
    assert cut(pieces) == tuple(pieces)


def test_a_long_text_begins_a_little_before_the_first_mark_and_ends_with_dots() -> None:
    found = cut([("before " * 100, False), ("HERE", True), (" after" * 100, False)])
    assert found[0] == ("…", False) and found[-1] == ("…", False)
    assert ("HERE", True) in found
    assert len(said(found)) <= SHOWN + 2
    assert said(found).index("HERE") < SHOWN / 2


def test_without_a_mark_it_is_the_beginning() -> None:
    assert cut([("word " * 100, False)])[0][0].startswith("word word")


@pytest.mark.parametrize("text", ["two\nlines", "two \t lines", "two  lines"])
def test_white_space_becomes_one_blank_and_blanks_at_the_ends_of_pieces_stay(text: str) -> None:
    assert said(cut([(text + " ", False), ("x", True)])) == "two lines x"
