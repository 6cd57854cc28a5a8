"""Options of questions: what goes in, the loss over a row's own options, what is answered, and the figures."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from core.errors import RunError
from core.tasks.base import Example, Labels, LabelScores
from core.tasks.choice import Choice
from core.training.settings import TrainingSettings

TASK = Choice()
LABELS = Labels(("fits",), (2,))
ROW = {"id": "1:0", "text": "which is good", "choices": ["bad", "great", "sad"], "label": "great", "split": "train"}


@pytest.fixture(scope="module")
def tokenizer(tiny_encoder):
    return AutoTokenizer.from_pretrained(tiny_encoder)


def settings(**values) -> TrainingSettings:
    return TrainingSettings(max_length=16, **values)


def test_an_option_stays_whole_and_the_question_is_cut(tokenizer):
    row = {
        **ROW,
        "text": "the of and to in is it you that was for on are with as at be",
        "choices": ["great box wheel"],
    }
    (example,) = TASK.encode([row], tokenizer, settings())
    assert len(example.input_ids) == 16 and example.extra["sizes"] == (16,)
    assert tokenizer.decode(example.input_ids).endswith("great box wheel [SEP]")


def test_an_option_that_is_too_long_leaves_half_for_the_question(tokenizer):
    row = {**ROW, "text": "the of and to in is it you", "choices": ["good " * 40]}
    (example,) = TASK.encode([row], tokenizer, settings())
    said = tokenizer.decode(example.input_ids)
    assert len(example.input_ids) <= 16 and said.count("good") == 6 and "the of and to" in said


def test_rows_of_different_sizes_share_a_batch(tokenizer):
    rows = [ROW, {**ROW, "choices": ["good", "bad"], "label": "good"}]
    examples = list(TASK.encode(rows, tokenizer, settings()))
    batch = TASK.collate(examples, [TASK.target(rows[e.row], e, LABELS) for e in examples], tokenizer)
    assert (
        batch["input_ids"].shape[0] == 5 and batch["sizes"].tolist() == [3, 2] and batch["targets"].tolist() == [1, 0]
    )

    def model(ids, mask):
        return torch.arange(5.0)[:, None]

    scores = TASK.forward(model, batch)
    assert scores.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, -math.inf]]


def test_the_loss_is_over_the_rows_own_options():
    batch = {"targets": torch.tensor([1, 0])}
    scores = torch.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, -math.inf]])
    first = math.log(1 + math.e + math.e**2) - 1
    second = math.log(1 + math.e)
    found = TASK.loss(scores, batch, settings(), LABELS)
    assert float(found) == pytest.approx((first + second) / 2, abs=1e-5)
    smooth = TASK.loss(scores, batch, settings(label_smoothing=0.1), LABELS)
    means = [math.log(1 + math.e + math.e**2) - 1, second - 0.5]  # -log p, on average over the row's options
    expected = sum(0.9 * right + 0.1 * mean for right, mean in zip((first, second), means, strict=True)) / 2
    assert float(smooth) == pytest.approx(expected, abs=1e-5)


def test_options_that_read_the_same_share_their_probability():
    row = {**ROW, "choices": ["yes", "no", "yes"], "label": "yes"}
    (said,) = TASK.decode([np.array([0.0, 0.5, 0.0])], [row], [Example(0, np.zeros(1))], LABELS)
    assert said.label == "yes" and sum(said.probabilities.values()) == pytest.approx(1)
    assert said.probabilities["yes"] == pytest.approx(2 / (2 + math.exp(0.5)))


def test_a_right_option_that_is_not_there_is_told():
    with pytest.raises(RunError, match="not among its question's options"):
        TASK.target({**ROW, "label": "purple"}, None, LABELS)
    with pytest.raises(RunError, match="no training question has a right option"):
        TASK.labels([{**ROW, "label": None}])


def test_rivals_are_right_as_often_as_their_rule():
    rows = [ROW, {**ROW, "text": "which is sad", "choices": ["sad", "a much longer one"], "label": "sad"}]
    found = {rival.id: [p.label for p in rival.predictions] for rival in TASK.rivals(rows, [], rows, LABELS, bool)}
    assert found["longest"] == ["great", "a much longer one"] and found["overlap"][1] == "sad"
    assert found["often"] == ["great", "sad"] and set(found) == {"place", "longest", "overlap", "often"}


def test_figures_count_by_size_and_place():
    rows = [ROW, {**ROW, "choices": ["good", "bad"], "label": "good"}]
    said = [
        LabelScores("great", {"great": 0.9, "bad": 0.05, "sad": 0.05}),
        LabelScores("bad", {"bad": 0.8, "good": 0.2}),
    ]
    told = TASK.report(rows, said, LABELS)
    assert told["options"]["rows"] == [[2, 0.0, 0.5, 1], [3, 1.0, 0.3333, 1]]
    assert told["places"] == {"names": ["1", "2"], "values": [0.0, 1.0]}
    assert [one["said"] for one in told["samples"]["rows"]] == ["bad"]
    scores = TASK.score(rows, said, LABELS)
    assert scores["accuracy"] == 0.5 and scores["loss"] == pytest.approx(-(math.log(0.9) + math.log(0.2)) / 2)
