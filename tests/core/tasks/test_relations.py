"""Relations of two marked things: what the model reads, where the marks stand, the official measure, and the figures."""

from __future__ import annotations

import pytest
from transformers import AutoTokenizer

from core.tasks.base import Labels, LabelScores
from core.tasks.entities import written
from core.tasks.relations import Relations
from core.training.settings import TrainingSettings

TASK = Relations()
NAMES = ("Cause(e1,e2)", "Cause(e2,e1)", "Part(e1,e2)", "Other")
LABELS = Labels(NAMES, (1, 1, 1, 1))


@pytest.fixture(scope="module")
def tokenizer(tiny_encoder):
    return AutoTokenizer.from_pretrained(tiny_encoder)


def said(label: str, sure: float = 0.7) -> LabelScores:
    rest = (1 - sure) / (len(NAMES) - 1)
    return LabelScores(label, {name: sure if name == label else rest for name in NAMES})


def rows(*labels: str) -> list[dict]:
    return [{"id": str(i), "text": "a <e1>b</e1> c <e2>d</e2>", "label": label} for i, label in enumerate(labels)]


def test_marks_become_signs_that_every_tokenizer_knows():
    one = written("The <e2>box</e2> was <e1>red</e1>.")
    assert one.text == "The # box # was @ red @ ." and one.text[one.head] == "@" and one.text[one.tail] == "#"


@pytest.mark.parametrize(
    "text", ["the <e1>card</e1> was in the <e2>box</e2>", "the <e2>card</e2> was in the <e1>box</e1>"]
)
def test_places_are_the_tokens_of_the_marks(tokenizer, text: str):
    (example,) = TASK.encode([{"text": text}], tokenizer, TrainingSettings(max_length=64))
    tokens = tokenizer.convert_ids_to_tokens(example.input_ids)
    head, tail = example.extra["places"].tolist()
    behind = [tokens[head + 1], tokens[tail + 1]]
    assert behind == (["card", "box"] if "<e1>card" in text else ["box", "card"])


def test_a_long_text_keeps_what_stands_around_its_marks(tokenizer):
    filler = "the of and to in is it you that was " * 12
    text = f"{filler}<e1>card</e1> {filler}<e2>box</e2> {filler}"
    (example,) = TASK.encode([{"text": text}], tokenizer, TrainingSettings(max_length=48))
    said = tokenizer.decode(example.input_ids)
    assert len(example.input_ids) <= 48 and "card" in said and "box" in said
    assert 0 < example.extra["places"][0] < example.extra["places"][1] < len(example.input_ids)


def test_a_text_without_marks_is_read_from_its_start(tokenizer):
    (example,) = TASK.encode([{"text": "good box"}], tokenizer, TrainingSettings(max_length=16))
    assert example.extra["places"].tolist() == [0, 0]


def test_the_measure_is_the_official_one():
    """Hand-worked: Cause has 2 right of 3 there and 3 said (one turned round), Part 1 of 1 there and 2 said; Other does not count."""
    gold = rows("Cause(e1,e2)", "Cause(e1,e2)", "Cause(e2,e1)", "Part(e1,e2)", "Other")
    answers = [
        said("Cause(e1,e2)"),
        said("Cause(e2,e1)"),
        said("Cause(e2,e1)"),
        said("Part(e1,e2)"),
        said("Part(e1,e2)"),
    ]
    cause, part = 2 * 2 / (3 + 3), 2 * 1 / (2 + 1)
    scores = TASK.score(gold, answers, LABELS)
    assert scores["macro_f1"] == pytest.approx((cause + part) / 2) and scores["accuracy"] == pytest.approx(3 / 5)


def test_figures_name_the_turned_ones():
    gold = rows("Cause(e1,e2)", "Cause(e2,e1)", "Other")
    told = TASK.report(gold, [said("Cause(e2,e1)"), said("Cause(e2,e1)"), said("Other")], LABELS)
    turned = dict(zip(told["turned"]["names"], told["turned"]["values"], strict=True))
    assert turned["Cause"] == 1
    assert [line[0] for line in told["relations"]["rows"][:-1]] and told["relations"]["rows"][-1][-1] == 2
    assert sum(n for _, _, n in told["confusion"]["cells"]) == 3
