"""How often each label comes: the effective number of labels, and what is said of unequal ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from core.data.checkup.balance import effective
from core.data.dataset import Dataset


@pytest.mark.parametrize(
    ("counts", "number"),
    [([7, 7, 7, 7], 4.0), ([10, 0], 1.0), ([2, 1, 1], 2 * 2**0.5), ([8, 4, 2, 1, 1], 2 ** (15 / 8))],
)
def test_the_effective_number_is_two_to_the_entropy_in_bits(counts: list[int], number: float) -> None:
    """Entropies of textbook distributions: 1.5 bits for 1/2, 1/4, 1/4; 15/8 bits for 1/2, 1/4, 1/8, 1/16, 1/16 (Cover and Thomas, 2.1)."""
    assert effective(np.array(counts)) == pytest.approx(number)


def test_unequal_labels_are_told_and_nearly_equal_ones_are_not(labelled: Callable[..., Dataset]) -> None:
    data = labelled([(f"{i} is a text of its own", "ham" if i % 10 else "spam") for i in range(120)])
    finding = next(f for f in data.findings() if f.id == "balance")
    assert str(finding.title) == "“ham” comes 9 times as often as “spam” (108 and 12 texts)."
    assert (finding.fixes, finding.looks) == ((), False)


def test_equal_labels_are_fine(labelled: Callable[..., Dataset]) -> None:
    data = labelled([(f"{i} is a text of its own", "ab"[i % 2]) for i in range(120)])
    assert not any(f.id == "balance" for f in data.findings())
