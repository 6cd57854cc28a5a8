"""Every knob of a run, declared once. A run is a list of phases; each phase is a method with its settings.

The engine knows two kinds of phase: ``fit`` solves a convex problem on frozen features (a linear probe; also all of a classic
n-gram model), ``tune`` takes gradient steps through the model. Which methods exist is `core.models.methods`.
"""

from __future__ import annotations

from core.settings import knob
from core.training.machine_settings import MachineSettings
from core.training.reading_settings import ReadingSettings
from core.training.writing_settings import WritingSettings

GROUPS = {  # words
    "base": "Base model",
    "clean": "Clean the texts",
    "method": "How much of it learns",
    "steps": "Rounds, batch and learning rate",
    "text": "What is read and written",
    "loss": "Rare labels and mistakes",
    "stop": "When to stop, what to keep",
    "machine": "Machine",
}

TUNED = ("full", "top", "lora")  # methods that take gradient steps through the body
FITTED = ("softmax", "sigmoid", "identity")  # tasks whose last layer can be fitted alone


class TrainingSettings(WritingSettings, ReadingSettings, MachineSettings):
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

    method: str = knob(
        "full",
        "How much of it learns",
        "All gives the best results with enough texts; only the last layer is fastest and needs the fewest.",
        term="tuning method",
        choices={
            "full": "All of it",
            "top": "The upper layers",
            "lora": "Small added matrices (LoRA)",
            "head": "Only the last layer (linear probe)",
        },
        group="method",
        shown_when={"base_kind": "encoder"},
    )
    top_layers: int = knob(
        2,
        "How many upper layers",
        "Layers counted from the output; the lower ones stay as they are.",
        term="top N layers",
        low=1,
        high=48,
        group="method",
        shown_when={"method": "top"},
    )
    lora_rank: int = knob(
        16,
        "Size of the added matrices",
        "Larger can learn more and needs more memory.",
        term="LoRA rank r",
        low=1,
        high=256,
        group="method",
        shown_when={"method": "lora"},
    )
    lora_alpha: float = knob(
        32.0,
        "Weight of the added matrices",
        "How strongly they count; twice the size is usual.",
        term="LoRA alpha",
        low=0.1,
        high=1024.0,
        group="method",
        shown_when={"method": "lora"},
    )
    lora_dropout: float = knob(
        0.05,
        "Forgetting in the added matrices",
        "Share of values set to nought at each step, against learning by heart.",
        term="LoRA dropout",
        low=0.0,
        high=0.9,
        group="method",
        advanced=True,
        shown_when={"method": "lora"},
    )
    start_from_probe: bool = knob(
        True,
        "Fit the last layer first",
        "A quick fit of the last layer before the rest moves, so that the first steps spoil nothing.",
        term="LP-FT",
        group="method",
        shown_when={"base_kind": "encoder", "method": TUNED, "link": FITTED},
    )
    adapt_rounds: float = knob(
        0.0,
        "Get to know the texts first",
        "Rounds in which it guesses hidden words of all your texts, labelled or not, before it learns from labels. Worth it where the texts "
        "are of a field of their own and many have no label.",
        term="domain-adaptive pretraining",
        low=0.0,
        high=20.0,
        group="method",
        shown_when={"base_kind": "encoder", "method": TUNED, "task:adapts": True},
    )
    adapt_learning_rate: float = knob(
        1e-4,
        "Step width while it gets to know them",
        "How far each step moves the weights meanwhile.",
        term="learning rate",
        low=1e-7,
        high=1e-2,
        log=True,
        group="method",
        advanced=True,
        shown_when={"base_kind": "encoder", "method": TUNED, "task:adapts": True},
    )
    pair_reading: str = knob(
        "together",
        "How the two texts are read",
        "Together: one input, so that every word meets every other; more exact, but each pair is read anew. Apart: each text for itself; "
        "what the model makes of a text can be stored and searched.",
        term="cross-encoder or bi-encoder",
        choices={"together": "Together (more exact)", "apart": "Apart (can be stored and searched)"},
        group="method",
        shown_when={"base_kind": "encoder", "task:compared": True},
    )
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
    regularization: float | None = knob(
        None,
        "Restraint of the last layer",
        "Larger trusts the training texts more. Empty: several are tried and validation decides.",
        term="inverse regularization C",
        low=1e-4,
        high=1e4,
        log=True,
        group="method",
        advanced=True,
        shown_when={"link": FITTED},
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

    loss: str = knob(
        "cross_entropy",
        "What counts as wrong",
        "Focal loss attends to the texts it finds hard; useful when one label is rare.",
        term="loss function",
        choices={"cross_entropy": "Cross-entropy", "focal": "Focal loss"},
        group="loss",
        shown_when={"method": TUNED, "task:labels": True},
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
        shown_when={"loss": "focal", "method": TUNED, "task:labels": True},
    )
    class_weights: str = knob(
        "none",
        "Rare labels weigh",
        "Gives a rare label more weight, so that it is not forgotten.",
        term="class weights",
        choices={"none": "As often as they come", "sqrt": "Somewhat more", "balanced": "As much as common ones"},
        group="loss",
        shown_when={"task:labels": True},
    )
    label_smoothing: float = knob(
        0.0,
        "Doubt about the labels",
        "A little doubt helps when some labels are wrong.",
        term="label smoothing",
        low=0.0,
        high=0.5,
        group="loss",
        shown_when={"method": TUNED, "task:smoothed": True},
    )
    dropout: float | None = knob(
        None,
        "Forgetting at random",
        "Share of values set to nought at each step, against learning by heart. Empty: as the base was made.",
        term="dropout",
        low=0.0,
        high=0.9,
        group="loss",
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
