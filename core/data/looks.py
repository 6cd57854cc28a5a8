"""How much a column looks like values of a kind, judged by a sample of its cells. Knows neither roles nor tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.data.values import kind
from core.words import Message

LOOKED = 200  # cells looked at


def fitting(name: str, cells: Sequence[str]) -> float:
    """0 (cannot be) to 1: the share of filled cells that can be read as this kind, less where nearly anything could."""
    filled = [cell for cell in cells if cell.strip()][:LOOKED]
    if not filled:
        return 0.0
    if name == "text":
        return 0.5 if any(c.isalpha() for cell in filled[:50] for c in cell) else 0.1
    if name == "category":
        different = len(set(filled))
        most = 0.5 * len(filled) if len(filled) >= 20 else len(filled) - 1 if len(filled) >= 8 else len(filled)
        return 0.0 if different > most else 0.6
    if name == "categories":  # any cell is a list of one; all of them together tell
        from core.data.labelled_sets import fits

        return fits(filled)
    if name in ("option", "relevance"):  # letters, numbers or the options' own words
        return 0.5
    if name == "image":
        from core.data.images import NAME

        return float(all(NAME.fullmatch(cell.strip()) for cell in filled))
    if (
        name == "spans"
    ):  # marks inside a text are taken out when a file comes; what is left of them is no column of spans
        from core.data.spans import INLINE
        from core.data.spans import read as spans

        forms = [found.convention.form if (found := spans({"": cell})) else None for cell in filled]
        there = sum(form is not None and form not in INLINE for form in forms) / len(filled)
        return there if there >= 0.8 else 0.0
    read = kind(name).read
    there = sum(read({"": cell}, {"text": None}) is not None for cell in filled) / len(filled)
    return there if there >= 0.8 else 0.0


def several(name: str, columns: Mapping[str, Sequence[str]]) -> tuple[list[str], Message] | None:
    """Columns that make one value together (one 0/1 column a label, instruction and output, options A to D), with the reason."""
    if name == "categories":
        from core.data.labelled_sets import columns_of

        return columns_of(columns)
    if name == "messages":
        from core.data.messages import columns_of as conversation

        return conversation(columns)
    if name == "choices":
        from core.data.choices import columns_of as options

        return options(columns)
    if name == "answers":
        from core.data.answers import columns_of as answers

        return answers(columns)
    if name == "marked":
        from core.data.relations import columns_of as entities

        return entities(columns)
    return None
