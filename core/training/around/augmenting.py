"""Training texts that vary from round to round. The changes themselves are `core.training.around.varying`.

Each round's texts follow from the seed, the round and the place of the text in it, so that a resumed run reads the same. Only for tasks in which a row is one
example and no place of the text is marked: a mark on characters 5 to 9 would mean something else once a word before it is gone. Texts that
are written, or among which is searched, are left alone, because there the text itself is the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.tasks.base import Example, Row
from core.training.around.base import Around
from core.training.around.varying import PIECES, Variation

NEAREST = 5  # similar words of a word
LEAST = 0.45  # cosine from which on words are similar
AT_ONCE = 512  # words compared with all words at a time
Encode = Callable[[Sequence[Row]], Sequence[Example]]


class Augmented(Around):
    """`rows` are the training rows, `roles` their texts, `share` how many of them vary in a round; `encode` makes examples of changed rows."""

    def __init__(
        self,
        encode: Encode,
        rows: Sequence[Row],
        roles: Sequence[str],
        variation: Variation,
        share: float,
        seed: Sequence[int],
        words: Words | None = None,
    ):
        self.encode, self.rows, self.roles, self.share, self.seed = encode, rows, roles, share, tuple(seed)
        self.words = words
        self.variation = replace(variation, similar=words.similar) if words else variation

    def examples(self, examples: Sequence[Example], epoch: int) -> Sequence[Example]:
        found = list(examples)
        changed: list[tuple[int, Row]] = []
        for place, example in enumerate(examples):
            dice = np.random.default_rng([*self.seed, epoch, place])
            if dice.random() < self.share:
                row = self.rows[example.row]
                told = {role: self.variation.varied(str(row[role]), dice) for role in self.roles if row.get(role)}
                if any(row[role] != text for role, text in told.items()):
                    changed.append((place, {**row, **told}))
        new = self.encode([row for _, row in changed]) if changed else ()
        for (place, _), example in zip(changed, new, strict=True):
            found[place] = replace(example, row=examples[place].row, number=examples[place].number)
        return found

    def tensors(self) -> dict[str, Tensor]:
        return {"nearest": self.words.nearest} if self.words else {}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        if self.words:
            self.words.nearest = tensors["nearest"]


class Words:
    """Similar words from a base's own table of word pieces: the nearest whole words by cosine.

    Only words that stand in `texts` are looked up. The table learns, so that what was found at the beginning is kept with the safety copies.
    """

    def __init__(self, tokenizer: Any, table: Tensor, texts: Callable[[], Sequence[str]]):
        self.pieces = whole_words(tokenizer)  # (words,) of the table
        self.numbers = {word: i for i, (word, _) in enumerate(self.pieces)}
        self.table, self.texts = table, texts
        self._nearest: Tensor | None = None

    @property
    def nearest(self) -> Tensor:
        """int32 (words, NEAREST): places among `pieces`, -1 where there is none."""
        if self._nearest is None:
            self._nearest = self._found()
        return self._nearest

    @nearest.setter
    def nearest(self, found: Tensor) -> None:
        self._nearest = found

    def similar(self, word: str) -> list[str]:
        place = self.numbers.get(word)
        if place is None:
            return []
        return [self.pieces[other][0] for other in self.nearest[place].tolist() if other >= 0]

    def _found(self) -> Tensor:
        found = torch.full((len(self.pieces), NEAREST), -1, dtype=torch.int32)
        used = {word.lower() for text in self.texts() for word in PIECES.findall(text)}
        asked = [i for i, (word, _) in enumerate(self.pieces) if word in used]
        if not asked:
            return found
        with torch.no_grad():
            own = self.table[torch.tensor([number for _, number in self.pieces], device=self.table.device)].float()
            own = torch.nn.functional.normalize(own, dim=1)
            for start in range(0, len(asked), AT_ONCE):
                some = torch.tensor(asked[start : start + AT_ONCE], device=own.device)
                alike = own[some] @ own.T
                alike[torch.arange(len(some)), some] = -1.0
                near, places = alike.topk(min(NEAREST, alike.shape[1]), dim=1)
                places = torch.where(near >= LEAST, places, -1)
                found[some.cpu(), : places.shape[1]] = places.to("cpu", torch.int32)
        return found


def whole_words(tokenizer: Any) -> list[tuple[str, int]]:
    """(word, its number) of the pieces that are whole lower-case words of three letters or more, in the order of the table. Byte-level and
    SentencePiece tables mark the beginning of a word, WordPiece tables its continuation."""
    vocabulary = tokenizer.get_vocab()
    mark = next((m for m in ("Ġ", "▁") if sum(piece.startswith(m) for piece in vocabulary) > len(vocabulary) // 20), "")
    found = []
    for piece, number in sorted(vocabulary.items(), key=lambda one: one[1]):
        word = piece[len(mark) :]
        if piece.startswith(mark) and len(word) > 2 and word.isalpha() and word.islower():
            found.append((word, int(number)))
    return found
