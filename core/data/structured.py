"""A cell that holds more than a word: JSON, or a Python literal as pandas writes it. Knows nothing of what it is about.

Cells are somebody else's text, so a literal is parsed, never run, and what is too long or too deep is no structure.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from typing import Any

LONGEST = 1_000_000  # characters of JSON; as long as a cell may be
LONGEST_LITERAL = 50_000  # characters; Python's own parser is slow and hungry
ARRAY = re.compile(r"\barray\((\[[^\[\]]*\])(?:, dtype=[\w<>|'\"]+)?\)")  # numpy's way to print a list


def structured(cell: str) -> list[Any] | dict[str, Any] | None:
    """The list or object that a cell holds; None for anything else, such as plain words or a number."""
    text = cell.strip()
    if not text or text[0] not in "[{" or text[-1] not in "]}" or len(text) > LONGEST:
        return None
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        value = _literal(text)
    return value if isinstance(value, (list, dict)) else None


def whole(value: Any) -> int | None:
    """A number of characters, however it is written ("12", 12, 12.0); None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(str(value).strip())
    except ValueError:
        return None
    return int(number) if number.is_integer() and abs(number) < 1e15 else None


def _literal(text: str) -> Any:
    if len(text) > LONGEST_LITERAL:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a backslash in somebody's text is nobody's concern
            return ast.literal_eval(ARRAY.sub(r"\1", text))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
