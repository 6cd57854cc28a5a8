"""Knobs of a run that makes an earlier one smaller. They belong to TrainingSettings; they count for a run with {"smaller": ...} in its run.json."""

from __future__ import annotations

from core.settings import Settings, knob

SMALLER = {"smaller": (True,)}  # told by who makes such a run; the Settings tab says False


class SmallerSettings(Settings):
    teacher_weight: float = knob(
        0.0,
        "How much the larger model's answers count",
        "1 learns from what the larger model says alone, 0 from the labels alone.",
        term="distillation weight",
        low=0.0,
        high=1.0,
        group="method",
        shown_when=SMALLER,
    )
    teacher_temperature: float = knob(
        2.0,
        "How finely its answers are read",
        "Larger looks at all labels it considered, 1 nearly at the first alone.",
        term="distillation temperature",
        low=0.5,
        high=20.0,
        group="method",
        shown_when=SMALLER,
    )
    keep_zeros: bool = knob(
        False,
        "What was set to nought stays nought",
        "Weights that were taken out do not come back while the rest learns on.",
        term="pruning mask",
        group="method",
        shown_when=SMALLER,
    )
