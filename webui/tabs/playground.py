"""The Playground tab: one's own words, a whole file, and taking the model away. Asks the service and starts jobs; computes nothing."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.data import images, reading, roles, templates
from core.errors import HoneError, Missing
from core.evaluation import answers, report
from core.inference import TEXT_NAMES
from core.words import Message
from webui import asking
from webui.calls import Here, call, panel, told
from webui.finished import asked, chips, finished
from webui.page import Page
from webui.tabs import away

UNSURE, CLOSE = 0.6, 0.15  # the first label's probability, and its lead over the second, below which it says so
LONGEST = 20_000
TRIED = 96  # test texts asked at once to find one it gets wrong, where there is no report yet
SAMPLE = 4  # rows of an answered file shown


def tab(page: Page) -> None:
    own_words: list[Callable[..., Any]] = [playground, wake, answer, say, heard, hush, sample, examples]
    whole_file: list[Callable[..., Any]] = [file_look, file_start, file_state, file_cancel, file_result]
    panel(page, "playground", own_words + whole_file + away.CALLS)


@call
def playground(here: Here) -> dict[str, Any]:
    """The runs that can be tried."""
    return finished(here)


# One's own words ----------------------------------------------------------------------------------------------------


@call
def wake(here: Here, *, runs: list[str]) -> None:
    """Have the models loaded before the first key."""
    for run in runs[:2]:
        here.service.warm(here.run(run).folder)


@call
def answer(here: Here, *, runs: list[str], text: str = "", inputs: dict[str, Any] | None = None) -> dict[str, Any]:
    """What one or two runs say about a text, in the order asked; a run that cannot answer says why in its place. `inputs`: a value for
    each input role, where that is more than a text."""
    made: list[dict[str, Any]] = []
    for run in runs[:2]:
        try:
            made.append(_answer(here, run, text[:LONGEST], inputs))
        except HoneError as error:
            if len(runs) == 1:
                raise
            made.append({"error": told(error, here.language)})
    return {"answers": made}


@call
def say(here: Here, *, runs: list[str], text: str = "", inputs: dict[str, Any] | None = None) -> dict[str, Any]:
    """Have one or two runs write to a text; `heard` tells how far they are."""
    return {
        "said": [
            here.service.say(here.run(run).folder, _row(here, here.run(run), text[:LONGEST], inputs))
            for run in runs[:2]
        ]
    }


@call
def heard(here: Here, *, said: list[str]) -> dict[str, Any]:
    """What was written so far, in the order asked; what has ended is told once."""
    return {"answers": [_heard(here, one) for one in said[:2]]}


@call
def hush(here: Here, *, said: list[str]) -> None:
    for one in said[:2]:
        here.service.hush(one)


@call
def sample(here: Here, *, run: str, wrong: bool = False, not_this: str | None = None) -> dict[str, Any]:
    """A text of the test split with its label; with `wrong` one that the run read wrongly."""
    rows = _mistakes(here, run) if wrong else _aside(here.run(run))
    rows = [row for row in rows if row["id"] != not_this] or rows
    if not rows:
        none = Message("It read every test text rightly.") if wrong else Message("This run kept no texts aside.")
        return {"none": none}
    return _with_colour(here, run, random.choice(rows))


@call
def examples(here: Here, *, run: str) -> dict[str, Any]:
    """Up to three texts of different labels to begin with, short ones first."""
    rows = sorted(_aside(here.run(run))[:2000], key=lambda row: abs(len(row["text"]) - 70))
    chosen: dict[str, dict[str, Any]] = {}
    for row in rows:
        chosen.setdefault(row["label"], row)
        if len(chosen) == 3:
            break
    return {"rows": [_with_colour(here, run, row) for row in chosen.values()]}


def _answer(here: Here, run: str, text: str, inputs: Mapping[str, Any] | None) -> dict[str, Any]:
    chosen = here.run(run)
    said = here.service.predict(chosen.folder, [_row(here, chosen, text, inputs)])
    one = said["answers"][0]
    if one["kind"] != "label_scores":
        return {"kind": one["kind"], "said": one, "milliseconds": said["milliseconds"]}
    shares = one["probabilities"]
    colours = _colours(chosen.spec)
    ranked = sorted(shares.items(), key=lambda pair: -pair[1])
    return {
        "kind": "label_scores",
        "labels": [{"name": name, "colour": colours.get(name, 0), "probability": share} for name, share in ranked],
        "milliseconds": said["milliseconds"],
        "unsure": _unsure([share for _, share in ranked]),
    }


def _heard(here: Here, said: str) -> dict[str, Any]:
    try:
        now = here.service.heard(said)
    except HoneError as error:
        return {"error": told(error, here.language), "done": True}
    return {"kind": "text", "said": {"text": now["text"]}, "done": now["done"], "milliseconds": now.get("milliseconds")}


def _row(here: Here, run: Any, text: str, inputs: Mapping[str, Any] | None) -> Any:
    """What a run is asked: a text, or a value for each input role."""
    first = asked(run.spec["task"])[0]
    if inputs is None and first.kind != "text":
        inputs = {first.role: text}
    if inputs is None:
        return text
    return asking.row_of(run.spec["task"], inputs, lambda value: _picture(here, run, value))


def _picture(here: Here, run: Any, value: Any) -> str:
    """The file of a picture that somebody sent, {"upload": id}, or of one of the run's own, {"name": name}. Never a path from the page."""
    told = value if isinstance(value, Mapping) else {"name": value}
    if told.get("upload"):
        return str(here.upload(str(told["upload"]))[0])
    return str(images.located(run.folder / "files", str(told.get("name"))))


def _unsure(shares: Sequence[float]) -> Message | None:
    if len(shares) > 1 and shares[0] - shares[1] < CLOSE:
        return Message("Not sure: the first two are close.")
    return Message("Not sure: no label stands out.") if shares[0] < UNSURE else None


def _colours(spec: Mapping[str, Any]) -> dict[str, int]:
    labels = chips(spec["labels"]["names"], spec["labels"].get("colours"))
    return {label["name"]: label["colour"] for label in labels}


def _with_colour(here: Here, run: str, row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "text": row["text"][:LONGEST], "colour": _colours(here.run(run).spec).get(row["label"], 0)}


def _aside(run: Any) -> list[dict[str, Any]]:
    return asking.kept_aside(run) if report.by_measures(run.spec["task"]) else _kept_aside(run.folder)


def _kept_aside(folder: Path) -> list[dict[str, Any]]:
    """The test texts of a run; without any those of validation. At most 20,000 of them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    with pa.memory_map(str(folder / "rows.arrow")) as source:
        table = pa.ipc.open_file(source).read_all()
        for split in ("test", "validation"):
            rows = table.filter(pc.equal(table.column("split"), split)).slice(0, 20_000)
            if rows.num_rows:
                return [row for row in rows.select(["id", "text", "label"]).to_pylist() if (row["text"] or "").strip()]
    return []


def _mistakes(here: Here, run: str) -> list[dict[str, Any]]:
    """From the report; without one, some test texts are asked now."""
    chosen = here.run(run)
    folder = chosen.folder
    if report.by_measures(chosen.spec["task"]):
        try:
            return asking.mistakes(chosen)
        except Missing:
            raise asking.no_report() from None
    try:
        rows = answers.rows_of(folder, only="mistakes", count=500)["rows"]
        return [{key: row[key] for key in ("id", "text", "label")} for row in rows]
    except Missing:
        pass
    tried = _kept_aside(folder)
    tried = random.sample(tried, min(TRIED, len(tried)))
    said = here.service.predict(folder, [row["text"] for row in tried])["answers"] if tried else []
    return [row for row, one in zip(tried, said, strict=True) if one["label"] != row["label"]]


# A whole file -------------------------------------------------------------------------------------------------------


@call
def file_look(here: Here, *, run: str, upload: str) -> dict[str, Any]:
    """How the file is read, its columns, the one that most likely holds the texts, and the first cell of each."""
    path, name = here.upload(upload)
    look = reading.inspect(path, name)
    if not look.columns:
        raise Missing(Message("This file has no column with texts."))
    spec = here.run(run).spec
    wanted = spec["data"].get("columns", {})
    first = {c: next((row[i] for row in look.rows if row[i].strip()), "") for i, c in enumerate(look.columns)}
    if look.how.kind == "pictures":  # a picture's name of ours says nothing
        first["image"] = first.get("name", "")
    return {
        "read": look.sentence,
        "columns": list(look.columns),
        "column": _text_column(look, wanted["text"] if isinstance(wanted.get("text"), str) else ""),
        "roles": _file_roles(spec["task"], look, wanted),
        "first": {column: cell[:400] for column, cell in first.items()},
    }


@call
def file_start(
    here: Here, *, run: str, upload: str, column: str | None = None, columns: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Begin to answer every row; the latest file of a project is the one that counts. `columns`: those of each input role, where there
    are several roles."""
    path, name = here.upload(upload)
    chosen = here.run(run)
    if not chosen.has_model:
        raise Missing(Message("This run has no model yet."), fix=Message("Choose another run."))
    out = path.with_name("answers.xlsx" if name.lower().endswith(".xlsx") else "answers.csv")
    arguments = {
        "model_folder": str(chosen.model),
        "path": str(path),
        "out": str(out),
        "column": column,
        "columns": {role: _as_learnt(chosen.spec, role, names) for role, names in (columns or {}).items() if names},
        "name": name,
    }
    title = Message("{file}, answered by {run}", file=name, run=chosen.name)
    job = here.jobs.start("core.inference:predict_file", arguments, title=title, key=_file_key(here), torch=True)
    return {"job": job.id}


@call
def file_state(here: Here) -> dict[str, Any]:
    """How the last file of this project stands."""
    last = here.jobs.latest(_file_key(here))
    if not last:
        return {"state": "none"}
    state = here.jobs.state(last)
    words = (state["title"] or {}).get("with", {})
    shown = {key: state[key] for key in ("id", "state", "done", "total", "seconds_left", "error")}
    shown |= {"name": words.get("file", ""), "by": words.get("run", "")}
    if state["state"] == "cancelled":
        return {"state": "none"}
    if state["state"] != "done":
        return {**shown, "cancelling": (here.jobs.folder / last / "cancel").exists()}
    result = state["result"]
    path = Path(result["path"])
    if not path.is_file():
        return {"state": "none"}
    return {
        **shown,
        "rows": result["done"],
        "cut": result["cancelled"],
        "out": _out_name(shown["name"], path),
        "sample": _first_answers(path, result, _all_colours(here)),
    }


@call
def file_cancel(here: Here, *, job: str) -> None:
    here.jobs.cancel(job)


@call
def file_result(here: Here, *, job: str) -> dict[str, Any]:
    state = here.jobs.state(job)
    path = Path((state["result"] or {}).get("path", ""))
    if state["key"] != _file_key(here) or not path.is_file():
        raise Missing(Message("This file is no longer here."), fix=Message("Give it to the model again."))
    return {"url": here.offer(path, _out_name(state["title"]["with"]["file"], path))}


def _file_key(here: Here) -> str:
    return f"file:{here.project_id}"


def _out_name(name: str, path: Path) -> str:
    return f"{Path(name).stem or 'file'}-answers{path.suffix}"


def _as_learnt(spec: Mapping[str, Any], role: str, names: Any) -> Any:
    """Columns as they were chosen; by the run's template where they are those that it puts together."""
    learnt = spec["data"].get("columns", {}).get(role)
    several = names if isinstance(names, list) else [names]
    return learnt if templates.is_template(learnt, several) and templates.columns_in(learnt, several) else names


def _text_column(look: Any, wanted: str) -> str:
    """The column named as in training; else one that is called so; else the one with the longest cells."""
    for names in ((wanted.strip().casefold(),), TEXT_NAMES):
        for column in look.columns:
            if column.strip().casefold() in names:
                return str(column)
    lengths = [sum(len(row[i]) for row in look.rows) for i in range(len(look.columns))]
    return str(look.columns[lengths.index(max(lengths))])


def _file_roles(name: str, look: Any, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The input roles of a task with the columns of a file that most likely hold them: those of the training where the file has them."""
    inputs = asked(name)
    cells = {column: [row[i] for row in look.rows] for i, column in enumerate(look.columns)}
    guessed, _ = roles.guess_for(inputs, cells)
    told = []
    for one in asked(name):
        names = wanted.get(one.role) or []
        before = templates.columns_in(names, look.columns) or []
        there = before and all(column in look.columns for column in before)
        found = guessed[one.role].column
        column = before if there else [found] if isinstance(found, str) else list(found or [])
        if one.role == inputs[0].role and not column:
            column = [_text_column(look, "")]
        told.append({"role": one.role, "title": one.title, "required": one.required, "columns": column})
    return told


def _all_colours(here: Here) -> dict[str, int]:
    """Colours of the labels of any run of the project; the newest run's count."""
    found: dict[str, int] = {}
    for run in here.project.runs()[:8]:
        found = {**_colours(run.spec), **found}
    return found


def _first_answers(path: Path, result: Mapping[str, Any], colours: Mapping[str, int]) -> list[dict[str, Any]]:
    """The first rows of an answered file, to be shown beside the download."""
    look = reading.inspect(path, path.name, reading.How(header=True))
    if result["column"] not in look.columns or len(look.columns) < 2:
        return []
    text, label = look.columns.index(result["column"]), _last_called(look.columns, "prediction")
    shown = _last_called(look.columns, "found")
    label = label if shown is None else shown
    share = _last_called(look.columns, "probability")
    if label is None:
        return []
    return [
        {
            "text": row[text][:200],
            "name": row[label][:200],
            "colour": colours.get(row[label]),
            "probability": _share(row[share]) if share is not None else None,
        }
        for row in look.rows[:SAMPLE]
    ]


def _last_called(columns: Sequence[str], name: str) -> int | None:
    """Hone's own column stands behind the file's, perhaps with a number."""
    return max((i for i, column in enumerate(columns) if column == name or column.startswith(name + " ")), default=None)


def _share(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
