"""Knobs of the machine: how long texts may be for it, how exactly it computes, and chance. They belong to TrainingSettings."""

from __future__ import annotations

from core.settings import Settings, knob
from core.training.method_settings import TUNED


class MachineSettings(Settings):
    max_length: int = knob(
        128,
        "Longest text read",
        "In word pieces; what is longer is cut. Shorter is faster.",
        term="maximum length in tokens",
        low=8,
        high=8192,
        group="machine",
        shown_when={"base_kind": "encoder", "family": ("encoder", "causal", "encoder-decoder")},
    )
    precision: str = knob(
        "auto",
        "Exactness of the arithmetic",
        "Half as many bits are faster on a GPU.",
        term="floating-point precision",
        choices={
            "auto": "Chosen from the machine",
            "fp32": "32 bits (fp32)",
            "bf16": "16 bits (bf16)",
            "fp16": "16 bits (fp16)",
        },
        group="machine",
        shown_when={"base_kind": "encoder"},
    )
    bucketing: bool = knob(
        True,
        "Texts of like length together",
        "Less padding, so several times faster.",
        term="length bucketing",
        group="machine",
        advanced=True,
        shown_when={"method": TUNED},
    )
    recompute: bool = knob(
        False,
        "Spare memory by computing twice",
        "Layers are computed again on the way back instead of being remembered: less memory, a third more time, the same result.",
        term="gradient checkpointing",
        group="machine",
        advanced=True,
        shown_when={"base_kind": "encoder", "method": TUNED},
    )
    compile: str = knob(
        "auto",
        "Translate the model for this machine first",
        "Takes a minute or more before the first step, so that only long runs can win by it. By itself only for 2,000 steps or more on a GPU.",
        term="torch.compile",
        choices={"auto": "Where it pays", "on": "Yes", "off": "No"},
        group="machine",
        advanced=True,
        shown_when={"base_kind": "encoder", "method": TUNED},
    )
    follow: list[str] = knob(
        [],
        "Watched by others, too",
        "The same curves and numbers, never texts, in other tools of this machine. They read along from outside, so that none can hold a run up. Weights & Biases writes into your account where this machine is logged in; the others, into folders.",
        term="experiment tracking",
        choices={
            "tensorboard": "TensorBoard",
            "wandb": "Weights & Biases",
            "mlflow": "MLflow",
            "trackio": "trackio",
        },
        group="machine",
        advanced=True,
        shown_when={"own_machine": True},
    )
    seed: int = knob(
        7,
        "Seed of chance",
        "The same seed on the same machine gives the same model.",
        term="random seed",
        low=0,
        high=2**31 - 1,
        group="machine",
    )
