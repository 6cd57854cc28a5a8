"""Attempts: texts answered without training, each a folder that is whole by itself. What was asked, what came of it, how it compares.

<project>/untrained/<attempt>/attempt.json   settings, base, labels with their words, the split, the data's version
                    rows.arrow               id, the roles and columns that are read, label, split; `part`: asked | pool | tuning
                    report/                  report.json and answers.arrow, as of a run (core.evaluation), once it is made

The rows asked are those of the same split as every run's. `make` is the job; it reads only the folder (and keeps vectors beside it).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.data.dataset import Dataset
from core.data.splits import NAMES
from core.data.state import State
from core.data.values import encode
from core.errors import DataError, Missing, ModelError
from core.evaluation import answers, report
from core.evaluation.answers import Answers
from core.evaluation.verdict import Pair
from core.models.catalogue import BUNDLED, Base, find
from core.prompting import descriptions, prompts
from core.prompting.descriptions import Described
from core.prompting.settings import UntrainedSettings
from core.prompting.ways import WAYS, Asked, Progress, Stop, unfit, unsuited, why_not
from core.tasks.base import Row
from core.training.draft import check_place
from core.words import Message
from core.workspace import FORMAT, inside, new_id, read_json, write_json

FOLDER = "untrained"
MOST_POOL = 20_000  # labelled texts that may serve as examples
MOST_TUNING = 2_000  # validation texts by which what was left open is settled
MOST_OPEN = 2_000  # texts without a label, unless the person says how many

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Attempt:
    """One attempt's folder; reads what it is asked for."""

    folder: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @cached_property
    def told(self) -> dict[str, Any]:
        return read_json(self.folder / "attempt.json")

    @property
    def settings(self) -> UntrainedSettings:
        return UntrainedSettings(**self.told["settings"])

    @property
    def labels(self) -> list[Described]:
        return [Described.from_json(one) for one in self.told["labels"]]

    @property
    def report(self) -> dict[str, Any] | None:
        """None until it is made."""
        try:
            return read_json(self.folder / "report" / "report.json")
        except (OSError, ValueError):
            return None

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def attempts(project: Path) -> list[Attempt]:
    """All attempts of a project, newest first."""
    folder = project / FOLDER
    found = [p for p in folder.iterdir() if (p / "attempt.json").is_file()] if folder.is_dir() else []
    return [Attempt(p) for p in sorted(found, reverse=True) if not p.name.startswith(".")]


def find_attempt(project: Path, id: str) -> Attempt:
    found = Attempt(inside(project / FOLDER, id))
    if not (found.folder / "attempt.json").is_file():
        raise Missing(Message("There is nothing called “{name}” here any more.", name=id[:40]))
    return found


def base_of(settings: UntrainedSettings, state: State, uploads: Path | None = None, folders: bool = True) -> Base:
    """The base that answers; ModelError where none was chosen, it is not there, or it cannot answer this way."""
    way, wanted = WAYS[settings.way], (settings.base or "").strip()
    if not wanted and not way.bundled:
        raise ModelError(
            Message("This way needs a model of its own."),
            fix=Message("Choose one: a Hub name, a folder, or an upload."),
        )
    check_place(wanted or BUNDLED, folders)
    base = find(wanted or BUNDLED, uploads)
    if problem := unfit(way, base, state):
        raise ModelError(problem, fix=Message("Choose a model that fits this way."))
    return base


def create(project: Path, data: Dataset, settings: UntrainedSettings, base: Base) -> Attempt:
    """Check everything, and write down what is to be asked. Nothing is computed yet: `make`."""
    state, way = data.state, WAYS[settings.way]
    if problem := why_not(state) or unsuited(way, state):
        raise DataError(problem)
    known = prompts.variables(state)
    prompts.check(settings, known)
    parts = _parts(state, settings)
    id = new_id("try")
    making = project / FOLDER / f".{id}"
    making.mkdir(parents=True)
    try:
        columns = prompts.columns(settings, known)
        _write_rows(state, parts, known.roles, columns, making / "rows.arrow")
        told = {
            "format": FORMAT,
            "id": id,
            "created": time.time(),
            "settings": settings.model_dump(),
            "base": base.as_json(),
            "labels": [one.as_json() for one in descriptions.described(state, project / FOLDER)],
            "colours": [label.colour for label in state.alive],
            "counts": {name: len(places) for name, places in parts.items()},
            "of": len(_places(state, settings.split)),
            "version": state.version,
        }
        write_json(making / "attempt.json", told)
        making.rename(project / FOLDER / id)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return Attempt(project / FOLDER / id)


def make(folder: str, *, progress: Progress, cancelled: Stop) -> dict[str, Any]:
    """The job: answer what is asked, score it where labels are known, and leave the report in the folder."""
    attempt = Attempt(Path(folder))
    rows, labels = _read_rows(attempt.folder / "rows.arrow"), attempt.labels
    settings, base = attempt.settings, Base.from_json(attempt.told["base"])
    base = find(base.id) if base.id == BUNDLED else base
    asked = Asked(
        rows["asked"], rows["pool"], rows["tuning"], labels, settings, base, attempt.folder.parent, progress, cancelled
    )
    said = WAYS[settings.way].answer(asked)
    scored = settings.split != "unlabelled"
    top = said.probabilities.argmax(axis=1).astype(np.int64)
    gold = np.array([asked.numbers[row["label"]] for row in rows["asked"]], np.int64) if scored else top
    names = [one.name for one in labels]
    each = np.arange(len(top))
    found = Answers(
        names, [row["id"] for row in rows["asked"]], [str(row["text"]) for row in rows["asked"]],
        gold, top, said.probabilities[each, top], said.probabilities[each, gold],
    )  # fmt: skip
    found.save(attempt.folder / "report")
    told: dict[str, Any] = {
        "format": report.FORMAT,
        "run": attempt.id,
        "made": time.time(),
        "split": settings.split,
        "scored": scored,
        "labels": names,
        "total": len(top),
        "seconds_a_text": said.seconds,
        "chosen": dict(said.chosen),
        "notes": [one.as_json() for one in said.notes],
    }
    if scored:
        told |= report.figures(found)[0] | report.standing(gold, top, len(names))
    write_json(attempt.folder / "report" / "report.json", told)
    return {"attempt": attempt.id, "accuracy": told.get("accuracy")}


# --- beside runs -----------------------------------------------------------------------------------------------------


def against(attempt: Attempt, run_dir: Path) -> tuple[Pair, int] | None:
    """The run beside the attempt on the rows that both answered: what the run gets right that the attempt does not (`mended`), the other way
    round, and how many rows. None where they share none, or carry other labels meanwhile."""
    try:
        mine, theirs = answers.load(attempt.folder), answers.load(run_dir)
    except (Missing, OSError, ValueError):
        return None
    at = {id: i for i, id in enumerate(theirs.ids)}
    both = [(i, at[id]) for i, id in enumerate(mine.ids) if id in at]
    both = [(i, j) for i, j in both if mine.names[mine.gold[i]] == theirs.names[theirs.gold[j]]]
    if not both:
        return None
    here, there = np.array(both).T
    untrained, tuned = mine.right[here], theirs.right[there]
    return Pair(int((tuned & ~untrained).sum()), int((~tuned & untrained).sum())), len(both)


def best_beside(project: Path, ids: frozenset[str]) -> tuple[Attempt, dict[str, Any], int] | None:
    """The attempt with the best score on exactly these test rows, its report, and out of how many it is the best."""
    found = []
    for attempt in attempts(project):
        made = attempt.report
        if not made or not made["scored"] or made["split"] != "test" or made["total"] != len(ids):
            continue
        if frozenset(answers.load(attempt.folder).ids) == ids:
            found.append((attempt, made))
    if not found:
        return None
    attempt, made = max(found, key=lambda one: float(one[1]["accuracy"]))
    return attempt, made, len(found)


# --- the rows --------------------------------------------------------------------------------------------------------


def _places(state: State, split: str) -> Places:
    if split == "unlabelled":
        return np.flatnonzero(state.usable & (state.label < 0))
    return np.flatnonzero(state.usable & (state.label >= 0) & (state.split == NAMES.index(split)))


def _parts(state: State, settings: UntrainedSettings) -> dict[str, Places]:
    """part -> rising places. Those asked are never among the other two."""
    most = settings.rows or (MOST_OPEN if settings.split == "unlabelled" else None)
    asked = _some(_places(state, settings.split), most, settings.seed)
    if not len(asked):
        raise DataError(*NOTHING[settings.split])
    shows = {"similar": settings.mixed, "nearest": 1, "likely": settings.examples}.get(settings.way, 0)
    pool = _some(_places(state, "train"), MOST_POOL, settings.seed) if shows else asked[:0]
    settles = settings.way in ("similar", "nearest") and settings.split != "validation"
    tuning = _some(_places(state, "validation"), MOST_TUNING, settings.seed) if settles else asked[:0]
    return {"asked": asked, "pool": pool, "tuning": tuning}


NOTHING = {
    "test": (
        Message("No text with a label is kept aside for the final test, so there is nothing to score."),
        Message("Label some, give the final test a share on the Data tab, or ask texts without a label."),
    ),
    "validation": (
        Message("No validation text has a label."),
        Message("Give validation a share on the Data tab, or ask other texts."),
    ),
    "unlabelled": (Message("Every text has a label."), Message("Ask the test texts, to see how good the answers are.")),
}


def _some(places: Places, most: int | None, seed: int) -> Places:
    """At most so many, by chance, rising."""
    if most is None or len(places) <= most:
        return places
    return np.sort(np.random.Generator(np.random.PCG64(seed)).permutation(places)[:most])


def _write_rows(
    state: State, parts: Mapping[str, Places], roles: tuple[str, ...], columns: list[str], path: Path
) -> None:
    places = np.concatenate([parts[name] for name in parts])
    kinds = {part.role: part.kind for part in state.shape.inputs}
    inputs = state.inputs(places)
    table: dict[str, Any] = {"id": state.rows.ids(places)}
    table |= {role: [encode(kinds[role], row[role]) for row in inputs] for role in roles}
    if columns:
        cells = state.rows.cells(places.tolist())
        table |= {f"column {name}": [row.get(name, "") for row in cells] for name in columns}
    table["label"] = [state.value(place) for place in places.tolist()]
    table["part"] = [name for name, some in parts.items() for _ in range(len(some))]
    made = pa.table({name: pa.array(values, pa.string()) for name, values in table.items()})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, made.schema) as writer:
        writer.write_table(made)


def _read_rows(path: Path) -> dict[str, list[Row]]:
    """part -> rows: "id", "label" (None without), every role and every column a prompt asks for, by name."""
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    found: dict[str, list[Row]] = {"asked": [], "pool": [], "tuning": []}
    for row in table.to_pylist():
        part = row.pop("part")
        found[part].append({name.removeprefix("column "): value for name, value in row.items()})
    return found
