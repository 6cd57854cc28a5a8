"""What there is to know of the texts before a model is chosen: how many, how long, in which language, known to the bundled base or not.

Lengths and tokens come from a sample of a large data set; counts are exact. Token counts need the tokenizer's file only, never torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from core.data.browse import counts
from core.data.languages import language
from core.data.state import State
from core.data.tokens import LONGEST, token_counts

SAMPLE = 20_000  # texts looked at for lengths
TOKENIZED = 3_000  # texts tokenized
PERCENTILES = (5, 25, 50, 75, 90, 95, 99, 100)


@dataclass(frozen=True)
class Facts:
    """`rows` labelled rows by split; `words`, `characters`, `tokens` percentile -> value; `unknown_share` of the bundled base's tokens.

    `language`: a two-letter guess or "". `spaces`: are words set apart by spaces? `sampled`: texts the lengths come from.
    """

    rows: dict[str, int] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    characters: dict[int, float] = field(default_factory=dict)
    words: dict[int, float] = field(default_factory=dict)
    tokens: dict[int, float] = field(default_factory=dict)
    mean_words: float = 0.0
    mean_characters: float = 0.0
    unknown_share: float = 0.0
    language: str = ""
    spaces: bool = True
    sampled: int = 0
    version: int = 0
    task: str = "classification"
    unlabelled: int = 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def facts(state: State) -> Facts:
    """Kept until the data set changes; texts are looked at anew only when texts have changed."""
    if "facts" not in state.memory:
        seen = counts(state)
        state.memory["facts"] = Facts(
            rows=dict(seen.splits),
            labels=dict(seen.labels),
            version=state.version,
            task=state.shape.task,
            unlabelled=seen.unlabelled,
            **_looks(state),
        )
    found: Facts = state.memory["facts"]
    return found


def lengths(
    state: State, tokens: Callable[[Sequence[str]], Sequence[int]] | None = None, bins: int = 20
) -> dict[str, Any]:
    """A histogram {"unit": words | characters | tokens, "edges": [...], "counts": [...], "n", "longest"}.

    `tokens` counts the tokens of some texts; without it words are counted, or characters where words are not set apart. The last bin also
    holds what is longer than nearly all (99.5 %), so that one long text does not squeeze the picture.
    """
    texts = _sample(state, SAMPLE)
    if not texts:
        return {"unit": "words", "edges": [0, 1], "counts": [0], "n": 0, "longest": 0}
    if tokens is not None:
        unit, values = "tokens", np.asarray(tokens(texts))
    elif facts(state).spaces:
        unit, values = "words", np.array([len(text.split()) for text in texts])
    else:
        unit, values = "characters", np.array([len(text.strip()) for text in texts])
    top = max(1, int(np.ceil(np.percentile(values, 99.5))))
    step = max(1, -(-(top + 1) // bins))
    edges = np.arange(0, step * bins + 1, step)
    edges = edges[: int(np.searchsorted(edges, top, side="right")) + 1]
    histogram, _ = np.histogram(np.minimum(values, edges[-1] - 1), edges)
    return {
        "unit": unit,
        "edges": edges.tolist(),
        "counts": histogram.tolist(),
        "n": len(texts),
        "longest": int(values.max()),
    }


def numbers(state: State, bins: int = 20) -> list[dict[str, Any]]:
    """A histogram [{"low", "high", "count"}] of the target's numbers in rows that can take part; one bar a value where there are few."""
    if "numbers" not in state.memory:
        places = np.flatnonzero(state.usable & (state.label >= 0)).tolist()
        values = np.array([float(state.value(place)) for place in places], dtype=float)
        different, counts = np.unique(values, return_counts=True)
        if len(different) <= bins:
            found = [(v, v, n) for v, n in zip(different.tolist(), counts.tolist(), strict=True)]
        else:
            histogram, edges = np.histogram(values, bins)
            found = list(zip(edges.tolist(), edges[1:].tolist(), histogram.tolist(), strict=False))
        state.memory["numbers"] = [{"low": low, "high": high, "count": n} for low, high, n in found]
    told: list[dict[str, Any]] = state.memory["numbers"]
    return told


def _looks(state: State) -> dict[str, Any]:
    """Everything that follows from the texts alone."""
    memory = state.text_memory
    if "looks" not in memory:
        texts = _sample(state, SAMPLE)
        name, spaces = language(texts)
        words = np.array([len(t.split()) for t in texts] or [0])
        characters = np.array([len(t.strip()) for t in texts] or [0])
        tokens, unknown = token_counts(texts[:: max(1, len(texts) // TOKENIZED)][:TOKENIZED])
        memory["looks"] = {
            "characters": _percentiles(characters),
            "words": _percentiles(words),
            "tokens": _percentiles(np.array(tokens)) if tokens else {},
            "mean_words": round(float(words.mean()), 1),
            "mean_characters": round(float(characters.mean()), 1),
            "unknown_share": round(sum(unknown) / max(1, sum(tokens) - 2 * len(tokens)), 4),
            "language": name,
            "spaces": spaces,
            "sampled": len(texts),
        }
    found: dict[str, Any] = memory["looks"]
    return found


def _sample(state: State, most: int) -> list[str]:
    """Texts that are not empty, evenly spread."""
    places = np.flatnonzero(~state.empty)
    if len(places) > most:
        places = places[np.linspace(0, len(places) - 1, most).astype(np.int64)]
    first = state.shape.inputs[0]
    read = [part.role for part in state.shape.inputs if part.kind == "text"]
    if first.kind == "text" and len(read) > 1:  # what a row holds in all is what a model may have to read
        return ["\n".join(str(row[role]) for role in read if row[role])[:LONGEST] for row in state.inputs(places)]
    if first.kind == "text":
        return [text[:LONGEST] for text in state.texts(places)]
    if first.kind != "messages":
        return []
    turns = (row[first.role] or [] for row in state.inputs(places))
    return ["\n".join(turn["content"] for turn in one)[:LONGEST] for one in turns]


def _percentiles(values: Any) -> dict[int, float]:
    return {p: round(float(np.percentile(values, p)), 1) for p in PERCENTILES}
