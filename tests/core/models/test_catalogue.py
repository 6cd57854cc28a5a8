"""Every base has a name; a wrong one says what to choose instead. Nothing asks the network."""

from __future__ import annotations

import json

import pytest

from core.errors import ModelError
from core.models import catalogue
from core.models.catalogue import BASES, BUNDLED, CLASSIC, Base, find, tokenizer_file


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
    assert (base.source, base.kind) == ("some-owner/some.model_1", "encoder")


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
