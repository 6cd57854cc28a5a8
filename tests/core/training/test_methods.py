"""Every way to tune, as a whole run of a tiny model: it learns, goes on exactly, is kept, merged and taken along alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from run_folders import events, opinions, weights, write_run
from test_worker import carried_out, word_at

from core.models import learnt
from core.models.catalogue import find
from core.models.loading import load_model
from core.models.methods import METHODS, TUNED
from core.training.advice import Machine
from core.training.keeping import FOLDER
from core.workspace import read_json

WAYS = [name for name in METHODS if name != "qlora"]  # which needs a GPU: test_gpu.py
RATES = {
    "prompt": 5e-2,
    "prefix": 5e-2,
    "ptuning": 1e-2,
    "ia3": 5e-2,
    "layernorm": 2e-2,
    "vera": 5e-2,
    "full": 3e-3,
    "lpft": 3e-3,
    "top": 3e-3,
}
SMALL = {"lora_rank": 4, "lora_alpha": 8.0, "vera_rank": 16, "oft_block": 8, "adapter_size": 8, "virtual_words": 4, "prompt_network": 16, "top_layers": 1}  # fmt: skip
TUNING = {"epochs": 4, "batch_size": 8, "save_seconds": 0.0, "patience": 0, "start_from_probe": False, **SMALL}


def run_of(folder: Path, name: str, base, **more) -> Path:
    return write_run(folder, base, [name], method=name, **{**TUNING, "learning_rate": RATES.get(name, 1e-2), **more})


@pytest.fixture(scope="module")
def runs(tiny_encoder, tmp_path_factory):
    """A finished run by each way, made when it is first asked for."""
    made: dict[str, Path] = {}
    folder = tmp_path_factory.mktemp("ways")

    def one(name: str) -> Path:
        if name not in made:
            made[name] = carried_out(run_of(folder / name, name, tiny_encoder))
        return made[name]

    return one


def answers(model, split: str = "test") -> np.ndarray:
    rows = [row for row in opinions() if row["split"] == split]
    return model.probabilities([row["text"] for row in rows])


@pytest.mark.parametrize("name", WAYS)
def test_it_learns_and_the_saved_model_answers_as_the_run_did(name, runs):
    folder = runs(name)
    finished, checks = events(folder, "finished")[0], events(folder, "evaluated")
    assert finished["scores"]["loss"] < (checks[0]["scores"]["loss"] if len(checks) > 1 else 0.69)
    assert finished["test"]["accuracy"] > 0.6
    model = load_model(folder / "model")
    rows = [row for row in opinions() if row["split"] == "test"]
    p = answers(model)[range(len(rows)), [model.labels.index(r["label"]) for r in rows]]
    assert -np.log(p).mean() == pytest.approx(finished["test"]["loss"], abs=1e-4)


@pytest.mark.parametrize("name", TUNED)
def test_broken_off_and_gone_on_ends_with_the_same_bits(name, runs, tiny_encoder, tmp_path):
    if name == "qlora":
        pytest.skip("needs a GPU")
    broken = run_of(tmp_path / "broken", name, tiny_encoder)
    word_at(broken, "leave", "evaluated", count=3)
    carried_out(broken)
    assert not events(broken, "finished")
    (broken / "control").unlink(missing_ok=True)
    carried_out(broken)
    assert events(broken, "resumed")
    assert weights(broken) == weights(runs(name))


@pytest.mark.parametrize("name", [n for n in WAYS if METHODS[n].kind == "matrices"])
def test_merged_equals_unmerged_and_the_proof_is_kept(name, runs):
    told = read_json(runs(name) / "model" / "hone.json")["merged"]
    assert told["rows"] > 0 and told["largest"] > 0
    assert told["difference"] < 1e-4
    assert [e["values"] for e in events(runs(name), "noticed") if e["code"] == "merged"] == [told]


@pytest.mark.parametrize("name", WAYS)
def test_what_was_learnt_alone_and_the_base_give_the_same_answers(name, runs, tiny_encoder):
    folder = runs(name)
    if name in ("full", "lpft", "contrastive"):  # all of the model learns
        assert not (folder / FOLDER).exists()
        return
    model, _ = learnt.load(folder / FOLDER, find(str(tiny_encoder)))
    known = load_model(folder / "model")
    known.model = model.to(known.device.name)  # type: ignore[attr-defined]
    np.testing.assert_allclose(answers(known), answers(load_model(folder / "model")), atol=1e-5)
    assert 0 < learnt.size(folder / FOLDER) < 0.9 * (folder / "model" / "model.safetensors").stat().st_size


@pytest.mark.parametrize("name", ["lora", "dora", "ia3"])
def test_peft_itself_opens_what_was_learnt_alone(name, runs, tiny_encoder):
    from peft import PeftModel
    from transformers import AutoModel

    opened = PeftModel.from_pretrained(AutoModel.from_pretrained(tiny_encoder), runs(name) / FOLDER).eval()
    ours = load_model(runs(name) / "model").model.body  # type: ignore[attr-defined]
    ids = torch.tensor([[2, 60, 61, 62, 3]])
    with torch.no_grad():
        torch.testing.assert_close(opened(ids).last_hidden_state, ours(ids).last_hidden_state, atol=1e-5, rtol=1e-4)


def test_adalora_ends_with_the_ranks_it_was_told(runs):
    from safetensors.torch import load_file

    found = load_file(runs("adalora") / FOLDER / "adapter_model.safetensors")
    values = [tensor for name, tensor in found.items() if "lora_E" in name]
    assert len(values) == 12 and all(len(v) == 6 for v in values)
    kept = sum(int((v != 0).sum()) for v in values)
    assert kept == 4 * len(values) or (
        read_json(runs("adalora") / "model" / "hone.json")["method"] == "adalora" and kept >= 4 * len(values)
    )


def test_one_more_layer_learns_each_round(tiny_encoder, tmp_path):
    plain = run_of(tmp_path / "plain", "top", tiny_encoder, top_layers=2, epochs=1, keep_best=False)
    slow = run_of(tmp_path / "slow", "top", tiny_encoder, top_layers=2, epochs=1, keep_best=False, unfreeze=True)
    before, after, whole = (
        tensors_of(f) for f in (tiny_encoder, carried_out(slow) / "model", carried_out(plain) / "model")
    )
    lower, upper = "encoder.layer.0.output.dense.weight", "encoder.layer.1.output.dense.weight"
    assert torch.equal(before[lower], after[lower]) and not torch.equal(before[upper], after[upper])
    assert not torch.equal(before[lower], whole[lower])


def tensors_of(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(Path(folder) / "model.safetensors")


def test_four_bits_say_why_they_are_not_to_be_had():
    from core.tasks import task

    base, text = find("bundled:all-MiniLM-L6-v2"), task("classification")
    said = METHODS["qlora"].suits(base, text, Machine(gpu=""))
    assert str(said) == "Needs an NVIDIA GPU; this machine has none."
    assert METHODS["lora"].suits(base, text, Machine(gpu="")) is None
