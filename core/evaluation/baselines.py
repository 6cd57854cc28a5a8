"""What a run must beat, on the same test texts: always the commonest label, and plain counting of words or characters.

Knows texts and label numbers; no runs, no files. The third contender, the model before tuning, is in `core.evaluation.before`.
"""

from __future__ import annotations

import random
import unicodedata
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import Cancelled

MOST_TEXTS = 100_000  # word counting learns from at most so many texts; more change its score by fractions of a point
SEARCH_TEXTS = 30_000  # up to here several settings are tried and validation decides
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN", "BOPOMOFO")


@dataclass(frozen=True)
class Counting:
    """Answers of word counting. `characters`: it counted characters, since words are not separated by spaces."""

    predicted: np.ndarray
    characters: bool
    learnt_from: int
    ngrams: tuple[int, int]
    regularization: float


def majority(train: Sequence[int], labels: int) -> int:
    """The commonest label among the training texts; the first of equals."""
    return int(np.bincount(np.asarray(train, dtype=np.int64), minlength=labels).argmax())


def counting(
    train: Sequence[str],
    train_labels: Sequence[int],
    validation: Sequence[str],
    validation_labels: Sequence[int],
    test: Sequence[str],
    *,
    seed: int = 7,
    cancelled: Callable[[], bool] = lambda: False,
) -> Counting:
    """TF-IDF of words (or characters) with a multinomial logistic regression, fitted on `train`.

    A fair rival is tuned a little too: up to 30,000 texts, four settings are fitted and validation picks one.
    """
    train, train_labels = _at_most(train, train_labels, MOST_TEXTS, seed)
    characters = not words_are_separated(train)
    choices = [(_ngrams(characters, wide), c) for wide in (False, True) for c in (1.0, 10.0)]
    if len(train) > SEARCH_TEXTS or len(validation) < 20 or len(set(train_labels)) < 2:
        choices = [(_ngrams(characters, True), 10.0)]
    best, best_right = None, -1
    for ngrams, c in choices:
        if cancelled():
            raise Cancelled
        say = _fitted(train, train_labels, characters, ngrams, c)
        right = int((say(validation) == np.asarray(validation_labels)).sum()) if len(choices) > 1 else 0
        if right > best_right:
            best, best_right = (say, ngrams, c), right
    assert best is not None
    say, ngrams, c = best
    return Counting(say(test), characters, len(train), ngrams, c)


def words_are_separated(texts: Sequence[str], sample: int = 500) -> bool:
    """Whether words stand apart by spaces: false when over a third of the letters belong to a script that sets none."""
    letters: Counter[str] = Counter()
    step = max(1, len(texts) // sample)
    for text in texts[::step]:
        letters.update(c for c in text[:500] if c.isalpha())
    total = sum(letters.values())
    unspaced = sum(n for c, n in letters.items() if ord(c) > 0xE00 and unicodedata.name(c, "").startswith(UNSPACED))
    return unspaced * 3 <= total


def _ngrams(characters: bool, wide: bool) -> tuple[int, int]:
    if characters:
        return (1, 3) if wide else (1, 2)
    return (1, 2) if wide else (1, 1)


def _fitted(
    texts: Sequence[str], labels: Sequence[int], characters: bool, ngrams: tuple[int, int], c: float
) -> Callable[[Sequence[str]], np.ndarray]:
    """Fit, and give back a function from texts to label numbers."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    if len(set(labels)) < 2:
        return _always(int(labels[0]))
    counter = TfidfVectorizer(
        analyzer="char" if characters else "word",
        token_pattern=None if characters else r"(?u)\b\w+\b",
        ngram_range=ngrams,
        min_df=2 if len(texts) >= 200 else 1,
        max_features=300_000,
        sublinear_tf=True,
        dtype=np.float32,
    )
    try:
        features = counter.fit_transform(texts)
    except ValueError:  # no word at all, or none that stands in two texts
        return _always(majority(labels, max(labels) + 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=c, max_iter=200, tol=1e-3).fit(features, labels)
    return lambda asked: model.predict(counter.transform(asked)) if len(asked) else np.zeros(0, dtype=np.int64)


def _always(label: int) -> Callable[[Sequence[str]], np.ndarray]:
    return lambda texts: np.full(len(texts), label, dtype=np.int64)


def _at_most(texts: Sequence[str], labels: Sequence[int], most: int, seed: int) -> tuple[Sequence[str], Sequence[int]]:
    if len(texts) <= most:
        return texts, labels
    chosen = sorted(random.Random(seed).sample(range(len(texts)), most))
    return [texts[i] for i in chosen], [labels[i] for i in chosen]
