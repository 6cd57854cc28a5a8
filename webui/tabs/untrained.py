"""Without training: the Evaluate tab's part where texts are answered by descriptions, similar texts or a prompt, and stand beside the runs.

What the ways are and how they are asked is in core.prompting; nothing here computes, an attempt is a job.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.data.splits import NAMES
from core.errors import HoneError, Missing, SettingsError
from core.evaluation import answers, report
from core.models import uploads
from core.models.catalogue import BUNDLED, Base, find
from core.models.lookup import look_up
from core.prompting import attempts, descriptions, draft, prompts, recipes
from core.prompting import preview as previews
from core.prompting.attempts import Attempt
from core.prompting.settings import GROUPS, UntrainedSettings
from core.prompting.ways import NLI, WAYS, Way, offered, unfit, unsuited, why_not
from core.settings import checked, problems
from core.training.advice import known_facts, this_machine
from core.training.bases import advise_base
from core.training.draft import check_place
from core.words import Message
from webui import form
from webui.calls import Here, call
from webui.tabs import settings as settings_tab

LONGEST = 600  # characters of a text in a list


@call
def untrained(here: Here) -> dict[str, Any]:
    """Everything the part draws but the attempts: {why, ways, form, values, labels, variables, base, bases, known, recipes, counts}."""
    state, folder = here.dataset.state, _folder(here)
    why = why_not(state)
    if why is not None:
        return {"why": why, "counts": _counts(here), "unlabelled": len(state) and not (state.label >= 0).any()}
    values = draft.read(here.project.folder)
    said = descriptions.described(state, folder)
    labels = [
        {**one.as_json(), "id": label.id, "colour": label.colour - 1, "usual": descriptions.readable(label.name)}
        for label, one in zip(state.alive, said, strict=True)
    ]
    known = prompts.variables(state)
    return {
        "why": None,
        "ways": [_way(way, here) for way in WAYS.values()],
        "form": form.form(UntrainedSettings, GROUPS),
        "good": UntrainedSettings().model_dump(),
        "values": values,
        "labels": labels,
        "variables": {"row": known.row, "prompt": ("labels", "examples"), "example": ("label",)},
        "recipes": _recipes(here),
        "counts": _counts(here),
        **_bases(here, values),
    }


@call
def untrained_keep(here: Here, *, values: dict[str, Any]) -> dict[str, Any]:
    """Store what is typed; which bases serve the way, and what is off, come back."""
    draft.write(here.project.folder, values)
    kept = draft.read(here.project.folder)
    return {"problems": _problems(here, kept), **_bases(here, kept)}


@call
def untrained_label(here: Here, *, label: int, words: str, sentences: list[str]) -> None:
    """What a person says of a label."""
    descriptions.keep(_folder(here), int(label), str(words), [str(one) for one in sentences])


@call
def untrained_preview(here: Here, *, values: dict[str, Any], at: int = 0) -> dict[str, Any]:
    """What a model would read of a real row; or what is off in the prompt, by field."""
    try:
        settings = checked(UntrainedSettings, draft.known(values))
        return {"problems": {}, "shown": previews.preview(here.dataset.state, _folder(here), settings, at)}
    except SettingsError as error:
        return {"problems": {one.field: one.message for one in error.problems}, "shown": None}


@call
def untrained_start(here: Here, *, values: dict[str, Any]) -> dict[str, Any]:
    """Write down what is to be asked, and begin."""
    draft.write(here.project.folder, values)
    settings = checked(UntrainedSettings, draft.known(values))
    base = attempts.base_of(settings, here.dataset.state, settings_tab.uploads_of(here), here.studio.mode == "local")
    if base.id != BUNDLED and not base.id.startswith("uploaded:"):
        look_up(base.id)
    attempt = attempts.create(here.project.folder, here.dataset, settings, base)
    _begin(here, attempt)
    return {"attempt": attempt.id}


@call
def untrained_attempts(here: Here, *, run: str | None = None) -> dict[str, Any]:
    """Attempts and runs side by side; attempts are paired with `run` where it has a report."""
    listed = [one for one in here.project.runs() if one.has_model]
    beside = next((one for one in listed if one.id == run), None) or next(
        (one for one in listed if _reported(one)), None
    )
    return {
        "attempts": [_told(here, one, beside) for one in attempts.attempts(here.project.folder)],
        "runs": [_run(one) for one in listed],
        "against": beside and {"id": beside.id, "title": beside.name},
    }


@call
def untrained_again(here: Here, *, attempt: str) -> None:
    """Once more, after it failed or was cancelled."""
    _begin(here, attempts.find_attempt(here.project.folder, attempt))


@call
def untrained_cancel(here: Here, *, attempt: str) -> None:
    last = here.jobs.latest(_key(here, attempt))
    if last:
        here.jobs.cancel(last)


@call
def untrained_remove(here: Here, *, attempt: str) -> None:
    untrained_cancel(here, attempt=attempt)
    attempts.find_attempt(here.project.folder, attempt).remove()


@call
def untrained_rows(
    here: Here, *, attempt: str, only: str = "mistakes", start: int = 0, count: int = 20
) -> dict[str, Any]:
    """A page of answers, surest first: "mistakes", "right", or "all"."""
    found = attempts.find_attempt(here.project.folder, attempt)
    page = answers.rows_of(found.folder, only=None if only == "all" else only, start=start, count=count)
    scored = bool(found.report and found.report["scored"])
    rows = [
        {"text": row["text"][:LONGEST], "said": row["predicted"], "right": row["label"] if scored else None,
         "probability": row["probability"]}
        for row in page["rows"]
    ]  # fmt: skip
    return {"total": page["total"], "rows": rows}


@call
def untrained_file(here: Here, *, attempt: str) -> dict[str, Any]:
    """An address for every answer as CSV."""
    found = attempts.find_attempt(here.project.folder, attempt)
    path = answers.download(found.folder, "rows", found.folder / "report" / "rows.csv")
    return {"url": here.offer(path, f"{found.settings.way}-answers.csv")}


# --- prompts kept as recipes -----------------------------------------------------------------------------------------


@call
def untrained_save(here: Here, *, name: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Keep what is typed, with what is said of the labels, under a name."""
    settings = checked(UntrainedSettings, draft.known(values))
    prompts.check(settings, prompts.variables(here.dataset.state))
    recipes.add(_folder(here), name, settings, descriptions.described(here.dataset.state, _folder(here)))
    return _recipes(here)


@call
def untrained_rename(here: Here, *, recipe: str, name: str) -> list[dict[str, Any]]:
    recipes.rename(_folder(here), recipe, name)
    return _recipes(here)


@call
def untrained_delete(here: Here, *, recipe: str) -> list[dict[str, Any]]:
    recipes.delete(_folder(here), recipe)
    return _recipes(here)


@call
def untrained_use(here: Here, *, recipe: str) -> None:
    """A kept prompt becomes what is typed."""
    _use(here, recipes.find_recipe(_folder(here), recipe))


@call
def untrained_recipe(here: Here, *, recipe: str, kind: str = "yaml") -> dict[str, Any]:
    found = recipes.find_recipe(_folder(here), recipe)
    form_of = "json" if kind == "json" else "yaml"
    return {"name": f"prompt.{form_of}", "text": recipes.text_of(found, form_of)}


@call
def untrained_load(here: Here, *, text: str) -> list[dict[str, Any]]:
    """A file becomes a kept prompt, and what is typed. What is off in it is told, and nothing is changed then."""
    read = recipes.read(text)
    settings = checked(UntrainedSettings, read.settings)
    kept = recipes.add(_folder(here), read.name or Message("Loaded prompt").said(here.language), settings, read.labels)
    _use(here, kept)
    return _recipes(here)


def _use(here: Here, recipe: recipes.PromptRecipe) -> None:
    passing = {name: value for name, value in draft.read(here.project.folder).items() if name in recipes.PASSING}
    draft.write(here.project.folder, {**recipe.settings, **passing})
    said = {one.name: one for one in recipe.labels}
    for label in here.dataset.state.alive:
        if one := said.get(label.name):
            usual = one.words == descriptions.readable(label.name)
            descriptions.keep(_folder(here), label.id, "" if usual else one.words, one.sentences)


# --- bases -----------------------------------------------------------------------------------------------------------


@call
def look_up_base(here: Here, *, name: str) -> dict[str, Any]:
    """A base that is not in the list, for the way that is chosen: found and described, or said why it cannot be had."""
    wanted = name.strip()
    if not wanted:
        raise HoneError(Message("Type a Hub name such as owner/model, or a folder."))
    check_place(wanted, here.studio.mode == "local")
    base = look_up(wanted)
    if problem := unfit(_chosen(here), base, here.dataset.state):
        raise HoneError(problem, fix=Message("Choose a model that fits this way."))
    return settings_tab.described(base)


@call
def upload_base(here: Here, *, upload: str) -> dict[str, Any]:
    """A zip of a model becomes a base of this person's; refused where the chosen way has no use for it."""
    state = here.dataset.state
    fix = Message("Choose a model that fits this way.")
    return settings_tab.added_base(here, upload, lambda base: unfit(_chosen(here), base, state), fix)


CALLS: list[Any] = [
    untrained, untrained_keep, untrained_label, untrained_preview, untrained_start, untrained_attempts, untrained_again, untrained_cancel,
    untrained_remove, untrained_rows, untrained_file, untrained_save, untrained_rename, untrained_delete, untrained_use, untrained_recipe,
    untrained_load, look_up_base, upload_base,
]  # fmt: skip


def _bases(here: Here, values: Mapping[str, Any]) -> dict[str, Any]:
    """The bases that can answer the chosen way: those at hand, and good ones of the Hub."""
    way, state = WAYS[values["way"]], here.dataset.state
    mine = [base for base in uploads.listed(settings_tab.uploads_of(here)) if unfit(way, base, state) is None]
    chosen = _base(here, values)
    listed = {base.id: base for base in ([find(BUNDLED)] if way.bundled else [])}
    listed |= {base.id: base for base in (*mine, *([chosen] if chosen else []))}
    known = (
        [replace(find(name), note=note) for name, note in NLI.items()] if way.name == "entails" else _advised(here, way)
    )
    return {
        "base": chosen.id if chosen else "",
        "bases": [settings_tab.described(base) for base in listed.values()],
        "known": [settings_tab.described(base) for base in known if base.id not in listed],
    }


def _advised(here: Here, way: Way) -> list[Base]:
    facts = known_facts(here.dataset.facts())
    family: Any = "causal" if way.reads == "causal" else "encoder"
    return [base for base, _ in advise_base(family, facts.language, facts.tokens, this_machine())]


def _base(here: Here, values: Mapping[str, Any]) -> Base | None:
    try:
        settings = UntrainedSettings(way=values["way"], base=str(values.get("base") or ""))
        return attempts.base_of(
            settings, here.dataset.state, settings_tab.uploads_of(here), here.studio.mode == "local"
        )
    except HoneError:
        return None


def _chosen(here: Here) -> Way:
    return WAYS[draft.read(here.project.folder)["way"]]


# --- what the page is told -------------------------------------------------------------------------------------------


def applies(here: Here) -> bool:
    """Whether the part is there at all: for texts that are sorted under labels."""
    return offered(here.dataset.state)


def contender(here: Here, ids: Sequence[str]) -> dict[str, Any] | None:
    """The best attempt on exactly these test rows, as one more contender of a run's report."""
    found = attempts.best_beside(here.project.folder, frozenset(ids))
    if found is None:
        return None
    attempt, made, of = found
    sub = _called(attempt)
    return {
        "id": "untrained",
        "title": Message("Without training"),
        "sub": sub if of == 1 else Message("{way}, the best of {n} attempts", way=sub, n=of),
        "me": False,
        "colour": "l4",
        "share": made["accuracy"],
        "low": made["low"],
        "high": made["high"],
        "wrong": Message("{n:,} wrong", n=made["wrong"]),
    }


def _way(way: Way, here: Here) -> dict[str, Any]:
    state = here.dataset.state
    why = unsuited(way, state)
    if why is None and way.bundled:
        why = unfit(way, find(BUNDLED), state)
    told = {"name": way.name, "title": way.title, "sentence": way.sentence, "needs": way.needs}
    return {**told, "why": why, "blocked": unsuited(way, state) is not None}


def _problems(here: Here, values: Mapping[str, Any]) -> dict[str, Message]:
    """Field -> what is off; the prompts only once the other values are right."""
    if found := problems(UntrainedSettings, values):
        return {one.field: one.message for one in found}
    try:
        prompts.check(checked(UntrainedSettings, values), prompts.variables(here.dataset.state))
    except SettingsError as error:
        return {one.field: one.message for one in error.problems}
    return {}


def _counts(here: Here) -> dict[str, int]:
    """Rows that can be asked, by split; and those without a label."""
    state = here.dataset.state
    labelled = state.usable & (state.label >= 0)
    told = {name: int((labelled & (state.split == i)).sum()) for i, name in enumerate(NAMES)}
    return {**told, "unlabelled": int((state.usable & (state.label < 0)).sum()), "labels": len(state.alive)}


def _recipes(here: Here) -> list[dict[str, Any]]:
    return [
        {"id": one.id, "name": one.name, "way": WAYS[one.settings["way"]].title}
        for one in recipes.recipes(_folder(here))
    ]


def _told(here: Here, attempt: Attempt, beside: Any) -> dict[str, Any]:
    made = attempt.report
    told = {
        "id": attempt.id,
        "created": attempt.told["created"],
        "title": WAYS[attempt.settings.way].title,
        "sub": _called(attempt, with_way=False),
        "split": attempt.settings.split,
        "total": attempt.told["counts"]["asked"],
        "of": attempt.told["of"],
    }
    if made is None:
        return {**told, **_job(here, attempt)}
    kept = ("accuracy", "low", "high", "macro_f1", "correct", "wrong", "scored", "seconds_a_text", "notes")
    pair = attempts.against(attempt, beside.folder) if beside and made["scored"] else None
    return {
        **told,
        "state": "ready",
        **{name: made.get(name) for name in kept},
        "beside": pair and {**pair[0].as_json(), "n": pair[1]},
        "stale": attempt.told["version"] != here.dataset.version,
    }


def _called(attempt: Attempt, with_way: bool = True) -> Message:
    """An attempt in a line: its model and what sets it apart."""
    settings, made = attempt.settings, attempt.report
    base = Base.from_json(attempt.told["base"]).title
    chosen = (made or {}).get("chosen", {})
    parts: Message = base
    if settings.way == "nearest":
        k = settings.neighbours or chosen.get("neighbours")
        parts = Message("{base}, {k} nearest", base=base, k=k) if k else base
    if settings.way == "similar" and settings.mixed:
        parts = Message("{base}, {n} labelled texts a label", base=base, n=settings.mixed)
    if settings.way == "likely":
        parts = Message("{base}, {n} examples", base=base, n=settings.examples)
    return Message("{way}: {how}", way=WAYS[settings.way].title, how=parts) if with_way else parts


def _run(run: Any) -> dict[str, Any]:
    """A run as a line of the table. One reported by measures (two texts a row) has no answers to pair; its share right may lack an interval."""
    made = report.read(run.folder)
    told = {"id": run.id, "title": run.name, "created": run.spec["created"], "reported": False, "paired": False}
    if not made or not made["done"]:
        return told
    line: dict[str, Any] = next((one for one in made["contenders"] if one["id"] == "run"), {})
    told |= {
        "reported": True,
        "split": made["split"],
        "total": made["total"],
        "seconds_a_text": made.get("seconds_a_text"),
    }
    if "correct" in made:
        return {**told, "paired": True, **{name: line.get(name) for name in ("accuracy", "low", "high", "macro_f1")}}
    share = next((one["value"] for one in made["scores"] if one["name"] == "accuracy"), None)
    sure = made.get("main") == "accuracy"
    return {
        **told,
        "accuracy": share,
        "low": line.get("low") if sure else None,
        "high": line.get("high") if sure else None,
    }


def _reported(run: Any) -> bool:
    return bool(_run(run)["paired"])


def _job(here: Here, attempt: Attempt) -> dict[str, Any]:
    last = here.jobs.latest(_key(here, attempt.id))
    try:
        job = here.jobs.state(last) if last else None
    except Missing:
        job = None
    if job is None or job["lost"]:
        return {"state": "cancelled", "job": None, "error": None}
    state = "failed" if job["state"] == "done" else job["state"]
    return {"state": state, "job": job, "error": job["error"]}


def _begin(here: Here, attempt: Attempt) -> None:
    title = Message("Asking without training")
    arguments = {"folder": str(attempt.folder)}
    key = _key(here, attempt.id)
    here.jobs.start("core.prompting.attempts:make", arguments, title=title, key=key, torch=True)


def _key(here: Here, attempt: str) -> str:
    return f"untrained:{here.project.id}:{attempt}"


def _folder(here: Here) -> Path:
    return Path(here.project.folder) / attempts.FOLDER
