"""How right an extracted answer is: exact match and F1 by SQuAD's definition, and by characters for Chinese, Japanese and Korean.

Latin scripts: the official script of SQuAD 1.1 and 2.0 (Rajpurkar et al. 2016, 2018): lower case, without punctuation and the articles
a, an, the; F1 over the bag of words. Where an answer has Chinese, Japanese or Korean characters, the definition of MLQA for Chinese
(Lewis et al. 2020): each such character is a word of its own, all Unicode punctuation goes, articles stay. Of several gold answers the best
counts; a question without an answer is right only when nothing is said. Texts in, numbers out.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np

from core.data.places import is_wide

ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = frozenset(string.punctuation)


def exact_match(golds: Sequence[str], said: str) -> float:
    """1 if `said` is one of the gold answers but for case, punctuation and articles; no gold answers: 1 if nothing was said."""
    return max(float(_words(gold, said) == _words(said, gold)) for gold in _golds(golds))


def f1(golds: Sequence[str], said: str) -> float:
    """The best agreement of words with one of the gold answers, 0 to 1."""
    return max(_f1(_words(gold, said), _words(said, gold)) for gold in _golds(golds))


def scores(golds: Sequence[Sequence[str]], said: Sequence[str]) -> dict[str, float]:
    """Means over questions: exact_match and f1; and where some questions have no answer, f1_answer and f1_none of the two sorts apart."""
    if not said:
        return {}
    each = np.array([f1(gold, text) for gold, text in zip(golds, said, strict=True)])
    exact = np.array([exact_match(gold, text) for gold, text in zip(golds, said, strict=True)])
    none = np.array([_golds(gold) == [""] for gold in golds])
    found = {"exact_match": float(exact.mean()), "f1": float(each.mean())}
    if none.any() and not none.all():
        found |= {"f1_answer": float(each[~none].mean()), "f1_none": float(each[none].mean())}
    return found


def best_threshold(golds: Sequence[Sequence[str]], best: Sequence[str], margins: Sequence[float]) -> float:
    """Above which margin "no answer" is said, so that F1 is highest on these questions (as SQuAD 2.0's script finds it).

    `best`: the best place for each question, as if each had an answer. Between two margins the middle is taken; of equally good
    thresholds the one nearest to 0. Questions that all have an answer, or none at all, give no reason to move it: 0.
    """
    has = np.array([_golds(gold) != [""] for gold in golds])
    if not len(has) or has.all() or not has.any():
        return 0.0
    order = np.argsort(np.asarray(margins, dtype=np.float64), kind="stable")
    ranked = np.clip(np.asarray(margins, dtype=np.float64)[order], -1e6, 1e6)
    gain = np.array([f1(golds[i], best[i]) if has[i] else 0.0 for i in order])
    # with the first k questions answered: their F1, and those without an answer among the rest
    total = np.r_[0.0, np.cumsum(gain)] + (~has).sum() - np.r_[0.0, np.cumsum(~has[order])]
    cuts = np.r_[ranked[0] - 1.0, (ranked[1:] + ranked[:-1]) / 2, ranked[-1] + 1.0]
    possible = np.r_[True, ranked[1:] > ranked[:-1], True]  # equal margins cannot be parted
    total[~possible] = -np.inf
    good = np.flatnonzero(total >= total.max() - 1e-9)
    middle = np.searchsorted(ranked, 0.0, side="right")  # questions answered at a threshold of 0
    if middle in good:
        return 0.0
    return float(cuts[good[np.argmin(np.abs(cuts[good]))]])


def normalised(text: str) -> str:
    """SQuAD's normal form of a text in a Latin script."""
    lowered = "".join(char for char in text.lower() if char not in PUNCTUATION)
    return " ".join(ARTICLES.sub(" ", lowered).split())


def _golds(golds: Sequence[str]) -> list[str]:
    """Gold answers that hold anything; [""] where there is none, as in SQuAD 2.0's script."""
    return [gold for gold in golds if _words(gold, gold)] or [""]


def _words(text: str, other: str) -> list[str]:
    """The words of one text, compared with another: by characters if either has characters that are words."""
    if any(is_wide(char) for char in text) or any(is_wide(char) for char in other):
        return _mixed(text)
    return normalised(text).split()


def _mixed(text: str) -> list[str]:
    pieces = []
    for char in text.lower():
        if char in PUNCTUATION or unicodedata.category(char).startswith("P"):
            continue
        pieces.append(f" {char} " if is_wide(char) else char)
    return "".join(pieces).split()


def _f1(gold: Sequence[str], said: Sequence[str]) -> float:
    if not gold or not said:
        return float(gold == said)
    same = (Counter(gold) & Counter(said)).total()
    return 2 * same / (len(gold) + len(said))
