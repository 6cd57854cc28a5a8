"""Take the model away: the copy is packed, opened again in a fresh process and compared by a job; here its state is told and it is offered."""

from __future__ import annotations

from typing import Any

from core.errors import HoneError, Missing
from core.export import pack
from core.export.recipe import recipe_of
from core.models import learnt, uploads
from core.words import Message
from webui.calls import Here, call
from webui.finished import asked

LONGEST = 90  # characters of an example
NOT_IN_QUOTES = set('"\\$`!%\n\r\t')  # characters a shell reads differently between double quotes


@call
def away(here: Here, *, run: str, begin: bool = True) -> dict[str, Any]:
    """How the copy of a run stands. One that was never made is begun, at `begin`: nobody has to ask for it."""
    chosen = here.run(run)
    made = pack.read(chosen.folder)
    if made:
        return {"state": "ready", **_told(here, chosen, made)}
    last = here.jobs.latest(_key(here, run))
    job = here.jobs.state(last) if last else None
    if job is None or job["state"] == "done" or job["lost"]:
        if not begin:
            return {"state": "making", "done": 0, "total": 0, "seconds_left": None}
        job = away_make(here, run=run)
    if job["state"] in ("failed", "cancelled"):
        return {"state": job["state"], "error": job["error"]}
    return {"state": "making", "done": job["done"], "total": job["total"], "seconds_left": job["seconds_left"]}


@call
def away_make(here: Here, *, run: str) -> dict[str, Any]:
    chosen = here.run(run)
    if not chosen.has_model:
        raise Missing(Message("This run has no model yet."), fix=Message("Choose another run."))
    title = Message("The copy of {run} to take away", run=chosen.name)
    arguments = {"run_dir": str(chosen.folder), "language": here.language}
    job = here.jobs.start("core.export.pack:pack", arguments, title=title, key=_key(here, run), torch=True)
    return here.jobs.state(job.id)


@call
def away_file(here: Here, *, run: str) -> dict[str, Any]:
    folder = here.run(run).folder
    made = pack.read(folder)
    if not made:
        raise Missing(Message("The copy is no longer here."), fix=Message("Have it checked again."))
    path = folder / "export" / made["zip"]
    return {"url": here.offer(path, path.name)}


@call
def away_learnt(here: Here, *, run: str) -> dict[str, Any]:
    """Only what was learnt, as a zip: a fraction of the size, of use together with the base."""
    chosen = here.run(run)
    path = pack.pack_learnt(chosen.folder)
    return {"url": here.offer(path, path.name)}


@call
def away_base(here: Here, *, run: str) -> dict[str, Any]:
    """The run's model becomes a base for other runs of this person."""
    if here.demo:
        raise HoneError(Message("The demo takes no models."), fix=Message("Install Hone to use your own."))
    chosen = here.run(run)
    base = uploads.adopt(chosen.folder / "model", chosen.name, here.workspace.folder / "models")
    return {"title": base.title}


CALLS = [away, away_make, away_file, away_learnt, away_base]


def _key(here: Here, run: str) -> str:
    return f"away:{here.project_id}:{run}"


def _told(here: Here, run: Any, made: dict[str, Any]) -> dict[str, Any]:
    others = ("added.safetensors", "int8.safetensors")  # the base's own weights are not all there is, or not there
    added = any((run.folder / "model" / name).is_file() for name in others)
    return {
        "size": made["size"],
        "base": not here.demo and (run.folder / "model" / "config.json").is_file() and not added,
        "learnt": learnt.size(run.folder / "adapter"),
        "checked": Message(
            "Opened again in a fresh process: same answer for {k} of {n} texts.", k=made["equal"], n=made["checked"]
        ),
        "use": _use(run),
        "recipe": recipe_of(run.spec, name=run.name),
        "command": _command(run),
    }


def _use(run: Any) -> str:
    """How the copy is asked, with a short row of the run that every shell takes between double quotes."""
    from webui.tabs.playground import _aside

    first, *others = [column for column in asked(run.spec["task"]) if column.required]
    for row in sorted(_aside(run)[:500], key=lambda row: abs(len(row["text"]) - 40)):
        inputs = row.get("inputs") or {first.role: row["text"]}
        words = {column.role: _words(inputs.get(column.role)) for column in (first, *others)}
        if all(words.values()):
            break
    else:
        words = {column.role: "..." for column in (first, *others)}
    more = "".join(f' --input {column.role}="{words[column.role]}"' for column in others)
    return f'python predict.py "{words[first.role]}"{more}'


def _words(value: Any) -> str:
    """A value as one argument; nothing where a shell would not take it so. Of a conversation what was asked last."""
    if isinstance(value, list) and value and isinstance(value[-1], dict):
        value = value[-1].get("content")
    if not isinstance(value, str) or len(value) > LONGEST or NOT_IN_QUOTES & set(value):
        return ""
    return value


def _command(run: Any) -> str:
    """What the page did, as lines for a terminal; the recipe brings task and columns. Each value in quotes where a shell would split it."""
    data = run.spec["data"]
    named = {role: data["columns"].get(role) for role in ("text", "label")}
    columns = [f"--{role} {_quoted(name)}" for role, name in named.items() if isinstance(name, str) and "{" not in name]
    file = _quoted((data.get("name") or "texts.csv").split(", ")[0])
    train = " ".join(["hone train", file, *columns, "--recipe recipe.yaml"])
    return "\n".join([train, "hone evaluate last", "hone predict last new.csv", "hone export last"])


def _quoted(name: str) -> str:
    return (
        name
        if all(c.isalnum() or c in "._-/=," for c in name)
        else '"' + "".join(c for c in name if c not in NOT_IN_QUOTES) + '"'
    )
