"""How near written texts come to what was wanted: BLEU, chrF, ROUGE, length, exact matches, perplexity. Only texts and numbers.

BLEU and chrF are sacrebleu's, so they can be compared with published ones; `signature` says how they were computed. All shares are
0 to 1 but BLEU and chrF, which are 0 to 100 as everywhere.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

# scripts written without spaces, where each character is a word: CJK, kana, Thai, Lao, Khmer, Burmese
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003134f"
)
WORD = re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]+")
HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
KANA = re.compile("[\u3040-\u30ff]")
BLEU_TOKENIZERS = {"zh": "zh", "ja": "char", "th": "char", "lo": "char", "km": "char", "my": "char"}


def scores(hypotheses: Sequence[str], references: Sequence[str], language: str | None = None) -> dict[str, float]:
    """All figures that need nothing but the texts. `language` decides BLEU's words; found from the references where it is None."""
    if not references:
        return {}
    tokenizer = tokenizer_for(language) if language else tokenizer_of(references)
    return {
        "bleu": bleu(hypotheses, references, tokenizer),
        "chrf": chrf(hypotheses, references),
        **rouge(hypotheses, references),
        "length_ratio": length_ratio(hypotheses, references),
        "exact_match": exact_match(hypotheses, references),
    }


def bleu(hypotheses: Sequence[str], references: Sequence[str], tokenizer: str = "13a") -> float:
    """Corpus BLEU (Papineni et al. 2002), 0 to 100, by sacrebleu (Post 2018) with its default smoothing."""
    return float(_bleu(tokenizer).corpus_score(list(hypotheses), [list(references)]).score)


def chrf(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """chrF2 (Popović 2015), 0 to 100, by sacrebleu: characters, not words, so it suits every script."""
    return float(_chrf().corpus_score(list(hypotheses), [list(references)]).score)


def redrawn(
    measure: Literal["bleu", "chrf"], hypotheses: Sequence[str], references: Sequence[str]
) -> Callable[[np.ndarray], float]:
    """A function from places of these texts, (draw,) with repetition, to the measure of the texts at these places: equal to scoring them, but
    each text is counted only once and a draw only sums (Koehn 2004; so does sacrebleu's own bootstrap). BLEU's words are those of all
    the references."""
    metric = _bleu(tokenizer_of(references)) if measure == "bleu" else _chrf()
    # (texts, counts): of BLEU both lengths, common n-grams and n-grams said; of chrF n-grams said, wanted and common, for each n
    counts = np.array(metric._extract_corpus_statistics(list(hypotheses), [list(references)]), dtype=np.int64)
    return lambda places: float(metric._compute_score_from_stats(counts[places].sum(axis=0).tolist()).score)


def signature(tokenizer: str = "13a") -> str:
    """How BLEU was computed, in sacrebleu's short form."""
    metric = _bleu(tokenizer)
    metric.corpus_score(["a"], [["a"]])
    return str(metric.get_signature())


def tokenizer_for(language: str) -> str:
    """sacrebleu's way to find words in a language: 13a where spaces stand between them."""
    return BLEU_TOKENIZERS.get(language.lower().replace("_", "-").split("-")[0], "13a")


def tokenizer_of(texts: Sequence[str]) -> str:
    """The same, from texts: most of their characters decide."""
    sample = "".join(texts[:1_000])[:100_000]
    words = WORD.findall(sample)
    single = [w for w in words if re.fullmatch(rf"[{UNSPACED}]", w)]
    if 2 * len(single) <= sum(len(w) for w in words):
        return "13a"
    han = len(HAN.findall(sample))
    return "zh" if 2 * han > len(single) and 20 * len(KANA.findall(sample)) < han else "char"


def _bleu(tokenizer: str) -> Any:
    from sacrebleu.metrics import BLEU

    return BLEU(tokenize=tokenizer)


def _chrf() -> Any:
    from sacrebleu.metrics import CHRF

    return CHRF()


# ROUGE ---------------------------------------------------------------------------------------------------------------


def rouge(hypotheses: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """rouge1, rouge2 and rougeL: mean F1 over texts, 0 to 1.

    Lin 2004. Words in lower case without punctuation, not stemmed; in scripts without spaces each character is a word. rougeL takes the
    longest common subsequence of the whole texts (not line by line).
    """
    names = ("rouge1", "rouge2", "rougeL")
    sums = dict.fromkeys(names, 0.0)
    for hypothesis, reference in zip(hypotheses, references, strict=True):
        said, wanted = words_of(hypothesis), words_of(reference)
        sums["rouge1"] += overlap_f1(said, wanted, 1)
        sums["rouge2"] += overlap_f1(said, wanted, 2)
        sums["rougeL"] += f1(common_subsequence(said, wanted), len(said), len(wanted))
    return {name: sums[name] / max(len(references), 1) for name in names}


def words_of(text: str) -> list[str]:
    return WORD.findall(text.lower())


def overlap_f1(said: Sequence[str], wanted: Sequence[str], n: int) -> float:
    """F1 of the n-grams that both have, each as often as the rarer side has it."""
    ours, theirs = ngrams(said, n), ngrams(wanted, n)
    return f1(sum((ours & theirs).values()), sum(ours.values()), sum(theirs.values()))


def ngrams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def f1(common: int, said: int, wanted: int) -> float:
    return 2 * common / (said + wanted) if common else 0.0


def common_subsequence(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence; whole rows of the table as bits of one number (Hyyrö 2004), so long texts are quick."""
    if not a or not b:
        return 0
    where: dict[str, int] = {}
    for place, word in enumerate(a):
        where[word] = where.get(word, 0) | 1 << place
    full = (1 << len(a)) - 1
    row = full
    for word in b:
        match = row & where.get(word, 0)
        row = ((row + match) | (row - match)) & full
    return len(a) - row.bit_count()


# Others --------------------------------------------------------------------------------------------------------------


def length_ratio(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Words written for each word wanted (1 is just right)."""
    return sum(len(words_of(h)) for h in hypotheses) / max(sum(len(words_of(r)) for r in references), 1)


def exact_match(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Share of texts that are what was wanted, but for white space at their ends and between words."""
    pairs = list(zip(hypotheses, references, strict=True))
    return sum(h.split() == r.split() for h, r in pairs) / len(pairs) if pairs else 0.0


def perplexity(nll: float, tokens: int) -> float | None:
    """exp of the mean negative log likelihood (in nats) of a token; None without tokens. Only models that share a tokenizer compare."""
    if not tokens:
        return None
    mean = nll / tokens
    return math.exp(mean) if mean < 700 else math.inf


def bits_a_character(nll: float, characters: int) -> float | None:
    """Bits the model needs for each character: compares models whatever their tokenizers."""
    return nll / math.log(2) / characters if characters else None
