"""The check-up: what in the data would spoil a training or its test, in plain words, each with a fix that can be undone.

A fix writes edits, never files. Looked for: empty rows, texts that stand in two splits, equal texts with different labels, duplicates,
garbled characters, marked places that overlap or do not fit their text, rare labels, texts longer than the model reads, characters it does not know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.data import edits, facts, garbled, span_checks, tokens, twins
from core.data.state import State
from core.errors import Missing
from core.words import Message, listed, plural

if TYPE_CHECKING:
    from core.data.dataset import Dataset

Mask = NDArray[np.bool_]
RARE = 10  # texts of a label; fewer are hard to learn and harder to test
UNKNOWN = 0.05  # share of tokens; more and the base reads gaps
CHECKED_LENGTHS = 20_000  # texts tokenized to find those that are too long


@dataclass(frozen=True)
class Fix:
    id: str
    title: Message

    def as_json(self) -> dict[str, Any]:
        return {"id": self.id, "title": self.title.as_json()}


@dataclass(frozen=True)
class Finding:
    """`done`: the group of edits that mended it (then only Undo is left). Its rows: page(only="finding:<id>")."""

    id: str
    code: str
    tone: Literal["bad", "warn", "info"]
    title: Message
    detail: Message
    count: int
    fixes: tuple[Fix, ...] = ()
    done: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "code": self.code,
            "tone": self.tone,
            "title": self.title.as_json(),
            "detail": self.detail.as_json(),
            "count": self.count,
            "fixes": [fix.as_json() for fix in self.fixes],
            "done": self.done,
        }


def findings(dataset: Dataset) -> list[Finding]:
    """All findings, worst first; those that were mended stay, as done. Kept until the data set changes."""
    state = dataset.state
    if "findings" not in state.memory:
        open_now = [finding for check in CHECKS if (finding := check(state))]
        done = _done(dataset)
        state.memory["findings"] = sorted(
            [*open_now, *done], key=lambda f: (f.done is not None, ("bad", "warn", "info").index(f.tone))
        )
    found: list[Finding] = state.memory["findings"]
    return found


def apply(dataset: Dataset, finding: str, fix: str, who: str = "local") -> str:
    """Mend a finding in one of its ways; returns the group for `undo`."""
    one = next((f for f in findings(dataset) if f.id == finding and not f.done), None)
    if one is None or fix not in {f.id for f in one.fixes}:
        raise Missing(Message("This has been mended already, or the data has changed."))
    state = dataset.state
    places, kind, value = FIXES[one.code, fix](state)
    return edits.add(
        dataset.log, kind, state.rows.packed(places), value, who=who, title=one.title, finding=finding, fix=fix
    )


def undo(dataset: Dataset, group: str) -> None:
    dataset.undo(group)


def rows_of(state: State, finding: str) -> Mask:
    """The rows of a finding, for looking at them."""
    code = finding.split(":")[0]
    if code not in MASKS:
        raise Missing(Message("This has been mended already, or the data has changed."))
    return MASKS[code](state)


# --- the checks ------------------------------------------------------------------------------------------------------


def _leaks(state: State) -> Finding | None:
    mask = twins.leak_rows(state)
    n = len(np.unique(state.keys[mask]))
    if not n:
        return None
    return Finding(
        "leak",
        "leak",
        "bad",
        plural(n, "{n} text is in both training and test.", "{n:,} texts are in both training and test."),
        Message("The test would look better than it is."),
        n,
        (Fix("keep_in_test", Message("Keep in test")),),
    )


def _leaks_validation(state: State) -> Finding | None:
    n = len(np.unique(state.keys[twins.leak_validation_rows(state)]))
    if not n:
        return None
    return Finding(
        "leak_validation",
        "leak_validation",
        "warn",
        plural(n, "{n} text is in both training and validation.", "{n:,} texts are in both training and validation."),
        Message("The best moment would be chosen by texts it has learnt."),
        n,
        (Fix("keep_in_validation", Message("Keep in validation")),),
    )


def _conflicts(state: State) -> Finding | None:
    if not state.shape.by_label:
        return None  # several answers to one text may all be right
    mask = twins.conflict_rows(state)
    n = int(mask.sum())
    if not n:
        return None
    return Finding(
        "conflict",
        "conflict",
        "warn",
        Message("{n:,} equal texts carry different labels.", n=n),
        Message("The model cannot learn both."),
        n,
        (Fix("leave_out", Message("Leave them out")), Fix("keep_majority", Message("Keep the commoner label"))),
    )


def _duplicates(state: State) -> Finding | None:
    extra = twins.extra_rows(state)
    n = len(np.unique(state.keys[extra]))
    if not n:
        return None
    return Finding(
        "duplicate",
        "duplicate",
        "warn",
        plural(n, "{n} text appears twice.", "{n:,} texts appear twice or more."),
        Message("They count double."),
        n,
        (Fix("keep_one", Message("Keep one")),),
    )


def _empties(state: State) -> Finding | None:
    n = int(_empty_rows(state).sum())
    if not n:
        return None
    return Finding(
        "empty",
        "empty",
        "info",
        plural(n, "{n} row is empty.", "{n:,} rows are empty."),
        Message("They teach nothing and are passed over."),
        n,
        (Fix("leave_out", Message("Leave out")),),
    )


def _garbled(state: State) -> Finding | None:
    if state.shape.inputs[0].kind != "text":
        return None
    n = int(garbled.garbled_rows(state).sum())
    if not n:
        return None
    return Finding(
        "garbled",
        "garbled",
        "warn",
        plural(n, "{n} text has garbled characters.", "{n:,} texts have garbled characters."),
        Message("Such as “â€™” for an apostrophe: saved once in the wrong encoding."),
        n,
        (Fix("mend", Message("Mend them")),),
    )


def _rare(state: State) -> Finding | None:
    if not state.alive:
        return None
    few = [(int(n), one.name) for n, one in zip(state.label_counts, state.alive, strict=True) if 0 < n < RARE]
    if not few or len(few) == len(state.alive) == 1:
        return None
    few.sort()
    if len(few) == 1:
        title = plural(few[0][0], "{label} has only {n} text.", "{label} has only {n} texts.", label=few[0][1])
    else:
        title = Message(
            "{n} labels have fewer than {most} texts: {labels}.",
            n=len(few),
            most=RARE,
            labels=listed((name for _, name in few), 5),
        )
    return Finding("rare", "rare", "info", title, Message("Rare labels are harder to learn."), len(few))


def _long(state: State) -> Finding | None:
    limit = tokens.limit()
    mask = _long_rows(state)
    n = int(mask.sum())
    if not n:
        return None
    target = state.shape.target
    windowed = len(state.shape.parts) == 1 if target is None else target.kind in ("spans", "answers")
    return Finding(
        "long",
        "long",
        "info",
        plural(
            n,
            "{n} text is longer than the bundled model reads ({limit} word pieces).",
            "{n:,} texts are longer than the bundled model reads ({limit} word pieces).",
            limit=limit,
        ),
        Message("They are read in several pieces.") if windowed else Message("What comes after that is cut."),
        n,
    )


def _unknown(state: State) -> Finding | None:
    share = facts.facts(state).unknown_share
    if share < UNKNOWN:
        return None
    return Finding(
        "unknown",
        "unknown",
        "warn",
        Message("The bundled model does not know {p:.0f} % of the characters and words here.", p=100 * share),
        Message("Settings will propose a model that counts words and characters instead."),
        round(100 * share),
    )


def _misplaced(state: State) -> Finding | None:
    found = span_checks.misplaced(state)
    n = int(found.rows.sum())
    if not n:
        return None
    return Finding(
        "misplaced",
        "misplaced",
        "warn",
        plural(
            n,
            "{n} text has marked places that do not fit it.",
            "{n:,} texts have marked places that do not fit them.",
        ),
        found.first or Message("The words and their tags do not stand in the text."),
        n,
        (Fix("leave_out", Message("Leave them out")),),
    )


def _overlapping(state: State) -> Finding | None:
    found = span_checks.overlapping(state)
    n = int(found.rows.sum())
    if not n or found.first is None:
        return None
    return Finding(
        "overlap",
        "overlap",
        "info",
        plural(n, "{n} text has marked places that overlap.", "{n:,} texts have marked places that overlap."),
        Message("{first} Of overlapping places the longest is learnt.", first=found.first),
        n,
    )


CHECKS: tuple[Callable[[State], Finding | None], ...] = (
    _leaks,
    _leaks_validation,
    _conflicts,
    _duplicates,
    _garbled,
    _empties,
    _misplaced,
    _overlapping,
    _rare,
    _long,
    _unknown,
)


# --- their rows ------------------------------------------------------------------------------------------------------


def _empty_rows(state: State) -> Mask:
    return state.empty & ~state.edits.excluded


def _rare_rows(state: State) -> Mask:
    few = np.flatnonzero((state.label_counts > 0) & (state.label_counts < RARE))
    if state.shape.by_label:
        return np.isin(state.label, few) & state.usable
    return np.logical_or.reduce([np.zeros(len(state), np.bool_), *(state.carries(int(n)) for n in few)]) & state.usable


def _long_rows(state: State) -> Mask:
    """Exact for texts that could be too long at all: a token has at least one character."""
    if "long" not in state.text_memory:
        limit = tokens.limit()
        mask = np.zeros(len(state), np.bool_)
        places = np.flatnonzero(state.lengths > limit)[:CHECKED_LENGTHS]
        for start in range(0, len(places), 1000):
            some = places[start : start + 1000]
            counted, _ = tokens.token_counts(state.texts(some))
            mask[some] = np.array(counted, np.int64) > limit if counted else False
        state.text_memory["long"] = mask
    found: Mask = state.text_memory["long"]
    return found & state.usable


def _unknown_rows(state: State) -> Mask:
    """Of the first texts, those of which more than a fifth is unknown."""
    mask = np.zeros(len(state), np.bool_)
    places = np.flatnonzero(state.usable)[:5000]
    counted, unknown = tokens.token_counts(state.texts(places))
    if counted:
        mask[places] = np.array(unknown) > 0.2 * np.array(counted)
    return mask


MASKS: dict[str, Callable[[State], Mask]] = {
    "empty": _empty_rows,
    "leak": twins.leaked_rows,
    "leak_validation": twins.leaked_validation_rows,
    "conflict": twins.conflict_rows,
    "duplicate": twins.duplicate_rows,
    "garbled": garbled.garbled_rows,
    "rare": _rare_rows,
    "long": _long_rows,
    "unknown": _unknown_rows,
    "misplaced": lambda state: span_checks.misplaced(state).rows,
    "overlap": lambda state: span_checks.overlapping(state).rows,
}


# --- the fixes -------------------------------------------------------------------------------------------------------


def _out(rows: Callable[[State], Mask]) -> Callable[[State], tuple[Any, edits.Kind, Any]]:
    return lambda state: (np.flatnonzero(rows(state)), "exclude", None)


def _mend(state: State) -> tuple[Any, edits.Kind, Any]:
    places = np.flatnonzero(garbled.garbled_rows(state))
    column = next(c for one in state.rows.imports if (c := state.rows.column_of(one, state.shape.first)))
    return places, "cell", edits.cells(column, [garbled.mended(text) for text in state.texts(places)])


FIXES: dict[tuple[str, str], Callable[[State], tuple[Any, edits.Kind, Any]]] = {
    ("empty", "leave_out"): _out(_empty_rows),
    ("leak", "keep_in_test"): _out(twins.leak_rows),
    ("leak_validation", "keep_in_validation"): _out(twins.leak_validation_rows),
    ("conflict", "leave_out"): _out(twins.conflict_rows),
    ("conflict", "keep_majority"): _out(twins.minority_rows),
    ("duplicate", "keep_one"): _out(twins.extra_rows),
    ("garbled", "mend"): _mend,
    ("misplaced", "leave_out"): _out(lambda state: span_checks.misplaced(state).rows),
}


def _done(dataset: Dataset) -> list[Finding]:
    """Findings that a fix has mended, with the group to undo."""
    import json

    found = []
    query = "SELECT grp, finding, fix, title, LENGTH(rows) AS size FROM edits WHERE finding IS NOT NULL AND NOT undone ORDER BY seq"
    for r in dataset.log.read().execute(query):
        found.append(
            Finding(
                id=r["finding"],
                code=r["finding"].split(":")[0],
                tone="info",
                title=Message.from_json(json.loads(r["title"])),
                detail=Message("Done."),
                count=r["size"] // 8,
                done=r["grp"],
            )
        )
    return found


__all__ = ["Finding", "Fix", "apply", "findings", "rows_of", "undo"]
