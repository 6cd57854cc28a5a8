"""What a base can do is read from its files alone: no weight is loaded, no torch imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import ModelError
from core.models.architectures import (
    Card,
    card,
    family_of,
    header,
    longest,
    mapped,
    read_config,
    shape_of,
    weight_files,
    weights,
)
from core.models.catalogue import bundled_folder

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("kind", "named", "family"),
    [
        ("bert", "BertForMaskedLM", "encoder"), ("bert", "BertModel", "encoder"), ("bert", "BertForTokenClassification", "encoder"),
        ("modernbert", "ModernBertForMaskedLM", "encoder"), ("xlm-roberta", "XLMRobertaForMaskedLM", "encoder"), ("mpnet", "MPNetModel", "encoder"),
        ("bert", "BertLMHeadModel", "causal"), ("gpt2", "GPT2LMHeadModel", "causal"), ("gpt2", "GPT2Model", "causal"),
        ("llama", "LlamaForCausalLM", "causal"), ("llama", "LlamaForSequenceClassification", "causal"), ("qwen3", "Qwen3ForCausalLM", "causal"),
        ("gemma3", "Gemma3ForConditionalGeneration", "causal"),
        ("t5", "T5ForConditionalGeneration", "encoder-decoder"), ("bart", "BartForConditionalGeneration", "encoder-decoder"),
        ("marian", "MarianMTModel", "encoder-decoder"), ("mbart", "MBartForConditionalGeneration", "encoder-decoder"),
        ("vit", "ViTForImageClassification", "image"), ("dinov2", "Dinov2Model", "image"), ("resnet", "ResNetForImageClassification", "image"),
        ("convnextv2", "ConvNextV2ForImageClassification", "image"),
        ("whisper", "WhisperForConditionalGeneration", None), ("wav2vec2", "Wav2Vec2ForCTC", None), ("qwen2_vl", "Qwen2VLForConditionalGeneration", None),
        ("their-own-code", "TheirModel", None), ("", "", None),
    ],
)  # fmt: skip
def test_the_family_follows_from_the_config(kind: str, named: str, family: str | None):
    assert family_of({"model_type": kind, "architectures": [named]}) == family


def test_the_mappings_of_transformers_are_found_in_its_source():
    """If transformers moves them, this says so before a user does."""
    assert {
        name: len(mapped(name)) > 5 for name in ("masked", "labels", "causal", "both", "speech", "image")
    } == dict.fromkeys(("masked", "labels", "causal", "both", "speech", "image"), True)


def test_they_are_the_names_that_transformers_uses():
    from transformers.models.auto import modeling_auto

    assert mapped("causal") == set(modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
    assert mapped("image") == set(modeling_auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES)


def test_nothing_heavy_is_imported_to_know_a_family():
    code = (
        "import sys\nfrom core.models.architectures import family_of\nassert family_of({'model_type': 't5'}) == 'encoder-decoder'\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_parameters_and_size_are_counted_from_headers(data_dir):
    folder = data_dir / "stories260k"
    assert weights(weight_files(folder)) == (260_032, (folder / "model.safetensors").stat().st_size)
    shape = shape_of(read_config(folder / "config.json"))
    assert (shape.width, shape.layers, shape.inner, shape.vocabulary, shape.longest) == (64, 5, 172, 512, 512)


def test_the_bundled_encoder_is_counted_as_the_catalogue_says():
    from core.models.catalogue import BASES, BUNDLED

    base = BASES[BUNDLED]
    parameters, size = weights(weight_files(bundled_folder()))
    assert (parameters, size) == (base.parameters, base.size)
    shape = shape_of(read_config(bundled_folder() / "config.json"))
    assert (base.width, base.layers, base.inner, base.vocabulary) == (shape.width, shape.layers, shape.inner, shape.vocabulary)  # fmt: skip


def test_weights_in_several_files_are_those_of_the_index(tmp_path: Path):
    import numpy as np
    from safetensors.numpy import save_file

    for name, wide in (("a", 3), ("b", 4), ("old", 5)):
        save_file(
            {name: np.zeros((2, wide), np.float32), f"{name}.n": np.zeros(9, np.int64)},
            tmp_path / f"{name}.safetensors",
        )
    index = {"weight_map": {"a": "a.safetensors", "b": "b.safetensors", "c": "../c.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    files = weight_files(tmp_path)
    assert [file.name for file in files] == ["a.safetensors", "b.safetensors"] and weights(files)[0] == 14


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x00", b"\xff" * 8, b"\x10" + b"\x00" * 7, b"\x02" + b"\x00" * 7 + b"[]", b"\x02" + b"\x00" * 7 + b"{}" + b"more",
        (59).to_bytes(8, "little") + b'{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}    ' + b"\0" * 8,
        (33).to_bytes(8, "little") + b'{"a":{"data_offsets":[0,8]}}     ' + b"\0" * 8,
    ],
)  # fmt: skip
def test_a_broken_weights_file_is_refused(tmp_path: Path, data: bytes):
    (tmp_path / "model.safetensors").write_bytes(data)
    with pytest.raises(ModelError, match="no whole safetensors file"):
        header(tmp_path / "model.safetensors")
        weights([tmp_path / "model.safetensors"])


def test_a_cut_download_is_noticed(data_dir, tmp_path: Path):
    whole = (data_dir / "stories260k/model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[:-100])
    with pytest.raises(ModelError, match="no whole"):
        weights(weight_files(tmp_path))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("---\nlicense: mit\nlanguage: en\n---\n# A", Card("mit", ("en",))),
        ("---\nlicense: other\nlicense_name: own-1\nlanguage:\n- en\n- zh\n---\n", Card("own-1", ("en", "zh"))),
        ("---\nlicense: [\n---\n", Card()),
        ("# No front matter", Card()),
        ("---\n- a list\n---\n", Card()),
        ("---\n!!python/object/apply:os.system ['true']\n---\n", Card()),
    ],
)
def test_the_licence_is_read_from_the_card(tmp_path: Path, text: str, expected: Card):
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    assert card(tmp_path) == expected


def test_no_card_is_no_licence(tmp_path: Path):
    assert card(tmp_path) == Card()


@pytest.mark.parametrize(
    ("config", "tokens"),
    [
        ({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}, 512),
        ({"model_type": "gpt2", "n_positions": 1024}, 1024),
        ({"model_type": "vit", "image_size": 384}, 384),
        ({"model_type": "resnet"}, 224),
        ({"model_type": "t5"}, 512),
    ],
)
def test_how_much_a_model_reads(config: dict, tokens: int):
    assert longest(config) == tokens


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"model_type": "t5", "d_model": 64, "num_layers": 3, "d_ff": 100, "is_encoder_decoder": True}, (64, 6, 100)),
        ({"model_type": "bart", "d_model": 64, "encoder_layers": 2, "decoder_layers": 4, "encoder_ffn_dim": 99}, (64, 6, 99)),
        ({"model_type": "distilbert", "dim": 64, "n_layers": 2, "hidden_dim": 128}, (64, 2, 128)),
        ({"model_type": "resnet", "depths": [2, 2], "hidden_sizes": [8, 16]}, (16, 4, 64)),
        ({"model_type": "gemma3", "text_config": {"hidden_size": 32, "num_hidden_layers": 5, "intermediate_size": 7}}, (32, 5, 7)),
        ({}, (0, 0, 0)),
    ],
)  # fmt: skip
def test_sizes_are_found_under_every_name(config: dict, expected: tuple[int, int, int]):
    shape = shape_of(config)
    assert (shape.width, shape.layers, shape.inner) == expected
