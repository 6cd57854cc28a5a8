"""The shoot-out: several ways to tune on one split with one budget, side by side. Which methods and bases are offered, what they become as
members, and what comes out.

    proposed(settled, machine)      what there is to tick, and what is ticked already
    ways(settle, methods, bases, budget)   the members, in the order they are carried out
    SHOOTOUT                        the kind of study
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.errors import HoneError, SettingsError
from core.models.catalogue import CLASSIC
from core.models.counting import learning
from core.models.methods import METHODS
from core.studies.base import Kind, Seen, Wanted
from core.studies.compared import Figure, Measure, Standing, answers, figure, judged, standing
from core.studies.dealing import spread
from core.studies.planned import advance, count, labels, place_of
from core.studies.study import Study
from core.training import draft as drafts
from core.training.advice import Machine, this_machine
from core.training.advice import phases as planned_phases
from core.training.draft import Draft, Settled
from core.training.settings import TrainingSettings
from core.words import Message

PROPOSED = ("head", "lora", "top", "full")  # ticked where they serve, quickest first
FEW = 50  # rows under which a difference is not spoken of as one
Settle = Callable[[Draft], Settled]


@dataclass(frozen=True)
class Budget:
    """What each way may spend: `unit` "rounds" through the texts, or "minutes" of steps."""

    unit: str
    value: float

    @property
    def settings(self) -> dict[str, Any]:
        if self.unit == "minutes":
            return {"length": "minutes", "minutes": self.value}
        return {"length": "epochs", "epochs": self.value}

    def as_json(self) -> dict[str, Any]:
        return {"unit": self.unit, "value": self.value}


def proposed(settled: Settled, machine: Machine | None = None) -> dict[str, Any]:
    """{"methods": [{"name", "title", "sentence", "term", "why_not", "ticked"}], "bases": [{"id", "title", "kind", "ticked"}], "rounds"}, for the
    task and base of a draft. `why_not` says why a method cannot serve there."""
    task, base, machine = settled.task, settled.base, machine or this_machine()
    tuned = base if base.kind != "classic" else next((b for b in drafts.choices(task) if b.kind != "classic"), base)
    offered = drafts.offered(task)["method"]
    methods = []
    for name in sorted(METHODS, key=lambda name: PROPOSED.index(name) if name in PROPOSED else len(PROPOSED)):
        one = METHODS[name]
        why = one.suits(tuned, task, machine)
        if name not in offered and why is None:
            continue
        told = {"name": name, "title": one.title, "sentence": one.sentence, "term": one.term, "why_not": why}
        told["learns"] = (
            learning(tuned, name, settled.advice.settings, len(settled.facts.labels) or 1) if why is None else None
        )
        methods.append({**told, "ticked": why is None and name in PROPOSED, "usual": one.usual})
    bases = [
        {"id": b.id, "title": b.title, "kind": b.kind, "ticked": b.id in (tuned.id, CLASSIC)}
        for b in drafts.choices(task)
    ]
    if tuned.id not in {b["id"] for b in bases}:
        bases.insert(0, {"id": tuned.id, "title": tuned.title, "kind": tuned.kind, "ticked": True})
    return {"methods": methods, "bases": bases, "rounds": settled.settings.epochs if not settled.problems else 3.0}


def ways(settle: Settle, before: Draft, methods: Sequence[str], bases: Sequence[str], budget: Budget) -> list[Wanted]:
    """One member for every method on every base, and one for each base that only counts words. `settle` turns a draft into settings; what a
    person has changed in `before` holds for all. HoneError where nothing is chosen or a choice cannot serve."""
    if budget.unit not in ("rounds", "minutes") or not 0 < budget.value <= 10_000:
        raise HoneError(Message("The budget must be a number above nought."))
    unknown = [name for name in methods if name not in METHODS]
    if unknown:
        raise HoneError(
            Message(
                "There is no tuning method called “{name}”; there are: {names}.",
                name=unknown[0],
                names=", ".join(METHODS),
            )
        )
    found: list[Wanted] = []
    several = len(bases) > 1
    for base in bases:
        settled = _settled(settle, before, {**budget.settings, "base": base})
        if settled.base.kind == "classic":
            found.append(_wanted(len(found), settled, settled.settings, settled.base.title, {"base": base}))
            continue
        usual = _settled(settle, before, {**budget.settings, "base": base, "method": "full"}).settings.learning_rate
        for name in methods:
            settled = _settled(settle, before, {**budget.settings, "base": base, "method": name})
            _check_suits(name, settled)
            settings = _paced(settled.settings, name, usual, "learning_rate" in before.changed)
            title = METHODS[name].title
            label = (
                Message("{way} · {base}", way=title, base=settled.base.title)
                if several and _networks(bases) > 1
                else title
            )
            found.append(_wanted(len(found), settled, settings, label, {"method": name, "base": base}))
    if len(found) < 2:
        raise HoneError(Message("Choose at least two ways, so that there is something to compare."))
    return found


def _networks(bases: Sequence[str]) -> int:
    return sum(base != CLASSIC for base in bases)


def _settled(settle: Settle, before: Draft, changes: Mapping[str, Any]) -> Settled:
    """With the values of Balanced, whatever preset is chosen: a quick look has none for steps through the model."""
    settled = settle(replace(before, preset="balanced", changed={**before.changed, **changes}))
    if settled.problems:
        raise SettingsError(settled.problems)
    return settled


def _check_suits(name: str, settled: Settled) -> None:
    why = METHODS[name].suits(settled.base, settled.task, this_machine())
    if why:
        raise HoneError(Message("{way} on {base}: {why}", way=METHODS[name].title, base=settled.base.title, why=why))


def _paced(settings: TrainingSettings, name: str, usual: float, is_chosen: bool) -> TrainingSettings:
    """Steps as wide as suit the method, where neither the person nor the advice has said."""
    rate = METHODS[name].rate
    if is_chosen or METHODS[name].fits or rate == 1.0 or settings.learning_rate != usual:
        return settings
    return settings.model_copy(update={"learning_rate": min(0.1, float(f"{usual * rate:.2g}"))})


def _wanted(
    number: int, settled: Settled, settings: TrainingSettings, label: Message, values: Mapping[str, Any]
) -> Wanted:
    phases = planned_phases(settings, settled.base.kind, "own")
    return Wanted(
        str(number), label, settled.base.as_json(), settings, phases, settled.draft.preset, settled.changed, values
    )


# What comes out -----------------------------------------------------------------------------------------------------


def result(study: Study, seen: Sequence[Seen]) -> dict[str, Any]:
    """{"sentence", "caution", "measure", "split", "rows": [...], "budget", "folds"}; a row is one way, its folds together."""
    asked, measure = study.question, Measure.of(study.spec["task"])
    folds = int(asked["folds"])
    split = "validation" if folds or not study.spec["data"]["counts"].get("test") else "test"
    by_way: dict[int, list[Seen]] = {number: [] for number in range(len(asked["ways"]))}
    for one in seen:
        by_way[place_of(one.key)[0]].append(one)
    rows = [
        _row(n, label, by_way[n], max(1, folds), measure, asked["ways"][n]) for n, label in enumerate(labels(asked))
    ]
    done = {row["key"]: row[split]["value"] for row in rows if row["ended"] and row[split]["value"] is not None}
    given = {key: answers(study, by_way[int(key)], split) for key in done}
    stand = standing(done, given, measure)
    for row in rows:
        row |= {
            "best": row["key"] == stand.best,
            "p": stand.p.get(row["key"]),
            "good": row["key"] in done and stand.about_as_good(row["key"]),
        }
    n = next((row[split]["n"] for row in rows if row[split]["n"]), None)
    return {
        "sentence": _sentence(rows, stand, measure, split, n),
        "caution": Message("Too few test texts for a firm answer") if n and n < FEW else None,
        "measure": measure.as_json(),
        "split": split,
        "rows": rows,
        "budget": asked["budget"],
        "folds": folds,
    }


def _row(
    number: int, label: Message, members: Sequence[Seen], wanted: int, measure: Measure, way: Mapping[str, Any]
) -> dict[str, Any]:
    """One way: its figures (with folds their means), what it cost, and how far it is."""
    ended = [one for one in members if one.ended]
    told = [judged(one) for one in ended]
    failed = next(
        (one.member.ended["failure"] for one in ended if one.member.ended and one.member.ended.get("failure")), None
    )
    seconds = [one.seconds for one in ended if one.seconds]
    return {
        "key": str(number),
        "label": label,
        "values": way["values"],
        "runs": [one.member.run for one in members if one.run],
        "state": _state(members, wanted),
        "ended": len(ended) == wanted,
        "share": sum(1.0 if one.ended else one.view.share if one.view else 0.0 for one in members) / wanted,
        "validation": _together(ended, "validation", measure).as_json(),
        "test": _together(ended, "test", measure).as_json(),
        "deviation": _deviation(ended, measure),
        "seconds": sum(seconds) / len(seconds) if seconds else sum(one.seconds for one in members) or None,
        "learns": _most(told, "learns"),
        "weights": _most(told, "weights"),
        "bytes": _most(told, "bytes"),
        "memory": _most(told, "memory"),
        "at_start": any((one.member.ended or {}).get("at_start") for one in ended),
        "failure": failed,
    }


def _together(ended: Sequence[Seen], split: str, measure: Measure) -> Figure:
    found = [figure(one, split, measure.name) for one in ended]
    found = [one for one in found if one.value is not None]
    if len(found) <= 1:
        return found[0] if found else Figure(None)
    over = spread([one.value for one in found if one.value is not None])
    assert over is not None
    low, high = measure.within(over.low), measure.within(over.high)
    return Figure(over.mean, low, high, sum(one.n or 0 for one in found) or None)


def _deviation(ended: Sequence[Seen], measure: Measure) -> float | None:
    values = [one.scores[measure.name] for one in ended if measure.name in one.scores]
    over = spread(values)
    return over.deviation if over else None


def _most(told: Sequence[Mapping[str, Any]], name: str) -> int | None:
    return max((one[name] for one in told if one.get(name)), default=None)


def _state(members: Sequence[Seen], wanted: int) -> str:
    """Of a run; "waiting" before there is one."""
    working = next((one.state for one in members if one.at_work), None)
    if working:
        return working
    if not members:
        return "waiting"
    if len(members) < wanted:
        return "running"
    return next((one.state for one in members if one.state not in ("finished", "stopped")), members[-1].state)


def _sentence(
    rows: Sequence[Mapping[str, Any]], stand: Standing, measure: Measure, split: str, n: int | None
) -> Message:
    """The answer, as far as it is there."""
    done = [row for row in rows if row["ended"] and row[split]["value"] is not None]
    if not done:
        over = rows and all(row["ended"] for row in rows)
        return (
            Message("No way came to an end with a score.")
            if over
            else Message("The first result comes when one way is done.")
        )
    best = next(row for row in done if row["best"])
    words = {"best": best["label"], "value": measure.shown(best[split]["value"]), "measure": measure.title}
    if len(done) == 1:
        return Message("{best}: {value} ({measure}).", **words)
    few = n is not None and n < FEW
    alike = [row for row in done if row["good"] or few]
    quickest = min(alike, key=lambda row: row["seconds"] or 0.0)
    if len(alike) == 1:
        return Message("“{best}” is best with {value} ({measure}), clearly ahead of the others.", **words)
    if quickest["key"] != best["key"]:
        words |= {"other": quickest["label"], "theirs": measure.shown(quickest[split]["value"])}
        times = (best["seconds"] or 0.0) / max(quickest["seconds"] or 0.0, 0.1)
        if times >= 1.5:
            return Message(
                "“{other}” is as good as “{best}” and {times} times as quick. No clear difference: {theirs} and {value}.",
                times=f"{times:.1f}" if times < 9.5 else f"{times:.0f}",
                **words,
            )
        return Message("“{other}” and “{best}” are equally good. No clear difference: {theirs} and {value}.", **words)
    return Message(
        "“{best}” is best with {value} ({measure}), and the quickest of those that are about as good.", **words
    )


SHOOTOUT = Kind("shootout", Message("Compare ways"), advance, result, count)
