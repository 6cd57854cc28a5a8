"""The kinds of studies there are."""

from __future__ import annotations

from core.errors import HoneError
from core.studies.base import Kind
from core.studies.folds import FOLDS
from core.studies.search import SEARCH
from core.studies.shootout import SHOOTOUT
from core.words import Message

KINDS: dict[str, Kind] = {
    SHOOTOUT.name: SHOOTOUT,
    FOLDS.name: FOLDS,
    SEARCH.name: SEARCH,
}


def kind(name: str) -> Kind:
    """HoneError for a kind that only a later version knows."""
    if name not in KINDS:
        raise HoneError(
            Message("This study was made by a newer Hone."), fix=Message("Update Hone, or leave the study as it is.")
        )
    return KINDS[name]
