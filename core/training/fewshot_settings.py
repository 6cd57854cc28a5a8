"""Knobs of learning from a handful of labels (core.training.around.contrasting)."""

from __future__ import annotations

from core.settings import Settings, knob


class FewshotSettings(Settings):
    contrast_temperature: float = knob(
        0.1,
        "How sharply texts are told apart",
        "Smaller looks most at the texts that are nearest to being confused.",
        term="temperature of the contrastive loss",
        low=0.01,
        high=2.0,
        log=True,
        group="method",
        advanced=True,
        shown_when={"method": "contrastive"},
    )
    contrast_each: int = knob(
        4,
        "Texts of one label side by side",
        "So many of a label come in one step, so that each finds others like it.",
        term="class-balanced batches",
        low=2,
        high=64,
        group="method",
        advanced=True,
        shown_when={"method": "contrastive"},
    )
