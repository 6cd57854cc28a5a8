"""Every knob of a run, declared once. A run is a list of phases; each phase is a method with its settings.

The engine knows two kinds of phase: ``fit`` solves a convex problem on frozen features (a linear probe; also all of a classic
n-gram model), ``tune`` takes gradient steps through the model. Which methods exist is `core.models.methods`.
"""

from __future__ import annotations

from core.settings import knob
from core.training.continual_settings import ContinualSettings
from core.training.fewshot_settings import FewshotSettings
from core.training.loss_settings import LossSettings
from core.training.machine_settings import MachineSettings
from core.training.method_settings import TUNED, MethodSettings
from core.training.reading_settings import ReadingSettings
from core.training.smaller_settings import SmallerSettings
from core.training.tricks_settings import TricksSettings
from core.training.writing_settings import WritingSettings

GROUPS = {  # words
    "base": "Base model",
    "clean": "Clean the texts",
    "method": "How much of it learns",
    "steps": "Rounds, batch and learning rate",
    "text": "What is read and written",
    "loss": "Rare labels and mistakes",
    "heart": "Against learning by heart",
    "stop": "When to stop, what to keep",
    "machine": "Machine",
}


class TrainingSettings(
    FewshotSettings,
    MethodSettings,
    SmallerSettings,
    ContinualSettings,
    LossSettings,
    TricksSettings,
    WritingSettings,
    ReadingSettings,
    MachineSettings,
):
    """All knobs, for every base and task. `shown_when` says for which base kind, method or task a knob counts.

    Some names in `shown_when` are no fields: `base_kind` is what the catalogue says of the chosen base ("encoder" or "classic"), `task:labels`
    and the like are the task's traits (True or False), `link` and `family` what it says of itself (`core.tasks.base.Task`; a link of None is "none").
    """

    base: str = knob(
        "bundled:all-MiniLM-L6-v2",
        "Base model",
        "What the model knows before it sees your texts. A name from the list, a Hub name such as owner/model, or a folder.",
        term="pretrained model",
        group="base",
    )
    # n-gram models
    analyzer: str = knob(
        "auto",
        "What it counts",
        "Words suit languages with spaces; characters suit Chinese, Japanese and misspelt texts.",
        term="n-gram analyzer",
        choices={
            "auto": "Chosen from the texts",
            "word": "Words",
            "char": "Characters",
            "both": "Words and characters",
        },
        group="base",
        shown_when={"base_kind": "classic"},
        search=("word", "char", "both"),
    )
    ngram_low: int = knob(
        1,
        "Shortest piece",
        "How many words or characters the shortest counted piece has.",
        term="minimum n",
        low=1,
        high=8,
        group="base",
        shown_when={"base_kind": "classic"},
    )
    ngram_high: int = knob(
        2,
        "Longest piece",
        "How many words or characters the longest counted piece has.",
        term="maximum n",
        low=1,
        high=8,
        group="base",
        shown_when={"base_kind": "classic"},
        search=(1, 4),
    )
    least_count: int = knob(
        2,
        "Ignore rarer than",
        "Pieces that stand in fewer texts than this are left out.",
        term="min_df",
        low=1,
        high=100,
        group="base",
        shown_when={"base_kind": "classic"},
        search=(1, 5),
    )
    most_features: int = knob(
        200_000,
        "Most pieces kept",
        "The most frequent pieces are kept; fewer need less memory.",
        term="max_features",
        low=100,
        high=2_000_000,
        log=True,
        group="base",
        advanced=True,
        shown_when={"base_kind": "classic"},
    )

    length: str = knob(
        "epochs",
        "How long, counted in",
        "Rounds through all texts, single steps, or minutes on the clock.",
        choices={"epochs": "Rounds", "steps": "Steps", "minutes": "Minutes"},
        group="steps",
        shown_when={"method": TUNED},
    )
    epochs: float = knob(
        3.0,
        "Rounds through the data",
        "How often each text is seen. It stops early when nothing improves.",
        term="epochs",
        low=0.1,
        high=200.0,
        group="steps",
        shown_when={"method": TUNED, "length": "epochs"},
        search=(1.0, 6.0),
    )
    steps: int = knob(
        500,
        "Steps",
        "How many times the weights move.",
        term="optimizer steps",
        low=1,
        high=1_000_000,
        log=True,
        group="steps",
        shown_when={"method": TUNED, "length": "steps"},
        search=(100, 2_000),
    )
    minutes: float = knob(
        5.0,
        "Minutes",
        "It stops at the first step after this time.",
        low=0.1,
        high=10_000.0,
        group="steps",
        shown_when={"method": TUNED, "length": "minutes"},
    )
    batch_size: int = knob(
        32,
        "Texts per step",
        "Larger is steadier and needs more memory.",
        term="batch size",
        low=1,
        high=1024,
        group="steps",
        shown_when={"method": TUNED},
        search=(8, 64),
    )
    accumulation: int = knob(
        1,
        "Batches gathered per step",
        "Several small batches count as one large one; saves memory.",
        term="gradient accumulation",
        low=1,
        high=256,
        group="steps",
        advanced=True,
        shown_when={"method": TUNED},
    )
    learning_rate: float = knob(
        5e-5,
        "Step width",
        "How far each step moves the weights.",
        term="learning rate",
        low=1e-7,
        high=1e-1,
        log=True,
        group="steps",
        shown_when={"method": TUNED},
        search=(1e-5, 2e-4),
    )
    schedule: str = knob(
        "linear",
        "Course of the step width",
        "How the step width changes from the first step to the last.",
        term="learning-rate schedule",
        choices={
            "linear": "Rise, then fall in a line",
            "cosine": "Rise, then fall in a curve",
            "constant": "Rise, then stay",
            "inverse_sqrt": "Rise, then fall ever more slowly",
        },
        group="steps",
        shown_when={"method": TUNED},
        search=("linear", "cosine", "constant"),
    )
    warmup: float = knob(
        0.06,
        "Gentle start",
        "Share of the steps over which the step width rises from nought.",
        term="warm-up ratio",
        low=0.0,
        high=0.9,
        group="steps",
        shown_when={"method": TUNED},
        search=(0.0, 0.3),
    )
    optimizer: str = knob(
        "adamw",
        "Rule for the steps",
        "AdamW suits nearly everything. Adafactor needs less memory.",
        term="optimizer",
        choices={"adamw": "AdamW", "adam": "Adam", "sgd": "SGD", "adafactor": "Adafactor"},
        group="steps",
        advanced=True,
        shown_when={"method": TUNED},
        search=("adamw", "adafactor"),
    )
    momentum: float = knob(
        0.9,
        "Momentum",
        "How much of the last direction is kept.",
        term="momentum",
        low=0.0,
        high=0.999,
        group="steps",
        advanced=True,
        shown_when={"method": TUNED, "optimizer": "sgd"},
    )
    weight_decay: float = knob(
        0.01,
        "Pull towards small weights",
        "Keeps weights small, against learning by heart.",
        term="weight decay",
        low=0.0,
        high=1.0,
        group="steps",
        advanced=True,
        shown_when={"method": TUNED},
        search=(0.0, 0.1),
    )
    clip_norm: float = knob(
        1.0,
        "Longest step allowed",
        "A gradient longer than this is shortened. 0 switches it off.",
        term="gradient clipping",
        low=0.0,
        high=1000.0,
        group="steps",
        advanced=True,
        shown_when={"method": TUNED},
    )

    evaluations: float = knob(
        2.0,
        "Checks per round",
        "How often validation is asked. More checks, finer curve, slower run.",
        term="evaluation interval",
        low=0.05,
        high=100.0,
        group="stop",
        shown_when={"method": TUNED},
    )
    patience: int = knob(
        4,
        "Checks without progress before it stops",
        "0 never stops early.",
        term="early-stopping patience",
        low=0,
        high=100,
        group="stop",
        shown_when={"method": TUNED},
    )
    metric: str = knob(
        "accuracy",
        "What “better” means",
        "The best moment by this measure is kept.",
        term="early-stopping metric",
        choices={
            "main": "The task's own measure",
            "accuracy": "Share right (accuracy)",
            "macro_f1": "Mean of labels (macro F1)",
            "loss": "How wrong (loss)",
        },
        group="stop",
    )
    keep_best: bool = knob(
        True,
        "Keep the best moment",
        "Else the last moment is kept.",
        term="best checkpoint",
        group="stop",
        shown_when={"method": TUNED},
    )
    save_seconds: float = knob(
        60.0,
        "Seconds between safety copies",
        "A killed run goes on from its last safety copy.",
        term="checkpoint interval",
        low=0.0,
        high=86_400.0,
        group="stop",
        advanced=True,
        shown_when={"method": TUNED},
    )
