"""Knobs of tasks in which the model writes or goes on from a text. They belong to TrainingSettings; `shown_when` says for which tasks they count."""

from __future__ import annotations

from core.settings import Settings, knob
from core.training.method_settings import TUNED


class WritingSettings(Settings):
    chat_template: str = knob(
        "auto",
        "How turns are written",
        "The marks around what each side says. A model that has talked before knows its own.",
        term="chat template",
        choices={
            "auto": "The model's own, else one that suits it",
            "chatml": "ChatML",
            "plain": "Plain headings",
            "bare": "Prompt and continuation",
        },
        group="text",
        shown_when={"task:turns": True},
    )
    learn_turns: str = knob(
        "answers",
        "Which turns it learns",
        "Usually only what the assistant says, so that it learns to answer and not to ask.",
        term="loss masking",
        choices={"answers": "Only the answers", "all": "Everything that is said"},
        group="text",
        shown_when={"task:answers_only": True, "method": TUNED},
    )
    packing: bool = knob(
        True,
        "Several short texts in one row",
        "Wastes no room on padding. No text sees another one.",
        term="packing",
        group="text",
        advanced=True,
        shown_when={"task:packs": True, "method": TUNED},
    )
    mask_share: float = knob(
        0.15,
        "Share of words hidden",
        "The model learns to guess them from what stands around.",
        term="masking probability",
        low=0.01,
        high=0.9,
        group="text",
        shown_when={"task:hides": True, "method": TUNED},
    )
    prefix: str | None = knob(
        None,
        "Words before each text",
        "Some models want to be told what to do, such as “translate English to German: ”. Usually empty.",
        term="task prefix",
        group="text",
        shown_when={"task:rewrites": True},
    )
    preference_loss: str = knob(
        "dpo",
        "How it learns from pairs",
        "DPO keeps close to the model it began with. ORPO learns the better answer itself at the same time.",
        term="preference loss",
        choices={"dpo": "DPO", "orpo": "ORPO"},
        group="loss",
        shown_when={"task:prefers": True, "method": TUNED},
    )
    beta: float = knob(
        0.1,
        "Weight of the comparison",
        "DPO: larger keeps closer to the model it began with. ORPO: larger minds the worse answer more.",
        term="beta",
        low=0.001,
        high=10.0,
        log=True,
        group="loss",
        shown_when={"task:prefers": True, "method": TUNED},
    )
    answer_length: int = knob(
        64,
        "Longest answer",
        "In word pieces. It stops earlier when it has come to an end.",
        term="maximum new tokens",
        low=1,
        high=4096,
        group="text",
        shown_when={"task:writes": True},
    )
    decoding: str = knob(
        "greedy",
        "How it chooses words",
        "Always the likeliest word, the likeliest whole text of several, or by chance.",
        term="decoding",
        choices={"greedy": "The likeliest", "beam": "The best of several texts (beam search)", "sampling": "By chance"},
        group="text",
        shown_when={"task:writes": True},
    )
    beams: int = knob(
        4,
        "Texts kept in mind",
        "More find better texts and take longer.",
        term="beam width",
        low=2,
        high=16,
        group="text",
        shown_when={"task:writes": True, "decoding": "beam"},
    )
    temperature: float = knob(
        0.8,
        "Boldness",
        "Low stays with the likeliest words, high surprises.",
        term="temperature",
        low=0.05,
        high=2.0,
        group="text",
        shown_when={"task:writes": True, "decoding": "sampling"},
    )
    top_p: float = knob(
        0.95,
        "Share of likely words to choose from",
        "The unlikeliest words beyond this share are never said.",
        term="top p",
        low=0.05,
        high=1.0,
        group="text",
        advanced=True,
        shown_when={"task:writes": True, "decoding": "sampling"},
    )
    repetition_penalty: float = knob(
        1.0,
        "Restraint from saying it again",
        "Above 1, words that were said become less likely.",
        term="repetition penalty",
        low=1.0,
        high=3.0,
        group="text",
        advanced=True,
        shown_when={"task:writes": True},
    )
