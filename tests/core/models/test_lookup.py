"""A folder that is no whole model says so when it is looked up, before a run starts."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.errors import ModelError
from core.models.catalogue import find
from core.models.lookup import _described, look_up


def test_a_folder_is_looked_up_with_all_that_is_known(data_dir):
    base = look_up(str(data_dir / "stories260k"))
    assert (base.family, base.parameters) == ("causal", 260_032)


def test_a_cut_download_is_said_at_the_lookup(data_dir, tmp_path: Path):
    folder = tmp_path / "stories"
    shutil.copytree(data_dir / "stories260k", folder)
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    assert find(str(folder)).parameters == 0
    with pytest.raises(ModelError, match="no whole safetensors file"):
        look_up(str(folder))


def test_what_the_hub_tells_of_a_model_gives_its_family():
    """The shape of an answer of huggingface_hub's model_info, without asking it."""
    told = SimpleNamespace(
        siblings=[SimpleNamespace(rfilename="model.safetensors")],
        card_data={"license": "mit", "language": ["en", "zh"]},
        safetensors=SimpleNamespace(total=123),
        config={"model_type": "t5", "architectures": ["T5ForConditionalGeneration"]},
    )
    base = _described(find("some/model"), told)
    assert (base.family, base.licence, base.languages, base.parameters) == ("encoder-decoder", "mit", ("en", "zh"), 123)
    told.siblings = [SimpleNamespace(rfilename="pytorch_model.bin")]
    with pytest.raises(ModelError, match="no safetensors"):
        _described(find("some/model"), told)
