"""Characters and subword tokens: windows of long texts, a tag for each token, and spans out of the tags' probabilities.

Works for any fast tokenizer with an offset mapping (WordPiece, byte-level BPE, SentencePiece), in code points. Tags are numbers: 0 is O,
1 + 2k begins the k-th label, 2 + 2k goes on with it. Knows no model and no torch.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.data.spans_values import Span, snapped, without_overlaps

IGNORED = -100  # the target of a token that is none of the text's; the usual number of cross-entropy losses
AT_ONCE = 1_000  # texts tokenised together


@dataclass(frozen=True)
class Window:
    """A stretch of one text's tokens, with the tokenizer's special ones.

    `row` is the place of the text, `first` the place of the first real token among all of the text's. `offsets` (tokens, 2) are code
    points of the text without white space at their ends; of special tokens, and of tokens of white space, start equals end.
    `inner` (tokens,) is False for special tokens.
    """

    row: int
    first: int
    input_ids: np.ndarray  # int32 (tokens,)
    offsets: np.ndarray  # int32 (tokens, 2)
    inner: np.ndarray  # bool (tokens,)


def windows(
    texts: Sequence[str], tokenizer: Any, max_length: int, stride: int = 0, whole: bool = True
) -> Iterable[Window]:
    """Windows of at most `max_length` tokens, special ones among them; neighbours share `stride` tokens. In the order of the texts,
    at least one for each. `whole` False gives the first window of each text only."""
    room = max_length - tokenizer.num_special_tokens_to_add(pair=False)
    stride = max(0, min(stride, room - 1))
    for begin in range(0, len(texts), AT_ONCE):
        part = list(texts[begin : begin + AT_ONCE])
        encoded = tokenizer(
            part,
            truncation=True,
            max_length=max_length,
            stride=stride,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
            return_attention_mask=False,
            return_token_type_ids=False,
        )
        before, nth = -1, 0
        for i, row in enumerate(encoded["overflow_to_sample_mapping"]):
            nth = nth + 1 if row == before else 0
            before = row
            if nth and not whole:
                continue
            inner = np.asarray(encoded["special_tokens_mask"][i]) == 0
            offsets = _tight(part[row], encoded["offset_mapping"][i], inner)
            ids = np.asarray(encoded["input_ids"][i], dtype=np.int32)
            yield Window(begin + int(row), nth * (room - stride), ids, offsets, inner)


def bio_targets(spans: Iterable[Span], offsets: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """int64 (tokens,): the tag of each token; IGNORED for tokens that hold nothing of the text, and for labels that are unknown.

    A token counts to the span it shares a character with (to the first of two). Of overlapping spans the longest is taken. Where a window
    begins inside an entity its first token goes on with it.
    """
    numbers = {name: k for k, name in enumerate(labels)}
    real = np.flatnonzero(offsets[:, 1] > offsets[:, 0])
    targets = np.full(len(offsets), IGNORED, dtype=np.int64)
    targets[real] = 0
    free = np.zeros(len(offsets), dtype=bool)
    free[real] = True
    for one in without_overlaps(spans):
        inside = np.flatnonzero(free & (offsets[:, 0] < one["end"]) & (offsets[:, 1] > one["start"]))
        if not len(inside):
            continue
        free[inside] = False
        if one["label"] not in numbers:
            targets[inside] = IGNORED
            continue
        tag = 1 + 2 * numbers[one["label"]]
        targets[inside] = tag + 1
        cut = inside[0] == real[0] and offsets[inside[0], 0] > one["start"]
        if not cut:
            targets[inside[0]] = tag
    return targets


def decode(
    parts: Sequence[tuple[Window, np.ndarray]], texts: Sequence[str], labels: Sequence[str], whole_words: bool = False
) -> list[list[dict[str, Any]]]:
    """The spans of each text, from all windows and their probabilities (tokens of the window, 1 + 2 labels), in any order."""
    of_row: list[list[tuple[Window, np.ndarray]]] = [[] for _ in texts]
    for window, given in parts:
        of_row[window.row].append((window, given))
    answers = []
    for text, mine in zip(texts, of_row, strict=True):
        offsets, probabilities = merged(mine)
        answers.append(decode_bio(probabilities, offsets, text, labels, whole_words))
    return answers


def merged(parts: Sequence[tuple[Window, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Offsets (tokens, 2) and probabilities (tokens, tags) of one whole text, from its windows and their probabilities
    (tokens of the window, tags). A token that stands in several windows is taken from the one where it is furthest from an edge."""
    size = max((w.first + int(w.inner.sum()) for w, _ in parts), default=0)
    tags = parts[0][1].shape[1] if parts else 1
    offsets = np.zeros((size, 2), dtype=np.int32)
    probabilities = np.zeros((size, tags))
    depth = np.full(size, -1)
    for window, given in parts:
        n = int(window.inner.sum())
        places = np.arange(window.first, window.first + n)
        deep = np.minimum(
            np.arange(n) if window.first else np.full(n, size),
            np.arange(n)[::-1] if window.first + n < size else np.full(n, size),
        )
        better = deep > depth[places]
        chosen = places[better]
        offsets[chosen] = window.offsets[window.inner][better]
        probabilities[chosen] = given[window.inner][better]
        depth[chosen] = deep[better]
    return offsets, probabilities


def decode_bio(
    probabilities: np.ndarray, offsets: np.ndarray, text: str, labels: Sequence[str], whole_words: bool = False
) -> list[dict[str, Any]]:
    """The most probable spans: [{"start", "end", "label", "probability"}], sorted, none overlapping.

    Viterbi over hard rules: I only after B or I of its label, and no change inside a character that several tokens share;
    `whole_words`: nor inside a word. `probabilities` (tokens, 1 + 2 labels). A span's probability is that of its least sure tag.
    """
    real = np.flatnonzero(offsets[:, 1] > offsets[:, 0])
    if not len(real):
        return []
    places, given = offsets[real], np.asarray(probabilities, dtype=np.float64)[real]
    tags = _best_tags(np.log(np.clip(given, 1e-12, 1.0)), _held(places, text, whole_words))
    sure = given[np.arange(len(tags)), tags]
    spans: list[dict[str, Any]] = []
    for i in np.flatnonzero(tags):
        if tags[i] % 2:
            label = labels[(int(tags[i]) - 1) // 2]
            spans.append({"start": int(places[i, 0]), "end": int(places[i, 1]), "label": label, "probability": 1.0})
        spans[-1]["end"] = max(spans[-1]["end"], int(places[i, 1]))
        spans[-1]["probability"] = min(spans[-1]["probability"], float(sure[i]))
    return spans


def _best_tags(scores: np.ndarray, held: np.ndarray) -> np.ndarray:
    """int64 (tokens,): the best path through `scores` (tokens, tags). `held`: the token must go on as the one before it.

    Only I depends on the tag before, so one step takes time in proportion to the number of tags.
    """
    n, size = scores.shape
    back = np.zeros((n, size), dtype=np.int64)
    best = scores[0].copy()
    best[2::2] = -np.inf  # nothing is open yet
    begins = np.arange(1, size, 2)
    inner = begins + 1
    for i in range(1, n):
        top = int(best.argmax())
        now = np.full(size, -np.inf)
        if held[i]:
            now[0] = best[0]
        else:
            now[0] = now[1::2] = best[top]
            back[i, 0] = back[i, 1::2] = top
        begun = best[begins] >= best[inner]
        now[inner] = np.where(begun, best[begins], best[inner])
        back[i, inner] = np.where(begun, begins, inner)
        best = now + scores[i]
    path = np.zeros(n, dtype=np.int64)
    path[-1] = int(best.argmax())
    for i in range(n - 1, 0, -1):
        path[i - 1] = back[i, path[i]]
    return path


def _held(places: np.ndarray, text: str, whole_words: bool) -> np.ndarray:
    """bool (tokens,): tokens that begin before the one before them has ended, and, if wished, those inside a word."""
    held = np.zeros(len(places), dtype=bool)
    held[1:] = places[1:, 0] < np.maximum.accumulate(places[:, 1])[:-1]
    if whole_words:
        for i in range(1, len(places)):
            start = int(places[i, 0])
            held[i] |= start == places[i - 1, 1] and inside_word(text, start)
    return held


def inside_word(text: str, place: int) -> bool:
    """Does a word go on from the character before `place` to the one there?"""
    return _of_word(text[place - 1]) and _of_word(text[place])


def _of_word(char: str) -> bool:
    """A letter or digit of a script that writes spaces between words."""
    return char.isalnum() and not ("\u0e00" <= char <= "\u0eff" or "\u2e80" <= char <= "\u9fff" or char > "\uf8ff")


def _tight(text: str, offsets: Sequence[tuple[int, int]], inner: np.ndarray) -> np.ndarray:
    """Offsets without white space at their ends (byte-level tokens hold the space before them), and with the accents behind them that
    a tokenizer has dropped; special tokens hold nothing."""
    places = np.asarray(offsets, dtype=np.int32).reshape(-1, 2)
    places[~inner] = 0
    for i, (start, end) in enumerate(places.tolist()):
        if start < end and (text[start].isspace() or text[end - 1].isspace()):
            places[i] = snapped(text, start, end)
    if not text.isascii():
        begun = set(places[:, 0].tolist())
        for i, (start, end) in enumerate(places.tolist()):
            while start < end < len(text) and end not in begun and unicodedata.category(text[end]) in ("Mn", "Me"):
                end += 1
            places[i, 1] = end
    return places
