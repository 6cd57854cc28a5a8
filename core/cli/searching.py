"""`hone search`: many trainings on one data set, each with other settings; which were best, and whether that is more than chance."""

from __future__ import annotations

import argparse
from typing import Any

from core.cli.saying import Meter, Saying, duration
from core.cli.studying import found, led
from core.cli.training import Ready, prepared
from core.errors import HoneError
from core.words import Message


def search(options: argparse.Namespace, say: Saying) -> int:
    """Begin, join or go on with a search, and tell how it goes until it is over."""
    study = (
        found(options, "search") if options.go_on else prepared(options, say, lambda ready: _begun(ready, options, say))
    )
    return _carried_out(study, options, say)


def _begun(ready: Ready, options: argparse.Namespace, say: Saying) -> Any:
    from core.studies import ranges, search

    dataset, folder = ready.project.dataset(), ready.project.folder
    if options.join:
        if not options.storage:
            raise HoneError(
                Message("--join needs --storage."), fix=Message("Name the file or database of the search to work on.")
            )
        return search.join(folder, dataset, options.storage, options.name or "", say.language)
    wanted = dict(map(_bounds, options.tried or ()))
    chosen = ranges.chosen(ready.settled, wanted) if wanted else ranges.usual(ready.settled)
    for one in chosen:
        tried = ", ".join(one.choices) or f"{one.low:g} .. {one.high:g}"
        say.note(Message("Searched: {name}, {range}", name=one.name, range=tried))
    return search.begin(
        folder, dataset, ready.settled, chosen, trials=options.trials, minutes=options.minutes,
        prunes=not options.no_pruning, storage=options.storage, name=options.name or "", language=say.language,
    )  # fmt: skip


def _bounds(told: str) -> tuple[str, dict[str, Any]]:
    """learning_rate=1e-5..1e-4, method=full,lora, or a name alone."""
    name, _, range = told.partition("=")
    name = name.strip().replace("-", "_")
    if ".." in range:
        low, high = range.split("..", 1)
        return name, {"low": low, "high": high}
    return name, {"choices": [one.strip() for one in range.split(",")]} if range else {}


def _carried_out(study: Any, options: argparse.Namespace, say: Saying) -> int:
    from core.studies import search
    from core.studies.base import look

    if not led(study, options, say, "search", _Watching(study, say).tell):
        return 130
    view = study.view()
    if view.failure:
        fix = view.failure.get("fix")
        say.error(Message.from_json(view.failure["message"]), Message.from_json(fix) if fix else None)
        return 1
    _compare(study, say)
    return _told(study, search.result(study, look(study)), options, say)


class _Watching:
    """Tells how a search goes: a line a trial that has ended, and one that changes."""

    def __init__(self, study: Any, say: Saying):
        self.study, self.say = study, say
        self.known: set[int] = set()

    def tell(self) -> None:
        from core.studies import search
        from core.studies.base import look

        told = search.result(self.study, look(self.study))
        for one in told["trials"]:
            if one["state"] in ("finished", "pruned", "failed") and one["number"] not in self.known:
                self.known.add(one["number"])
                self.say.note(_line(one))
        budget = told["budget"]
        done = budget["finished"] + budget["pruned"] + budget["failed"]
        self.say.line(Message("{n} of {m} trials", n=done, m=budget["trials"]))


def _line(one: dict[str, Any]) -> Message:
    values = ", ".join(f"{name} {value}" for name, value in one["values"].items() if value is not None)
    score = "–" if one["score"] is None else f"{one['score']:.4f}"
    told = {"n": one["number"], "score": score, "values": values, "t": duration(one["seconds"])}
    if one["state"] == "pruned":
        return Message("Trial {n}: {score}, stopped early after {t} ({values})", **told)
    if one["state"] == "failed":
        return Message("Trial {n}: failed after {t} ({values})", **told)
    return Message("Trial {n}: {score} in {t} ({values})", **told)


def _compare(study: Any, say: Saying) -> None:
    """Ask best and default once more, where both are here and differ."""
    from core.studies import search, worth
    from core.studies.base import look

    seen = look(study)
    told = search.result(study, seen)
    models = {int(one.key) for one in seen if one.run and one.run.has_model}
    if told["best"] != told["default"] and {told["best"], told["default"]} <= models and not told["compared"]:
        with Meter(say, Message("Comparing the best with the default")) as meter:
            worth.compare(str(study.folder), told["best"], told["default"], progress=meter, cancelled=meter.cancelled)


def _told(study: Any, told: dict[str, Any], options: argparse.Namespace, say: Saying) -> int:
    from core.studies import search
    from core.training import draft as drafts

    values = search.best_values(study)
    if options.use and values:
        question = study.question
        draft = drafts.drafted(question["preset"], {**question["changed"], **values})
        drafts.write(study.project_folder, draft)
        say.note(Message("The best settings are now those of the project."))
    say.note(told["sentence"])
    if say.json:
        kept = {name: told[name] for name in ("best", "default", "metric", "trials", "importance", "compared")}
        say.result({"search": study.id, "values": values, **kept, "sentence": told["sentence"]})
    else:
        best = next((one for one in told["trials"] if one["number"] == told["best"]), None)
        shown = ", ".join(f"{name} {value}" for name, value in (best or {"values": {}})["values"].items())
        say.out(f"{study.id}\t{told['metric']} {best['score']:.4f}: {shown}" if best else study.id)
    return 0 if told["best"] is not None else 1
