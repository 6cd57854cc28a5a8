"""A study is a group of ordinary runs with one question. Like a run it is a folder, and what it looks like is a fold over a log.

<project>/studies/<study>/study.json    written once: the kind, the question (what is settled for all members, and what is varied)
                          rows/         the one frozen copy of the data that all members learn from (core.studies.rows)
                          answers/      what each member that has ended answered, row by row
                          events.jsonl  appended by whoever directs it, and by a person's words
                          notes.json    the person's own name for it
                          study.lock    held by the director that leads it (core.studies.director)

Members are runs of the project with {"study": id, "member": {"key", "label", "values"}} in their run.json. Deleting a run takes nothing
from the study's table: how each member ended is noted in the log.
"""

from __future__ import annotations

import contextlib
import datetime
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from core import journal, locks
from core.errors import Missing, RunError
from core.studies.rows import Rows, keep, linked
from core.training.judging import ANSWERS
from core.training.runs import Run
from core.words import Message
from core.workspace import FORMAT, check_format, inside, new_id, read_json, write_json

State = Literal["open", "stopped", "over"]
LONGEST_NAME = 80


@dataclass(frozen=True)
class Member:
    """One run of a study. `key` is its name within the study (a method, a fold, a number of a trial); `values` what was varied;
    `ended` how it ended, once it has: see `core.studies.director.outcome`."""

    key: str
    run: str
    label: Message
    values: Mapping[str, Any]
    at: float
    ended: Mapping[str, Any] | None = None
    revived: int = 0  # how often it was taken up again after its process was gone


@dataclass(frozen=True)
class StudyView:
    """The fold over events.jsonl. `noted` is what the kind has put down, the last value of each name."""

    state: State = "open"
    discards: bool = False  # stopped so that members at work are discarded, not waited for
    members: tuple[Member, ...] = ()
    noted: Mapping[str, Any] = field(default_factory=dict)
    failure: Mapping[str, Any] | None = None  # {"message", "fix"}: why it could not go on
    ended_at: float = 0.0


def create(
    project_folder: Path,
    *,
    kind: str,
    name: str,
    question: Mapping[str, Any],
    dataset: Any,
    about: Mapping[str, Any] | None = None,
    language: str = "en",
) -> Study:
    """Freeze the data set as it stands and write a new study. Its members come with `core.studies.director`.

    `question` is plain JSON that the kind understands; `about` what people read of it (preset, base); `language` is
    that of its members' names. Raises RunError where there is
    nothing to learn from.
    """
    folder = project_folder / "studies"
    folder.mkdir(parents=True, exist_ok=True)
    study_id = new_id("study")
    making = folder / f".{study_id}"
    making.mkdir()
    try:
        kept = keep(dataset, making / "rows")
        told = {
            "format": FORMAT,
            "id": study_id,
            "kind": kind,
            "name": name,
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "task": dataset.task,
            "data": {"name": kept.name, "version": kept.version, "counts": dict(kept.counts)},
            "question": dict(question),
            "about": dict(about or {}),
            "language": language,
        }
        write_json(making / "study.json", told)
        making.rename(folder / study_id)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return Study(folder / study_id)


def studies(project_folder: Path) -> list[Study]:
    """All studies of a project, newest first."""
    folder = project_folder / "studies"
    there = [p for p in folder.iterdir() if not p.name.startswith(".")] if folder.is_dir() else []
    return [Study(p) for p in sorted(there, reverse=True) if (p / "study.json").is_file()]


def find(project_folder: Path, study: str) -> Study:
    """Missing where there is none of this id."""
    return Study(inside(project_folder / "studies", study))


@dataclass(frozen=True)
class Study:
    """One study's folder. Cheap to make; reads what it is asked for."""

    folder: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def project_folder(self) -> Path:
        return self.folder.parent.parent

    @property
    def spec(self) -> dict[str, Any]:
        """study.json as it was written."""
        try:
            told = read_json(self.folder / "study.json")
        except FileNotFoundError:
            raise Missing(Message("There is nothing called “{name}” here any more.", name=self.id)) from None
        check_format(told, self.folder / "study.json")
        return told

    @property
    def kind(self) -> str:
        return str(self.spec["kind"])

    @property
    def question(self) -> dict[str, Any]:
        return dict(self.spec["question"])

    @property
    def language(self) -> str:
        return str(self.spec.get("language", "en"))

    @property
    def name(self) -> str:
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError):
            return str(read_json(self.folder / "notes.json")["name"])
        return str(self.spec["name"])

    @property
    def rows(self) -> Rows:
        """The frozen copy, as `core.training.runs.create` takes a data set."""
        return Rows(self.folder / "rows")

    @property
    def led(self) -> bool:
        """Whether a director, in whichever process, has it in its hands."""
        return locks.held(self.folder / "study.lock")

    def view(self) -> StudyView:
        lines, _ = journal.read(self.folder / "events.jsonl")
        return fold(lines)

    def run(self, member: Member) -> Run | None:
        """The member's run; None once it has been deleted."""
        found = Run(self.project_folder / "runs" / member.run)
        return found if (found.folder / "run.json").is_file() else None

    def runs(self) -> dict[str, Run]:
        """Of every member whose run is still there: key -> run."""
        found = {member.key: self.run(member) for member in self.view().members}
        return {key: run for key, run in found.items() if run}

    # A person's words -------------------------------------------------------------------------------------------------

    def stop(self, discard: bool = False) -> None:
        """No new members. Those at work go to their end, or are discarded."""
        if self.view().state != "over":
            self.say("stopped", discard=discard)

    def go_on(self) -> None:
        """A stopped study goes on; one that could not go on tries again."""
        view = self.view()
        if view.state == "over" and not view.failure:
            raise RunError(Message("This study is finished."), fix=Message("Start a new one."))
        self.say("continued")

    def rename(self, name: str) -> None:
        cleaned = " ".join(name.split())[:LONGEST_NAME]
        if not cleaned:
            raise RunError(Message("A study needs a name."))
        write_json(self.folder / "notes.json", {"name": cleaned})

    def delete(self, runs: Iterable[str] = ()) -> None:
        """Remove the folder for good, and these runs of it. Refused while members are at work."""
        view = self.view()
        members = view.members
        busy = any(run.view().state in ("queued", "preparing", "running") for run in self.runs().values())
        if busy or view.state == "open":
            raise RunError(Message("“{name}” is still at work.", name=self.name), fix=Message("Stop it first."))
        own, wanted = {member.run for member in members}, set(runs)
        gone = self.folder.with_name(f".deleted-{self.id}")
        self.folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
        for run in sorted(own & wanted):
            with contextlib.suppress(Missing, FileNotFoundError):
                Run(self.project_folder / "runs" / run).delete()

    # The log ----------------------------------------------------------------------------------------------------------

    def say(self, kind: str, **values: Any) -> None:
        """Append one event: member | ended | revived | noted | stopped | continued | failed | over."""
        log = journal.Journal(self.folder / "events.jsonl")
        try:
            log.append({"kind": kind, "at": time.time(), **values}, sync=True)
        finally:
            log.close()

    def keep_answers(self, run: Run | None) -> None:
        """A member's answers row by row, which stay when the run is deleted."""
        source = run.folder / ANSWERS if run else None
        if run and source and source.is_file() and not self.answers(run.id).exists():
            self.answers(run.id).parent.mkdir(exist_ok=True)
            linked(source, self.answers(run.id))

    def answers(self, run: str) -> Path:
        """Where the answers of a member's run are kept: lines as core.training.judging writes them."""
        return self.folder / "answers" / f"{run}.jsonl"

    def note(self, **values: Any) -> None:
        """Put down something of the kind's own, to be found in `view().noted`; plain JSON."""
        self.say("noted", values=values)


def fold(lines: Sequence[Mapping[str, Any]]) -> StudyView:
    """The view after these lines; kinds that a later version writes are passed over."""
    view = StudyView()
    for line in lines:
        view = _folded(view, line)
    return view


def _folded(view: StudyView, line: Mapping[str, Any]) -> StudyView:
    match line["kind"]:
        case "member" if all(member.key != line["key"] for member in view.members):
            label = Message.from_json(line["label"])
            one = Member(line["key"], line["run"], label, line["values"], line["at"])
            return replace(view, members=(*view.members, one))
        case "ended":
            return _changed(view, line["key"], ended=line["outcome"])
        case "revived":
            times = next((m.revived for m in view.members if m.key == line["key"]), 0)
            return _changed(view, line["key"], revived=times + 1)
        case "noted":
            return replace(view, noted={**view.noted, **line["values"]})
        case "stopped":
            return replace(view, state="stopped", discards=bool(line.get("discard")), ended_at=line["at"])
        case "continued":
            return replace(view, state="open", discards=False, failure=None, ended_at=0.0)
        case "failed":
            failure = {"message": line["message"], "fix": line.get("fix")}
            return replace(view, state="stopped", discards=False, failure=failure, ended_at=line["at"])
        case "over":
            return replace(view, state="over", ended_at=line["at"])
    return view


def _changed(view: StudyView, key: str, **changes: Any) -> StudyView:
    return replace(view, members=tuple(replace(m, **changes) if m.key == key else m for m in view.members))


def members_on_disk(study: Study) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Runs that say they belong to the study: (run id, {"key", "label", "values"}). One that was made just before its director died is among
    them, though the log does not know it."""
    folder = study.project_folder / "runs"
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        with contextlib.suppress(OSError, ValueError):
            told = read_json(path / "run.json")
            if told.get("study") == study.id and not path.name.startswith("."):
                yield path.name, told["member"]
