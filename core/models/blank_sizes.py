"""The sizes of blank models, as values in a table, and how many weights each has. Builds nothing; `core.models.blank` does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from core.errors import ModelError
from core.words import Message

BlankKind = Literal["causal", "seq2seq", "image"]


@dataclass(frozen=True)
class Size:
    """One size of a blank model. `longest` counts tokens; for images it is the edge in pixels."""

    kind: BlankKind
    name: str
    title: Message
    width: int
    layers: int  # of encoder and decoder each; of an image model the stages
    heads: int
    inner: int  # width of the feed-forward layers; of an image model that of the last stage
    longest: int

    @property
    def id(self) -> str:
        return f"blank:{self.kind}-{self.name}"

    def parameters(self, vocabulary: int = 4_096) -> int:
        """Weights of a model with so many pieces of vocabulary (images: with two labels)."""
        return PARAMETERS[self.kind](self, vocabulary)


SIZES: dict[str, Size] = {
    size.id: size
    for size in (
        Size("causal", "tiny", Message("tiny"), 64, 3, 4, 172, 512),
        Size("causal", "small", Message("small"), 192, 4, 6, 512, 512),
        Size("causal", "medium", Message("medium"), 384, 8, 6, 1_024, 1_024),
        Size("seq2seq", "tiny", Message("tiny"), 64, 2, 4, 256, 256),
        Size("seq2seq", "small", Message("small"), 192, 3, 6, 768, 256),
        Size("seq2seq", "medium", Message("medium"), 384, 4, 6, 1_536, 512),
        Size("image", "tiny", Message("tiny"), 16, 3, 1, 64, 64),
        Size("image", "small", Message("small"), 32, 4, 1, 256, 96),
        Size("image", "medium", Message("medium"), 64, 4, 1, 512, 128),
    )
}


def sizes(kind: BlankKind) -> tuple[Size, ...]:
    """The sizes of one kind, smallest first."""
    return tuple(size for size in SIZES.values() if size.kind == kind)


def size_of(kind: str, name: str) -> Size:
    """The size of that name. Raises ModelError with the names that exist."""
    known = SIZES.get(f"blank:{kind}-{name}")
    if known is None:
        raise ModelError(
            Message("There is no blank model called “{name}”.", name=f"{kind}-{name}"),
            fix=Message("Choose one of {names}.", names=", ".join(i.removeprefix("blank:") for i in SIZES)),
        )
    return known


def stages(size: Size) -> list[int]:
    """Channels of the stages of an image model; each doubles, the last has `inner`."""
    return [size.inner // 2 ** (size.layers - 1 - i) for i in range(size.layers)]


# How many weights, without building anything -------------------------------------------------------------------------


def _causal_weights(size: Size, vocabulary: int) -> int:
    w = size.width
    return vocabulary * w + size.layers * (4 * w * w + 3 * w * size.inner + 2 * w) + w


def _seq2seq_weights(size: Size, vocabulary: int) -> int:
    w, inner = size.width, size.inner
    attention, norm, forward = 4 * (w * w + w), 2 * w, 2 * w * inner + inner + w
    layers = size.layers * ((attention + forward + 2 * norm) + (2 * attention + forward + 3 * norm))
    places = 2 * size.longest * w  # sines: fixed, but in the file
    return vocabulary * w + places + layers + 2 * norm


def _image_weights(size: Size, vocabulary: int) -> int:
    total, before = 7 * 7 * 3 * size.width + 2 * size.width, size.width
    for place, w in enumerate(stages(size)):
        total += 9 * before * w + 3 * (9 * w * w) + 4 * 2 * w  # two blocks of two convolutions, each with its norm
        if before != w or place:  # a shortcut that changes the shape
            total += before * w + 2 * w
        before = w
    return total + 2 * before + 2


PARAMETERS: dict[str, Callable[[Size, int], int]] = {
    "causal": _causal_weights,
    "seq2seq": _seq2seq_weights,
    "image": _image_weights,
}
