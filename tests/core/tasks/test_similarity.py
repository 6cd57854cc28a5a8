"""Likeness: the cosine and its scale, the loss that minds the order, the base before tuning, and a run whose copy answers as it does."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from contract_rows import likenesses, write_run
from transformers import AutoModel, AutoTokenizer

from core.data.dataset import Dataset
from core.evaluation import before, report
from core.export import pack
from core.inference import Predictor
from core.models.catalogue import find
from core.models.loading import open_base
from core.tasks import numbers
from core.tasks.base import Number
from core.tasks.guessing import settle
from core.tasks.similarity import Similarity
from core.training.settings import TrainingSettings
from core.training.worker import worker

TASK = Similarity()
ROWS = [
    {"id": "1", "text": "good movie", "text_b": "a great film", "label": 4.0, "split": "train"},
    {"id": "2", "text": "bad", "text_b": "the bike is very red", "label": 0.0, "split": "train"},
]
LABELS = TASK.labels(ROWS)


def by_hand(base: Path, text: str) -> torch.Tensor:
    """The mean of the last hidden states of one text, computed alone."""
    tokenizer, body = AutoTokenizer.from_pretrained(base), AutoModel.from_pretrained(base).eval()
    with torch.inference_mode():
        return body(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0)


def test_apart_the_only_feature_is_the_cosine_of_the_means(tiny_encoder: Path):
    settings = TrainingSettings(pair_reading="apart", max_length=32)
    source = open_base(find(str(tiny_encoder)))
    model = TASK.model(source, LABELS, settings).eval()
    batch = TASK.collate(list(TASK.encode(ROWS, source.tokenizer, settings)), None, source.tokenizer)
    with torch.inference_mode():
        seen, said = TASK.features(model, batch), TASK.forward(model, batch)
        again = model.head(seen)
    right = [
        torch.cosine_similarity(by_hand(tiny_encoder, r["text"]), by_hand(tiny_encoder, r["text_b"]), 0) for r in ROWS
    ]
    assert seen[:, 0].tolist() == pytest.approx([float(one) for one in right], abs=1e-5)
    assert torch.equal(said, again)


def test_the_loss_that_minds_the_order_is_its_formula():
    said, right = torch.tensor([0.5, -0.2, 0.1]), torch.tensor([1.0, 0.0, 0.0])
    found = TASK.loss(said[:, None], {"targets": right[:, None]}, TrainingSettings(number_loss="order"), LABELS)
    wrong = sum(math.exp(numbers.STEEP * (low - 0.5)) for low in (-0.2, 0.1))
    squared = (0.25 + 0.04 + 0.01) / 3
    assert float(found) == pytest.approx(squared + math.log(1 + wrong), rel=1e-5)


def test_the_order_is_learnt_from_its_slope():
    said = torch.tensor([[0.0], [0.3]], requires_grad=True)
    TASK.loss(said, {"targets": torch.tensor([[1.0], [0.0]])}, TrainingSettings(number_loss="order"), LABELS).backward()
    assert said.grad is not None and said.grad[0] < 0 < said.grad[1]


def test_the_base_as_it_came_is_asked_by_its_cosine(tiny_encoder: Path):
    spec = {"base": find(str(tiny_encoder)).as_json(), "settings": {"max_length": 32}}
    texts = ["good movie", "bad", "good movie"]
    found = before.vectors(spec, texts, lambda: False)
    hand = torch.nn.functional.normalize(by_hand(tiny_encoder, "bad"), dim=0).numpy()
    assert np.allclose(found[1], hand, atol=1e-5) and np.array_equal(found[0], found[2])
    rival = TASK.untouched(lambda some: before.vectors(spec, some, lambda: False), ROWS, ROWS, LABELS)
    assert [p.value for p in rival.predictions] == [pytest.approx(4.0, abs=1e-3), pytest.approx(0.0, abs=1e-3)]


def test_what_is_furthest_off_is_shown_first():
    told = TASK.report(ROWS, [Number(3.5), Number(3.0)], LABELS)
    assert [(row["gold"], row["said"]) for row in told["samples"]["rows"]] == [("0", "3"), ("4", "3.5")]


@pytest.mark.parametrize(("reading", "kind"), [("together", "pooled"), ("apart", "apart")])
def test_a_run_beats_shared_words_and_its_copy_answers_as_it_does(tiny_encoder: Path, tmp_path: Path, reading, kind):
    folder = tmp_path / "run"
    write_run(folder, TASK, tiny_encoder, pair_reading=reading, start_from_probe=True, epochs=10.0)
    worker(str(folder))
    assert json.loads((folder / "model" / "hone.json").read_text())["kind"] == kind
    held = [row for row in likenesses(folder) if row["split"] == "test"]
    made = report.make(folder, lambda d, t: None, lambda: False)
    values = {line["id"]: line["value"] for line in made["contenders"]}
    assert set(values) == {"mean", "overlap", "before", "run"} and values["mean"] == 0.0
    if reading == "apart":
        assert values["run"] > max(0.5, values["before"])
        probed = Predictor.open(folder / "probe", device="cpu").predict(held)
        said = numbers.score([row["label"] for row in held], [p.value for p in probed], LABELS)
        assert said["spearman"] == pytest.approx(values["before"], abs=0.02)  # the fitted layer only finds the scale
    packed = pack.pack(folder)
    assert packed["checked"] == packed["equal"] == len(held)


def test_a_real_file_is_found_to_be_for_it(data_dir: Path, tmp_path: Path):
    data = Dataset.open(tmp_path)
    data.add(data_dir / "stsb_en" / "dev.csv", "dev.csv")
    assert settle(data) == "similarity"
    roles = {role: one.column for role, one in data.roles.items()}
    assert (roles["text"], roles["text_b"], roles["label"]) == ("sentence1", "sentence2", "score")
