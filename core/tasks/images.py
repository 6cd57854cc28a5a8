"""One picture, one label. What goes through the model is what the base's own image processor makes of a picture.

A row's picture is the path of its file. An example holds the small upright picture as numbers while there is room, else its path; its
`input_ids` are empty places that only say how much it costs. While it learns, pictures vary: flipped, cut out and tinted a little, by
chance of its own for each round, so that a run that is resumed sees the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import DataError
from core.tasks.base import (
    Annotation,
    Column,
    Example,
    Family,
    Figure,
    Labels,
    Link,
    Rival,
    Row,
    Score,
    Trait,
)
from core.tasks.classification import Classification
from core.tasks.sorting import by_label, commonest, surest_mistakes
from core.words import Message, plural

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

ROOM = 1 << 30  # bytes of small pictures kept in memory; further ones are opened again each round
SPARE = 1.15  # how much larger than the model's edge a kept picture is, for cutting out
PATCH = 8  # pixels an edge that count as one token of a text, where batches are measured
SAMPLES = 24
SHOWN = 12  # pictures behind a cell of the matrix


class Images(Classification):
    name = "images"
    things = "pictures"
    traits: tuple[Trait, ...] = ("labels", "smoothed", "weighed", "drawn", "mixes")
    title = Message("Sort pictures under labels")
    help = Message("Each picture gets one of your labels. Bring a zip with a folder for each label.")
    columns: tuple[Column, ...] = (
        Column(
            "image",
            "image",
            Message("The pictures are in"),
            Message("What the model looks at."),
            names=("image", "picture", "photo", "file", "filename", "path", "图片", "照片", "文件"),
        ),
        Column(
            "label",
            "category",
            Message("The label is in"),
            Message("What the model learns to answer. Without it, you label by hand."),
            required=False,
            target=True,
        ),
    )
    annotation = Annotation("single", Message("What is in this picture?"))
    scores: tuple[Score, ...] = (
        Score("accuracy", Message("Share right"), Message("Of 100 pictures, how many get the right label (accuracy).")),
        Score("macro_f1", Message("Mean of labels"), Message("Every label counts the same, however rare (macro F1).")),
    )
    figures: tuple[Figure, ...] = (
        Figure("labels", Message("Label by label"), "table"),
        Figure("confusion", Message("What it confuses. Rows: what is right. Columns: what it said."), "matrix"),
        Figure("samples", Message("Its surest mistakes"), "samples"),
    )
    family: Family = "image"
    link: Link | None = None
    usual: Mapping[str, Any] = {
        "base": "blank:image-small",
        "start_from_probe": False,
        "batch_size": 16,
        "epochs": 30.0,
        "evaluations": 1.0,
        "patience": 8,
    }

    # What is learnt -------------------------------------------------------------------------------------------------

    def model(self, source: Any, labels: Labels, settings: Any) -> torch.nn.Module:
        from core.models.loading import new_whole

        return new_whole(source, "image-classification", labels.names, dropout=settings.dropout)

    def encode(self, rows: Sequence[Row], processor: Any, settings: Any) -> Iterable[Example]:
        """One example a row; DataError where its picture is none."""
        from core.data.images import look

        edge = edge_of(processor)
        cost = np.zeros(max(1, (edge // PATCH) ** 2), dtype=np.int32)
        room = ROOM
        for i, row in enumerate(rows):
            path = _path(row)
            pixels = np.asarray(look(path, round(SPARE * edge)), dtype=np.uint8)
            room -= pixels.nbytes
            yield Example(i, cost, {"pixels": pixels} if room >= 0 else {"path": path})

    def arrange(self, examples: Sequence[Example], settings: Any, seed: int) -> list[list[Example]]:
        """Every picture once, in random order; with `settings.augmentation` each is told the chance by which it varies this round."""
        from core.training.batches import shuffled

        batches = shuffled(examples, settings.batch_size, seed)
        if not settings.augmentation:
            return batches
        return [
            [Example(e.row, e.input_ids, {**e.extra, "chance": (seed, e.number + 1)}, e.number) for e in batch]
            for batch in batches
        ]

    def collate(
        self, examples: Sequence[Example], targets: Sequence[int] | None, processor: Any
    ) -> dict[str, torch.Tensor]:
        """pixel_values (batch, 3, height, width) as the processor makes them, targets (batch,)."""
        import torch

        seen = [_seen(example, edge_of(processor)) for example in examples]
        batch = {"pixel_values": processor(images=seen, return_tensors="pt")["pixel_values"]}
        if targets is not None:
            batch["targets"] = torch.tensor(targets, dtype=torch.long)
        return batch

    def forward(self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Logits (batch, labels)."""
        found: torch.Tensor = model(pixel_values=batch["pixel_values"]).logits
        return found

    # What it reaches ------------------------------------------------------------------------------------------------

    def credit(self, row: Row, prediction: Any, labels: Labels) -> float:
        """The probability it gave to the right label, so that sure mistakes stand first; 1 and 0.5 at least and at most for right and wrong."""
        share = float(prediction.probabilities.get(row["label"], 0.0))
        return 1.0 if prediction.label == row["label"] else min(share, 0.49)

    def report(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> Mapping[str, Any]:
        return {
            "labels": by_label(rows, predictions, labels.names, Message("pictures")),
            "confusion": _confusion(rows, predictions, labels),
            "samples": {"rows": surest_mistakes(rows, predictions, lambda row: {"image": _name(row)}, SAMPLES)},
        }

    def rivals(
        self,
        train: Sequence[Row],
        validation: Sequence[Row],
        asked: Sequence[Row],
        labels: Labels,
        cancelled: Callable[[], bool],
    ) -> Iterable[Rival]:
        """Always the commonest label; and a logistic regression that sees only colours and a tiny grey picture."""
        yield commonest(train, asked, labels, lambda label: Message("Says “{label}” to every picture.", label=label))
        from core.tasks.histograms import contender

        said = contender(train, validation, asked, labels, cancelled)
        detail = plural(
            len(train),
            "A logistic regression on colours and a tiny grey copy, learnt from one picture.",
            "A logistic regression on colours and tiny grey copies, learnt from {n:,} pictures.",
        )
        yield Rival("histograms", Message("Colours alone"), detail, said)


# Pictures ------------------------------------------------------------------------------------------------------------


def edge_of(processor: Any) -> int:
    """Pixels of the shorter edge of what the model sees."""
    for sizes in (getattr(processor, "crop_size", None), getattr(processor, "size", None)):
        told = dict(sizes) if sizes else {}
        found = [int(told[name]) for name in ("height", "width", "shortest_edge") if told.get(name)]
        if found:
            return min(found)
    return 224


def _path(row: Row) -> Path:
    if not row.get("image"):
        raise DataError(Message("A row has no picture."), fix=Message("Leave it out, or give it one."))
    return Path(row["image"])


def _seen(example: Example, edge: int) -> Image:
    """The picture of an example, varied where it is learnt from."""
    from PIL import Image

    from core.data.images import look

    if "pixels" in example.extra:
        picture = Image.fromarray(example.extra["pixels"])
    else:
        picture = look(example.extra["path"], round(SPARE * edge))
    chance = example.extra.get("chance")
    return picture if chance is None else varied(picture, np.random.default_rng(chance))


def varied(picture: Image, dice: np.random.Generator) -> Image:
    """Flipped sideways half the time, a part of 70 to 100 % of its area at its own proportions within a fifth, brightness, contrast and
    colour within a fifth. The cut is that of Szegedy et al. 2015 with a larger least area, because few pictures are learnt from."""
    from PIL import Image, ImageEnhance

    flip, area, shape, left, top = dice.random(5)
    if flip < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    scale, ratio = (0.7 + 0.3 * area) ** 0.5, 1.2 ** (shape - 0.5)
    width = max(1, min(picture.width, round(picture.width * scale * ratio)))
    height = max(1, min(picture.height, round(picture.height * scale / ratio)))
    x, y = round(left * (picture.width - width)), round(top * (picture.height - height))
    picture = picture.crop((x, y, x + width, y + height))
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        picture = enhance(picture).enhance(0.8 + 0.4 * float(dice.random()))
    return picture


# Figures -------------------------------------------------------------------------------------------------------------


def _name(row: Row) -> str:
    """As the page knows it."""
    return Path(row["image"] or "").name


def _confusion(rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> dict[str, Any]:
    """Counts, and behind each cell the pictures of which it was surest."""
    cells: dict[tuple[int, int], list[tuple[float, str]]] = defaultdict(list)
    for row, p in zip(rows, predictions, strict=True):
        cell = labels.index(row["label"]), labels.index(p.label)
        cells[cell].append((-p.probabilities[p.label], _name(row)))
    names = list(labels.names)
    return {
        "rows": names,
        "columns": names,
        "cells": [[*cell, len(found)] for cell, found in sorted(cells.items())],
        "pictures": [[*cell, [name for _, name in sorted(found)[:SHOWN]]] for cell, found in sorted(cells.items())],
    }
