"""Going on from a finished run: what has arrived since, how it would be done, the start, and what was forgotten. Calls of Train and Evaluate.

assets/js/train_retune.js and assets/js/evaluate_forgetting.js draw it; what is proposed stands in `core.training.retuning`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core import tasks
from core.settings import knobs
from core.tasks.base import Score
from core.training import continuing, forgetting, retuning
from core.training import draft as drafts
from core.training.advice import known_facts
from core.training.continuing import Arrived
from core.training.settings import TrainingSettings
from core.words import Message, plural
from webui.calls import Here, call
from webui.tabs import settings as form_tab

KEEPS = {
    "replay": Message(
        "Some old texts stand in every step beside the new ones; for the others each old label's mean. It keeps most, and takes somewhat longer."
    ),
    "distil": Message(
        "On each new text it is also asked to answer as the earlier model did, among the labels that model knew. No old text is needed."
    ),
    "ewc": Message(
        "Weights that mattered for the old texts are held where they are, the others may move. Measuring them takes a while at the start."
    ),
    "nothing": Message(
        "It learns the new texts as well as it can, and forgets the old ones. For a comparison, or a fresh start."
    ),
}


@call
def arrived(here: Here, *, run: str) -> dict[str, Any]:
    """What has come since a finished run, in a sentence; without one there is nothing to go on with."""
    one = here.run(run)
    if not continuing.can_go_on(one) or here.dataset.task != one.spec["task"]:
        return {"sentence": None}
    told = continuing.arrived(here.dataset, one)
    return {"sentence": sentence(told) if told.texts else None}


@call
def retuning_of(here: Here, *, run: str, remember: str = "", share: float | None = None) -> dict[str, Any]:
    """What a person chooses among before it goes on: the ways against forgetting, what is proposed and why, about how long it takes."""
    proposal = _proposed(here, run, remember, share)
    declared = next(knob for knob in knobs(TrainingSettings) if knob.name == "remember")
    settings, told = proposal.settings, proposal.arrived
    found = [
        {"value": way, "title": declared.choices[way], "keeps": KEEPS[way]} for way in retuning.ways(proposal.run.spec)
    ]
    return {
        "sentence": sentence(told),
        "notes": _notes(told),
        "ways": found,
        "remember": settings.remember,
        "share": settings.replay_share,
        "known": told.known,
        "again": round(settings.replay_share * told.known),
        "why": proposal.why,
        "seconds": proposal.seconds,
        "fixed": len(found) == 1,
    }


@call
def retune(here: Here, *, run: str, remember: str, share: float | None = None) -> dict[str, Any]:
    """Go on from a run with what has arrived; the new run is in line."""
    form_tab.check_allowed(here)
    proposal = _proposed(here, run, remember, share)
    facts = known_facts(here.dataset.facts())
    limited = drafts.limited(proposal.settings, replace(facts, train=proposal.rows), here.limits.steps)
    times = continuing.number_of(proposal.run.spec) + 1
    name = plural(times, "{name}, retuned", "{name}, retuned {n} times", name=first_name(proposal.run)).said(
        here.language
    )
    new = retuning.begin(here.project.folder, here.dataset, replace(proposal, settings=limited), name)
    here.engine.start(new, proposal.seconds)
    return {"run": new.id}


@call
def remembered(here: Here, *, run: str) -> dict[str, Any]:
    """Of a run that continues another: the chain before it, what the model before it knew, and, when it is over, how well each run of the
    chain does on what came with each. `chain` is empty for any other run."""
    one = here.run(run)
    spec = one.spec
    before = spec.get("continues")
    score = tasks.task(spec["task"]).scores[0]
    if not before:
        return {"chain": [], "measure": score.title}
    knew = next((n.values for n in one.view().notices if n.code == "knew"), None)
    told = forgetting.read(one.folder)
    return {
        "chain": [*before["chain"], {"run": one.id, "name": one.name}],
        "measure": score.title,
        "score": score.name,
        "share": score.share,
        "knew": knew["score"] if knew else None,
        "remember": spec["settings"]["remember"],
        "replayed": before["replayed"],
        "new": before["texts"],
        "new_labels": before["new_labels"],
        "gone": before["gone"],
        "matrix": [list(row) for row in told.matrix] if told else [],
        "rows": list(told.rows) if told else [],
        "split": told.split if told else "",
        "lost": list(told.lost) if told else [],
        "verdict": verdict(told.figure, score, told.lower) if told and told.figure is not None else None,
    }


CALLS: list[Any] = [arrived, retuning_of, retune, remembered]


def sentence(told: Arrived) -> Message:
    """Texts and labels that have arrived since a run."""
    texts = plural(told.texts, "one text to learn from", "{n:,} texts to learn from")
    if not told.labels:
        return Message("Since this run, {texts} arrived or changed.", texts=texts)
    labels = plural(len(told.labels), "one new label", "{n} new labels")
    return Message("Since this run, {texts} arrived or changed, with {labels}.", texts=texts, labels=labels)


def verdict(figure: float, score: Score, lower: bool) -> Message:
    """What was lost, in a sentence."""
    points = 100 * figure if score.share else figure
    if abs(points) < (0.05 if score.share else 0.0005):
        return Message("It has lost nothing of what it knew.")
    amount = Message("{p:.1f} points", p=abs(points)) if score.share else Message("{p:.3f}", p=abs(points))
    if points > 0:
        return Message("It has lost {amount} on what it knew ({measure}).", amount=amount, measure=score.title)
    return Message("It has even gained {amount} on what it knew ({measure}).", amount=amount, measure=score.title)


def first_name(run: Any) -> str:
    """The name of the run with which the chain began."""
    chain = (run.spec.get("continues") or {"chain": []})["chain"]
    return str(chain[0]["name"] if chain else run.name)


def _proposed(here: Here, run: str, remember: str, share: float | None) -> Any:
    one = here.run(run)
    changed: dict[str, Any] = {}
    if remember in retuning.ways(one.spec):
        changed["remember"] = remember
    if share is not None:
        changed["replay_share"] = share
    return retuning.propose(here.dataset, one, changed)


def _notes(told: Arrived) -> list[Message]:
    """What happens to labels and rows that are not there any more."""
    found = []
    pairs: Mapping[str, str] = told.renamed
    found += [
        Message("“{old}” is called “{new}” now: what was learnt of it stays.", old=a, new=b) for a, b in pairs.items()
    ]
    found += [Message("“{label}” is gone: it will not be answered any more.", label=label) for label in told.gone]
    if told.lost:
        found.append(
            plural(
                told.lost,
                "One old text is not in the data any more and is left out.",
                "{n:,} old texts are not in the data any more and are left out.",
            )
        )
    if told.aside:
        found.append(
            plural(
                told.aside,
                "One more new text is kept aside for steering and testing; old test texts stay test texts.",
                "{n:,} more new texts are kept aside for steering and testing; old test texts stay test texts.",
            )
        )
    return found
