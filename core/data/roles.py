"""Which column holds the text, which the label, which the split: a guess with its reason, from names and from what stands in them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.data.looks import fitting, several
from core.tasks.base import Column
from core.words import Message, listed

SPLIT_WORDS = {
    **dict.fromkeys(("train", "training", "learn", "tr", "trn", "train set", "训练", "训练集"), "train"),
    **dict.fromkeys(
        ("validation", "valid", "val", "dev", "develop", "development", "eval", "验证", "验证集", "开发集"),
        "validation",
    ),
    **dict.fromkeys(("test", "testing", "tst", "heldout", "held-out", "holdout", "测试", "测试集"), "test"),
}
TEXT_NAMES = re.compile(
    r"(?i)^(text|texts|sentence|content|message|masseges|messages?|msg|review|comment|tweet|body|question|query|utterance|document|"
    r"input|text[_ ]?a|sentence[_ ]?1|v2|文本|内容|正文|句子|评论)$"
)
LABEL_NAMES = re.compile(
    r"(?i)^(label|labels|class|category|topic|intent|tag|tags|sentiment|target|y|relation|emotion|quality|polarity|rating|stars?|v1|"
    r"output|标签|类别|分类|情感|意图)$"
)
SPLIT_NAMES = re.compile(r"(?i)^(split|subset|set|fold|partition|part|usage|数据集|划分)$")
HARDEST = (
    "marked", "spans", "answers", "messages", "choices", "image", "categories", "number", "option", "better", "relevance", "category", "text"
)  # fmt: skip
MOST_LABELS = 2_000  # different values; more is no label column


@dataclass(frozen=True)
class Role:
    """A role's column (None: no column has it; a list where several columns together have it) and why."""

    column: str | list[str] | None
    reason: Message

    def as_json(self) -> dict[str, object]:
        return {"column": self.column, "reason": self.reason.as_json()}


@dataclass(frozen=True)
class _Look:
    """What a sample of one column looks like."""

    name: str
    filled: float  # share of cells with something in them
    length: float  # mean characters of those
    distinct: int
    n: int
    values: tuple[str, ...]  # the commonest

    @property
    def repeated(self) -> bool:
        return self.n >= 4 and self.distinct <= max(2, self.n * 0.5)


def guess(columns: Mapping[str, Sequence[str]]) -> dict[str, Role]:
    """Roles text, label and split for columns given by samples of their cells."""
    looks = [_look(name, cells) for name, cells in columns.items()]
    split = _split(looks)
    rest = [look for look in looks if look.name != split.column]
    text = _text(rest)
    label = _label([look for look in rest if look.name != text.column])
    return {"text": text, "label": label, "split": split}


def guess_for(wanted: Sequence[Column], columns: Mapping[str, Sequence[str]]) -> tuple[dict[str, Role], float]:
    """Roles of any task for columns given by samples of their cells, and how well they suit the task (0: a required role stays empty).

    What is hardest to mistake is settled first: a column of spans is nothing else, a text can be anything.
    """
    looks = {name: _look(name, cells) for name, cells in columns.items()}
    split = _split(list(looks.values()))
    free = {name: cells for name, cells in columns.items() if name != split.column}
    found: dict[str, Role] = {}
    fits: list[float] = []
    for column in sorted(wanted, key=lambda c: HARDEST.index(c.kind)):
        role, fit = _settled(column, free, looks)
        found[column.role] = role
        taken = role.column if isinstance(role.column, list) else [role.column]
        free = {name: cells for name, cells in free.items() if name not in taken}
        if column.required or role.column is not None:
            fits.append(fit)
    ordered = {column.role: found[column.role] for column in wanted}
    return {**ordered, "split": split}, min(fits, default=0.0)


def _settled(column: Column, free: Mapping[str, Sequence[str]], looks: Mapping[str, _Look]) -> tuple[Role, float]:
    """The column for one role, and how well it fits."""
    together = several(column.kind, free) if column.several else None
    if together:
        names, reason = together
        return Role(names if len(names) > 1 else names[0], reason), 1.0
    fits = {name: fitting(column.kind, cells) for name, cells in free.items()}
    named = {name: fit for name, fit in fits.items() if name.strip().casefold() in column.names and fit > 0}
    if named:
        best = max(named, key=lambda name: named[name])
        return Role(best, Message("Its name says so.")), 0.5 + 0.5 * named[best]
    fits = {name: fit for name, fit in fits.items() if fit >= 0.3}
    if not fits or (not column.required and not column.target):
        return Role(None, Message("No column looks like it.")), 0.0
    if column.kind == "text":
        best = max(fits, key=lambda name: looks[name].length * looks[name].filled)
        return Role(
            best, Message("Its texts are the longest: {n:.0f} characters on average.", n=looks[best].length)
        ), 0.4
    best = max(fits, key=lambda name: fits[name])
    return Role(best, Message("What stands in it looks like it.")), 0.8 * fits[best]


def as_split(value: str) -> str | None:
    """ "dev" -> "validation"; None for a word that names no split."""
    return SPLIT_WORDS.get(value.strip().lower())


def _look(name: str, cells: Sequence[str]) -> _Look:
    filled = [cell.strip() for cell in cells if cell.strip()]
    counts = Counter(filled)
    return _Look(
        name=name,
        filled=len(filled) / max(1, len(cells)),
        length=sum(map(len, filled)) / max(1, len(filled)),
        distinct=len(counts),
        n=len(filled),
        values=tuple(value for value, _ in counts.most_common(8)),
    )


def _measures(look: _Look) -> bool:
    """Numbers with decimals: a score, not a label."""
    return any("." in value for value in look.values) and all(
        value.replace(".", "", 1).lstrip("-").isdigit() for value in look.values
    )


def _split(looks: list[_Look]) -> Role:
    for look in looks:
        words = look.n and all(as_split(value) for value in look.values) and look.distinct <= 6
        if words and (SPLIT_NAMES.match(look.name) or look.distinct > 1) and len(looks) > 1:
            return Role(look.name, Message("Its values are {values}.", values=listed(look.values)))
    return Role(None, Message("No column says what is for testing, so Hone splits."))


def _text(looks: list[_Look]) -> Role:
    candidates = [look for look in looks if look.n]
    if not candidates:
        return Role(looks[0].name if looks else None, Message("It is the only column."))
    if len(candidates) == 1:
        return Role(candidates[0].name, Message("It is the only column with something in it."))
    longest = max(candidates, key=lambda look: look.length * look.filled)
    named = [look for look in candidates if TEXT_NAMES.match(look.name) and look.length * 4 > longest.length]
    if named:
        best = max(named, key=lambda look: look.length)
        return Role(
            best.name, Message("Its name says so, and its texts have {n:.0f} characters on average.", n=best.length)
        )
    return Role(longest.name, Message("Its texts are the longest: {n:.0f} characters on average.", n=longest.length))


def _label(looks: list[_Look]) -> Role:
    candidates = [
        look for look in looks if look.n and look.distinct <= MOST_LABELS and look.length <= 60 and look.distinct > 1
    ]
    named = [look for look in candidates if LABEL_NAMES.match(look.name) and (look.repeated or look.n < 20)]
    if named:
        best = min(named, key=lambda look: look.distinct)
        return Role(best.name, Message("Its name says so, and it has {n} different values.", n=best.distinct))
    few = [
        look
        for look in candidates
        if look.repeated and look.distinct <= max(20, look.n // 20) and not (look.distinct > 12 and _measures(look))
    ]
    if few:
        best = min(few, key=lambda look: (look.distinct, look.length))
        return Role(
            best.name,
            Message("It has only {n} different values: {values}.", n=best.distinct, values=listed(best.values, 5)),
        )
    return Role(None, Message("No column looks like labels. You can label by hand."))
