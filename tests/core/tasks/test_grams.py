"""Counted tokens as a rival: probabilities by hand, the same tokens as the model, and the base before tuning beside it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract_rows import write_run

from core.errors import Cancelled
from core.evaluation import report
from core.evaluation.measured import rows_in
from core.inference import Predictor
from core.tasks import TASKS
from core.tasks.grams import Grams, rival, windows
from core.training.worker import worker

A, B, C = 0, 1, 2


def all_of(*tokens: int) -> np.ndarray:
    return windows(np.array(tokens), np.ones(len(tokens), dtype=bool))


def test_a_window_holds_what_stands_before_each_token_that_is_asked():
    asked = np.array([False, True, True])
    assert windows(np.array([7, 8, 9]), asked).tolist() == [[-1, 7, 8], [7, 8, 9]]
    assert windows(np.array([7, 8, 9]), asked, np.array([7, 0, 0])).tolist() == [[-1, 7, 8], [7, 0, 9]]


def test_probabilities_by_hand():
    grams = Grams(all_of(A, B, A, B, A, C), 4)
    # alone: a 3, b 2, c 1 of 6, three different, chance 1/4
    a, c = (3 + 3 / 4) / 9, (1 + 3 / 4) / 9
    # after a: b twice, c once, two different; after b: a twice, one kind
    c_after_a, a_after_b = (1 + 2 * c) / 5, (2 + a) / 3
    found = grams.probabilities(np.array([[B, A, C], [A, B, A], [-1, 3, A]]))
    # after b a: b once, c once, two different; after a b: a twice, one kind; after the unseen token only what stands alone
    assert found.tolist() == pytest.approx([(1 + 2 * c_after_a) / 4, (2 + a_after_b) / 3, a])


def test_probabilities_of_all_tokens_sum_to_one():
    dice = np.random.default_rng(2)
    grams = Grams(np.concatenate([all_of(*dice.integers(0, 9, 30)) for _ in range(5)]), 11)
    for before in ((-1, -1), (3, 4), (10, 2), (10, 10)):
        asked = np.array([[*before, word] for word in range(11)])
        assert grams.probabilities(asked).sum() == pytest.approx(1)


def test_a_rival_sums_the_pieces_of_a_row_and_without_training_tokens_it_is_chance():
    made = rival([], [(1, all_of(A, B)), (1, all_of(C))], 2, 8, lambda: False)
    assert [p.tokens for p in made.predictions] == [0, 3]
    assert made.predictions[1].nll == pytest.approx(3 * math.log(8))
    with pytest.raises(Cancelled):
        rival([all_of(A)], [], 0, 8, lambda: True)


@pytest.mark.parametrize("name", ["language", "chat", "masked"])
def test_a_report_sets_the_run_beside_counted_tokens_and_the_base_as_it_came(
    name: str, data_dir: Path, tiny_encoder: Path, tmp_path: Path
):
    folder, base = tmp_path / "run", tiny_encoder if name == "masked" else data_dir / "stories260k"
    write_run(folder, TASKS[name], base, epochs=1.0, answer_length=4, max_length=64)
    worker(str(folder))
    made = report.make(folder)
    found: dict[str, Any] = {one["id"]: one for one in made["contenders"]}
    assert set(found) == {"run", "grams"} | (
        {"before"} if name != "masked" else set()
    )  # that encoder has no last layer
    assert all(one["value"] > 1 and one["low"] < one["high"] for one in found.values())
    predictor = Predictor.open(folder / "model", device="cpu")
    assert found["grams"]["value"] < predictor.vocabulary
    asked = [row for row in rows_in(folder / "rows.arrow", TASKS[name]) if row["split"] == "test"]
    (counted,) = TASKS[name].token_rivals([], list(predictor.examples(asked)), len(asked), 512, lambda: False)
    assert [p.tokens for p in counted.predictions] == [p.tokens for p in predictor.predict(asked)]  # type: ignore[union-attr]
    if name != "masked":
        assert found["run"]["value"] < found["before"]["value"]
