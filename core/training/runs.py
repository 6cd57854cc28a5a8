"""A run is a folder: what it learns from, with which settings, and everything it says about itself.

<run>/run.json       written once, when Start is pressed
      rows.arrow     the texts, labels and splits as they were then
      from/          the model and the rest of the rows of the run it continues, where there is one (core.training.continuing)
      base/          a blank base, made from the training texts at the first step (core.training.grounding)
      events.jsonl   appended by the worker; `Run.view` folds it
      run.lock       held by the worker as long as it lives
      control        one word for the worker: pause | resume | stop | discard | leave
      notes.json     the person's own name, note and star
      error.txt      the traceback, where there is one

Knows nothing of workers and torch: `core.training.worker` carries a run out, `core.training.engine` decides when.
"""

from __future__ import annotations

import contextlib
import datetime
import platform
import random
import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from core import journal, locks, processes
from core.errors import Missing, RunError
from core.training import adapting, continuing
from core.training import events as ev
from core.training.queue import Queue, home_of, name_in
from core.training.settings import TrainingSettings
from core.training.view import RunView, delta, facts, fold
from core.words import Message
from core.workspace import FORMAT, check_format, new_id, read_json, write_json, write_text

__all__ = ["Run", "RunView", "create", "delta", "facts", "fold", "runs"]

WATCHED = 5  # texts whose answers are shown at every check, unless the person chooses others
CONTROLS = ("pause", "resume", "stop", "discard", "leave")


def create(
    project_folder: Path,
    *,
    name: str,
    task: str,
    base: Any,
    settings: TrainingSettings,
    phases: Sequence[Mapping[str, Any]],
    preset: str,
    dataset: Any,
    changed: Mapping[str, Any] | None = None,
    why: Sequence[Message] = (),
    threads: int | None = None,
    watched: Sequence[str] = (),
    estimate: Mapping[str, Any] | None = None,
    study: Mapping[str, Any] | None = None,
    continues: Run | None = None,
) -> Run:
    """Freeze the data set as it stands and write a new run. It does not start by itself: `Engine.start`.

    `base` is a catalogue entry (or its JSON); `study` is {"study": id, "member": ...} for a run that a study makes (core.studies); `continues` is
    the run it goes on from (core.training.continuing). Raises RunError when there is nothing to learn from.
    """
    runs_folder = project_folder / "runs"
    runs_folder.mkdir(parents=True, exist_ok=True)
    run_id = new_id("run")
    making = runs_folder / f".{run_id}"
    making.mkdir()
    try:
        frozen = dataset.freeze(making / "rows.arrow")
        if continues:
            frozen, told = continuing.write(making, frozen, dataset, continues, settings)
        _check_learnable(dataset.shape, [name for name, n in frozen.label_counts.items() if n], frozen.counts)
        spec: dict[str, Any] = {
            "format": FORMAT,
            "id": run_id,
            "name": name,
            "task": task,
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "preset": preset,
            "changed": dict(changed or {}),
            "why": [m.as_json() for m in why],
            "base": base if isinstance(base, Mapping) else base.as_json(),
            "settings": settings.model_dump(),
            "phases": [dict(p) for p in phases],
            "labels": {"names": list(frozen.labels), "colours": list(frozen.colours)},
            "data": _learnt_from(frozen),
            "watched": list(watched) or _worth_watching(making / "rows.arrow", settings.seed),
            "seed": settings.seed,
            "versions": _versions(),
            "threads": threads or processes.cores(),
            "estimate": dict(estimate) if estimate else None,
            **(study or {}),
            **({"continues": told} if continues else {}),
        }
        write_json(making / "run.json", spec)
        if adapting.is_wanted(settings, spec["base"]["kind"], task):
            adapting.plan(dataset, making / adapting.FOLDER, spec, settings)
        making.rename(runs_folder / run_id)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return Run(runs_folder / run_id)


def runs(project_folder: Path) -> list[Run]:
    """All runs of a project, newest first."""
    folder = project_folder / "runs"
    found = [Run(p) for p in folder.iterdir() if (p / "run.json").is_file()] if folder.is_dir() else []
    found = [run for run in found if not run.folder.name.startswith(".")]
    return sorted(found, key=lambda run: run.id, reverse=True)


@dataclass(frozen=True)
class Run:
    """One run's folder. Cheap to make; reads what it is asked for."""

    folder: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def spec(self) -> dict[str, Any]:
        """run.json as it was written at Start."""
        try:
            told = read_json(self.folder / "run.json")
        except FileNotFoundError:
            raise Missing(Message("There is nothing called “{name}” here any more.", name=self.id)) from None
        check_format(told, self.folder / "run.json")
        return told

    @property
    def settings(self) -> TrainingSettings:
        return TrainingSettings(**self.spec["settings"])

    @property
    def model(self) -> Path:
        return self.folder / "model"

    @property
    def has_model(self) -> bool:
        """Whether a kept model is there to try, judge and take away."""
        return self.view().state in ("finished", "stopped") and (self.model / "hone.json").is_file()

    @property
    def notes(self) -> dict[str, Any]:
        """{"name", "note", "starred"}: what the person calls it and thinks of it."""
        told: dict[str, Any] = {"name": "", "note": "", "starred": False}
        with contextlib.suppress(FileNotFoundError, ValueError):
            told |= read_json(self.folder / "notes.json")
        return told

    @property
    def name(self) -> str:
        return str(self.notes["name"] or self.spec["name"])

    def set_notes(self, *, name: str | None = None, note: str | None = None, starred: bool | None = None) -> None:
        given = {"name": name and name.strip()[:80], "note": note and note[:4000], "starred": starred}
        changed = {k: v for k, v in given.items() if v is not None}
        write_json(self.folder / "notes.json", {**self.notes, **changed})

    @property
    def alive(self) -> bool:
        """Whether a worker has it now, in whichever process."""
        return locks.held(self.folder / "run.lock")

    @property
    def error(self) -> str:
        """The traceback of a failed run, for the folded details."""
        path = self.folder / "error.txt"
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""

    def view(self) -> RunView:
        """What it looks like now: the events so far, and whether anybody is at work on it."""
        word = self.controlled()  # before the log: a worker that takes the word away has told what it did of it
        folded = _folded(self.folder)
        return replace(folded, state=_state(self.folder, folded, word))

    def delta(self, generation: str = "", seen_points: int = 0, seen_checks: int = 0) -> dict[str, Any]:
        """What a page that has seen so much does not know yet; see `core.training.view.delta`."""
        return delta(self.view(), generation, seen_points, seen_checks)

    def control(self, word: str) -> None:
        """Leave a word for the worker, which looks between two steps."""
        if word not in CONTROLS:
            raise ValueError(f"{word!r} is no control word; there are {', '.join(CONTROLS)}")
        write_text(self.folder / "control", word)

    def controlled(self) -> str:
        """The word that lies there for the worker, or an empty string."""
        with contextlib.suppress(FileNotFoundError):
            return (self.folder / "control").read_text(encoding="utf-8").strip()
        return ""

    def uncontrolled(self) -> None:
        (self.folder / "control").unlink(missing_ok=True)

    @contextlib.contextmanager
    def owned(self, wait: float = 60.0) -> Iterator[None]:
        """Hold run.lock with its heartbeat; only who holds it may append events."""
        lock = locks.FileLock(self.folder / "run.lock")
        if not lock.acquire(wait):
            raise RunError(
                Message("This run is at work in another process already."),
                fix=Message("Wait until that one has ended, or stop it."),
            )
        try:
            with locks.beating(lock):
                yield
        finally:
            lock.release()

    def write(self, event: ev.Event) -> None:
        """Append one event. For whoever owns the run."""
        log = journal.Journal(self.folder / "events.jsonl")
        try:
            log.append(ev.as_line(event), sync=True)
        finally:
            log.close()

    def delete(self) -> None:
        """Remove the folder for good. A run that is at work is refused."""
        if self.alive or self.view().state == "queued":
            raise RunError(
                Message("“{name}” is still at work or in line.", name=self.name), fix=Message("Discard it first.")
            )
        gone = self.folder.with_name(f".deleted-{self.id}")
        self.folder.rename(gone)
        _forget(self.folder)
        shutil.rmtree(gone, ignore_errors=True)

    def tidy(self) -> None:
        """Free the disk of what only a run that goes on would need."""
        for part in ("checkpoints", "probe", adapting.FOLDER):
            shutil.rmtree(self.folder / part, ignore_errors=True)


# The fold, kept up to date ------------------------------------------------------------------------------------------


@dataclass
class _Folded:
    offset: int = 0
    view: RunView = field(default_factory=RunView)
    lock: threading.Lock = field(default_factory=threading.Lock)


_views: OrderedDict[Path, _Folded] = OrderedDict()  # a memory of what the files say, not a second truth
_views_lock = threading.Lock()
MOST_VIEWS = 64


def _folded(folder: Path) -> RunView:
    """The fold of events.jsonl; only lines that came since the last call are read."""
    with _views_lock:
        known = _views.setdefault(folder, _Folded())
        _views.move_to_end(folder)
        while len(_views) > MOST_VIEWS:
            _views.popitem(last=False)
    path = folder / "events.jsonl"
    with known.lock:
        size = path.stat().st_size if path.exists() else 0
        if size < known.offset:
            known.offset, known.view = 0, RunView()
        if size > known.offset:
            lines, known.offset = journal.read(path, known.offset)
            known.view = fold(_events(lines), known.view)
        return known.view


def _events(lines: Sequence[Mapping[str, Any]]) -> Iterator[ev.Event]:
    """Kinds that a later version writes are passed over."""
    return (ev.from_line(line) for line in lines if line["kind"] in ev.EVENTS)


def _forget(folder: Path) -> None:
    with _views_lock:
        _views.pop(folder, None)


def _state(folder: Path, view: RunView, word: str) -> Any:
    """What the log says, put right by who is alive, who waits in line, and the `word` that lay there for the worker."""
    home = home_of(folder)
    queue = Queue(home) if home else None
    entry = queue.find(name_in(home, folder)) if home and queue else None
    if entry and entry.state == "waiting":
        return "queued"
    if view.over and not (entry and entry.since > view.at):
        return view.state
    if locks.held(folder / "run.lock"):
        if view.state == "paused" and word == "resume":
            return "running"
        return "preparing" if view.over or not view.began else view.state
    if entry and queue and queue.lives(entry.engine):
        return "preparing" if entry.since > view.at else view.state  # a worker is on its way, or has just left
    return "paused" if view.state == "paused" else "interrupted"


# Making one ---------------------------------------------------------------------------------------------------------


def _learnt_from(frozen: Any) -> dict[str, Any]:
    """What a run says of its data: where it came from, which columns played which role, how many rows each part has."""
    return {
        "name": frozen.name,
        "version": frozen.version,
        "columns": dict(frozen.columns),
        "counts": {part: int(frozen.counts.get(part, 0)) for part in ("train", "validation", "test")},
        **({"guessed": frozen.guessed} if frozen.guessed else {}),
    }


def _check_learnable(shape: Any, labels: Sequence[str], counts: Mapping[str, int]) -> None:
    """`labels` are those that training texts carry."""
    if not counts.get("train"):
        raise RunError(
            Message("No text with a label is left to learn from."),
            fix=Message("Label some texts, or put fewer of them aside for validation and test."),
        )
    if shape.by_label and len(labels) < 2:
        raise RunError(
            Message(
                "The texts to learn from must carry at least two labels; they carry only {label}.", label=labels[0]
            ),
            fix=Message("Add labels on the Label tab."),
        )


def _worth_watching(rows: Path, seed: int) -> list[str]:
    """A few validation texts, each with another label where possible, short enough for one line."""
    import pyarrow as pa

    with pa.memory_map(str(rows)) as source:
        table = pa.ipc.open_file(source).read_all()
        part = "validation" if "validation" in table["split"].to_pylist() else "train"
        first, last = (
            table.column_names[1],
            table.column_names[-2],
        )  # the first input and, where there is one, the target
        rows_of_part = [
            row
            for row in table.select(list(dict.fromkeys(["id", first, last, "split"]))).to_pylist()
            if row["split"] == part
        ]
        short = [row for row in rows_of_part if len(row[first] or "") <= 90]
        ids = [(row["id"], row[last]) for row in short or rows_of_part]
    random.Random(seed).shuffle(ids)
    different = list({label: row for row, label in reversed(ids)}.values())[:WATCHED]
    return [*different, *(row for row, _ in ids if row not in set(different))][:WATCHED]


@cache
def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in ("torch", "transformers", "hone"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "unknown"
    return found
