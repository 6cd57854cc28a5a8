"""Tags of tokens and spans of a text, either way: IOB1, IOB2, BIOES (BILOU), BMES and bare types.

One reading serves all of them, that of the CoNLL scorer: B, S and U begin an entity, E, L, S and U end it, I and M go on
or, where nothing of their type is open, begin one. The scheme matters for writing only. Tokens know no text; `joined` makes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from core.data.spans_values import Span, span, without_overlaps

SCHEMES = ("IOB1", "IOB2", "BIOES", "BILOU", "BMES", "IO")  # IO: bare types, such as PER and O
OUTSIDE = ("O", "", "_")
UNNAMED = "entity"  # the label of tags without a type: B, I and O alone
PREFIXED = re.compile(r"([BIESLUM])(?:[-_](.+))?", re.DOTALL)
LETTERS = {  # scheme -> only token, first, inner, last
    "IOB2": ("B", "B", "I", "I"),
    "BIOES": ("S", "B", "I", "E"),
    "BILOU": ("U", "B", "I", "L"),
    "BMES": ("S", "B", "M", "E"),
}
UNSPACED = (
    re.compile(  # Thai to Khmer, CJK signs and letters, kana, full-width forms, the planes of rare Han characters
        "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u303f\u3040-\u30ff\u3100-\u312f\u3190-\u4dbf\u4e00-\u9fff"
        "\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff9f\U00020000-\U0003ffff]"
    )
)


def from_tags(tokens: Sequence[str], tags: Sequence[str], scheme: str | None = None) -> tuple[str, list[Span]]:
    """The text of the tokens and the spans the tags mean. `scheme` "IO" reads the tags as bare types. Tags beyond the tokens are ignored."""
    text, places = joined(tokens)
    return text, [span(places[a][0], places[b - 1][1], label) for a, b, label in runs(tags[: len(tokens)], scheme)]


def to_tags(
    tokens: Sequence[str],
    spans: Iterable[Span],
    scheme: str = "IOB2",
    places: Sequence[tuple[int, int]] | None = None,
) -> list[str]:
    """A tag for each token. `places` are the tokens' offsets, if not those of `joined`. A token that a span touches counts to
    it; of overlapping spans the longest is written."""
    places = joined(tokens)[1] if places is None else places
    tags = ["O"] * len(tokens)
    last, label_before = -1, ""
    for one in without_overlaps(spans):
        inside = [i for i, (a, b) in enumerate(places) if a < one["end"] and b > one["start"] and i > last]
        if not inside:
            continue
        adjacent = inside[0] == last + 1 and label_before == one["label"] and last >= 0
        for i, letter in zip(inside, _letters(scheme, len(inside), adjacent), strict=True):
            tags[i] = f"{letter}-{one['label']}" if letter else one["label"]
        last, label_before = inside[-1], one["label"]
    return tags


def scheme(sequences: Iterable[Sequence[str]]) -> str:
    """The scheme of a corpus. IOB1 if I begins entities more often than B does where nothing of its type stands before (files by
    hand have a few of the other kind); a mixture reads well either way."""
    letters: set[str] = set()
    bare = False
    begun_by_i = needless_b = 0
    for tags in sequences:
        before = ""
        for tag in tags:
            letter, label = split(tag)
            bare |= letter == "?"
            letters.add(letter)
            begun_by_i += letter == "I" and label != before
            needless_b += letter == "B" and label != before
            before = label
    if bare and letters <= {"O", "?"}:
        return "IO"
    for name, signs in (("BMES", "M"), ("BILOU", "LU"), ("BIOES", "ES")):
        if letters & set(signs):
            return name
    return "IOB1" if begun_by_i > needless_b else "IOB2"


def runs(tags: Sequence[str], scheme: str | None = None) -> list[tuple[int, int, str]]:
    """Entities as (first token, token behind the last, label)."""
    found: list[tuple[int, int, str]] = []
    first, open_label = 0, ""
    for i, tag in enumerate([*tags, "O"]):
        letter, label = split(tag, scheme == "IO")
        if open_label and (label != open_label or letter in "BSU"):
            found.append((first, i, open_label))
            open_label = ""
        if label and not open_label:
            first, open_label = i, label
        if open_label and letter in "ELSU":
            found.append((first, i + 1, open_label))
            open_label = ""
    return found


def split(tag: str, bare: bool = False) -> tuple[str, str]:
    """("B", "PER") of B-PER; ("O", "") outside; ("?", the tag) of a bare type."""
    if tag in OUTSIDE:
        return "O", ""
    match = None if bare else PREFIXED.fullmatch(tag)
    return (match[1], match[2] or UNNAMED) if match else ("?", tag)


def are_tags(words: Sequence[str]) -> bool:
    """Do these look like tags with prefixes? O, or letters with a type; a letter alone (I is a word, too) needs one of them beside it."""
    return all(split(word)[0] != "?" for word in words) and any(word == "O" or len(word) > 2 for word in words)


def joined(tokens: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """One text of tokens, and each token's offsets in it.

    A space stands between tokens, but not between characters of scripts that write none (Chinese, Japanese, Thai), nor between such a
    character and a word of another script where most of the tokens are of the first kind, nor anywhere if each token is one character.
    """
    unspaced = [bool(UNSPACED.search(token)) for token in tokens]
    dense = 2 * sum(unspaced) > len(tokens)
    by_character = any(unspaced) and all(len(token) <= 1 for token in tokens)
    pieces: list[str] = []
    places: list[tuple[int, int]] = []
    at = 0
    for i, token in enumerate(tokens):
        if i and not by_character and _spaced(tokens[i - 1], token, dense):
            pieces.append(" ")
            at += 1
        pieces.append(token)
        places.append((at, at + len(token)))
        at += len(token)
    return "".join(pieces), places


def places_in(text: str, tokens: Sequence[str]) -> list[tuple[int, int]] | None:
    """Offsets of tokens in a text that has them in this order, with nothing but white space between; None where it has not."""
    found = []
    at = 0
    for token in tokens:
        while at < len(text) and text[at].isspace() and not token[:1].isspace():
            at += 1
        if not text.startswith(token, at):
            return None
        found.append((at, at + len(token)))
        at += len(token)
    return None if text[at:].strip() else found


def _spaced(before: str, after: str, dense: bool) -> bool:
    if not before or not after or before[-1].isspace() or after[0].isspace():
        return False
    left, right = bool(UNSPACED.match(before[-1])), bool(UNSPACED.match(after[0]))
    return not (left and right) and not (dense and (left or right))


def _letters(scheme: str, n: int, adjacent: bool) -> list[str]:
    """Prefixes of an entity of n tokens. `adjacent`: the token before belongs to another entity of the same type."""
    if scheme == "IO":
        return [""] * n
    if scheme == "IOB1":
        return ["B" if adjacent else "I", *"I" * (n - 1)]
    only, first, inner, last = LETTERS[scheme]
    return [only] if n == 1 else [first, *inner * (n - 2), last]
