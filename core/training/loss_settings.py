"""Knobs of what counts as wrong, and of rare labels. They belong to TrainingSettings; `shown_when` says for which tasks they count."""

from __future__ import annotations

from core.settings import Settings, knob
from core.training.method_settings import TUNED


class LossSettings(Settings):
    pair_temperature: float = knob(
        0.05,
        "How sharply texts are set apart",
        "Smaller looks more at the nearest wrong texts; larger at all of them.",
        term="softmax temperature",
        low=0.005,
        high=1.0,
        log=True,
        group="loss",
        advanced=True,
        shown_when={"method": TUNED, "task:searches": True},
    )
    loss: str = knob(
        "cross_entropy",
        "What counts as wrong",
        "Focal loss attends to the texts it finds hard; useful when one label is rare.",
        term="loss function",
        choices={"cross_entropy": "Cross-entropy", "focal": "Focal loss"},
        group="loss",
        shown_when={"method": TUNED, "task:labels": True},
        search=("cross_entropy", "focal"),
    )
    number_loss: str = knob(
        "mse",
        "How misses count",
        "Squared misses keep large ones away; plain ones mind outliers less.",
        term="loss function",
        choices={
            "mse": "Squared (MSE)",
            "mae": "Plain (MAE)",
            "huber": "Squared when small, plain when large (Huber)",
            "order": "Squared, and the order within a batch (CoSENT)",
        },
        group="loss",
        shown_when={"method": TUNED, "task:numbers": True},
    )
    focal_gamma: float = knob(
        2.0,
        "Attention to hard texts",
        "0 equals cross-entropy; larger ignores easy texts more.",
        term="focal gamma",
        low=0.0,
        high=10.0,
        group="loss",
        shown_when={"loss": "focal", "method": TUNED, "task:labels": True},
    )
    focal_alpha: float | None = knob(
        None,
        "Weight of all labels but the commonest",
        "Between 0 and 1: the commonest label gets the rest. Empty: all labels weigh the same.",
        term="focal alpha",
        low=0.0,
        high=1.0,
        group="loss",
        shown_when={"loss": "focal", "method": TUNED, "task:weighed": True},
    )
    class_weights: str = knob(
        "none",
        "Rare labels weigh",
        "Gives a rare label more weight, so that it is not forgotten.",
        term="class weights",
        choices={
            "none": "As often as they come",
            "sqrt": "Somewhat more",
            "balanced": "As much as common ones",
            "effective": "By how much new a further text tells",
        },
        group="loss",
        shown_when={"task:weighed": True},
        search=("none", "sqrt", "balanced"),
    )
    effective_beta: float = knob(
        0.999,
        "How soon further texts tell nothing new",
        "Closer to 1: later, so that rare labels weigh more. 0.99 means after some hundred texts of a label, 0.999 after some thousand.",
        term="effective number of samples, beta",
        low=0.9,
        high=0.99999,
        group="loss",
        advanced=True,
        shown_when={"class_weights": "effective", "task:weighed": True},
    )
    sampling: str = knob(
        "plain",
        "How often a label’s texts come",
        "Texts of rare labels can come several times in a round, and of common ones fewer; a round stays as long. Rather this or weights, not both.",
        term="class-balanced sampling",
        choices={
            "plain": "As often as they are there",
            "sqrt": "Rare ones somewhat more often",
            "equal": "Every label equally often",
        },
        group="loss",
        shown_when={"method": TUNED, "task:drawn": True},
        search=("plain", "sqrt", "equal"),
    )
