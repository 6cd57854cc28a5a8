"""Counting the tokens of the encoder that comes with Hone, without torch: how long texts are for it, and what it does not know.

Knows only the tokenizer's file; the weights are neither read nor checked here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from core.models.catalogue import BASES, BUNDLED, PACKAGE

LONGEST = 20_000  # characters of a text that are looked at


def token_counts(texts: Sequence[str]) -> tuple[list[int], list[int]]:
    """Tokens of each text with the two the model adds, and how many of them it does not know. Empty where it is not installed."""
    tokenizer = _tokenizer()
    if tokenizer is None:
        return [], []
    unknown = tokenizer.token_to_id("[UNK]")
    numbers = [e.ids for e in tokenizer.encode_batch([text[:LONGEST] for text in texts], add_special_tokens=False)]
    return [len(ids) + 2 for ids in numbers], [ids.count(unknown) if unknown is not None else 0 for ids in numbers]


def read_until(text: str) -> int:
    """How many characters of a text the model reads; all where its tokenizer is not installed."""
    tokenizer, most = _tokenizer(), limit() - 2
    ends = tokenizer.encode(text[:LONGEST], add_special_tokens=False).offsets if tokenizer else []
    return int(ends[most - 1][1]) if len(ends) > most else len(text)


def limit() -> int:
    """The most tokens the model reads."""
    return BASES[BUNDLED].max_length


@cache
def _tokenizer() -> Any:
    folder = _folder()
    if folder is None or not (folder / "tokenizer.json").is_file():
        return None
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _folder() -> Path | None:
    spec = find_spec(PACKAGE)
    return Path(spec.origin).parent / "model" if spec and spec.origin else None
