"""Small changes of a text that leave its label as it is: slips of the finger, words left out, exchanged, replaced by similar ones.

Wei & Zou 2019 ("EDA") but for the thesaurus: similar words are the nearest ones in the base's own list of words. Words with digits, words that deny
and protected words stay what they are and where they are. In scripts without spaces a sign counts as a word; it has no neighbouring keys and no
similar words, so those two are left out. Knows no model: `similar` gives candidates for a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

SIGN = r"[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
PIECES = re.compile(rf"({SIGN}|[^\W_]+(?:['’][^\W_]+)*)")
ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
DENIALS = (
    "no not nor never none nothing nobody nowhere neither without cannot nicht kein keine nie ne pas jamais sin nunca ni hardly barely "
    "不 没 無 无 非 未 别 莫 勿 否"
)
DENYING = frozenset(DENIALS.split())  # to leave one of these out turns the meaning round
SHORTEST = 4  # letters of a word that may get a slip


def _neighbours() -> dict[str, str]:
    """Keys beside each other on a keyboard (QWERTY): of one row, and of the next row up to one place aside."""
    found: dict[str, str] = {}
    for r, row in enumerate(ROWS):
        for i, key in enumerate(row):
            beside = [row[j] for j in (i - 1, i + 1) if 0 <= j < len(row)]
            beside += [
                ROWS[s][j] for s in (r - 1, r + 1) if 0 <= s < 3 for j in (i - 1, i, i + 1) if 0 <= j < len(ROWS[s])
            ]
            found[key] = "".join(beside)
    return found


NEIGHBOURS = _neighbours()
Similar = Callable[[str], Sequence[str]]


@dataclass(frozen=True)
class Variation:
    """`ways`: of "typos", "drop", "swap", "synonyms". `share`: of the words of a text that change, at least one. `protected`: words, lower case."""

    ways: Sequence[str]
    share: float
    protected: Collection[str] = ()
    similar: Similar = field(default=lambda word: ())

    def varied(self, text: str, dice: np.random.Generator) -> str:
        """The text with some words changed; itself where none may be."""
        pieces = PIECES.split(text)  # words stand at odd places, what is between them at even ones
        count = len(pieces) // 2
        if not count or not self.ways:
            return text
        for _ in range(max(1, round(self.share * count))):
            way = self.ways[int(dice.integers(len(self.ways)))]
            place = 1 + 2 * int(dice.integers(count))
            if self._may(pieces[place]):
                CHANGES[way](self, pieces, place, dice)
        found = "".join(pieces)
        return found if found.strip() else text

    def _may(self, word: str) -> bool:
        plain = word.lower()
        denied = plain in DENYING or plain.endswith(("n't", "n’t"))
        return bool(word) and not denied and plain not in self.protected and not any(c.isdigit() for c in word)

    def _typo(self, pieces: list[str], place: int, dice: np.random.Generator) -> None:
        """A neighbouring key, a letter left out or doubled, or two letters exchanged, inside the word."""
        word = pieces[place]
        if len(word) < SHORTEST:
            return
        at = 1 + int(dice.integers(len(word) - 2))
        key = NEIGHBOURS.get(word[at].lower())
        kind = int(dice.integers(4))
        if kind == 0 and key:
            pieces[place] = word[:at] + key[int(dice.integers(len(key)))] + word[at + 1 :]
        elif kind == 1:
            pieces[place] = word[:at] + word[at + 1 :]
        elif kind == 2:
            pieces[place] = word[: at + 1] + word[at:]
        else:
            pieces[place] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]

    def _drop(self, pieces: list[str], place: int, dice: np.random.Generator) -> None:
        """Unless it is the only word left."""
        if sum(bool(word) for word in pieces[1::2]) > 1:
            pieces[place] = ""
            if pieces[place - 1].endswith(" ") and (not pieces[place + 1] or pieces[place + 1][0] == " "):
                pieces[place - 1] = pieces[place - 1][:-1]

    def _swap(self, pieces: list[str], place: int, dice: np.random.Generator) -> None:
        """With the next word, which must be free to move as well."""
        after = place + 2
        if after < len(pieces) and self._may(pieces[after]):
            pieces[place], pieces[after] = pieces[after], pieces[place]

    def _synonym(self, pieces: list[str], place: int, dice: np.random.Generator) -> None:
        word = pieces[place]
        found = self.similar(word.lower())
        if found:
            other = found[int(dice.integers(len(found)))]
            pieces[place] = other.capitalize() if word[0].isupper() else other


CHANGES = {
    "typos": Variation._typo,
    "drop": Variation._drop,
    "swap": Variation._swap,
    "synonyms": Variation._synonym,
}
