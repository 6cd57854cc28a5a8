"""Knobs of learning from a handful of labels (core.training.around.contrasting)."""

from __future__ import annotations

from core.models.methods import TUNED
from core.settings import Settings, knob

FITTED = ("softmax", "sigmoid", "identity")  # tasks whose last layer can be fitted alone
STEPPED = tuple(name for name in TUNED if name not in ("contrastive", "headsteps"))


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
    refit: bool = knob(
        False,
        "Fit the last layer again in the end",
        "At each check the last layer is fitted to what the rest has learnt so far. Worth it with few texts, where the steps are too few for it.",
        group="method",
        shown_when={"base_kind": "encoder", "method": STEPPED, "link": FITTED},
    )
