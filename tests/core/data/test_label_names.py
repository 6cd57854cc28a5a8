"""Labels written in several ways: found by rules that a person would sign, merged and unmerged."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.data import checks
from core.data.checkup.label_names import one_edit, plain_name, variants
from core.data.dataset import Dataset


def edits1(word: str) -> set[str]:
    """All words one edit away, as Peter Norvig's spelling corrector makes them."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    splits = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    deletes = [a + b[1:] for a, b in splits if b]
    transposes = [a + b[1] + b[0] + b[2:] for a, b in splits if len(b) > 1]
    replaces = [a + c + b[1:] for a, b in splits if b for c in letters]
    inserts = [a + c + b for a, b in splits for c in letters]
    return set(deletes + transposes + replaces + inserts) - {word}


def test_one_edit_is_what_a_spelling_corrector_calls_so_but_for_the_first_letter() -> None:
    words = [
        "refund",
        "refunds",
        "refnud",
        "rfund",
        "xrefund",
        "payment",
        "paymant",
        "paymnet",
        "pay",
        "refund",
        "defund",
        "refundss",
    ]
    for one in words:
        for other in words:
            assert one_edit(one, other) == (other in edits1(one) and one[0] == other[0]), (one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Refund", "refund "),
        ("Top-up", "top up"),
        ("Ｒｅｆｕｎｄ", "Refund"),
        ("退款。", "退款"),
        ("class_1", "Class 1"),
    ],
)
def test_case_blanks_signs_and_width_are_no_difference(one: str, other: str) -> None:
    assert plain_name(one) == plain_name(other)


@pytest.mark.parametrize(
    ("one", "other"), [("C++", "C"), ("1.0", "10"), ("-1", "1"), ("level 1", "level 2"), ("C#", "C"), ("1.5", "15")]
)
def test_what_means_something_else_stays_apart(one: str, other: str) -> None:
    assert plain_name(one) != plain_name(other)
    assert variants([one, other], [1000, 1]) == {}


@pytest.mark.parametrize(("one", "other"), [("typical", "atypical"), ("moral", "amoral"), ("positive", "negative")])
def test_opposites_are_no_slips(one: str, other: str) -> None:
    assert variants([one, other], [1000, 1]) == {}


def test_a_slip_is_one_only_where_it_is_rare() -> None:
    assert variants(["Refund", "Refunds"], [200, 3]) == {1: 0}
    assert variants(["Refund", "Refunds"], [200, 150]) == {}


def test_chains_lead_to_the_commonest() -> None:
    assert variants(["Refunds", "refund", "Refund"], [3, 40, 100]) == {1: 2, 0: 2}


def test_spellings_are_merged_into_the_commoner_and_undo_brings_them_back(labelled: Callable[..., Dataset]) -> None:
    names = ["Refund"] * 60 + ["refund"] * 5 + ["Refunds"] * 2 + ["Delivery"] * 40
    data = labelled([(f"{i} is a text of its own", name) for i, name in enumerate(names)])
    finding = next(f for f in data.findings() if f.id == "spelling")
    assert finding.count == 2 and "“refund” = “Refund”" in str(finding.title)
    assert data.page(only="finding:spelling").total == 67
    group = checks.apply(data, "spelling", "merge")
    assert data.counts().labels == {"Refund": 67, "Delivery": 40}
    done = next(f for f in data.findings() if f.id == "spelling")
    assert (done.done, done.count) == (group, 7)
    checks.undo(data, group)
    assert data.counts().labels == {"Refund": 60, "refund": 5, "Refunds": 2, "Delivery": 40}
    assert next(f for f in data.findings() if f.id == "spelling").done is None


def test_banking77_has_no_label_twice(tmp_path, data_dir) -> None:
    data = Dataset.open(tmp_path / "data")
    data.add(data_dir / "banking77/train.csv", "train.csv")
    assert variants([one.name for one in data.state.alive], data.state.label_counts.tolist()) == {}
