"""Counted pieces of text (n-grams) with a linear layer: learns in seconds, serves every language, can be explained.

Words are runs of letters and digits; characters are counted over the text with its white space made single. Weights of pieces are
(1 + log count) * idf at unit length, as scikit-learn's TfidfVectorizer(sublinear_tf=True) gives them; a test holds the two equal.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from core.errors import ModelError
from core.words import Message
from core.workspace import read_json, write_json

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from core.tasks.base import Prediction, Row

WORD = re.compile(r"\w+")
SPACE = re.compile(r"\s+")
UNSPACED = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\u3040-\u30ff\u0e00-\u0eff\U00020000-\U0002ffff]")
MOST_WEIGHTS = 8_000_000  # pieces times labels: what a fit holds in memory a dozen times over
BLOCK = 10_000  # texts between two words of progress


@dataclass(frozen=True)
class Counting:
    """What is counted: words, characters or both, and of which lengths."""

    words: tuple[int, int] | None  # shortest and longest, in words
    characters: tuple[int, int] | None

    def pieces(self, text: str) -> Iterator[str]:
        """Every piece of the text as often as it stands there; words are marked by a leading tab."""
        text = text.lower()
        if self.words:
            tokens = WORD.findall(text)
            for n in range(self.words[0], self.words[1] + 1):
                for i in range(len(tokens) - n + 1):
                    yield "\t" + " ".join(tokens[i : i + n])
        if self.characters:
            line = SPACE.sub(" ", text)
            for n in range(self.characters[0], self.characters[1] + 1):
                for i in range(len(line) - n + 1):
                    yield line[i : i + n]


def counting(settings: Any, texts: Sequence[str]) -> Counting:
    """`auto`: characters where words are not separated by spaces, else words and characters."""
    span = (settings.ngram_low, max(settings.ngram_low, settings.ngram_high))
    chosen = settings.analyzer
    if chosen == "auto":
        chosen = "char" if unspaced(texts) else "both"
    if chosen == "char":
        return Counting(None, span)
    if chosen == "word":
        return Counting(span, None)
    return Counting(span, (span[0] + 1, span[1] + 2))


def unspaced(texts: Sequence[str]) -> bool:
    """Whether most letters are of scripts that write words without spaces (Chinese, Japanese, Thai, ...)."""
    sample = "".join(texts[:: max(1, len(texts) // 2_000)][:2_000])
    letters = sum(c.isalpha() for c in sample)
    return letters > 0 and len(UNSPACED.findall(sample)) > 0.3 * letters


class Vocabulary:
    """The pieces that count, each with its column and the weight of its rarity (idf)."""

    def __init__(self, counting: Counting, pieces: Sequence[str], idf: np.ndarray):
        self.counting = counting
        self.pieces = list(pieces)
        self.columns = {piece: i for i, piece in enumerate(self.pieces)}
        self.idf = np.asarray(idf, dtype=np.float32)

    @staticmethod
    def learn(texts: Sequence[str], counting: Counting, least: int, most: int, progress: Any = None) -> Vocabulary:
        """Pieces that stand in at least `least` texts, the `most` frequent of them, in the order of the alphabet."""
        stand_in: Counter[str] = Counter()
        for i, text in enumerate(texts):
            stand_in.update(set(counting.pieces(text)))
            if i % BLOCK == 0:
                if progress:
                    progress(i, len(texts))
                if len(stand_in) > 8 * max(most, 500_000):  # a bound on memory: what is rare so far goes first
                    stand_in = Counter({p: n for p, n in stand_in.items() if n > 1})
        kept = [(p, n) for p, n in stand_in.items() if n >= least] or list(stand_in.items())
        if len(kept) > most:
            kept = sorted(kept, key=lambda item: (-item[1], item[0]))[:most]
        if not kept:
            raise ModelError(Message("There is nothing to count: the training texts hold no letters."))
        kept.sort()
        idf = np.log((1 + len(texts)) / (1 + np.array([n for _, n in kept]))) + 1
        return Vocabulary(counting, [p for p, _ in kept], idf)

    def features(self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> csr_matrix:
        """(texts, pieces), rows of unit length."""
        from scipy.sparse import csr_matrix

        columns: list[np.ndarray] = []
        values: list[np.ndarray] = []
        ends = np.zeros(len(texts) + 1, dtype=np.int64)
        for i, text in enumerate(texts):
            counts = Counter(c for c in map(self.columns.get, self.counting.pieces(text)) if c is not None)
            at = np.fromiter(sorted(counts), dtype=np.int32, count=len(counts))
            weight = (1 + np.log(np.array([counts[c] for c in at.tolist()], dtype=np.float32))) * self.idf[at]
            columns.append(at)
            values.append(weight / max(float(np.linalg.norm(weight)), 1e-12))
            ends[i + 1] = ends[i] + len(at)
            if progress and i % BLOCK == 0:
                progress(i, len(texts))
        shape = (len(texts), len(self.pieces))
        if not columns:
            return csr_matrix(shape, dtype=np.float32)
        return csr_matrix((np.concatenate(values), np.concatenate(columns), ends), shape=shape, dtype=np.float32)


@dataclass
class Classic:
    """See core.models.loading.Answering. weight (labels, pieces), bias (labels,)."""

    vocabulary: Vocabulary
    weight: np.ndarray
    bias: np.ndarray
    labels: tuple[str, ...]
    task: str
    extra: Mapping[str, Any] = field(default_factory=dict)
    max_length: int = 0
    kind: Literal["classic"] = "classic"

    def answer(self, rows: Sequence[Row], progress: Callable[[int, int], None] | None = None) -> list[Prediction]:
        from core.tasks import task
        from core.tasks.base import Example, Labels

        nothing = np.zeros(0, dtype=np.int32)
        labels = Labels(self.labels, (0,) * len(self.labels), self.extra)
        found = self.scores([str(row["text"]) for row in rows], progress)
        return task(self.task).decode(list(found), rows, [Example(i, nothing) for i in range(len(rows))], labels)

    def probabilities(self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> np.ndarray:
        return softmax(self.scores(texts, progress))

    def scores(self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> np.ndarray:
        """What the last layer says, (texts, labels), before it becomes probabilities."""
        out = np.zeros((len(texts), len(self.labels)), dtype=np.float32)
        for start in range(0, len(texts), BLOCK):
            part = slice(start, min(start + BLOCK, len(texts)))
            out[part] = self.vocabulary.features(texts[part]) @ self.weight.T + self.bias
            if progress:
                progress(part.stop, len(texts))
        return out

    def save(self, folder: Path, about: dict[str, Any]) -> None:
        from safetensors.numpy import save_file

        from core.models.loading import replacing

        with replacing(folder) as new:
            save_vocabulary(self.vocabulary, new)
            save_file(
                {
                    "weight": self.weight.astype(np.float32),
                    "bias": self.bias.astype(np.float32),
                    "idf": self.vocabulary.idf,
                },
                new / "weights.safetensors",
            )
            hone = {"format": 1, "kind": "classic", "task": self.task, "labels": list(self.labels), "max_length": 0}
            write_json(new / "hone.json", {**hone, **about})

    @staticmethod
    def load(folder: Path) -> Classic:
        from safetensors.numpy import load_file

        about, weights = read_json(folder / "hone.json"), load_file(folder / "weights.safetensors")
        vocabulary = load_vocabulary(folder, weights["idf"])
        return Classic(
            vocabulary,
            weights["weight"],
            weights["bias"],
            tuple(about["labels"]),
            about["task"],
            about.get("extra") or {},
        )


def save_vocabulary(vocabulary: Vocabulary, folder: Path) -> None:
    """vocabulary.json: what is counted, and the pieces in the order of their columns (words with a leading tab)."""
    told = {"format": 1, **asdict(vocabulary.counting), "pieces": vocabulary.pieces}
    (folder / "vocabulary.json").write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")


def load_vocabulary(folder: Path, idf: np.ndarray) -> Vocabulary:
    told = read_json(folder / "vocabulary.json")
    spans = {k: tuple(told[k]) if told[k] else None for k in ("words", "characters")}
    return Vocabulary(Counting(**spans), told["pieces"], idf)


def softmax(logits: np.ndarray) -> np.ndarray:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)
