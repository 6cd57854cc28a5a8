"""Files that bring what people answered, and not only a label: the tables and spaCy lines that Hone writes with one row an answer, and Label
Studio's JSON. While such a file is imported its answers are taken out and kept beside the rows; once the data set is for the task they
belong to, they become answers of their people, with their time.

`settled` takes them out, `kept` puts them beside, `lay` makes answers of them, `hint` says which task they belong to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.data import spans, state
from core.data.chunks import rows_of
from core.data.exchange import studio, tables
from core.data.exchange.rows import seconds_of
from core.data.how import Read, Stop, Trouble, nothing
from core.data.labels import Carried, insert_label, label_name
from core.data.log import SHIFT, row_id
from core.data.structured import structured
from core.data.tables import unguarded, unused
from core.data.values import decode, kind
from core.data.writing import Writer
from core.words import plural

if TYPE_CHECKING:
    from core.data.dataset import Dataset

SETTING = "answers of files"  # imports whose answers are laid already
LOOKED_AT = 50  # rows by which a file is known
KINDS = {"labels": "spans", "choices": "category", "number": "number", "textarea": "text", "pairwise": "better"}
STUDIO = ("id", "annotations", "predictions", "drafts", "created_at", "updated_at", "inner_id", "total_annotations", "cancelled_annotations",
          "total_predictions", "comment_count", "unresolved_comment_count", "last_comment_updated_at", "project", "updated_by",
          "comment_authors", "file_upload", "allow_skip", "annotation_results", "annotation_ids")  # fmt: skip
Cells = dict[str, str]


@dataclass
class Told:
    """`answers`: {"row": its number in the file, "cell" or "value", "who", "at", "seconds"}. `task`: its name, where the file says it; `kind` of
    the values, where they show it."""

    task: str | None = None
    kind: str | None = None
    answers: list[dict[str, Any]] = field(default_factory=list)


def settled(path: Path, read: Read, cancelled: Stop) -> tuple[Read, Told | None]:
    """The file at `path` as it was read, or written again without the answers in it, which come beside."""
    columns = list(read.columns)
    head = list(islice(rows_of(path, columns), LOOKED_AT))
    if "annotations" in columns and (told := _studio(path, columns, head)):
        names = {name: _studio_name(name, columns) for name in columns if _is_data(name)}
        return _written(path, read, names, told, cancelled)
    cells, how = _as_table(head), tables.find(_table_names(columns))
    if how is None or not cells or not all(_is_row(row[how["row"]]) for row in cells):
        return _unguarded(path, read, cancelled), None
    return _of_answers(path, read, how, cancelled)


def kept(folder: Path, number: int, told: Told, laid: bool = False) -> None:
    """Put the answers of an import beside its rows. `laid`: they are there already, carried over from the same file read before."""
    if laid:
        return
    with _place(folder, number).open("w", encoding="utf-8") as out:
        out.write(json.dumps({"task": told.task, "kind": told.kind}) + "\n")
        out.writelines(json.dumps(one, ensure_ascii=False) + "\n" for one in told.answers)


def hint(data: Dataset) -> tuple[str | None, str | None] | None:
    """The task's name and the kind of values of the answers that came with the first such file; None where none did."""
    for one in data.imports:
        if (path := _place(data.folder, one.id)).is_file():
            with path.open(encoding="utf-8") as file:
                told = json.loads(file.readline())
            return told["task"], told["kind"]
    return None


def lay(data: Dataset) -> None:
    """Make answers of what came with files, as far as the data set's task can have them."""
    shape = data.shape
    if shape.target is None or not (data.folder / "imports").is_dir():
        return
    for one in data.imports:
        path = _place(data.folder, one.id)
        if not path.is_file() or one.id in _laid(data):
            continue
        with path.open(encoding="utf-8") as file:
            told = json.loads(file.readline())
            named = told["task"] if len(data.imports) == 1 else None
            if told["task"] != shape.task and (named or not _fits(shape.target.kind, told["kind"])):
                continue
            answers = [json.loads(line) for line in file]
        _answer(data, one.id, shape.target.kind, answers)
        with data.log.change() as (db, _):
            state.store(db, SETTING, [*(state.setting(db, SETTING) or []), one.id])


def _laid(data: Dataset) -> list[int]:
    return state.setting(data.log.read(), SETTING) or []


def _fits(target: str, given: str | None) -> bool:
    return given == target or (given == "category" and target in ("categories", "option", "relevance"))


def _answer(data: Dataset, number: int, target: str, answers: Sequence[Mapping[str, Any]]) -> None:
    meant = [(one, _value(target, one)) for one in answers]
    good = [(one, value) for one, value in meant if value is not None or one.get("cell") == ""]
    names = {
        name: label_name(str(name)) for _, value in good if value is not None for name in kind(target).names(value)
    }
    with data.log.change("labels") as (db, _):
        there = {r["name"] for r in db.execute("SELECT name FROM labels WHERE status = 'alive'")}
        for name in dict.fromkeys(names.values()):
            if name not in there:
                insert_label(db, name, None, by_hand=True)
    ids = {label.name: label.id for label in data.state.alive}
    carried = []
    for one, value in sorted(good, key=lambda pair: pair[0]["at"] or 0.0):
        value = None if value is None else kind(target).renamed(value, names)
        label = ids.get(value) if target == "category" and value is not None else None
        row = row_id(number << SHIFT | int(one["row"]))
        by, at = str(one["who"])[:100], one["at"] or data._import(number).at
        carried.append(
            Carried(row, label, None if target == "category" else value, by, at, "import", one["seconds"], None)
        )
    data.labels.bring_back(carried, f"file:{number}")


def _value(target: str, one: Mapping[str, Any]) -> Any:
    """An answer as a value of the target's kind; None where it is none."""
    try:
        if "cell" in one:
            return None if one["cell"] == "" else _of_cell(target, one["cell"])
        value = one["value"]
        if target in ("category", "option") and isinstance(value, list):
            value = value[0] if len(value) == 1 else None
        elif target == "answers" and isinstance(value, list):
            value = [{"text": s["text"], "start": s["start"]} for s in value]
        elif target == "relevance":
            value = value or None
        elif target == "better":
            value = value or "same"
        return None if value is None else kind(target).check(value)
    except (ValueError, KeyError, TypeError):
        return None


def _of_cell(target: str, cell: str) -> Any:
    """A cell as `core.data.exchange.tables` and `spacy` write it."""
    if target == "category" and isinstance(found := structured(cell), list) and len(found) == 1:
        return str(found[0])
    if (
        target == "spans"
        and isinstance(found := structured(cell), list)
        and any(isinstance(one, list) for one in found)
    ):
        return kind(target).check([{"start": one[0], "end": one[1], "label": one[2]} for one in found])
    if target == "categories" and structured(cell) is None:
        return cell.split(",")  # a list in JSON lines
    return kind(target).check(decode(target, cell))


# Tables with one row an answer -------------------------------------------------------------------------------------------


def _of_answers(path: Path, read: Read, how: Mapping[str, str], cancelled: Stop) -> tuple[Read, Told | None]:
    """Rows of one text become one, with its answers beside. An answer of nobody is the file's own label."""
    columns = list(read.columns)
    numbers: dict[str, int] = {}
    told, again = Told(), path.with_name(f".{path.name}.answers")
    own = [name for name in _table_names(columns) if name not in how.values()]
    answer, annotator = how.get("answer", ""), how["annotator"]
    in_file = any(row.get(answer) and not row[annotator].strip() for row in _as_table(rows_of(path, columns)))
    label = [unused("label", own)] if in_file else []
    guarded = read.how.kind == "csv"
    with Writer(again, Trouble(), nothing, cancelled) as writer:
        writer.columns([*own, *label])
        for row in _as_table(rows_of(path, columns)):
            row = {name: unguarded(cell) for name, cell in row.items()} if guarded else row
            key, cell, who = row[how["row"]], row.get(answer, ""), row[annotator]
            if key not in numbers:
                numbers[key] = len(numbers)
                given = [_name_alone(cell) if not who.strip() else ""] if label else []
                writer.row([*(row[name] for name in own), *given])
            told.task = told.task or row[how["task"]] or None
            if who.strip():
                at, seconds = seconds_of(row[how["answered"]]), _number(row.get(how.get("seconds", ""), ""))
                told.answers.append({"row": numbers[key], "cell": cell, "who": who, "at": at, "seconds": seconds})
        shown = writer.finish()
    again.replace(path)
    return replace(read, columns=shown, rows=len(numbers), warnings=(*read.warnings, *_sentence(told))), told


def _name_alone(cell: str) -> str:
    """A list of one name as that name."""
    found = structured(cell)
    return found[0] if isinstance(found, list) and len(found) == 1 and isinstance(found[0], str) else cell


def _as_table(rows: Any) -> Any:
    """Rows with `meta.row` and so on as a table has them, and spaCy's entities or cats as an answer."""
    found = ({_table_name(name): cell for name, cell in _spacy(row).items()} for row in rows)
    return list(found) if isinstance(rows, list) else found


def _table_names(columns: Sequence[str]) -> list[str]:
    if "meta.row" not in columns:
        return list(columns)
    rest = [name for name in columns if not name.startswith("cats.") and name != "entities"]
    return [*map(_table_name, rest), "answer"]


def _table_name(name: str) -> str:
    return name.removeprefix("meta.") if name.removeprefix("meta.") in tables.EVERY else name


def _spacy(row: Cells) -> Cells:
    if "meta.row" not in row:
        return row
    cats = [
        name.removeprefix("cats.")
        for name, cell in row.items()
        if name.startswith("cats.") and cell in ("1.0", "1", "true")
    ]
    said = any(cell for name, cell in row.items() if name.startswith("cats."))
    rest = {name: cell for name, cell in row.items() if not name.startswith("cats.") and name != "entities"}
    return {**rest, "answer": json.dumps(cats) if said else row.get("entities", "")}


def _is_row(cell: str) -> bool:
    one, _, ordinal = cell.partition(":")
    return one.isdecimal() and ordinal.isdecimal()


def _unguarded(path: Path, read: Read, cancelled: Stop) -> Read:
    """A merged table of ours: without the signs that keep a spreadsheet from running a cell."""
    if read.how.kind != "csv" or not tables.bookkeeping(list(read.columns)):
        return read
    again = path.with_name(f".{path.name}.plain")
    with Writer(again, Trouble(), nothing, cancelled) as writer:
        writer.columns(read.columns)
        for row in rows_of(path, list(read.columns)):
            writer.row([unguarded(cell) for cell in row.values()])
        writer.finish()
    again.replace(path)
    return read


# Label Studio ------------------------------------------------------------------------------------------------------------


def _studio(path: Path, columns: Sequence[str], head: Sequence[Cells]) -> Told | None:
    """The annotations of all tasks; None where the column holds something else."""
    if not any(_is_data(name) for name in columns) or not any(_annotations(row["annotations"]) for row in head):
        return None
    told = Told()
    convention = spans.recognise(({"": row["annotations"]}, _text(row)) for row in head)
    for number, row in enumerate(rows_of(path, list(columns))):
        told.task = told.task or row.get("meta.hone.task") or None
        for one in _annotations(row["annotations"]):
            if str(one.get("was_cancelled")).lower() == "true":
                continue
            said = studio.said(one["result"])
            value = (
                _places(said[1], _text(row), convention) if said and said[0] == "labels" else said[1] if said else []
            )
            several = told.kind == "categories" or (said is not None and said[0] == "choices" and len(said[1]) > 1)
            told.kind = "categories" if several else told.kind or (KINDS[said[0]] if said else None)
            at = seconds_of(one.get("updated_at") or one.get("created_at"))
            who = studio.person(one.get("completed_by")) or "Label Studio"
            told.answers.append(
                {"row": number, "value": value, "who": who, "at": at, "seconds": _number(one.get("lead_time"))}
            )
    return told if told.kind or told.task else None


def _annotations(cell: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(cell) if cell else []
    except (ValueError, RecursionError):
        return []
    return (
        [one for one in found if isinstance(one, dict) and isinstance(one.get("result"), list)]
        if isinstance(found, list)
        else []
    )


def _places(results: Sequence[Mapping[str, Any]], text: str | None, convention: Any) -> list[dict[str, Any]]:
    found = spans.read({"": json.dumps(list(results))}, text, convention)
    return [{**s, "text": (text or "")[s["start"] : s["end"]]} for s in found.spans] if found else []


def _text(row: Cells) -> str | None:
    """The text in which places are marked: that called so, else the longest."""
    data = {name.removeprefix("data."): cell for name, cell in row.items() if name.startswith("data.")}
    return data.get("text") or max(data.values(), key=len, default=None)


def _is_data(name: str) -> bool:
    return name.startswith("data.") and name != f"data.{studio.OPTIONS}"


def _studio_name(name: str, columns: Sequence[str]) -> str:
    return unused(name.removeprefix("data."), [one for one in columns if one not in STUDIO])


def _written(path: Path, read: Read, names: Mapping[str, str], told: Told, cancelled: Stop) -> tuple[Read, Told]:
    again = path.with_name(f".{path.name}.answers")
    with Writer(again, Trouble(), nothing, cancelled) as writer:
        writer.columns(list(names.values()))
        for row in rows_of(path, list(names)):
            writer.row(list(row.values()))
        columns = writer.finish()
    again.replace(path)
    return replace(read, columns=columns, warnings=(*read.warnings, *_sentence(told))), told


# Both --------------------------------------------------------------------------------------------------------------------


def _sentence(told: Told) -> list[Any]:
    people = len({one["who"] for one in told.answers})
    whose = plural(people, "{n} person", "{n:,} people")
    return [
        plural(
            len(told.answers),
            "{n} answer came with it, of {whose}.",
            "{n:,} answers came with it, of {whose}.",
            whose=whose,
        )
    ]


def _number(told: Any) -> float | None:
    try:
        return float(told)
    except (TypeError, ValueError):
        return None


def _place(folder: Path, number: int) -> Path:
    return folder / "imports" / f"{number}.answers.jsonl"
