"""The device is chosen with a reason, whatever was asked for."""

from __future__ import annotations

import pytest
import torch

from core.device import choose, fingerprint, memory
from core.training.settings import TrainingSettings

NO_GPU = not torch.cuda.is_available()


@pytest.mark.skipif(not NO_GPU, reason="this machine has a GPU")
@pytest.mark.parametrize(("asked", "given"), [("auto", "fp32"), ("fp32", "fp32"), ("bf16", "bf16"), ("fp16", "fp32")])
def test_without_a_gpu_the_processor_computes_and_says_why(asked: str, given: str):
    device = choose(TrainingSettings(precision=asked))
    assert device.precision == given
    assert str(device.reason).startswith(given)


def test_memory_in_use_is_part_of_what_there_is():
    used, total = memory(choose())
    assert 0 < used < total


def test_the_fingerprint_names_what_must_be_equal_to_the_last_bit():
    assert set(fingerprint(choose())) == {"torch", "threads", "processor", "capability", "device"}


@pytest.mark.gpu
def test_on_a_gpu_bf16_is_chosen_where_it_is_supported():
    device = choose(TrainingSettings())
    assert device.kind == "cuda"
    assert device.precision == ("bf16" if torch.cuda.get_device_capability() >= (8, 0) else "fp16")
