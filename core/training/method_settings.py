"""Knobs of how much of a model learns. They belong to TrainingSettings; `shown_when` says for which method, base or task they count."""

from __future__ import annotations

from core.models.methods import METHODS, TUNED
from core.settings import Settings, knob

__all__ = ["FITTED", "TUNED", "MethodSettings"]

PAIRS = ("lora", "rslora", "dora", "adalora", "loha", "lokr", "qlora")  # add pairs of small matrices of some rank
DROPPING = ("lora", "rslora", "dora", "adalora", "vera", "qlora")
LAYERED = ("full", "lpft", "top")  # whole layers learn
ROOM = 2 << 30  # bytes of what the body makes of the texts, that may be kept for the last layer's steps
FITTED = ("softmax", "sigmoid", "identity")  # tasks whose last layer can be fitted alone


class MethodSettings(Settings):
    method: str = knob(
        "full",
        "How much of it learns",
        "All gives the best results with enough texts; only the last layer is fastest and needs the fewest.",
        term="tuning method",
        choices={name: m.title.template for name, m in METHODS.items()},
        group="method",
        shown_when={"base_kind": "encoder"},
        search=("head", "full", "top", "lora"),
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
        search=(1, 6),
    )
    unfreeze: bool = knob(
        False,
        "One layer more each round",
        "Begins with the uppermost layer and lets the next lower one learn from each round on.",
        term="gradual unfreezing",
        group="method",
        shown_when={"method": "top"},
    )
    layer_decay: float = knob(
        1.0,
        "Smaller steps lower down",
        "Each layer learns with this share of the step width of the layer above it. 1: all alike.",
        term="layer-wise learning-rate decay",
        low=0.5,
        high=1.0,
        group="method",
        advanced=True,
        shown_when={"method": LAYERED},
    )
    lora_rank: int = knob(
        16,
        "Size of the added matrices",
        "Larger can learn more and needs more memory.",
        term="LoRA rank r",
        low=1,
        high=256,
        group="method",
        shown_when={"method": PAIRS},
        search=(4, 64),
    )
    lora_alpha: float = knob(
        32.0,
        "Weight of the added matrices",
        "How strongly they count; twice the size is usual.",
        term="LoRA alpha",
        low=0.1,
        high=1024.0,
        group="method",
        shown_when={"method": PAIRS},
        search=(8.0, 128.0),
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
        shown_when={"method": DROPPING},
    )
    vera_rank: int = knob(
        256,
        "Size of the fixed matrices",
        "They do not learn and cost nothing to keep; larger gives the scales more to work with.",
        term="VeRA rank r",
        low=1,
        high=2048,
        group="method",
        shown_when={"method": "vera"},
    )
    oft_block: int = knob(
        32,
        "Numbers turned together",
        "Larger turns more freely and learns more weights. It is brought to what divides the layers evenly.",
        term="OFT block size",
        low=2,
        high=256,
        group="method",
        shown_when={"method": "oft"},
    )
    adapter_places: str = knob(
        "pfeiffer",
        "Where the little layers stand",
        "One a layer learns nearly as well as two, and is quicker.",
        term="Pfeiffer or Houlsby adapters",
        choices={"pfeiffer": "One a layer (Pfeiffer)", "houlsby": "Two a layer (Houlsby)"},
        group="method",
        shown_when={"method": "adapter"},
    )
    adapter_size: int = knob(
        64,
        "Width of the little layers",
        "How narrow they are in the middle. Wider can learn more.",
        term="bottleneck size",
        low=1,
        high=1024,
        group="method",
        shown_when={"method": "adapter"},
    )
    virtual_words: int = knob(
        20,
        "How many learnt words",
        "They stand before every text. More can say more, and every step takes longer.",
        term="virtual tokens",
        low=1,
        high=200,
        group="method",
        shown_when={"method": ("prompt", "prefix", "ptuning")},
    )
    prompt_network: int = knob(
        256,
        "Width of the little network",
        "It finds the words while they are learnt.",
        term="prompt encoder hidden size",
        low=8,
        high=4096,
        group="method",
        advanced=True,
        shown_when={"method": "ptuning"},
    )
    start_from_probe: bool = knob(
        True,
        "Fit the last layer first",
        "A quick fit of the last layer before the rest moves, so that the first steps spoil nothing.",
        term="LP-FT",
        group="method",
        shown_when={"base_kind": "encoder", "method": tuple(n for n in TUNED if n != "lpft"), "link": FITTED},
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
        search=(0.01, 100.0),
    )

    @property
    def words_in_front(self) -> int:
        """Learnt words that are read before every text."""
        return self.virtual_words if METHODS[self.method].in_front else 0
