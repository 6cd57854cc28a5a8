"""What the Settings tab holds before it becomes a run: a preset and the knobs a person has changed. Kept in <project>/recipe.json.

Half-typed and wrong values are kept as they are, so that a reload shows them again; `Settled` says what is off. The preset's values are
never stored: they follow the data. Knows nothing of the page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from core import tasks
from core.errors import ModelError, Problem, SettingsError
from core.models.catalogue import BASES, BLANK, UPLOADED, Base, blanks, find, suits
from core.models.methods import METHODS
from core.settings import checked, knobs, problems, shown
from core.tasks.base import TRAITS, Task
from core.training import ways
from core.training.advice import (
    PRESETS,
    Advice,
    Facts,
    Machine,
    advise,
    counts_words,
    known_facts,
    measure,
    phases,
    this_machine,
)
from core.training.settings import TrainingSettings
from core.words import Message
from core.workspace import FORMAT, read_json, write_json

FILE = "recipe.json"
SEVERAL = tuple(k.name for k in knobs(TrainingSettings) if k.kind == "several")
LONGEST = 400  # characters of one value that somebody typed


@dataclass(frozen=True)
class Draft:
    """`changed` holds raw values by knob, right or wrong. `watched` are ids of texts to watch in the next run."""

    preset: str = "balanced"
    changed: Mapping[str, Any] = field(default_factory=dict)
    watched: tuple[str, ...] = ()


def read(project: Path) -> Draft:
    """The draft of a project's folder; a fresh one where there is none, or none that can be read."""
    try:
        told = read_json(project / FILE)
        preset = told["preset"] if told["preset"] in PRESETS else Draft.preset
        return Draft(preset, _known(told["changed"]), tuple(str(row) for row in told.get("watched", ())))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Draft()


def write(project: Path, draft: Draft) -> None:
    told = {"preset": draft.preset, "changed": dict(draft.changed), "watched": list(draft.watched)}
    write_json(project / FILE, {"format": FORMAT, **told})


def drafted(preset: str, changed: Mapping[str, Any], before: Draft | None = None) -> Draft:
    """A draft out of what a page or a recipe says; names that are no knobs are passed over."""
    return replace(before or Draft(), preset=preset if preset in PRESETS else Draft.preset, changed=_known(changed))


@dataclass(frozen=True)
class Settled:
    """A draft against the facts of the data: values that suit, values as they stand, and what is off."""

    draft: Draft
    facts: Facts
    proposed: Base  # what the texts ask for, whatever base was chosen
    advice: Advice  # for the chosen base
    base_problem: Problem | None = None

    @property
    def base(self) -> Base:
        return self.advice.base

    @cached_property
    def good(self) -> dict[str, Any]:
        """A value for every knob that suits these texts and this machine; the base is the proposed one."""
        advised = self.advice.settings
        chosen = self.typed.get("method")
        suited = {**advised.model_dump(), "base": self.proposed.id}
        if chosen in METHODS:
            suited["learning_rate"] = ways.rate(chosen, advised.method, advised.learning_rate)
            suited["batch_size"] = ways.batch(chosen, advised.batch_size, self.facts.train)
        return suited

    @cached_property
    def typed(self) -> dict[str, Any]:
        """What the person has changed, without choices that this task does not offer (they were made for another one)."""
        offers = offered(self.task)
        return {n: v for n, v in self.draft.changed.items() if n not in offers or v in offers[n]}

    @cached_property
    def values(self) -> dict[str, Any]:
        """Every knob as it stands in the draft, right or wrong."""
        return {**self.good, **self.typed}

    @property
    def task(self) -> Task:
        return tasks.task(self.facts.task)

    @cached_property
    def more(self) -> dict[str, Any]:
        """What else decides whether a knob counts; see TrainingSettings."""
        task = self.task
        traits = {f"task:{trait}": trait in task.traits for trait in TRAITS}
        return {
            "base_kind": self.base.kind,
            "link": task.link or "none",
            "family": task.family,
            "smaller": False,
            "continues": False,
            **traits,
        }

    @cached_property
    def counted(self) -> set[str]:
        """The knobs that matter for the chosen base, method and task."""
        return shown(TrainingSettings, self.values, self.more)

    @cached_property
    def problems(self) -> list[Problem]:
        """What is off among the knobs that count."""
        found = [p for p in problems(TrainingSettings, self.values) if p.field in self.counted]
        against = ways.problem(self.values, self.base, self.task, this_machine())
        found += [against] if against and "method" in self.counted else []
        return [self.base_problem, *found] if self.base_problem else found

    @property
    def settings(self) -> TrainingSettings:
        """Ready to run; SettingsError with all problems otherwise. Knobs that do not count have values that suit."""
        if self.problems:
            raise SettingsError(self.problems)
        mine = {name: value for name, value in self.typed.items() if name in self.counted}
        return checked(TrainingSettings, {**self.good, **mine, "base": self.base.id})

    @property
    def phases(self) -> list[dict[str, Any]]:
        return phases(self.settings, self.base.kind, self.draft.preset)

    @property
    def changed(self) -> dict[str, Any]:
        """What run.json says of the knobs that differ from the preset."""
        now = self.settings.model_dump()
        return {name: now[name] for name in self.typed if name in self.counted and now[name] != self.good[name]}


def settle(
    draft: Draft, facts: Any, *, machine: Machine | None = None, folders: bool = True, uploads: Path | None = None
) -> Settled:
    """The draft with everything that follows from the data. `folders`: whether a base may be a folder of this machine; `uploads`: where this
    person's uploaded bases lie."""
    known = known_facts(facts)
    proposal = advise(known, draft.preset, machine)
    wanted = str(draft.changed.get("base") or "").strip()
    if not wanted or wanted == proposal.base.id:
        return Settled(draft, known, proposal.base, proposal)
    try:
        check_place(wanted, folders)
        advice = advise(known, draft.preset, machine, find(wanted, uploads))
        if problem := unfit(advice.base, tasks.task(known.task)):
            fitting = ", ".join(base.id for base in choices(tasks.task(known.task)))
            raise ModelError(
                problem, fix=Message("These fit: {names}; or a Hub name or folder of such a model.", names=fitting)
            )
    except ModelError as error:
        said = Message("{what} {fix}", what=error.message, fix=error.fix) if error.fix else error.message
        return Settled(draft, known, proposal.base, proposal, Problem("base", said))
    return Settled(draft, known, proposal.base, advice)


def check_place(wanted: str, folders: bool) -> None:
    """ModelError where a base is a folder of this machine and such may not be chosen."""
    listed = wanted in BASES or wanted.startswith((BLANK, UPLOADED))
    if not folders and not listed and ("\\" in wanted or wanted.count("/") != 1 or wanted[0] in "/.~"):
        raise ModelError(Message("Folders of the server cannot be chosen here."), fix=_NO_FOLDERS)


def unfit(base: Base, task: Task) -> Message | None:
    """Why this base cannot serve this task; None when it can, or nobody knows yet."""
    if base.kind == "classic" and task.family == "encoder" and not counts_words(task):
        return Message(
            "{base} looks at one text and gives it labels or a number; this task needs more.", base=base.title
        )
    return suits(base, task.family)


def choices(task: Task) -> list[Base]:
    """The bases that serve this task and need no network: those of the list, and blank ones."""
    return [base for base in (*BASES.values(), *blanks(task.family)) if unfit(base, task) is None]


def offered(task: Task) -> dict[str, dict[str, Message]]:
    """Knobs of which a task offers only some choices: name -> value -> title."""
    declared = {k.name: k.choices for k in knobs(TrainingSettings)}
    main, have = measure(task), {s.name for s in task.scores} | {"loss"}
    measures = {main: declared["metric"][main] if main != "main" else task.scores[0].title}
    measures |= {name: title for name, title in declared["metric"].items() if name in have}
    return {"metric": measures, "method": {name: declared["method"][name] for name in ways.offered(task)}}


def limited(settings: TrainingSettings, facts: Facts, most_steps: int | None, parts: int = 1) -> TrainingSettings:
    """The same settings within a demo's number of steps, shared by `parts` phases; as they are where they fit."""
    if most_steps is None or settings.method == "head":
        return settings
    most = max(1, most_steps // max(1, parts))
    per_round = math.ceil(facts.train / (settings.batch_size * settings.accumulation))
    planned = {"epochs": settings.epochs * per_round, "steps": settings.steps}.get(settings.length, math.inf)
    return settings if planned <= most else settings.model_copy(update={"length": "steps", "steps": most})


_NO_FOLDERS = Message("Choose a base from the list, or a Hub name such as owner/model.")


def _known(changed: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values of knobs that exist, cut to a sane length."""
    known = {n: v for n, v in dict(changed).items() if n in TrainingSettings.model_fields}
    lists = {n: [str(one)[:40] for one in v[:50]] for n, v in known.items() if n in SEVERAL and isinstance(v, list)}
    plain = {n: v for n, v in known.items() if v is None or isinstance(v, (str, int, float, bool))} | lists
    return {n: v[:LONGEST] if isinstance(v, str) else v for n, v in plain.items()}
