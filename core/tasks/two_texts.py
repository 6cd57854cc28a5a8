"""What tasks of two texts a row (or more) share, as plain functions: into one input together, or each into an input of its own.

Together, both are in the tokenizer's pair encoding, with the types of tokens where it gives them; where both are too long, the longer one is
cut first. Apart, each text is cut for itself, and an example holds their token ids one behind the other. Knows nothing of labels, losses
or numbers. Importing it brings no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.tasks.base import Example, Row
from core.tasks.texts import AT_ONCE

if TYPE_CHECKING:
    import torch

PAIR = ("text", "text_b")


def is_apart(settings: Any) -> bool:
    return getattr(settings, "pair_reading", "together") == "apart"


def encoded(rows: Sequence[Row], processor: Any, settings: Any, roles: tuple[str, str] = PAIR) -> Iterable[Example]:
    """One example a row, read as the settings say."""
    if is_apart(settings):
        return apart(rows, processor, settings, roles)
    return together(rows, processor, settings, roles)


def together(rows: Sequence[Row], processor: Any, settings: Any, roles: tuple[str, str] = PAIR) -> Iterable[Example]:
    """Token ids of both texts in one input, at most `settings.max_length`; `extra["types"]` says which of the two a token is of. A row
    whose first text is empty is read as the second alone."""
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        firsts = [str(row.get(roles[0]) or "") for row in some]
        seconds = [str(row.get(roles[1]) or "") for row in some]
        told = processor(
            firsts, seconds, truncation="longest_first", max_length=settings.max_length, return_attention_mask=False
        )
        types = told.get("token_type_ids")
        for i, ids in enumerate(told["input_ids"]):
            extra = {} if types is None else {"types": np.asarray(types[i], dtype=np.int32)}
            yield Example(start + i, np.asarray(ids, dtype=np.int32), extra)


def apart(
    rows: Sequence[Row], processor: Any, settings: Any, roles: Sequence[str] = PAIR, needed: int = 2
) -> Iterable[Example]:
    """Token ids of each text that is there (the first `needed` roles are always, if empty), at most `settings.max_length` each, one behind the other; `extra["parts"]` names the role's
    place of each, `extra["sizes"]` how many tokens it has."""
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        there = [[p for p, role in enumerate(roles) if p < needed or row.get(role)] for row in some]
        texts = [str(row.get(roles[p]) or "") for row, parts in zip(some, there, strict=True) for p in parts]
        told = processor(texts, truncation=True, max_length=settings.max_length, return_attention_mask=False)
        found = iter(told["input_ids"])
        for i, parts in enumerate(there):
            ids = [next(found) for _ in parts]
            joined = np.concatenate([np.asarray(one, dtype=np.int32) for one in ids])
            yield Example(start + i, joined, {"parts": tuple(parts), "sizes": tuple(map(len, ids))})


def collated(examples: Sequence[Example], processor: Any) -> dict[str, torch.Tensor]:
    """input_ids and attention_mask (texts, tokens of the longest). Together: texts are rows, with token_type_ids where there are any.
    Apart: one line a text, `part` (texts,) says which of its row it is and `of` (texts,) of which row."""
    import torch

    if any("sizes" in example.extra for example in examples):
        single = [one for i, example in enumerate(examples) for one in _single(i, example)]
        parts = [part for example in examples for part in example.extra["parts"]]
        of = torch.tensor([one.row for one in single], dtype=torch.long)
        return {**_padded(single, processor), "part": torch.tensor(parts, dtype=torch.long), "of": of}
    return _padded(examples, processor)


def _single(row: int, example: Example) -> list[Example]:
    """Each text of an example as one of its own."""
    cuts = np.cumsum(example.extra["sizes"])[:-1]
    types = np.split(example.extra["types"], cuts) if "types" in example.extra else []
    extras: list[dict[str, Any]] = [{"types": one} for one in types] or [{}] * (len(cuts) + 1)
    return [Example(row, ids, extra) for ids, extra in zip(np.split(example.input_ids, cuts), extras, strict=True)]


def _padded(examples: Sequence[Example], processor: Any) -> dict[str, torch.Tensor]:
    import torch

    from core.training.batches import padded

    batch = padded(examples, processor)
    if all("types" in example.extra for example in examples):
        types = np.full(tuple(batch["input_ids"].shape), processor.pad_token_type_id or 0, dtype=np.int64)
        for i, example in enumerate(examples):
            types[i, : len(example.input_ids)] = example.extra["types"]
        batch["token_type_ids"] = torch.from_numpy(types)
    return batch


def vectors(model: Any, batch: Mapping[str, torch.Tensor], part: int) -> torch.Tensor:
    """(texts of that part, width), in the order of the rows; padded to their own longest, which differs between questions and pages."""
    chosen = batch["part"] == part
    mask = batch["attention_mask"][chosen]
    longest = int(mask.sum(1).max()) if len(mask) else 1
    found: torch.Tensor = model.vectors(batch["input_ids"][chosen][:, :longest], mask[:, :longest])
    return found


def features(model: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """What goes into the last layer, (rows, width)."""
    if "part" in batch:
        found: torch.Tensor = model.joined(vectors(model, batch, 0), vectors(model, batch, 1))
        return found
    found = model.features(batch["input_ids"], batch["attention_mask"], batch.get("token_type_ids"))
    return found


def forward(model: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Outputs (rows, labels)."""
    if "part" in batch:
        seen = features(model, batch)
        found: torch.Tensor = model.head(seen if model.join == "cosine" else model.dropout(seen))
        return found
    found = model(batch["input_ids"], batch["attention_mask"], batch.get("token_type_ids"))
    return found


def model(source: Any, names: Sequence[str], settings: Any, join: str, link: Any) -> torch.nn.Module:
    """The base with a new last layer, reading as the settings say; apart, `join` is what the layer sees."""
    from core.models.loading import new_apart, new_model

    if is_apart(settings):
        return new_apart(source, names, join, dropout=settings.dropout)  # type: ignore[no-any-return]
    return new_model(source, names, dropout=settings.dropout, link=link)  # type: ignore[no-any-return]


def shared(row: Row) -> float:
    """Words that both texts have, as a share of the words that one of them has (Jaccard)."""
    from core.tasks.reading_rivals import words

    one, other = ({word for _, _, word in words(str(row.get(role) or ""))} for role in PAIR)
    return len(one & other) / (len(one | other) or 1)
