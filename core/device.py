"""Which device computes, with how many bits, and why; memory in use and free. Torch is imported only when asked.

`choose` never fails: what the machine cannot do becomes what it can, and the reason says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from core.words import Message

Precision = Literal["fp32", "bf16", "fp16"]


@dataclass(frozen=True)
class Device:
    name: str  # "cpu", "cuda:0", "mps"
    title: str  # "NVIDIA H100 80GB", or the processor's
    precision: Precision
    reason: Message

    @property
    def kind(self) -> str:
        return self.name.split(":")[0]

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "precision": self.precision,
            "reason": self.reason.as_json(),
        }


def choose(settings: Any = None) -> Device:
    """The best device there is; `settings.precision` is respected as far as the device can."""
    import torch

    wanted = getattr(settings, "precision", "auto")
    if torch.cuda.is_available():
        return _cuda(wanted)
    if getattr(torch.backends, "mps", None) and torch.backends.mps.is_available():
        return Device("mps", "Apple GPU", "fp32", Message("fp32 on the Apple GPU: exact and quick enough."))
    return _cpu(wanted)


def memory(device: Device | str = "cpu") -> tuple[int, int]:
    """Bytes in use by this process and bytes there are: on the GPU for a CUDA device, else of the machine."""
    name = device if isinstance(device, str) else device.name
    if name.startswith("cuda"):
        import torch

        free, total = torch.cuda.mem_get_info(name)
        return total - free, total
    import psutil

    return psutil.Process().memory_info().rss, _machine_memory()


def most_memory(device: Device | str = "cpu") -> int:
    """The most bytes this process has held so far: on the GPU for a CUDA device."""
    name = device if isinstance(device, str) else device.name
    if name.startswith("cuda"):
        import torch

        return int(torch.cuda.max_memory_reserved(name))
    try:
        import resource
        import sys
    except ImportError:  # Windows
        import psutil

        return int(getattr(psutil.Process().memory_info(), "peak_wset", 0))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most if sys.platform == "darwin" else most * 1024)


def give_back(device: Device) -> None:
    """Hand cached GPU memory back to the system. Call it when nothing refers to the model any more."""
    import gc

    gc.collect()
    if device.kind == "cuda":
        import torch

        torch.cuda.empty_cache()
    elif device.kind == "mps":
        import torch

        torch.mps.empty_cache()


def fingerprint(device: Device) -> dict[str, Any]:
    """What must be equal for a resumed run to be bit-exact."""
    import torch

    return {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "processor": processor(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "device": device.title if device.kind == "cuda" else device.name,
    }


def processor() -> str:
    """The processor's name as the system gives it."""
    import platform
    from pathlib import Path

    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _cuda(wanted: str) -> Device:
    import torch

    title = torch.cuda.get_device_name(0)
    bf16 = torch.cuda.get_device_capability(0) >= (8, 0)  # Ampere and later compute in bf16; earlier ones emulate it
    if wanted == "fp32":
        return Device("cuda:0", title, "fp32", Message("fp32, as you chose."))
    if wanted == "fp16":
        return Device("cuda:0", title, "fp16", Message("fp16, as you chose, with loss scaling."))
    if bf16:
        return Device(
            "cuda:0", title, "bf16", Message("bf16: {gpu} supports it, and it needs half the memory.", gpu=title)
        )
    if wanted == "bf16":
        return Device("cuda:0", title, "fp16", Message("fp16 with loss scaling: {gpu} has no bf16.", gpu=title))
    return Device("cuda:0", title, "fp16", Message("fp16 with loss scaling: {gpu} has no bf16.", gpu=title))


def _cpu(wanted: str) -> Device:
    title = processor()
    if wanted == "bf16":
        return Device("cpu", title, "bf16", Message("bf16, as you chose."))
    if wanted == "fp16":
        return Device("cpu", title, "fp32", Message("fp32: fp16 needs a GPU."))
    return Device("cpu", title, "fp32", Message("fp32: there is no GPU, and processors are exact at this width."))


def _machine_memory() -> int:
    """The machine's memory, or the container's limit where that is less."""
    from pathlib import Path

    import psutil

    total = psutil.virtual_memory().total
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
        return min(total, int(limit))
    except (OSError, ValueError):
        return total
