"""Knobs of what is done against learning by heart: texts that vary, passes that must agree, weights that are averaged. They belong to
TrainingSettings; `shown_when` says for which tasks they count. Each is a value of `core.training.around.AROUND`."""

from __future__ import annotations

from core.settings import Settings, knob
from core.training.method_settings import TUNED


class TricksSettings(Settings):
    label_smoothing: float = knob(
        0.0,
        "Doubt about the labels",
        "A little doubt helps when some labels are wrong.",
        term="label smoothing",
        low=0.0,
        high=0.5,
        group="heart",
        shown_when={"method": TUNED, "task:smoothed": True},
        search=(0.0, 0.2),
    )
    vary_texts: list[str] = knob(
        [],
        "Vary the texts",
        "Each round shows some texts a little changed. Words with digits, words that deny and names of labels stay. Similar words come from the "
        "base model’s own list, where opposites can stand close together.",
        term="data augmentation",
        choices={
            "typos": "Slips of the finger",
            "drop": "Words left out",
            "swap": "Neighbouring words exchanged",
            "synonyms": "Similar words",
        },
        group="heart",
        shown_when={"method": TUNED, "task:varies": True},
    )
    vary_share: float = knob(
        0.5,
        "Share of the texts that vary",
        "How many of them are changed in a round; the others come as they are.",
        low=0.0,
        high=1.0,
        group="heart",
        advanced=True,
        shown_when={"method": TUNED, "task:varies": True},
    )
    vary_words: float = knob(
        0.1,
        "Share of the words that change",
        "Of a text that varies; at least one word.",
        low=0.01,
        high=0.5,
        group="heart",
        advanced=True,
        shown_when={"method": TUNED, "task:varies": True},
    )
    dropout: float | None = knob(
        None,
        "Forgetting at random",
        "Share of values set to nought at each step, against learning by heart. Empty: as the base was made.",
        term="dropout",
        low=0.0,
        high=0.9,
        group="heart",
        advanced=True,
        shown_when={"method": TUNED},
        search=(0.0, 0.3),
    )
    agreement: float = knob(
        0.0,
        "Two looks must agree",
        "Each text is looked at twice, with different values forgotten at random, and both answers must come close. 1 is usual, 0 switches it "
        "off. A step takes about twice as long.",
        term="R-Drop",
        low=0.0,
        high=10.0,
        group="heart",
        advanced=True,
        shown_when={"method": TUNED, "task:doubles": True},
    )
    mixup: float = knob(
        0.0,
        "Mix pairs of texts",
        "What the last layer sees of two texts is mixed, and so are their answers. 0.2 mixes a little, 1 evenly, 0 switches it off.",
        term="mixup of features, alpha",
        low=0.0,
        high=10.0,
        group="heart",
        advanced=True,
        shown_when={"method": TUNED, "task:mixes": True},
    )
    adversarial: float = knob(
        0.0,
        "Push the words where it hurts",
        "Each text is read once more with its words moved a little in the direction that makes the answer worst. 1 is usual, 0 switches it off. A "
        "step takes about twice as long.",
        term="adversarial training (FGM), epsilon",
        low=0.0,
        high=10.0,
        group="heart",
        advanced=True,
        shown_when={"base_kind": "encoder", "method": TUNED, "family": ("encoder", "causal", "encoder-decoder")},
    )
    average_decay: float = knob(
        0.0,
        "Keep a running mean of the weights",
        "What is checked and kept is the mean over many steps, steadier than a single one. 0 switches it off; 0.99 suits short runs.",
        term="exponential moving average (EMA)",
        low=0.0,
        high=0.99999,
        group="heart",
        advanced=True,
        shown_when={"method": TUNED},
    )
    average_last: float = knob(
        0.0,
        "Mean over the last steps",
        "From this share before the planned end on, what is checked and kept is the plain mean of the weights since then. 0 switches it off; 0.25 is "
        "usual. A run that stops earlier has no mean.",
        term="stochastic weight averaging (SWA)",
        low=0.0,
        high=0.9,
        group="heart",
        advanced=True,
        shown_when={"method": TUNED, "average_decay": 0.0, "length": ("epochs", "steps")},
    )
