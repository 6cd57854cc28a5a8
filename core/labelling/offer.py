"""Which ways to choose the next row a data set is offered, and what answers the small model can learn. Light: the page asks it."""

from __future__ import annotations

from dataclasses import dataclass

from core.data.state import State
from core.labelling.strategies import STRATEGIES
from core.tasks.base import Link
from core.words import Message

ALWAYS = ("random", "file")


@dataclass(frozen=True)
class Way:
    """A way to choose: its name, its title and a sentence that says what it does."""

    name: str
    title: Message
    sentence: Message


FILE = Way("file", Message("In file order"), Message("One row after the other, as they stand in the file."))
DISAGREE = Way(
    "disagree",
    Message("It disagrees"),
    Message("Labelled texts to which a model that has not seen them gives another label, the surest first."),
)


def link_of(state: State) -> Link | str:
    """softmax | sigmoid | identity for a layer on vectors, "marks" for the tagger, "" where answers cannot be learnt so quickly."""
    target = state.shape.target
    if target is None or any(part.kind in ("choices", "messages") for part in state.shape.inputs):
        return ""
    if state.shape.by_label:
        return "softmax"
    kinds: dict[str, Link | str] = {"categories": "sigmoid", "number": "identity", "spans": "marks"}
    return kinds.get(target.kind, "")


def ways(link: str) -> list[Way]:
    """The ways to choose the next row, the proposed one first."""
    names = {
        "softmax": tuple(STRATEGIES),
        "sigmoid": tuple(STRATEGIES),
        "identity": ("helpful", "margin", "typical", "diverse", "similar", "random"),
        "marks": ("helpful", "random"),
        "": ("typical", "diverse", "similar", "random"),
    }[link]
    found = [Way(one.name, one.title, one.sentence) for one in map(STRATEGIES.__getitem__, names)]
    return [*found, *([DISAGREE] if link in ("softmax", "sigmoid") else []), FILE]
