"""Pairs: how two texts become one input or two, the label that is looked for, figures, rivals, and a run whose copy answers as it does."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from contract_rows import pairs as pair_rows
from contract_rows import write_run
from transformers import AutoTokenizer

from core.evaluation import report
from core.export import pack
from core.inference import Predictor
from core.tasks import two_texts
from core.tasks.base import Labels, LabelScores
from core.tasks.pairs import Pairs, looked_for
from core.training.worker import worker

TASK = Pairs()
LABELS = Labels(("no", "yes"), (3, 2))


def said(*names: str) -> list[LabelScores]:
    return [LabelScores(name, {"no": 0.1, "yes": 0.9} if name == "yes" else {"no": 0.9, "yes": 0.1}) for name in names]


@pytest.fixture(scope="module")
def tokenizer(tiny_encoder: Path):
    return AutoTokenizer.from_pretrained(tiny_encoder)


def test_together_is_the_tokenizers_own_pair_encoding_with_its_types(tokenizer):
    row = {"text": "good movie", "text_b": "bad film"}
    (example,) = TASK.encode([row], tokenizer, SimpleNamespace(max_length=32))
    right = tokenizer("good movie", "bad film")
    assert example.input_ids.tolist() == right["input_ids"]
    assert example.extra["types"].tolist() == right["token_type_ids"] and 1 in right["token_type_ids"]
    batch = TASK.collate([example, example], None, tokenizer)
    assert batch["token_type_ids"].tolist() == [right["token_type_ids"]] * 2


def test_of_two_long_texts_the_longer_one_is_cut_first(tokenizer):
    row = {"text": "good " * 40, "text_b": "bad film"}
    (example,) = TASK.encode([row], tokenizer, SimpleNamespace(max_length=16))
    ids = example.input_ids.tolist()
    assert len(ids) == 16 and ids[-3:-1] == tokenizer.convert_tokens_to_ids(["bad", "film"])


def test_apart_each_text_is_an_input_of_its_own(tokenizer):
    rows = [{"text": "good movie", "text_b": "bad"}, {"text": "the", "text_b": "a very great film"}]
    examples = list(TASK.encode(rows, tokenizer, SimpleNamespace(max_length=32, pair_reading="apart")))
    batch = TASK.collate(examples, [0, 1], tokenizer)
    texts = tokenizer(["good movie", "bad", "the", "a very great film"], padding=True, return_tensors="pt")
    assert torch.equal(batch["input_ids"], texts["input_ids"]) and torch.equal(
        batch["attention_mask"], texts["attention_mask"]
    )
    assert batch["part"].tolist() == [0, 1, 0, 1] and batch["of"].tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("names", "counts", "wanted"),
    [
        (("1", "0"), (9, 1), "1"),
        (("not_duplicate", "duplicate"), (5, 5), "duplicate"),
        (("A", "B"), (9, 3), "B"),
        (("entailment", "neutral", "contradiction"), (3, 3, 3), None),
    ],
)
def test_of_two_labels_the_one_that_means_yes_is_looked_for_else_the_rarer(names, counts, wanted):
    assert looked_for(Labels(names, counts)) == wanted


def test_measures_and_figures_by_hand():
    gold = ["yes", "yes", "no", "no", "no"]
    rows = [{"text": "a b", "text_b": "a b" if g == "yes" else "c d", "label": g} for g in gold]
    answers = said("yes", "no", "no", "yes", "no")
    found = TASK.score(rows, answers, LABELS)
    assert found["accuracy"] == pytest.approx(3 / 5) and found["f1"] == pytest.approx(2 / 4)
    assert found["macro_f1"] == pytest.approx((2 / 4 + 4 / 6) / 2)
    told = TASK.report(rows, answers, LABELS)
    assert told["confusion"]["cells"] == [[0, 0, 2], [0, 1, 1], [1, 0, 1], [1, 1, 1]]
    assert told["labels"]["rows"][1] == ["yes", 0.5, 0.5, 0.5, 2]
    assert told["shared"] == {"names": ["0–20 %", "80–100 %"], "values": [0.6667, 0.5]}
    assert [row["inputs"]["text_b"] for row in told["samples"]["rows"]] == ["a b", "c d"]


def test_shared_words_tell_what_single_texts_cannot():
    dice = np.random.default_rng(2)
    words = [f"w{i}" for i in range(30)]

    def row(i: int) -> dict:
        first = dice.choice(words, 4, replace=False).tolist()
        second = first[::-1] if i % 2 else dice.choice(words, 4, replace=False).tolist()
        return {"text": " ".join(first), "text_b": " ".join(second), "label": "yes" if i % 2 else "no"}

    train, held = [row(i) for i in range(200)], [row(i) for i in range(60)]
    common, overlap = TASK.rivals(train, held, held, LABELS, lambda: False)
    assert TASK.score(held, common.predictions, LABELS)["accuracy"] == 0.5
    assert TASK.score(held, overlap.predictions, LABELS)["accuracy"] > 0.95


@pytest.mark.parametrize("reading", ["together", "apart"])
def test_a_run_is_evaluated_and_its_copy_answers_as_it_does(tiny_encoder: Path, tmp_path: Path, reading: str):
    folder = tmp_path / "run"
    write_run(folder, TASK, tiny_encoder, pair_reading=reading, start_from_probe=True)
    worker(str(folder))
    about = json.loads((folder / "model" / "hone.json").read_text())
    assert about["kind"] == ("apart" if reading == "apart" else "pooled")
    held = [row for row in pair_rows(folder) if row["split"] == "test"]
    answers = Predictor.open(folder / "model", device="cpu").predict(held)
    assert TASK.score(held, answers, Labels(tuple(about["labels"]), (1, 1)))["accuracy"] > 0.8
    told = report.make(folder, lambda d, t: None, lambda: False)
    assert [figure["name"] for figure in told["figures"]] == ["labels", "confusion", "shared", "samples"]
    made = pack.pack(folder)
    assert made["checked"] == made["equal"] == len(held)
    with zipfile.ZipFile(made["zip"]) as archive:
        assert any(name.endswith("hone_parts/tasks/pairs.py") for name in archive.namelist())


def test_words_shared_are_a_share_of_all_words():
    assert two_texts.shared({"text": "a good film", "text_b": "A film"}) == pytest.approx(2 / 3)
