"""Answers in texts: windows of long texts, "no answer" and its threshold, measures against hand-worked cases, and the figures."""

from __future__ import annotations

import numpy as np
import pytest
from transformers import AutoTokenizer

from core.errors import RunError
from core.tasks.answers import Answers
from core.tasks.base import Answer, Labels
from core.training.settings import TrainingSettings

TASK = Answers()
WITH_NONE = Labels((), (), {"none": True})
TEXT = "the bad card was lost and the good bank is happy"


def row(answer: str | None, text: str = TEXT, **more):
    label = None if answer is None else [{"text": answer, "start": text.index(answer)}] if answer else []
    return {"id": "1:0", "text": text, "question": "which is good", "label": label, "split": "train", **more}


@pytest.fixture(scope="module")
def tokenizer(tiny_encoder):
    return AutoTokenizer.from_pretrained(tiny_encoder)


def pointed(example, first: int, last: int) -> np.ndarray:
    """Logits that point at two tokens."""
    logits = np.zeros((len(example.input_ids), 2), dtype=np.float32)
    logits[first, 0] = logits[last, 1] = 9.0
    return logits


def test_whether_no_answer_may_be_said_is_learnt_from_training_rows():
    assert TASK.labels([row("bank"), row("", split="test")]).extra == {"none": False}
    assert TASK.labels([row("bank"), row("")]).extra == {"none": True}
    with pytest.raises(RunError, match="no training question has an answer"):
        TASK.labels([row(""), row(None)])


def test_a_place_comes_back_as_the_texts_own_characters(tokenizer):
    asked = [row("good bank"), row("😀 card", text="a 😀 card 北京 was lost")]
    settings = TrainingSettings(max_length=48)
    examples = list(TASK.encode(asked, tokenizer, settings))
    targets = [TASK.target(asked[e.row], e, WITH_NONE) for e in examples]
    outputs = [pointed(e, *place) for e, place in zip(examples, targets, strict=True)]
    found = TASK.decode(outputs, asked, examples, WITH_NONE)
    for given, said in zip(asked, found, strict=True):
        assert given["text"][said.start : said.start + len(said.text)] == said.text
    assert found[0].text == "good bank" and "card" in found[1].text


def test_the_answer_is_found_in_whichever_window_holds_it(tokenizer):
    long = " ".join(["the", "of", "and", "to"] * 30) + " happy " + " ".join(["was", "for"] * 20)
    asked = [row("happy", text=long)]
    examples = list(TASK.encode(asked, tokenizer, TrainingSettings(max_length=32)))
    assert len(examples) > 5
    targets = [TASK.target(asked[0], e, WITH_NONE) for e in examples]
    outputs = [pointed(e, *place) for e, place in zip(examples, targets, strict=True)]
    (said,) = TASK.decode(outputs, asked, examples, Labels((), (), {"none": False}))
    assert (said.text, said.start) == ("happy", long.index("happy"))


def test_the_threshold_is_the_one_that_validation_likes_best():
    def unsure(text: str, sure: float, none: float) -> Answer:
        return Answer(text, 4, sure, ({"text": "", "start": 0, "probability": none},))

    rows = [row("good"), row("good"), row(""), row("")]
    said = [unsure("good", 0.6, 0.3), unsure("good", 0.5, 0.4), unsure("bad", 0.45, 0.44), unsure("bad", 0.41, 0.40)]
    settled = TASK.settle(WITH_NONE, rows, said)
    again = TASK.again(said, settled)
    assert [one.text for one in again] == ["good", "good", "", ""] and settled.extra["threshold"] < 0
    assert TASK.score(rows, again, settled)["exact_match"] == 1.0 > TASK.score(rows, said, WITH_NONE)["exact_match"]
    sure = Labels((), (), {"none": False})
    assert TASK.settle(sure, rows, said) is sure


def test_credit_is_the_share_of_words():
    assert TASK.credit(row("good bank"), Answer("good bank is", 30, 0.5), WITH_NONE) == pytest.approx(0.8)
    assert TASK.credit(row(""), Answer("", 0, 0.9), WITH_NONE) == 1.0


def test_figures_say_what_became_of_each_question():
    rows = [row("good bank"), row("good bank"), row("")]
    start = TEXT.index("good")
    said = [Answer("good bank", start, 0.9), Answer("good", start, 0.8), Answer("card", 8, 0.7)]
    told = TASK.report(rows, said, WITH_NONE)
    assert sum(told["outcomes"]["values"]) == 3 and len(told["outcomes"]["names"]) == len(told["outcomes"]["values"])
    assert told["words"]["rows"] == [
        ["which", pytest.approx((1 + 2 / 3 + 0) / 3, abs=1e-3), pytest.approx(1 / 3, abs=1e-3), 3]
    ]
    assert [one["said"] for one in told["samples"]["rows"]] == ["card"]
    assert "⟦card⟧" in told["samples"]["rows"][0]["inputs"]["text"]
