"""Safety copies are whole or not there; the newest readable one counts; chance is restored with them."""

from __future__ import annotations

import random

import numpy as np
import torch

from core.training import checkpoints


def copy(folder, step: int, best: str | None = None):
    return checkpoints.save(
        folder, step, {"best": {"file": best} if best else None}, {"weights": {"w": torch.ones(3) * step}}
    )


def test_the_newest_copy_counts_and_old_ones_go(tmp_path):
    for step in (5, 9, 9, 12):
        copy(tmp_path, step)
    state, tensors = checkpoints.latest(tmp_path)
    assert state["step"] == 12
    assert tensors["weights"]["w"].tolist() == [12, 12, 12]
    assert len(list(tmp_path.iterdir())) == checkpoints.KEPT


def test_a_damaged_copy_gives_way_to_the_one_before(tmp_path):
    copy(tmp_path, 1)
    newest = copy(tmp_path, 2)
    (newest / "weights.safetensors").write_bytes(b"\0" * 10)
    assert checkpoints.latest(tmp_path)[0]["step"] == 1
    assert copy(tmp_path, 3).name.endswith("step-3")


def test_a_copy_that_was_never_finished_is_none(tmp_path):
    (tmp_path / ".000001-step-4").mkdir()
    (tmp_path / "000002-step-5").mkdir()
    assert checkpoints.latest(tmp_path) is None
    copy(tmp_path, 6)
    assert not (tmp_path / ".000001-step-4").exists()


def test_the_best_moment_lives_as_long_as_a_copy_names_it(tmp_path):
    for step in (1, 2, 3):
        name = f"best-0-{step}.safetensors"
        checkpoints.save_tensors(tmp_path / name, {"w": torch.zeros(1)})
        copy(tmp_path, step, name)
    assert sorted(p.name for p in tmp_path.glob("best-*")) == ["best-0-2.safetensors", "best-0-3.safetensors"]


def test_no_folder_has_no_copy(tmp_path):
    assert checkpoints.latest(tmp_path / "none") is None


def test_every_random_generator_is_restored(tmp_path):
    checkpoints.seed(11)
    torch.rand(3)
    plain, tensors = checkpoints.chance()
    checkpoints.save(tmp_path, 1, {"chance": plain}, {"chance": tensors})
    expected = random.random(), np.random.rand(), torch.rand(2).tolist()
    checkpoints.seed(99)
    state, groups = checkpoints.latest(tmp_path)
    checkpoints.restore_chance(state["chance"], groups["chance"])
    assert (random.random(), np.random.rand(), torch.rand(2).tolist()) == expected


def test_nothing_but_safetensors_and_json_is_written(tmp_path):
    copy(tmp_path, 1)
    assert {p.suffix for p in tmp_path.rglob("*") if p.is_file()} == {".json", ".safetensors"}
