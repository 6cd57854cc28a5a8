"""The check by folds: the same training k times, each time with another k-th of the texts set aside; mean and spread of what it reaches, and an
answer for every text by a model that has not learnt from it (core.studies.dealing deals the texts)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from core import journal
from core.studies.base import Kind, Seen, Wanted
from core.studies.compared import Measure, figure
from core.studies.dealing import Spread, spread
from core.studies.planned import advance, count, place_of
from core.studies.study import Study
from core.training.draft import Settled
from core.words import Message


def way(settled: Settled) -> Wanted:
    """The training that is checked: the settings of a draft as they are."""
    return Wanted(
        "0",
        settled.base.title,
        settled.base.as_json(),
        settled.settings,
        settled.phases,
        settled.draft.preset,
        settled.changed,
    )


def result(study: Study, seen: Sequence[Seen]) -> dict[str, Any]:
    """{"sentence", "measure", "rows": one a fold, "spread": over the texts set aside, "test": the same on the test split, "scores": spread by
    measure, "gathered": texts with an answer}."""
    measure, k = Measure.of(study.spec["task"]), int(study.question["folds"])
    rows = [_row(one, measure) for one in seen]
    values = [row["validation"]["value"] for row in rows if row["ended"] and row["validation"]["value"] is not None]
    over = spread(values)
    names = sorted({name for one in seen if one.ended for name in one.scores})
    by_measure = {
        name: spread([one.scores[name] for one in seen if one.ended and name in one.scores]) for name in names
    }
    tested = spread([row["test"]["value"] for row in rows if row["ended"] and row["test"]["value"] is not None])
    return {
        "sentence": _sentence(values, measure, k),
        "measure": measure.as_json(),
        "k": k,
        "rows": rows,
        "spread": _told(over, measure),
        "test": _told(tested, measure),
        "scores": {name: asdict(found) for name, found in by_measure.items() if found},
        "gathered": sum(row["validation"]["n"] or 0 for row in rows if row["ended"]),
    }


def out_of_fold(study: Study) -> dict[str, dict[str, Any]]:
    """Row id -> {"fold", "credit", and the answer in brief}, by the model that had not learnt from the row. For those folds that have ended."""
    found: dict[str, dict[str, Any]] = {}
    for member in study.view().members:
        if not member.run:
            continue
        fold = place_of(member.key)[1] or 0
        for line in journal.read(study.answers(member.run))[0]:
            if line["split"] == "validation":
                found[line["id"]] = {"fold": fold + 1, **{k: v for k, v in line.items() if k not in ("id", "split")}}
    return found


def _told(over: Spread | None, measure: Measure) -> dict[str, Any] | None:
    return {**asdict(over), "low": measure.within(over.low), "high": measure.within(over.high)} if over else None


def _row(one: Seen, measure: Measure) -> dict[str, Any]:
    fold = place_of(one.key)[1] or 0
    failure = one.member.ended.get("failure") if one.member.ended else None
    return {
        "key": one.key,
        "fold": fold + 1,
        "runs": [one.member.run] if one.run else [],
        "state": one.state,
        "ended": one.ended,
        "share": 1.0 if one.ended else one.view.share if one.view else 0.0,
        "validation": figure(one, "validation", measure.name).as_json(),
        "test": figure(one, "test", measure.name).as_json(),
        "seconds": one.seconds or None,
        "failure": failure,
    }


def _sentence(values: Sequence[float], measure: Measure, k: int) -> Message:
    over = spread(values)
    if over is None:
        return Message("The first result comes when one fold is done.")
    words = {"measure": measure.title, "value": plus_minus(over.mean, over.deviation, measure), "n": over.n, "k": k}
    if over.n < k:
        return Message("{measure}: {value} over {n} of {k} folds so far.", **words)
    return Message("{measure}: {value} over {k} folds.", **words)


def plus_minus(mean: float, deviation: float | None, measure: Measure) -> str:
    """ "87.0 ± 1.9 %": the mean and the deviation of one fold's figure."""
    if deviation is None:
        return measure.shown(mean)
    if measure.share:
        return f"{100 * mean:.1f} ± {100 * deviation:.1f} %"
    return f"{mean:.3g} ± {deviation:.2g}"


FOLDS = Kind("folds", Message("Check by folds"), advance, result, count)
