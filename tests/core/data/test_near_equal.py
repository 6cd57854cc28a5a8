"""Near-equal texts in the check-up: found, told apart from equal ones, mended and unmended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from core.data import checks, near, twins
from core.data.checkup import near_equal
from core.data.dataset import Dataset

LONG = "the parcel with the green bicycle bell that I ordered from you three weeks ago has not come yet"
OTHER = "could somebody of your workshop tell me which oil is the right one for the chain in a cold winter"


def plain(n: int, word: str = "plain") -> list[tuple[str, str]]:
    return [(f"{i} is a {word} text of its own", "ab"[i % 2]) for i in range(n)]


def found(data: Dataset) -> dict[str, checks.Finding]:
    return {f.id: f for f in data.findings() if not f.done}


def test_a_near_equal_test_text_is_a_leak_and_keep_in_test_mends_it(labelled: Callable[..., Dataset]) -> None:
    data = labelled(
        [*plain(30), (LONG, "a"), (OTHER, "b")], test=[*plain(20, "test"), (LONG + " today", "a"), (OTHER, "b")]
    )
    finding = found(data)["near_leak"]
    assert str(finding.title) == "1 text is nearly the same as a test text."
    assert found(data)["leak"].count == 1  # the exactly equal one is said there, and only there
    ((one, two),) = finding.examples
    assert "".join(text for text, _ in two.pieces).endswith("come yet today")
    assert [text for text, marked in two.pieces if marked] == [" today"]
    assert not any(marked for _, marked in one.pieces)
    assert {row["text"] for row in data.page(only="finding:near_leak").rows} == {LONG, LONG + " today"}
    group = checks.apply(data, "near_leak", "keep_in_test")
    assert "near_leak" not in found(data)
    assert data.counts().splits["test"] == 22 and data.counts().excluded == 1
    checks.undo(data, group)
    assert found(data)["near_leak"].count == 1


def test_one_of_each_stays_the_labelled_and_longest(labelled: Callable[..., Dataset]) -> None:
    rows = [*plain(30), (LONG, "a"), (LONG + " at all", "a"), (LONG.upper(), ""), (OTHER, "b"), (OTHER + " please", "")]
    data = labelled(rows, test=plain(20, "test"))
    finding = found(data)["near_duplicate"]
    assert finding.count == 3
    checks.apply(data, "near_duplicate", "keep_one")
    left = [row["text"] for row in data.page(30, 5).rows if not row["excluded"]]
    assert left == [LONG + " at all", OTHER]


def test_what_goes_is_near_equal_to_one_that_stays(labelled: Callable[..., Dataset]) -> None:
    words = LONG.split()
    chain = [
        " ".join([*words[i:], *(f"word{j}" for j in range(i))]) for i in range(12)
    ]  # each like the next, not like the last
    data = labelled([*plain(30), *((text, "a") for text in chain)], test=plain(20, "test"))
    state = data.state
    group = near.groups(state)[30:42]
    assert (group == group[0]).all()
    extra = np.flatnonzero(near_equal.extra_rows(state))
    staying = np.setdiff1d(np.arange(30, 42), extra)
    assert len(staying) > 1
    for place in extra:
        likeness = near.likeness(state, np.full(len(staying), place), staying)
        assert likeness.max() >= near.ALIKE


def test_near_equal_texts_of_different_labels_are_shown_and_never_left_out(labelled: Callable[..., Dataset]) -> None:
    data = labelled([*plain(30), (LONG, "a"), (LONG + " today", "b")], test=plain(20, "test"))
    conflict = found(data)["near_conflict"]
    assert (conflict.count, conflict.fixes) == (2, ())
    assert "near_duplicate" not in found(data)
    ((one, two),) = conflict.examples
    assert {str(one.notes[1]), str(two.notes[1])} == {"a", "b"}


def test_chnsenticorp_has_near_equal_texts_beside_its_known_equal_ones(tmp_path: Path, data_dir: Path) -> None:
    data = Dataset.open(tmp_path / "data")
    for name, split in (("train", "train"), ("dev", "validation"), ("test", "test")):
        data.add(data_dir / f"chnsenticorp/{name}.tsv", f"{name}.tsv", split=split)
    state = data.state
    equal, alike = twins.leak_rows(state), near_equal.leak_rows(state)
    assert alike.sum() > 5 and not (equal & alike).any()
    in_test = np.flatnonzero(state.split == 2)
    for place in np.flatnonzero(alike)[:5]:
        best = near.likeness(state, np.full(len(in_test), place), in_test).max()
        assert near.ALIKE <= best <= 1


def test_differences_are_marked_whatever_the_case() -> None:
    one, two = near_equal.differing("Where is MY card?", "where is my new card")
    assert [text for text, marked in one if marked] == ["?"]
    assert [text for text, marked in two if marked] == ["new "] or [text for text, marked in two if marked] == [" new"]
    one, two = near_equal.differing("酒店很好！", "酒店不好！")
    assert [text for text, marked in one + two if marked] == ["很", "不"]
