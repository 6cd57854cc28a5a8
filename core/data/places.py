"""Where one text stands in another: exactly, else with other case, width or white space; whole words before parts of words.

Offsets are code points, ends exclusive. Knows nothing of answers or entities, which both come through here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

MOST = 200  # places of one text in another; more are not looked for
WIDE_SCRIPTS = ((0x2E80, 0x9FFF), (0xAC00, 0xD7AF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))  # written without spaces

Place = tuple[int, int]


def places(text: str, sought: str) -> tuple[list[Place], bool]:
    """All places of the best kind, in order, and whether they stand there exactly as written.

    Best first: exact and whole words, alike and whole words, exact inside a word, alike inside a word. Of places that are alike those
    with as many words as `sought` come before the others.
    """
    sought = sought.strip()
    if not sought:
        return [], True
    exact = list(_exact(text, sought))
    if whole_words := [place for place in exact if _bounded(text, place)]:
        return whole_words, True
    alike = list(_alike(text, sought))
    pieces = len(sought.split())
    alike = [place for place in alike if len(text[slice(*place)].split()) == pieces] or alike
    if whole_words := [place for place in alike if _bounded(text, place)]:
        return whole_words, False
    return (alike, False) if alike and not exact else (exact, True)


def nearest(found: Iterable[Place], start: int | None) -> Place | None:
    """The place that begins closest to `start`; the first where none is given."""
    return min(found, key=lambda place: place[0] if start is None else abs(place[0] - start), default=None)


def trimmed(text: str, place: Place) -> Place:
    """The place without white space at its ends; empty, at its start, when nothing is left."""
    start, end = place
    part = text[start:end]
    kept = part.strip()
    if not kept:
        return start, start
    start += len(part) - len(part.lstrip())
    return start, start + len(kept)


def is_wide(char: str) -> bool:
    """Chinese, Japanese or Korean: a script in which a character can be a word."""
    code = ord(char)
    return any(low <= code <= high for low, high in WIDE_SCRIPTS)


def _exact(text: str, sought: str) -> Iterable[Place]:
    at = text.find(sought)
    for _ in range(MOST):
        if at < 0:
            return
        yield at, at + len(sought)
        at = text.find(sought, at + 1)


def _alike(text: str, sought: str) -> Iterable[Place]:
    """Places where only case, full and half width, or white space differ."""
    folded, where = _folded(text)
    wanted, _ = _folded(sought)
    if not wanted:
        return
    at = folded.find(wanted)
    for _ in range(MOST):
        if at < 0:
            return
        yield where[at], where[at + len(wanted) - 1] + 1
        at = folded.find(wanted, at + 1)


@lru_cache(maxsize=4)  # many answers are sought in one context
def _folded(text: str) -> tuple[str, list[int]]:
    """The text without case, width and white space, and for each of its characters the place it came from."""
    kept: list[str] = []
    where: list[int] = []
    for place, char in enumerate(text):
        if char.isspace():
            continue
        plain = char.lower() if char.isascii() else unicodedata.normalize("NFKC", char).casefold()
        kept.append(plain)
        where.extend([place] * len(plain))
    return "".join(kept), where


def _bounded(text: str, place: Place) -> bool:
    start, end = place
    return not _joined(text[start - 1 : start], text[start]) and not _joined(text[end - 1], text[end : end + 1])


def _joined(left: str, right: str) -> bool:
    """Do two neighbours belong to one word?"""
    return bool(left and right) and left.isalnum() and right.isalnum() and not is_wide(left) and not is_wide(right)
