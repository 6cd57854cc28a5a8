"""The check-up: what in the data would spoil a training or its test, in plain words, each with a fix that can be undone.

A fix writes edits (or merges labels), never files. The single checks are in `core.data.checkup`, one noun a file. What they have to measure
first may take a while: `findings(dataset, wait=False)` passes those over whose measures are not there yet, and the job of
`core.data.checkup.looking` fetches them for the page.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from core.data import edits
from core.data.checkup import (
    balance,
    characters,
    equal,
    giveaways,
    label_names,
    lengths,
    mixture,
    near_equal,
    outliers,
    places,
    private,
)
from core.data.checkup.finding import Change, Check, Finding, Fix, Mask
from core.data.kept import Measure
from core.data.near import NEAR
from core.data.state import State
from core.errors import Missing
from core.words import Message

if TYPE_CHECKING:
    from core.data.dataset import Dataset

SMALL = 2_000, 400_000  # texts, and characters of all of them, that are measured in a moment

CHECKS: tuple[Check, ...] = (
    equal.LEAK,
    equal.LEAK_VALIDATION,
    giveaways.TEXT,
    equal.CONFLICT,
    near_equal.LEAK,
    near_equal.LEAK_VALIDATION,
    equal.DUPLICATE,
    label_names.SPELLING,
    private.PRIVATE,
    characters.GARBLED,
    characters.EMPTY,
    places.MISPLACED,
    places.OVERLAP,
    balance.RARE_LABELS,
    balance.BALANCE,
    near_equal.DUPLICATE,
    near_equal.CONFLICT,
    mixture.MIXED,
    lengths.LONG,
    outliers.OUTLIER,
    characters.UNKNOWN_CHARACTERS,
    giveaways.COLUMN,
)
BY_CODE = {check.code: check for check in CHECKS}
MEASURES: tuple[Measure, ...] = (NEAR, private.PERSONAL, mixture.LANGUAGES, outliers.OUTLIERS, lengths.LENGTHS)


def findings(dataset: Dataset, wait: bool = True) -> list[Finding]:
    """All findings, worst first; those that were mended stay, as done. Kept until the data set changes. Without `wait` those checks are left
    out for which something would have to be measured first, unless the data set is small."""
    state = dataset.state
    asked = [check for check in CHECKS if wait or ready(state, check.needs)]
    key = f"findings:{len(asked)}"
    if key not in state.memory:
        open_now = [finding for check in asked if (finding := check.find(state))]
        state.memory[key] = sorted(
            [*open_now, *_done(dataset)], key=lambda f: (f.done is not None, ("bad", "warn", "info").index(f.tone))
        )
    found: list[Finding] = state.memory[key]
    return found


def ready(state: State, measures: tuple[Measure, ...] = MEASURES) -> bool:
    """Is all that has to be measured there, or so little that it is at once?"""
    small = len(state) <= SMALL[0] and int(state.lengths.sum()) <= SMALL[1]
    return small or all(measure.known(state) for measure in measures)


def apply(dataset: Dataset, finding: str, fix: str, who: str = "local") -> str:
    """Mend a finding in one of its ways; returns the group for `undo`."""
    check = BY_CODE.get(finding)
    one = check.find(dataset.state) if check and ready(dataset.state, check.needs) else None
    if check is None or one is None or fix not in {f.id for f in one.fixes}:
        raise Missing(Message("This has been mended already, or the data has changed."))
    state = dataset.state
    change = check.fixes[fix](state)
    value = {"changes": _merged(dataset, change, who)} if change.kind == "labels" else change.value
    rows = state.rows.packed(change.places)
    return edits.add(dataset.log, change.kind, rows, value, who=who, title=one.title, finding=finding, fix=fix)


def undo(dataset: Dataset, group: str) -> None:
    dataset.undo(group)


def rows_of(state: State, finding: str) -> Mask:
    """The rows of a finding, for looking at them."""
    check = BY_CODE.get(finding)
    if check is None or check.rows is None or not ready(state, check.needs):
        raise Missing(Message("This has been mended already, or the data has changed."))
    return check.rows(state)


def _merged(dataset: Dataset, change: Change, who: str) -> list[str]:
    """The label list's own changes, each of which can be undone."""
    return [dataset.labels.merge(label, into, who).change for label, into in change.merges.items()]


def _done(dataset: Dataset) -> list[Finding]:
    """Findings that a fix has mended, with the group to undo."""
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


__all__ = ["Finding", "Fix", "apply", "findings", "ready", "rows_of", "undo"]
