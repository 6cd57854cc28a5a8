"""A model that keeps what it learnt beside its base's weights travels whole; and what was learnt travels alone."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from core.errors import Missing, ModelError
from core.export import pack
from core.models import uploads
from core.training.runs import Run

WIDE = {"epochs": 1.0, "learning_rate": 2e-2, "start_from_probe": False, "virtual_words": 4, "adapter_size": 8}


@pytest.fixture(scope="module")
def prefixed(make_run, tiny_encoder: Path) -> Run:
    return make_run(tiny_encoder, ["prefix"], method="prefix", **WIDE)


def test_the_copy_answers_as_the_run_does(prefixed: Run):
    told = pack.pack(prefixed.folder)
    assert told["checked"] == told["equal"] > 0
    with zipfile.ZipFile(told["zip"]) as archive:
        names = {name.split("/", 1)[1] for name in archive.namelist()}
    assert {"model/added.safetensors", "hone_parts/models/virtual.py"} <= names


def test_what_was_learnt_travels_alone_and_names_its_base(prefixed: Run):
    path = pack.pack_learnt(prefixed.folder)
    with zipfile.ZipFile(path) as archive:
        inside = {name.split("/", 1)[1]: name for name in archive.namelist()}
        about = json.loads(archive.read(inside["hone.json"]))
    assert set(inside) == {"hone.json", "learnt.safetensors"}
    assert about["method"] == "prefix" and about["base_id"]
    assert path.stat().st_size < (prefixed.model / "model.safetensors").stat().st_size / 4


def test_of_a_model_that_learnt_as_a_whole_nothing_smaller_is_offered(tuned_run: Run):
    with pytest.raises(Missing, match="nothing smaller"):
        pack.pack_learnt(tuned_run.folder)


def test_no_other_run_begins_from_half_of_it(prefixed: Run, tmp_path: Path):
    with pytest.raises(ModelError, match="beside its own weights"):
        uploads.adopt(prefixed.model, "prefixed", tmp_path)
