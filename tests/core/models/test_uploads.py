"""A zip of a model becomes a base; nothing else in it gets onto the disk."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from core.errors import Cancelled, ModelError
from core.models import uploads
from core.models.catalogue import Base, find, suits

FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


def zipped(path: Path, files: dict[str, bytes | str], how: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


@pytest.fixture
def stories(data_dir: Path) -> dict[str, bytes | str]:
    """The files of a tiny real model."""
    return {name: (data_dir / "stories260k" / name).read_bytes() for name in FILES}


def there(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def test_a_zipped_model_becomes_a_base_that_opens(stories, tmp_path: Path):
    told: list[tuple[int, int]] = []
    archive = zipped(tmp_path / "stories.zip", {f"a/b/{name}": data for name, data in stories.items()})
    base = uploads.add(archive, "my stories.zip", tmp_path / "bases", progress=lambda n, total: told.append((n, total)))
    assert (base.family, base.parameters, str(base.title)) == ("causal", 260_032, "my stories (uploaded)")
    assert suits(base, "causal") is None and told[-1][0] == told[-1][1]
    assert find(base.id, tmp_path / "bases") == base and uploads.listed(tmp_path / "bases") == [base]
    assert Base.from_json(json.loads(json.dumps(base.as_json()))) == base

    from transformers import AutoModelForCausalLM, AutoTokenizer

    assert AutoModelForCausalLM.from_pretrained(base.source, use_safetensors=True).num_parameters() == 260_032
    assert AutoTokenizer.from_pretrained(base.source)("Once upon a time")["input_ids"]


def test_a_removed_upload_is_gone(stories, tmp_path: Path):
    base = uploads.add(zipped(tmp_path / "a.zip", stories), "a.zip", tmp_path / "bases")
    uploads.remove(tmp_path / "bases", base.id)
    assert uploads.listed(tmp_path / "bases") == []
    with pytest.raises(ModelError, match="not here any more"):
        find(base.id, tmp_path / "bases")


@pytest.mark.parametrize("id", ["uploaded:../up", "uploaded:", "uploaded:a/b", "uploaded:..", "uploaded:model-1"])
def test_no_id_of_an_upload_leads_out_of_its_folder(tmp_path: Path, id: str):
    (tmp_path / "bases").mkdir()
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError):
        find(id, tmp_path / "bases")
    with pytest.raises(ModelError):
        find(id)


def test_only_weights_configuration_and_tokenizer_are_taken(stories, tmp_path: Path):
    extra = {
        "modeling_evil.py": "import os", "pytorch_model.bin": b"\x80\x04", "training_args.bin": b"x", "optimizer.pt": b"x", ".hidden.safetensors": b"x",
        "adapter_model.safetensors": b"x", "sub/config.json": "{}", "../../up.safetensors": b"x", "/etc/model.safetensors": b"x",
        "__MACOSX/config.json": "{}", "README.md": "---\nlicense: mit\n---\n",
    }  # fmt: skip
    base = uploads.add(zipped(tmp_path / "a.zip", {**stories, **extra}), "a.zip", tmp_path / "bases")
    assert there(Path(base.source)) == {*FILES, "README.md", "upload.json"} and base.licence == "mit"
    assert there(tmp_path) - {"a.zip"} == {f"bases/{Path(base.source).name}/{name}" for name in (*FILES, "README.md", "upload.json")}  # fmt: skip


def test_code_named_in_a_config_is_never_fetched_nor_run(stories, tmp_path: Path):
    config = {"model_type": "their-own", "auto_map": {"AutoModel": "modeling_evil.Evil"}, "architectures": ["Evil"]}
    with pytest.raises(ModelError, match="“their-own”, which Hone has no use for"):
        uploads.add(zipped(tmp_path / "a.zip", {**stories, "config.json": json.dumps(config), "modeling_evil.py": "x"}), "a.zip", tmp_path / "b")  # fmt: skip


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"config.json": None}, "no config.json"),
        ({"model.safetensors": None}, "no weights as safetensors"),
        ({"model.safetensors": None, "pytorch_model.bin": b"x"}, "no weights as safetensors"),
        ({"model.safetensors": b"half"}, "no whole safetensors file"),
        ({"tokenizer.json": None}, "no tokenizer"),
        ({"config.json": "{"}, "not readable as JSON"),
        ({"config.json": "[]"}, "not readable as JSON"),
        ({"config.json": '{"model_type": "whisper"}'}, "no use for"),
    ],
)
def test_what_is_missing_or_wrong_is_said_and_nothing_stays(stories, tmp_path: Path, change: dict, match: str):
    files = {name: data for name, data in {**stories, **change}.items() if data is not None}
    with pytest.raises(ModelError, match=match):
        uploads.add(zipped(tmp_path / "a.zip", files), "a.zip", tmp_path / "bases")
    assert there(tmp_path / "bases") == set() and not list((tmp_path / "bases").iterdir())


def test_a_bomb_is_stopped_whatever_its_list_says(stories, tmp_path: Path):
    archive = zipped(tmp_path / "a.zip", {**stories, "model.safetensors": b"\0" * (8 << 20)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelError, match="larger than 4 MB"):
        uploads.add(archive, "a.zip", tmp_path / "bases", most_bytes=4 << 20)
    lied = archive.read_bytes().replace((8 << 20).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    (tmp_path / "b.zip").write_bytes(lied)
    with pytest.raises(ModelError):
        uploads.add(tmp_path / "b.zip", "b.zip", tmp_path / "bases", most_bytes=4 << 20)
    assert there(tmp_path / "bases") == set()


def test_a_broken_or_locked_zip_says_so(stories, tmp_path: Path):
    good = zipped(tmp_path / "a.zip", stories).read_bytes()
    (tmp_path / "b.zip").write_bytes(good[:-50])
    with pytest.raises(ModelError, match="damaged"):
        uploads.add(tmp_path / "b.zip", "b.zip", tmp_path / "bases")
    locked = bytearray(good)
    locked[6] |= 1
    locked[good.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "c.zip").write_bytes(locked)
    with pytest.raises(ModelError, match="locked with a password"):
        uploads.add(tmp_path / "c.zip", "c.zip", tmp_path / "bases")
    with pytest.raises(Cancelled):
        uploads.add(tmp_path / "a.zip", "a.zip", tmp_path / "bases", cancelled=lambda: True)
    assert not list((tmp_path / "bases").iterdir())


def test_what_a_run_made_becomes_a_base_without_its_last_layer(tiny_encoder: Path, tmp_path: Path):
    from core.models.heads import Pooled
    from core.models.loading import new_model, open_base, save_model

    source = open_base(find(str(tiny_encoder)))
    model = new_model(source, ["a", "b"], link="softmax")
    assert isinstance(model, Pooled)
    save_model(model, source.tokenizer, tmp_path / "model", {"task": "classification", "labels": ["a", "b"]})
    base = uploads.adopt(tmp_path / "model", "Mail, adapted", tmp_path / "bases")
    assert str(base.title) == "Mail, adapted (a run)" and base.family == "encoder"
    assert "head.safetensors" not in there(tmp_path / "bases") and "hone.json" not in str(there(tmp_path / "bases"))
    assert open_base(base).tokenizer("good")["input_ids"] == source.tokenizer("good")["input_ids"]


def test_a_model_that_counts_is_no_base(tmp_path: Path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "hone.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match="counts words"):
        uploads.adopt(tmp_path / "model", "Mail", tmp_path / "bases")
    assert not (tmp_path / "bases").exists()
