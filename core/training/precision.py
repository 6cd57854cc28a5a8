"""How many bits, in plain torch: autocast around the forward pass, a scaled loss where fp16 needs it, clipping."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import torch

from core.device import Device

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def autocast(device: Device) -> Any:
    """The weights stay fp32; matrix products are computed in the device's precision."""
    if device.precision == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(device.kind, dtype=DTYPES[device.precision])


class Arithmetic:
    """Backward passes and steps for one optimizer. fp16 has too few exponents for small gradients, so its loss is scaled up."""

    def __init__(self, device: Device):
        self.scaler = torch.amp.GradScaler(device.kind, enabled=device.precision == "fp16")

    def backward(self, loss: torch.Tensor) -> None:
        self.scaler.scale(loss).backward()

    def step(self, optimizer: torch.optim.Optimizer, weights: Sequence[torch.nn.Parameter], clip: float) -> float:
        """Clip to `clip` (0: not at all), move the weights, forget the gradients. Returns the norm before clipping."""
        self.scaler.unscale_(optimizer)
        norm = torch.nn.utils.clip_grad_norm_(weights, clip if clip > 0 else float("inf"))
        if torch.isfinite(norm) or self.scaler.is_enabled():  # a scaler skips such steps by itself and scales less
            self.scaler.step(optimizer)
        self.scaler.update()
        optimizer.zero_grad(set_to_none=True)
        return float(norm)

    def state(self) -> dict[str, Any]:
        return self.scaler.state_dict()

    def restore(self, state: dict[str, Any]) -> None:
        if state:
            self.scaler.load_state_dict(state)


def out_of_memory(error: BaseException) -> bool:
    """Whether memory was short: the GPU's, or the machine's where it refuses instead of ending the process."""
    said = str(error)
    short = "CUDA out of memory" in said or "DefaultCPUAllocator: can't allocate memory" in said
    return short or isinstance(error, torch.cuda.OutOfMemoryError | MemoryError)
