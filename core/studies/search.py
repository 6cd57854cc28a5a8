"""The kind of study that looks for better settings: each trial is an ordinary run with values out of declared ranges.

    study = begin(project_folder, dataset, settled, ranges, trials=20)      trial 0 has the settings as they are, so that "better" has a yardstick
    study = join(project_folder, dataset, "…/trials.journal")              another process or machine works on the same search

What was tried stands in a book (core.studies.trials), beside the study or where several can reach it; the study's members are the trials that
run here. `advance` tells the book what has become of them and asks it for the next, so that a search that is killed at any moment goes on with
the same history: a trial that was asked for and never made is made, one that was at work is taken up again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core import tasks
from core.errors import HoneError
from core.models.methods import METHODS
from core.settings import knobs
from core.studies.base import Kind, Next, Seen, Wanted
from core.studies.importance import importance
from core.studies.ranges import Range
from core.studies.study import Study, create
from core.studies.trials import Asked, Book, Trial, best_of, question_at
from core.studies.worth import verdict
from core.tasks.base import LOWER, metric_of
from core.training import draft as drafts
from core.training.advice import phases
from core.training.draft import Settled
from core.training.plan import Plan
from core.training.settings import TrainingSettings
from core.training.view import RunView
from core.words import Message

NAME = "search"
BOOK = "trials.journal"
TRIALS = 20
MOST = 500  # trials a person may ask for
LONG = 4  # checks from which on the first of them decides nothing


def begin(
    project_folder: Path,
    dataset: Any,
    settled: Settled,
    ranges: Sequence[Range],
    *,
    trials: int = TRIALS,
    minutes: float | None = None,
    prunes: bool = True,
    storage: str | None = None,
    name: str = "",
    language: str = "en",
) -> Study:
    """A new search around the draft's settings. `minutes` of work in all; `storage`: a file or database that others can reach. Raises
    HoneError where there is nothing to learn from or to judge by."""
    settings = settled.settings
    if not settled.facts.validation:
        raise HoneError(
            Message("A search compares trials on the texts kept aside for validation, and there are none."),
            fix=Message("Give validation a share on the Data tab."),
        )
    question = {
        "settings": settings.model_dump(),
        "base": settled.base.as_json(),
        "preset": _preset(settled),
        "changed": dict(settled.changed),
        "more": dict(settled.more),
        "ranges": [one.as_json() for one in ranges],
        "trials": max(2, min(int(trials), MOST)),
        "minutes": minutes,
        "prunes": prunes,
        "patience": 1 if _checks(settings, settled.facts.train) >= LONG else 0,
        "seed": settings.seed,
        "metric": metric_of(settled.task, settings.metric),
        "lower": metric_of(settled.task, settings.metric) in LOWER,
        "storage": storage,
    }
    study = _new(project_folder, dataset, question, name, language)
    book_of(study).mark_rows(fingerprint(study))
    return study


def join(project_folder: Path, dataset: Any, storage: str, name: str = "", language: str = "en") -> Study:
    """Work on a search that somebody else has begun at `storage`. Refused where the texts are not the same."""
    question = {**question_at(storage), "storage": storage}
    study = _new(project_folder, dataset, question, name, language)
    known = book_of(study).rows()
    if known and known != fingerprint(study):
        study.stop()
        study.delete()
        raise HoneError(
            Message("That search is over other texts than those here, so its scores would not compare."),
            fix=Message("Give both the same file, split in the same way."),
        )
    return study


def book_of(study: Study) -> Book:
    question = study.question
    return Book.open(question["storage"] or str(study.folder / BOOK), question)


def advance(study: Study, seen: Sequence[Seen], room: int) -> Next:
    """See core.studies.base.Kind."""
    book, question = book_of(study), study.question
    state = {one.number: one.state for one in book.trials()}
    prune = []
    for one in seen:
        number = int(one.key)
        if state.get(number) != "running":
            prune += [one.key] if one.at_work else []  # stopped early, or given up by another machine meanwhile
        elif one.ended:
            _tell_end(book, number, one, question["metric"])
        elif one.view and book.report(number, checks(one.view, question["metric"])):
            book.pruned(number, one.seconds)
            prune.append(one.key)
    book.give_up_stale(study.id)
    there = {one.key for one in seen}
    coming = [asked for asked in book.begun(study.id) if str(asked.number) not in there]
    while len(coming) < room and (asked := book.ask(study.id)):
        coming.append(asked)
    return Next([wanted(question, asked) for asked in coming], prune, over=not coming and book.is_over())


def wanted(question: Mapping[str, Any], asked: Asked) -> Wanted:
    """The run of a trial."""
    settings = TrainingSettings(**{**question["settings"], **asked.values})
    label = Message("The settings as they were") if asked.default else Message("Trial {n}", n=asked.number)
    return Wanted(
        key=str(asked.number),
        label=label,
        base=question["base"],
        settings=settings,
        phases=phases(settings, question["base"]["kind"]),
        preset=question["preset"],
        changed={**question["changed"], **asked.values},
        values=asked.values,
        untested=True,
    )


def checks(view: RunView, metric: str) -> dict[int, float]:
    """Check (1 is the first) -> score, of the steps through the model; the fit of the last layer before them is the same for all."""
    fitted = {phase.phase for phase in view.phases if phase.method in METHODS and METHODS[phase.method].fits}
    tuned = [check for check in view.checks if check.phase not in fitted]
    return {n: check.scores[metric] for n, check in enumerate(tuned, 1) if check.scores.get(metric) is not None}


def result(study: Study, seen: Sequence[Seen]) -> dict[str, Any]:
    """All a page or command shows: {trials, best, default, ranges, importance, budget, metric, sentence, compared, ...}."""
    book, question = book_of(study), study.question
    rows = [one for one in book.trials() if one.state != "waiting" and not one.surplus]
    runs = {int(one.key): one for one in seen}
    default = next((one for one in rows if one.default and not one.lost), None)
    best = best_of(rows, question["lower"])
    ranges = [Range.from_json(one) for one in question["ranges"]]
    values = [_values(one, question) for one in rows]
    scored = [(v, _score(one)) for one, v in zip(rows, values, strict=True)]
    shares = importance(ranges, [(v, s) for v, s in scored if s is not None], question["lower"])
    task = tasks.task(study.spec["task"])
    score = next((s for s in task.scores if s.name == question["metric"]), None)
    compared = study.view().noted.get("compared")
    tried = sum(1 for one in rows if not one.default and one.state in ("finished", "pruned"))
    fresh = compared if compared and best and compared["best"] == best.number else None
    return {
        "metric": question["metric"],
        "measure": drafts.offered(task)["metric"].get(question["metric"], question["metric"]),
        "share": bool(score and score.share),
        "lower": question["lower"],
        "ranges": [_described(one) for one in ranges],
        "trials": [_row(one, v, runs.get(one.number)) for one, v in zip(rows, values, strict=True)],
        "best": best and best.number,
        "default": default and default.number,
        "importance": [{"name": name, "share": share} for name, share in shares.items()],
        "budget": _budget(question, rows),
        "compared": fresh,
        "sentence": verdict(best, default, fresh, bool(score and score.share), question["lower"], tried),
        "shared": question["storage"] is not None,
    }


def best_values(study: Study) -> dict[str, Any]:
    """The settings of the best trial that differ from those as they were; empty where nothing did better."""
    best = best_of(book_of(study).trials(), study.question["lower"])
    return dict(best.values) if best else {}


def fingerprint(study: Study) -> str:
    """The same for the same texts, answers and parts, whatever their order and row ids."""
    table = study.rows.table()
    names = sorted(set(table.column_names) - {"id"})
    columns = [table[name].to_pylist() for name in names]
    lines = sorted(repr(cells) for cells in zip(*columns, strict=True))
    return hashlib.sha256("\n".join([repr(names), *lines]).encode()).hexdigest()[:16]


# Small things --------------------------------------------------------------------------------------------------------


def _new(project_folder: Path, dataset: Any, question: Mapping[str, Any], name: str, language: str) -> Study:
    about = {"preset": question["preset"], "base": question["base"]}
    return create(
        project_folder,
        kind=NAME,
        name=name or Message("Search").said(language),
        question=question,
        dataset=dataset,
        about=about,
        language=language,
    )


def _tell_end(book: Book, number: int, one: Seen, metric: str) -> None:
    score = one.scores.get(metric)
    if one.state in ("finished", "stopped") and score is not None:
        book.finished(number, score, one.seconds)
    else:
        book.failed(number, one.seconds)


def _preset(settled: Settled) -> str:
    """Best tries several step widths in one run; the search does that itself."""
    return "balanced" if settled.draft.preset == "best" else settled.draft.preset


def _checks(settings: TrainingSettings, texts: int) -> int:
    plan = Plan.of(settings, max(1, texts))
    return (plan.steps or 0) // plan.check_every


def _values(one: Trial, question: Mapping[str, Any]) -> dict[str, Any]:
    """Of every searched knob the value the trial has: its own, else as it was; None where the knob did not count."""
    names = [r["name"] for r in question["ranges"]]
    if one.default:
        return {name: question["settings"][name] for name in names}
    return {name: one.values.get(name) for name in names}


def _score(one: Trial) -> float | None:
    """Of a finished trial its score; of one stopped early the last check's, which says that it was behind."""
    if one.state == "finished":
        return one.score
    return one.checks[max(one.checks)] if one.state == "pruned" and one.checks else None


def _row(one: Trial, values: Mapping[str, Any], seen: Seen | None) -> dict[str, Any]:
    now = seen.state if seen and seen.at_work and one.state == "running" else one.state
    failure = seen.member.ended.get("failure") if seen and seen.member.ended else None
    return {
        "number": one.number,
        "default": one.default,
        "state": "lost" if one.lost else now,
        "values": dict(values),
        "score": _score(one),
        "checks": [{"check": place, "score": score} for place, score in sorted((one.checks or {}).items())],
        "seconds": seen.seconds if seen else one.seconds,
        "share": seen.view.share if seen and seen.view and one.state == "running" else None,
        "run": seen.run.id if seen and seen.run else None,
        "elsewhere": seen is None,
        "failure": failure and failure.get("message"),
    }


def _described(one: Range) -> dict[str, Any]:
    knob = next(k for k in knobs(TrainingSettings) if k.name == one.name)
    titles = {choice: knob.choices[choice] for choice in one.choices}
    return {**one.as_json(), "title": knob.title, "term": knob.as_json()["term"], "titles": titles}


def _budget(question: Mapping[str, Any], rows: Sequence[Trial]) -> dict[str, Any]:
    counted = [one for one in rows if one.counts]
    states = ("finished", "pruned", "failed", "running")
    return {
        "trials": question["trials"],
        "minutes": question["minutes"],
        "asked": len(counted),
        "seconds": round(sum(one.seconds for one in counted), 1),
        **{state: sum(one.state == state for one in counted) for state in states},
    }


SEARCH = Kind(
    NAME,
    Message("Search for better settings"),
    advance,
    result,
    planned=lambda question: int(question["trials"]),
)
