"""Every base has a name; a wrong one says what to choose instead. Nothing asks the network."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from core.errors import ModelError
from core.models import catalogue
from core.models.catalogue import BASES, BUNDLED, CLASSIC, Base, find, suits, tokenizer_file
from core.models.known import KNOWN, MULTI
from core.words import Message


def test_the_bundled_encoder_is_found_and_its_checksum_holds():
    base = find(BUNDLED)
    assert (base.kind, base.languages, base.max_length) == ("encoder", ("en",), 512)
    assert tokenizer_file(base).name == "tokenizer.json"


def test_damaged_bundled_weights_are_not_opened(monkeypatch):
    monkeypatch.setattr(catalogue, "WEIGHTS_SHA256", "0" * 64)
    catalogue.bundled_folder.cache_clear()
    with pytest.raises(ModelError, match="damaged"):
        find(BUNDLED)
    catalogue.bundled_folder.cache_clear()


def test_a_classic_base_needs_no_files():
    assert find(CLASSIC).kind == "classic"
    assert tokenizer_file(find(CLASSIC)) is None


def test_a_local_folder_is_a_base(tiny_encoder):
    base = find(str(tiny_encoder))
    assert base.max_length == 64
    assert base.size > 10_000
    assert tokenizer_file(base) == tiny_encoder / "tokenizer.json"


def test_a_hub_name_is_a_base_without_asking_anybody():
    base = find("some-owner/some.model_1")
    assert (base.source, base.kind, base.family) == ("some-owner/some.model_1", "encoder", "")


@pytest.mark.parametrize("name", ["nonsense", "a/b/c", "../up/there", "/no/such/folder", "bundled:other", ""])
def test_a_name_that_is_no_base_says_so(name: str):
    with pytest.raises(ModelError):
        find(name)


def test_a_folder_with_a_broken_config_says_so(tmp_path):
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match="not readable as JSON"):
        find(str(tmp_path))


def test_roberta_reserves_the_first_of_its_positions(tmp_path):
    config = {"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert find(str(tmp_path)).max_length == 512


@pytest.mark.parametrize("id", BASES)
def test_a_base_travels_as_json(id: str):
    base = find(id)
    assert Base.from_json(json.loads(json.dumps(base.as_json()))) == base


# Families ----------------------------------------------------------------------------------------------------------


def test_a_folder_says_its_family_parameters_and_licence(tiny_encoder, data_dir):
    base = find(str(tiny_encoder))
    assert (base.family, base.architecture, base.width, base.layers) == ("encoder", "bert", 32, 2)
    assert base.parameters > 10_000 and base.vocabulary > 50
    stories = find(str(data_dir / "stories260k"))
    assert (stories.family, stories.parameters, stories.max_length) == ("causal", 260_032, 512)
    assert find(BUNDLED).family == "encoder"


def test_a_base_of_an_earlier_run_still_loads():
    """As run.json had it before there were families."""
    told = {
        "id": "x/y", "title": Message("y").as_json(), "kind": "encoder", "languages": ["en"], "licence": "", "parameters": 1, "size": 2,
        "max_length": 512, "note": Message("n").as_json(), "source": "x/y",
    }  # fmt: skip
    assert Base.from_json(told).family == "encoder"
    assert Base.from_json({**told, "kind": "classic", "somebody": "else"}).family == ""


@pytest.mark.parametrize(
    ("has", "wanted", "fits"),
    [
        ("encoder", "encoder", True), ("causal", "encoder", True), ("encoder-decoder", "encoder", True), ("image", "encoder", False),
        ("encoder", "causal", False), ("causal", "causal", True), ("encoder-decoder", "causal", False), ("encoder", "encoder-decoder", False),
        ("causal", "encoder-decoder", False), ("image", "image", True), ("encoder", "image", False), ("encoder", ("causal", "encoder"), True),
    ],
)  # fmt: skip
def test_whether_a_base_suits_a_task(has, wanted, fits: bool):
    base = replace(find("some/model"), family=has, architecture="x")
    why = suits(base, wanted)
    assert (why is None) == fits
    assert fits or "this task needs one that" in str(why)


def test_a_base_nobody_has_looked_at_may_suit_and_one_of_another_kind_does_not(tmp_path):
    assert suits(find("some/model"), "causal") is None
    (tmp_path / "config.json").write_text('{"model_type": "whisper"}', encoding="utf-8")
    base = find(str(tmp_path))
    assert base.family == "" and "“whisper”, which Hone has no use for" in str(suits(base, "encoder"))
    assert suits(find(CLASSIC), "encoder") is None and "counts words" in str(suits(find(CLASSIC), "causal"))


@pytest.mark.parametrize("id", KNOWN)
def test_every_known_base_has_its_facts(id: str):
    base = KNOWN[id]
    assert find(id) == base or base.id in find(id).id
    assert base.family and base.licence in ("MIT", "Apache-2.0") and base.parameters > 1_000_000 and base.max_length
    assert (
        base.width and base.layers and str(base.note) and Base.from_json(json.loads(json.dumps(base.as_json()))) == base
    )


def test_each_family_and_language_has_a_known_base():
    there = {(base.family, language) for base in KNOWN.values() for language in base.languages or ("any",)}
    assert {("encoder", "en"), ("encoder", "zh"), ("encoder", MULTI), ("causal", "en"), ("causal", "zh"), ("encoder-decoder", "en"), ("encoder-decoder", "zh"), ("image", "any")} <= there  # fmt: skip


@pytest.mark.parametrize(
    ("id", "build"),
    [
        ("BAAI/bge-small-zh-v1.5", lambda t: t.BertModel(t.BertConfig(vocab_size=21128, hidden_size=512, num_hidden_layers=4, num_attention_heads=8, intermediate_size=2048))),
        ("openai-community/gpt2", lambda t: t.GPT2LMHeadModel(t.GPT2Config())),
        ("google-t5/t5-small", lambda t: t.T5ForConditionalGeneration(t.T5Config())),
        ("microsoft/resnet-50", lambda t: t.ResNetForImageClassification(t.ResNetConfig(num_labels=1000))),
    ],
)  # fmt: skip
def test_known_parameters_are_those_of_the_architecture(id: str, build):
    import torch
    import transformers

    with torch.device("meta"):
        model = build(transformers)
    assert sum(p.numel() for p in model.parameters()) == KNOWN[id].parameters
