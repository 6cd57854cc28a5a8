"""What the figures mean, in sentences. Knows counts only; neither runs nor models.

How sure a difference is comes from the exact McNemar test on the paired answers: p below 0.05 "unlikely to be luck", below
0.2 "may be luck", else "no clear difference". With fewer than 50 texts nothing is called sure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.evaluation.metrics import LabelFigures, mcnemar, wilson
from core.words import Message, plural

FEW = 50


@dataclass(frozen=True)
class Pair:
    """Two models on the same texts: texts the second gets right and the first does not, and the other way round."""

    mended: int
    broken: int

    @property
    def p(self) -> float:
        return mcnemar(self.mended, self.broken)

    @property
    def gain(self) -> int:
        return self.mended - self.broken

    def as_json(self) -> dict[str, Any]:
        return {"mended": self.mended, "broken": self.broken, "p": self.p, "luck": luck(self.p).as_json()}


def luck(p: float) -> Message:
    """How to speak of a difference with this p."""
    if p < 0.05:
        return Message("unlikely to be luck")
    if p < 0.2:
        return Message("may be luck")
    return Message("no clear difference")


def verdict(
    right: int,
    total: int,
    names: Sequence[str],
    figures: Sequence[LabelFigures],
    *,
    split: str = "test",
    counting: Pair | None = None,
    before: Pair | None = None,
    before_right: int | None = None,
    only_last_layer: bool = False,
    classic: bool = False,
) -> dict[str, Any]:
    """The four parts, each a Message or None, as JSON: `answers`, `mind`, `expect`, `tuning`; and `caution` before them.

    `counting` and `before` pair this run with word counting and with the model before tuning; None while not known.
    """
    few = total < FEW
    low, high = wilson(right, total)
    parts: dict[str, Message | None] = {
        "caution": _caution(total, split),
        "answers": _answers(right, total, split, counting, few),
        "mind": _mind(names, figures),
        "expect": Message(
            "With other test texts of this kind, expect between {a} and {b} of 100 right.",
            a=math.floor(low * 100),
            b=math.ceil(high * 100),
        ),
        "tuning": _tuning(total, before, before_right, few, only_last_layer, classic),
    }
    return {name: part.as_json() if part else None for name, part in parts.items()} | {
        "weakest": _weakest(names, figures)
    }


def _caution(total: int, split: str) -> Message | None:
    if split != "test":
        return Message(
            "No texts were kept aside for the final test, so these are the ones the run was steered by. Expect a little less "
            "on new texts."
        )
    if total < FEW:
        return Message("Too few test texts for a firm answer")
    return None


def _answers(right: int, total: int, split: str, counting: Pair | None, few: bool) -> Message:
    if split != "test":
        return Message("It answers {k} of {n} validation texts correctly.", k=right, n=total)
    if counting is None:
        return Message("It answers {k} of {n} unseen texts correctly.", k=right, n=total)
    d = counting.gain
    if d == 0:
        return Message(
            "It answers {k} of {n} unseen texts correctly, as many as plain word counting.", k=right, n=total
        )
    if few or counting.p >= 0.2:
        return Message(
            "It answers {k} of {n} unseen texts correctly; plain word counting answers {c}: no clear difference.",
            k=right,
            n=total,
            c=right - d,
        )
    if d > 0 and counting.p < 0.05:
        return Message(
            "It answers {k} of {n} unseen texts correctly, and beats plain word counting by {d}.", k=right, n=total, d=d
        )
    if d > 0:
        return Message(
            "It answers {k} of {n} unseen texts correctly, {d} more than plain word counting, which may be luck.",
            k=right,
            n=total,
            d=d,
        )
    return Message(
        "It answers {k} of {n} unseen texts correctly; plain word counting answers {d} more.", k=right, n=total, d=-d
    )


def _mind(names: Sequence[str], figures: Sequence[LabelFigures]) -> Message | None:
    weakest = _weakest(names, figures)
    if weakest is None:
        return None
    return plural(
        weakest["support"],
        "Mind {label}: its only text went elsewhere.",
        "Mind {label}: {x} of its {y} texts went elsewhere.",
        label=weakest["label"],
        x=weakest["missed"],
        y=weakest["support"],
    )


def _weakest(names: Sequence[str], figures: Sequence[LabelFigures]) -> dict[str, Any] | None:
    """The label most surely missed: the highest lower end of the interval of its missed share, so that one missed text of
    one does not outweigh twenty of forty."""
    worst, worst_low = None, 0.0
    for name, f in zip(names, figures, strict=True):
        missed = f.support - round((f.recall or 0.0) * f.support)
        low = wilson(missed, f.support)[0] if missed else 0.0
        if missed and low > worst_low:
            worst, worst_low = {"label": name, "missed": missed, "support": f.support}, low
    return worst


def _tuning(
    total: int, before: Pair | None, before_right: int | None, few: bool, only_last_layer: bool, classic: bool
) -> Message | None:
    if classic:
        return None
    if only_last_layer:
        return Message("This run learned only the last layer. Tuning more of the model may bring more.")
    if before is None or before_right is None:
        return None
    wrong, d = total - before_right, before.gain
    if d == 0:
        return Message("Tuning leaves as many mistakes as the untouched model made: {n}.", n=wrong)
    if d < 0:
        return _lost(-d, before.p, few)
    if few or before.p >= 0.2:
        return Message("Tuning removed {d} of the untouched model’s {w} mistakes; no clear difference.", d=d, w=wrong)
    if before.p >= 0.05:
        return Message(
            "Tuning removed {d} of the untouched model’s {w} mistakes; a gain this size may be luck.", d=d, w=wrong
        )
    return Message(
        "Tuning removed {d} of the untouched model’s {w} mistakes; a gain this size is unlikely to be luck.",
        d=d,
        w=wrong,
    )


def _lost(more: int, p: float, few: bool) -> Message:
    """Tuning made more mistakes than it mended; said as firmly as the test texts allow."""
    if few or p >= 0.2:
        return Message("Tuning made {d} more mistakes than the untouched model; no clear difference.", d=more)
    if p >= 0.05:
        return Message("Tuning made {d} more mistakes than the untouched model; that may be luck.", d=more)
    return Message("The untouched model does better here. Use that, or add labels.")
