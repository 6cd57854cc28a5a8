"""Texts longer than the model reads: the share that is cut, and the place of the cut."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.data import tokens
from core.data.checkup import lengths
from core.data.dataset import Dataset


def test_the_share_that_is_cut_is_that_of_the_tokens_beyond_the_limit(labelled: Callable[..., Dataset]) -> None:
    data = labelled([("short", "a"), ("word " * 510, "b"), ("word " * 1022, "a"), ("word " * 2046, "b")])
    state = data.state
    assert lengths.long_rows(state).tolist() == [False, False, True, True]
    assert lengths.cut_share(state) == pytest.approx((512 + 1536) / (1024 + 2048))


def test_an_example_shows_the_place_of_the_cut(labelled: Callable[..., Dataset]) -> None:
    text = " ".join(f"w{i % 10}" for i in range(900))
    data = labelled([(text, "a"), ("short", "b")])
    finding = next(f for f in data.findings() if f.id == "long")
    ((line,),) = finding.examples
    before = next(piece for piece, marked in line.pieces if not marked and piece != "…")
    after = next(piece for piece, marked in line.pieces if marked)
    at = tokens.read_until(text)
    assert text[:at].endswith(before) and text[at:].startswith(after)
    assert tokens.token_counts([text[:at]])[0][0] == tokens.limit() == 512


def test_a_text_that_fits_is_read_to_its_end() -> None:
    assert tokens.read_until("a few words") == len("a few words")
