"""Bases from folders and names, models into folders and back: the same answers, no foreign code, clear words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from core.device import Device
from core.errors import ModelError
from core.models.answering import Encoder
from core.models.catalogue import find
from core.models.heads import Pooled, Standard
from core.models.loading import load_model, new_model, open_base, save_model
from core.words import Message

LABELS = ("no", "yes", "perhaps")
TEXTS = ["good film", "a very bad movie, the worst of all", "refund", ""]
CPU = Device("cpu", "cpu", "fp32", Message("cpu"))
ABOUT = {"task": "classification", "labels": list(LABELS), "max_length": 32}


@pytest.fixture(scope="session")
def tiny_classifier(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base that is a fine-tuned classifier of five labels already."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = tmp_path_factory.mktemp("tiny-classifier")
    torch.manual_seed(2)
    AutoModelForSequenceClassification.from_pretrained(tiny_encoder, num_labels=5).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_encoder).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", ["pooled", "standard"])
def test_a_saved_model_answers_the_same(kind, tiny_encoder, tiny_classifier, tmp_path):
    source = open_base(find(str(tiny_encoder if kind == "pooled" else tiny_classifier)))
    model = new_model(source, LABELS)
    assert model.kind == kind
    save_model(model, source.tokenizer, tmp_path / "model", ABOUT)
    again = load_model(tmp_path / "model", CPU)
    assert (again.kind, again.labels, again.max_length) == (kind, LABELS, 32)
    before = Encoder(model, source.tokenizer, {**ABOUT, "kind": kind}, CPU)
    np.testing.assert_array_equal(before.probabilities(TEXTS), again.probabilities(TEXTS))
    assert not [p for p in (tmp_path / "model").iterdir() if p.suffix in (".bin", ".pt", ".pkl")]


def test_a_standard_model_is_a_plain_transformers_folder(tiny_classifier, tmp_path):
    from transformers import pipeline

    source = open_base(find(str(tiny_classifier)))
    model = new_model(source, LABELS)
    save_model(model, source.tokenizer, tmp_path / "model", ABOUT)
    said = pipeline("text-classification", str(tmp_path / "model"))("good film")[0]
    ours = load_model(tmp_path / "model", CPU).probabilities(["good film"])[0]
    assert said["label"] == LABELS[ours.argmax()]
    assert said["score"] == pytest.approx(float(ours.max()), abs=1e-5)


def test_an_answer_does_not_depend_on_what_stands_beside_it(tiny_encoder):
    model = new_model(open_base(find(str(tiny_encoder))), LABELS)
    encoder = Encoder(model, open_base(find(str(tiny_encoder))).tokenizer, {**ABOUT, "kind": "pooled"}, CPU)
    together = encoder.probabilities(TEXTS)
    alone = np.concatenate([encoder.probabilities([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_features_are_of_unit_variance_and_what_the_last_layer_sees(tiny_encoder, tiny_classifier):
    ids = torch.tensor([[2, 60, 61, 3], [2, 62, 3, 0]])
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    for folder, cls in ((tiny_encoder, Pooled), (tiny_classifier, Standard)):
        model = new_model(open_base(find(str(folder))), LABELS).eval()
        assert isinstance(model, cls)
        features = model.features(ids, mask)
        torch.testing.assert_close(model.head(features), model(ids, mask))
    pooled = new_model(open_base(find(str(tiny_encoder))), LABELS).eval().features(ids, mask)
    torch.testing.assert_close((pooled**2).mean(1), torch.ones(2))


def test_dropout_is_replaced_everywhere_or_left_alone(tiny_encoder):
    source = open_base(find(str(tiny_encoder)))
    for rate, expected in ((None, 0.1), (0.3, 0.3), (0.0, 0.0)):
        model = new_model(source, LABELS, dropout=rate)
        assert {m.p for m in model.modules() if isinstance(m, torch.nn.Dropout)} == {expected}
        assert model.body.config.attention_probs_dropout_prob == expected


def test_a_decoder_serves_as_an_encoder_too(data_dir):
    source = open_base(find(str(data_dir / "stories260k")))
    model = new_model(source, LABELS)
    assert source.tokenizer.pad_token is not None
    answers = Encoder(model, source.tokenizer, {**ABOUT, "kind": "pooled"}, CPU).probabilities(TEXTS[:3])
    assert answers.shape == (3, 3)


def test_weights_that_can_run_code_are_not_opened(tiny_encoder, tmp_path):
    folder = tmp_path / "pickled"
    shutil.copytree(tiny_encoder, folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="no weights as safetensors"):
        new_model(open_base(find(str(folder))), LABELS)


def test_a_model_that_brings_its_own_code_is_not_run(tiny_encoder, tmp_path):
    folder = tmp_path / "foreign"
    shutil.copytree(tiny_encoder, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"model_type": "strange", "auto_map": {"AutoConfig": "code.Config", "AutoModel": "code.Model"}}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "code.py").write_text("raise SystemExit('ran')", encoding="utf-8")
    with pytest.raises(ModelError, match=r"own code|cannot be opened"):
        open_base(find(str(folder)))


def test_a_folder_of_broken_weights_says_so(tiny_encoder, tmp_path):
    folder = tmp_path / "broken"
    shutil.copytree(tiny_encoder, folder)
    (folder / "model.safetensors").write_bytes(b"not a tensor in sight")
    with pytest.raises(ModelError, match="cannot be opened"):
        new_model(open_base(find(str(folder))), LABELS)


def test_a_hub_name_without_a_network_says_what_to_choose(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError) as caught:
        open_base(find("some-owner/some-model"))
    assert "not on this machine" in str(caught.value)
    assert "bundled" in str(caught.value.fix)


def test_a_folder_that_is_no_model_says_so(tmp_path):
    with pytest.raises(ModelError, match="holds no model of Hone"):
        load_model(tmp_path)
