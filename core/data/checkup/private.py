"""Personal data in the check-up: how many texts hold which, and the fix that puts plain words in its place."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from core.data import edits, facts
from core.data.checkup.finding import EXAMPLES, Change, Check, Example, Finding, Fix, Mask, Piece, line_of
from core.data.chunks import flags
from core.data.kept import Arrays, Measure, Progress
from core.data.personal import KINDS, MASKS, find, masked
from core.data.state import State
from core.words import Message, plural

BLOCK = 2_000
MAYBE = r"@|\d(?:[ ()./:-]{0,3}\d){6}|[A-Z]{6}\d|(?:[0-9A-Fa-f]{0,4}:){3}"  # nothing personal stands in a text without
PLACED = (
    "answers",
    "relations",
    "choice",
)  # answers that are tied to the letters of their text, besides spans, which move with it
COUNTED = {
    "email": Message("mail addresses"),
    "phone": Message("phone numbers"),
    "card": Message("card numbers"),
    "iban": Message("bank accounts"),
    "network": Message("network addresses"),
    "id": Message("identity numbers"),
}


def measure(state: State, progress: Progress) -> Arrays:
    """Of each text, the kinds that stand in it, as bits in the order of KINDS."""
    found = np.zeros(len(state), np.uint8)
    if state.shape.inputs[0].kind == "text":
        places = np.flatnonzero(flags(state.text, lambda chunk: pc.match_substring_regex(chunk, MAYBE)))
        for at in range(0, len(places), BLOCK):
            some = places[at : at + BLOCK]
            for place, text in zip(some.tolist(), state.texts(some), strict=True):
                for hit in find(text):
                    found[place] |= 1 << KINDS.index(hit.kind)
            progress(at, len(places))
    return {"kinds": found}


PERSONAL = Measure("personal", "1", Message("Looking for personal data …"), measure)


def personal_rows(state: State) -> Mask:
    found: Mask = (PERSONAL.of(state)["kinds"] > 0) & ~state.edits.excluded
    return found


def counts(state: State) -> dict[str, int]:
    """Texts in which each kind stands, the commonest first."""
    kinds = PERSONAL.of(state)["kinds"][personal_rows(state)]
    found = {kind: int((kinds >> i & 1).sum()) for i, kind in enumerate(KINDS)}
    return dict(sorted(((k, n) for k, n in found.items() if n), key=lambda one: -one[1]))


def mask_language(state: State) -> str:
    """The language in which masks are written: that of the texts, as far as Hone speaks it."""
    return "zh" if facts.facts(state).language == "zh" else "en"


def maskable(state: State) -> bool:
    """Can the texts be changed without losing what is marked in them?"""
    target = state.shape.target
    return edits.one_column(state) and (target is None or target.kind not in PLACED)


def _personal(state: State) -> Finding | None:
    mask = personal_rows(state)
    n = int(mask.sum())
    if not n:
        return None
    said: Message | None = None
    for kind, texts in counts(state).items():
        one = Message("{what} in {n:,}", what=COUNTED[kind], n=texts)
        said = one if said is None else Message("{one}, {other}", one=said, other=one)
    return Finding(
        "personal",
        "personal",
        "warn",
        plural(n, "{n} text holds personal data: {kinds}.", "{n:,} texts hold personal data: {kinds}.", kinds=said),
        Message("A model can give away what it learnt from, and so can everybody who gets this file."),
        n,
        (Fix("mask", Message("Mask them")),) if maskable(state) else (),
        examples=_examples(state, mask),
    )


def _examples(state: State, mask: Mask) -> tuple[Example, ...]:
    """As they will read once they are masked: what is personal is not shown again."""
    language = mask_language(state)
    found = []
    for place in np.flatnonzero(mask)[:EXAMPLES].tolist():
        text, at = state.texts([place])[0], 0
        pieces: list[Piece] = []
        for hit in find(text):
            pieces += [(text[at : hit.start], False), (MASKS[hit.kind].said(language), True)]
            at = hit.end
        found.append((line_of(state, place, [*pieces, (text[at:], False)]),))
    return tuple(found)


def _mask(state: State) -> Change:
    """In all rows, also in those that are left out."""
    places = np.flatnonzero(PERSONAL.of(state)["kinds"] > 0)
    language = mask_language(state)
    return Change(
        places, "cell", edits.retyped(state, places, [masked(text, language) for text in state.texts(places)])
    )


PRIVATE = Check("personal", _personal, personal_rows, {"mask": _mask}, (PERSONAL,))
