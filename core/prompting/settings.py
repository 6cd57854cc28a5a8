"""The knobs of answering without training, declared once: the page's form, the command line and recipes read them here.

Knows no way by more than its name; what the ways are is in `core.prompting.ways`.
"""

from __future__ import annotations

from core.settings import Settings, knob

GROUPS = {"way": "How it answers", "prompt": "The prompt", "asked": "Which texts are asked"}

PROMPT = "Each text gets one of these labels: {labels}.\n\n{examples}Text: {text}\nLabel:"
EXAMPLE = "Text: {text}\nLabel: {label}\n\n"
HYPOTHESIS = "This text is about {label}."  # Yin, Hay, Roth 2019, for topics
LONGEST = 8_000  # characters of a prompt


class UntrainedSettings(Settings):
    way: str = knob(
        "similar",
        "Way",
        "How a text gets its label without any training.",
        group="way",
        choices={
            "similar": "Most similar description",
            "nearest": "Nearest labelled texts",
            "entails": "What follows from the text",
            "likely": "What a model would write",
        },
    )
    base: str | None = knob(
        None,
        "Model",
        "Which model reads the texts and answers.",
        group="way",
    )
    mixed: int = knob(
        0,
        "Labelled texts beside the description",
        "So many labelled texts of each label are mixed into its description. 0: the description alone.",
        term="prototype",
        low=0,
        high=1_000,
        group="way",
        shown_when={"way": "similar"},
    )
    weight: float = knob(
        4.0,
        "Weight of the description",
        "As how many labelled texts the description counts.",
        low=0.0,
        high=1_000.0,
        group="way",
        advanced=True,
        shown_when={"way": "similar"},
    )
    neighbours: int | None = knob(
        None,
        "Nearest texts that vote",
        "So many labelled texts, the nearest, decide. By itself: what does best on the validation texts.",
        term="k",
        low=1,
        high=100,
        group="way",
        shown_when={"way": "nearest"},
    )
    pool: int | None = knob(
        None,
        "Labelled texts it may use",
        "At most so many of each label, drawn by chance from those to learn from. By itself: all of them.",
        low=1,
        high=10_000,
        group="way",
        shown_when={"way": ("nearest", "likely")},
    )
    temperature: float | None = knob(
        None,
        "Sharpness",
        "How far apart probabilities lie; it changes no answer. By itself: what fits the validation texts.",
        term="temperature",
        low=0.001,
        high=10.0,
        log=True,
        group="way",
        advanced=True,
        shown_when={"way": "similar"},
    )
    hypothesis: str = knob(
        HYPOTHESIS,
        "The sentence that may follow",
        "For each label the model is asked whether this sentence follows from the text.",
        term="hypothesis",
        group="prompt",
        shown_when={"way": "entails"},
    )
    prompt: str = knob(
        PROMPT,
        "Prompt",
        "What the model reads; its answer comes right behind. {{text}}, {{labels}}, {{examples}} and columns are filled in.",
        group="prompt",
        shown_when={"way": "likely"},
    )
    example: str = knob(
        EXAMPLE,
        "One example",
        "How each labelled text stands in the place of {{examples}}.",
        group="prompt",
        shown_when={"way": "likely"},
    )
    examples: int = knob(
        4,
        "Examples in the prompt",
        "So many labelled texts are shown with their label. 0: none.",
        term="shots",
        low=0,
        high=64,
        group="prompt",
        shown_when={"way": "likely"},
    )
    choose: str = knob(
        "similar",
        "Which examples",
        "Those most similar to the text, or the same ones for every text, drawn by chance.",
        group="prompt",
        choices={"similar": "most similar to the text", "chance": "by chance"},
        shown_when={"way": "likely"},
    )
    calibrate: bool = knob(
        True,
        "Allow for favourite labels",
        "A model likes some labels whatever the text. What it says of a text without content is taken off.",
        term="contextual calibration",
        group="prompt",
        advanced=True,
        shown_when={"way": "likely"},
    )
    split: str = knob(
        "test",
        "Texts that are asked",
        "Use validation texts to choose between ways and prompts, and the test texts once, for the final word.",
        group="asked",
        choices={
            "test": "the final test, as every run",
            "validation": "validation, to choose by",
            "unlabelled": "texts without a label, to look at",
        },
    )
    rows: int | None = knob(
        None,
        "At most so many texts",
        "A part of them, drawn by chance, for models that take long. By itself: all.",
        low=10,
        high=1_000_000,
        group="asked",
    )
    seed: int = knob(
        0,
        "Chance",
        "The same number draws the same texts.",
        term="seed",
        low=0,
        high=2**31 - 1,
        group="asked",
        advanced=True,
    )
