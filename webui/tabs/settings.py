"""The Settings tab: three choices, every knob, what it costs on this machine. Here are its calls; assets/js/settings.js draws it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from core import tasks
from core.data import guesses
from core.data.cleaning import Cleaning
from core.errors import HoneError, NotAllowed, SettingsError
from core.export.recipe import read_recipe, recipe_text
from core.models import uploads
from core.models.catalogue import UPLOADED, Base
from core.models.lookup import look_up
from core.models.methods import KINDS
from core.settings import checked
from core.tasks.cleaned import LOOKED, example, texts_of
from core.training import draft as drafts
from core.training import estimate as estimates
from core.training import runs, ways
from core.training.advice import PRESETS, this_machine
from core.training.bases import advise_base
from core.training.draft import Draft, Settled
from core.training.settings import GROUPS, TrainingSettings
from core.words import Message, plural
from webui import form
from webui.calls import Here, call, panel
from webui.overview import PRESETS as TITLES
from webui.page import Page

AT_WORK = ("queued", "preparing", "running")


def tab(page: Page) -> None:
    panel(page, "settings", [settings, keep, estimate, cleaning, recipe, load_recipe, look_up_base, upload_base, start])


@call
def settings(here: Here) -> dict[str, Any]:
    """Everything the tab draws: the form once, and the draft as it stands."""
    return {
        "form": form.form(TrainingSettings, GROUPS, _offered(here)),
        **_state(here, drafts.read(here.project.folder)),
    }


@call
def keep(here: Here, *, preset: str, changed: dict[str, Any]) -> dict[str, Any]:
    """Store the draft; what follows from it comes back."""
    folder = here.project.folder
    draft = drafts.drafted(preset, changed, drafts.read(folder))
    drafts.write(folder, draft)
    return _state(here, draft)


@call
def estimate(here: Here, *, anyway: bool = False) -> dict[str, Any]:
    """Time and memory from a few real steps. Asked again and again while it measures; measured once for the same settings and data."""
    settled = _settled(here)
    if settled.problems or needs(here):
        return {"state": "none"}
    busy = not anyway and any(run.view().state in AT_WORK for run in here.project.runs())
    return estimates.told(here.jobs, here.project.folder, here.dataset, settled, start=not busy)


@call
def cleaning(here: Here, *, steps: list[str]) -> dict[str, Any]:
    """A text of the data that these steps change, before and after; `example` is None where they change none of those looked at."""
    state = here.dataset.state
    rows = state.inputs(np.flatnonzero(state.usable)[:LOOKED])
    read = [column for column in tasks.task(state.shape.task).columns if column.kind not in ("image", "number")]
    texts = [text for row in rows for column in read for text in texts_of(row, column)]
    return {"looked": len(texts), "example": example(texts, Cleaning.of([str(step) for step in steps]))}


@call
def recipe(here: Here) -> dict[str, Any]:
    """The settings as a YAML file to keep and share."""
    settled = _settled(here)
    text = recipe_text(settled.settings, preset=settled.draft.preset, phases=None, name=here.project.name)
    return {"name": "recipe.yaml", "text": text}


@call
def load_recipe(here: Here, *, text: str) -> dict[str, Any]:
    """Make a recipe the draft. What is off in it is told field by field, and nothing is changed then."""
    told = read_recipe(text)
    if told.problems:
        raise SettingsError(told.problems)
    before = drafts.read(here.project.folder)
    preset = told.preset if told.preset in PRESETS else before.preset
    draft = drafts.drafted(preset, told.settings, before)
    good = settle_for(here, draft).good
    changed = {
        name: value
        for name, value in checked(TrainingSettings, told.settings).model_dump().items()
        if name in told.settings and value != good[name]
    }
    return keep(here, preset=preset, changed=changed)


@call
def look_up_base(here: Here, *, name: str) -> dict[str, Any]:
    """A base that is not in the list: found and described, or said why it cannot be had."""
    wanted = name.strip()
    if not wanted:
        raise HoneError(Message("Type a Hub name such as owner/model, or a folder."))
    problem = settle_for(here, Draft(changed={"base": wanted})).base_problem
    if problem:
        raise HoneError(problem.message)
    return described(look_up(wanted))


@call
def upload_base(here: Here, *, upload: str) -> dict[str, Any]:
    """A zip of a model becomes a base of this person's; refused, with the reason, where this task has no use for it."""
    task = tasks.task(here.dataset.task)
    return added_base(
        here, upload, lambda base: drafts.unfit(base, task), Message("Choose a model that fits this task.")
    )


def added_base(here: Here, upload: str, unfit: Callable[[Base], Message | None], fix: Message) -> dict[str, Any]:
    """The uploaded model, kept and described; not kept, and told with `fix`, where `unfit` has something against it."""
    if here.demo:
        raise HoneError(Message("The demo takes no models."), fix=Message("Install Hone to use your own."))
    path, name = here.upload(upload)
    base = uploads.add(path, name, uploads_of(here))
    path.unlink(missing_ok=True)
    if problem := unfit(base):
        uploads.remove(uploads_of(here), base.id)
        raise HoneError(problem, fix=fix)
    return described(base)


@call
def start(here: Here) -> dict[str, Any]:
    """Make a run of the draft and put it in line. Everything is checked again here, before anything is written."""
    return {"run": begin(here, drafts.read(here.project.folder)).id}


def begin(here: Here, draft: Draft) -> Any:
    """The run that a draft asks for, in line. HoneError when the data or a value is not ready for it."""
    lacking = needs(here)
    if lacking:
        raise HoneError(lacking["title"], fix=lacking["body"])
    check_allowed(here)
    settled = settle_for(here, draft)
    if settled.problems:
        raise SettingsError(_said(settled))
    if not settled.base.id.startswith(UPLOADED):
        look_up(settled.base.id)
    phases = settled.phases
    ready = drafts.limited(
        settled.settings, settled.facts, here.limits.steps, sum(p["method"] != "head" for p in phases)
    )
    why = [*settled.advice.why, *_guessed(here)]
    limited = ready != settled.settings
    if here.studio.mode != "local":
        ready = ready.model_copy(update={"follow": []})  # the accounts and folders are the operator's
    if limited:
        why.append(Message("This demo takes {n} steps at most.", n=here.limits.steps))
    known = estimates.known(here.jobs, here.project.folder, here.dataset, settled)
    title = TITLES[draft.preset].said(here.language)
    run = runs.create(
        here.project.folder,
        name=Message("{preset}, changed", preset=title).said(here.language) if settled.changed else title,
        task=here.dataset.task,
        base=settled.base,
        settings=ready,
        phases=phases,
        preset=draft.preset,
        changed=settled.changed,
        why=why,
        dataset=here.dataset,
        watched=draft.watched,
        estimate=known,
    )
    here.engine.start(run)
    return run


def _guessed(here: Here) -> list[Message]:
    """That it learns from guesses of rules, too, where it does."""
    n = len(guesses.learnable(here.dataset.state))
    if not n:
        return []
    return [
        plural(
            n,
            "The model also learns from {n} text whose label rules guessed.",
            "The model also learns from {n:,} texts whose labels rules guessed.",
        )
    ]


def needs(here: Here) -> dict[str, Any] | None:
    """What is missing before anything can be learnt, and the tab that gives it; None when all is there."""
    counts = here.dataset.counts()
    if not counts.rows:
        body = Message("Settings are set from your texts; you can look around here before.")
        return {"title": Message("Needs texts"), "body": body, "tab": "data", "action": Message("Add your texts")}
    target = here.dataset.shape.target
    if target is None:
        return None
    if target.kind not in ("category", "categories"):
        if counts.labelled:
            return None
        body = Message(
            "A model learns from answers that are there; give some by hand, or choose the column that holds them."
        )
        return {"title": Message("Needs answers"), "body": body, "tab": "label", "action": Message("Go to labelling")}
    shape = here.dataset.shape
    if shape.target and not shape.by_label and not counts.labelled:
        return {
            "title": Message("Needs answers"),
            "body": Message("A model learns from rows that carry the right answer."),
            "tab": "label",
            "action": Message("Go to labelling"),
        }
    if shape.by_label and sum(1 for n in counts.labels.values() if n) < 2:
        body = Message("A model learns to tell labels apart, so there must be two or more.")
        return {
            "title": Message("Needs two labels"),
            "body": body,
            "tab": "label",
            "action": Message("Go to labelling"),
        }
    return None


def summary(here: Here) -> dict[str, Any]:
    """The draft in a line, for the Train tab before the first run."""
    settled = _settled(here)
    known = None if settled.problems else estimates.known(here.jobs, here.project.folder, here.dataset, settled)
    return {
        "title": preset_title(settled),
        "texts": settled.facts.train,
        "seconds": known and known["seconds"],
        "needs": needs(here),
        "problems": len(settled.problems),
    }


def preset_title(settled: Settled) -> Message:
    title = TITLES[settled.draft.preset]
    return Message("{preset}, changed", preset=title) if settled.typed else title


# What the page is told -------------------------------------------------------------------------------------------------


def _settled(here: Here) -> Settled:
    return settle_for(here, drafts.read(here.project.folder))


def settle_for(here: Here, draft: Draft) -> Settled:
    """A draft against the page's data, with the bases this person may choose."""
    return drafts.settle(draft, here.dataset.facts(), folders=_folders(here), uploads=uploads_of(here))


def uploads_of(here: Here) -> Path:
    """Where this person's uploaded bases lie."""
    folder: Path = here.workspace.folder / "models"
    return folder


def _state(here: Here, draft: Draft) -> dict[str, Any]:
    settled = settle_for(here, draft)
    lacking = needs(here)
    mine = [base for base in uploads.listed(uploads_of(here)) if drafts.unfit(base, settled.task) is None]
    listed = {base.id: base for base in (*drafts.choices(settled.task), *mine, settled.proposed, settled.base)}
    facts = settled.facts
    known = advise_base(settled.task.family, facts.language, facts.tokens, this_machine())
    return {
        "preset": draft.preset,
        "changed": settled.typed,
        "good": settled.good,
        "base": described(settled.base),
        "more": {**settled.more, "own_machine": here.studio.mode == "local"},
        "bases": [described(base) for base in listed.values()],
        "known": [{**described(base), "note": why} for base, why in known if base.id not in listed],
        "proposed": settled.proposed.id,
        "ways": ways.told(settled.values, settled.base, settled.task, this_machine(), len(facts.labels)),
        "kinds": [{"id": kind, "title": title} for kind, title in KINDS.items()],
        "why": [] if lacking else [*settled.advice.why, *_guessed(here)],
        "problems": {p.field: p.message for p in _said(settled)},
        "texts": settled.facts.train,
        "needs": lacking,
        "presets": [_preset(preset, settled) for preset in PRESETS],
    }


def _offered(here: Here) -> dict[str, Any]:
    return drafts.offered(tasks.task(here.dataset.task))


def _said(settled: Settled) -> list[Any]:
    """The problems, in sentences that name a value which suits this data."""
    said = form.messages(TrainingSettings, settled.values, settled.more, settled.good)
    return [replace(p, message=said.get(p.field, p.message)) for p in settled.problems]


def _preset(preset: str, settled: Settled) -> dict[str, Any]:
    if settled.base.kind == "classic":
        return {"id": preset, "title": TITLES[preset], "sentence": COUNTING[preset]}
    if preset == "quick":
        return {"id": preset, "title": TITLES[preset], "sentence": QUICK[settled.task.link]}
    if preset == "best":
        return {"id": preset, "title": TITLES[preset], "sentence": BEST}
    advice = drafts.settle(Draft("balanced", {"base": settled.base.id}), settled.facts).advice
    sentence = plural(
        int(advice.settings.epochs),
        "Adjusts the whole model in one round and keeps the best moment.",
        "Adjusts the whole model, up to {n} rounds, and keeps the best moment.",
    )
    return {"id": preset, "title": TITLES[preset], "sentence": sentence}


LAST_LAYER = Message("Learns only the last layer. Shows in seconds whether your labels can be told apart.")
QUICK = {
    "softmax": LAST_LAYER,
    "sigmoid": LAST_LAYER,
    "identity": Message("Learns only the last layer. Shows in seconds whether the texts tell the answer."),
    None: Message("Takes a few steps through the model, to see whether it learns at all."),
}
BEST = Message("Tries four learning rates with Balanced and keeps the winner.")
COUNTING = {
    "quick": Message(
        "Counts short pieces of text and fits once. Shows in seconds whether your labels can be told apart."
    ),
    "balanced": Message("Counts words or characters, and lets validation choose how strictly to learn."),
    "best": Message("Counts longer pieces too, and lets validation choose how strictly to learn."),
}
LANGUAGES = {"en": Message("English"), "zh": Message("Chinese"), "multilingual": Message("many languages")}


def described(base: Base) -> dict[str, Any]:
    """A base for the chooser: its title, a line for the fold, and what is known of it."""
    facts: list[Message] = []
    if base.parameters >= 100_000:
        facts.append(Message("{n:.1f} M parameters", n=base.parameters / 1e6))
    elif base.parameters:
        facts.append(Message("{n:,} parameters", n=base.parameters))
    if base.max_length:
        facts.append(Message("reads up to {n:,} word pieces", n=base.max_length))
    facts += [LANGUAGES.get(code, Message("{code}", code=code)) for code in base.languages[:3]]
    if base.licence:
        facts.append(Message("licence {name}", name=base.licence))
    return {"id": base.id, "kind": base.kind, "title": base.title, "note": base.note, "facts": facts}


def _folders(here: Here) -> bool:
    """Only who runs the server on their own machine may name its folders."""
    return here.studio.mode == "local"


def check_allowed(here: Here) -> None:
    """NotAllowed where the demo has one at work already."""
    most = here.limits.runs_at_once
    if most is None:
        return
    if sum(run.view().state in AT_WORK for run in here.project.runs()) >= most:
        raise NotAllowed(
            Message("In this demo one training runs at a time."), fix=Message("Wait until it has ended, or discard it.")
        )
