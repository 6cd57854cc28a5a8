"""The ways to answer without training: a table. Each says what it needs and when it does not suit; the work is in a file of its own.

Light: the page asks it. `Asked` goes into a way's function, `Said` comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core import processes
from core.data import facts
from core.data.state import State
from core.errors import ModelError
from core.models.architectures import read_config
from core.models.catalogue import BUNDLED, Base, suits
from core.prompting.descriptions import Described
from core.prompting.settings import UntrainedSettings
from core.tasks.base import Row
from core.training.advice import UNKNOWN
from core.words import Message

Floats = NDArray[np.float32]
Progress = Callable[..., None]  # done, total, a note
Stop = Callable[[], bool]


@dataclass(frozen=True)
class Asked:
    """`rows` are to be answered; `pool` carry labels and may be used as examples; `tuning` carry labels and only settle what the person left
    open (never the rows that are asked). `labels` in the order of the answers, `cache` a folder for vectors."""

    rows: Sequence[Row]
    pool: Sequence[Row]
    tuning: Sequence[Row]
    labels: Sequence[Described]
    settings: UntrainedSettings
    base: Base
    cache: Path
    progress: Progress
    cancelled: Stop

    @property
    def numbers(self) -> dict[str, int]:
        """label name -> its place among the answers."""
        return {one.name: i for i, one in enumerate(self.labels)}


@dataclass(frozen=True)
class Said:
    """`probabilities` (rows, labels). `seconds` a text, without loading the model. `chosen`: what was settled by itself, by knob. `notes` for
    the person."""

    probabilities: Floats
    seconds: float
    chosen: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[Message] = ()


@dataclass(frozen=True)
class Way:
    """`function` (module:name) answers. `reads`: the family of its base. `bundled`: the encoder that comes with Hone will do. `labelled`: it
    needs labelled texts."""

    name: str
    title: Message
    sentence: Message
    needs: Message
    function: str
    reads: str = "encoder"
    bundled: bool = False
    labelled: bool = False

    def answer(self, asked: Asked) -> Said:
        found: Said = processes.function(self.function)(asked)
        return found


WAYS: dict[str, Way] = {
    way.name: way
    for way in (
        Way(
            "similar",
            Message("Most similar description"),
            Message("Describe each label in a sentence. A text gets the label whose description lies nearest to it."),
            Message("Needs nothing but the names of your labels."),
            "core.prompting.similar:described",
            bundled=True,
        ),
        Way(
            "nearest",
            Message("Nearest labelled texts"),
            Message("The labelled texts most similar to a text vote for its label."),
            Message("Needs a few labelled texts of each label."),
            "core.prompting.similar:nearest",
            bundled=True,
            labelled=True,
        ),
        Way(
            "entails",
            Message("What follows from the text"),
            Message("A model that judges whether one sentence follows from another is asked once for each label."),
            Message("Needs a model for natural-language inference, and no labelled texts."),
            "core.prompting.entails:answer",
        ),
        Way(
            "likely",
            Message("What a model would write"),
            Message("A model that writes is shown a prompt; the label whose words it would most likely write wins."),
            Message("Needs a model that writes. A few labelled texts in the prompt help it."),
            "core.prompting.likely:answer",
            reads="causal",
        ),
    )
}


def offered(state: State) -> bool:
    """Whether these data are of the kind that is sorted under labels by its texts."""
    shape = state.shape
    return shape.by_label and shape.first == "text" and all(part.kind == "text" for part in shape.inputs)


NLI: dict[str, Message] = {  # models of the Hub that judge whether a sentence follows, with what they are for
    "MoritzLaurer/deberta-v3-base-zeroshot-v2.0": Message("English; made for labels it has never seen."),
    "MoritzLaurer/mDeBERTa-v3-base-xnli-multilingual-nli-2mil7": Message("About 100 languages, Chinese among them."),
    "facebook/bart-large-mnli": Message("English; large, the usual yardstick. Slow without a GPU."),
}


def why_not(state: State) -> Message | None:
    """Why nothing here can be answered without training; None where it can."""
    if not len(state):
        return Message("There are no texts yet.")
    if not offered(state):
        return Message("Answering without training sorts texts under labels; this task asks for something else.")
    if len(state.alive) < 2:
        return Message("Name two labels first: without labels there is nothing to choose from.")
    return None


def unsuited(way: Way, state: State) -> Message | None:
    """Why this way does not suit these data; None where it does."""
    if len(state.shape.inputs) > 1 and way.reads != "causal":
        return Message("Reads one text at a time; a row has several here.")
    if way.labelled and not ((state.label >= 0) & state.usable & (state.split == 0)).any():
        return Message("No text to learn from has a label yet.")
    return None


def unfit(way: Way, base: Base, state: State) -> Message | None:
    """Why a base cannot answer this way; None where it can, or nobody knows yet."""
    if base.kind == "classic":
        return Message("{base} counts words and understands none: it needs training.", base=base.title)
    if base.id.startswith("blank:"):
        return Message("{base} knows nothing before it is trained.", base=base.title)
    if problem := suits(base, "causal" if way.reads == "causal" else "encoder"):
        return problem
    if base.id == BUNDLED and way.bundled and facts.facts(state).unknown_share >= UNKNOWN:
        return Message("The bundled model knows too few of these words. Choose a model of this language.")
    if way.name == "entails" and Path(base.source).is_dir():
        return _judges_nothing(base)
    return None


def _judges_nothing(base: Base) -> Message | None:
    try:
        entailment(read_config(Path(base.source) / "config.json").get("id2label") or {})
    except ModelError as error:
        return error.message
    return None


def entailment(id2label: Mapping[Any, str]) -> int:
    """Which output of a classifier means that a sentence follows: the one named "entailment" (in any case). ModelError where none is."""
    for number, name in id2label.items():
        if str(name).lower().startswith("entail"):
            return int(number)
    raise ModelError(
        Message("This model does not judge whether a sentence follows: none of its answers is called entailment."),
        fix=Message("Choose a model trained on natural-language inference (NLI, MNLI, XNLI)."),
    )
