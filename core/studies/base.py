"""What a kind of study is: it says which members come next, and what the answer to its question is so far.

A kind is a value in `core.studies.kinds.KINDS`. It never starts or ends a run itself: the director does what it asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.studies.study import Member, Study
from core.training.runs import Run
from core.training.settings import TrainingSettings
from core.training.view import OVER, RunView
from core.words import Message

AT_WORK = ("queued", "preparing", "running", "paused", "interrupted")


@dataclass(frozen=True)
class Wanted:
    """A member to be made: what `core.training.runs.create` is told of it. `key` is its name within the study and never used twice;
    `split` (row id -> part) puts rows elsewhere than in the study's copy."""

    key: str
    label: Message
    base: Mapping[str, Any]  # core.models.catalogue.Base.as_json()
    settings: TrainingSettings
    phases: Sequence[Mapping[str, Any]]
    preset: str = "own"
    changed: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    estimate: Mapping[str, Any] | None = None
    split: Mapping[str, str] | None = None
    untested: bool = False  # it asks nothing of the test split: one of many trials among which validation alone chooses

    def as_json(self) -> dict[str, Any]:
        """Without the split, which follows from the study's rows."""
        return {
            "key": self.key,
            "label": self.label.as_json(),
            "base": dict(self.base),
            "settings": self.settings.model_dump(),
            "phases": [dict(phase) for phase in self.phases],
            "preset": self.preset,
            "changed": dict(self.changed),
            "values": dict(self.values),
            "estimate": dict(self.estimate) if self.estimate else None,
            "untested": self.untested,
        }

    @staticmethod
    def from_json(told: Mapping[str, Any]) -> Wanted:
        words = {"label": Message.from_json(told["label"]), "settings": TrainingSettings(**told["settings"])}
        return Wanted(**{**told, **words})


@dataclass(frozen=True)
class Seen:
    """A member as the director finds it. `run` and `view` are None once its run has been deleted, or where it could not be made."""

    member: Member
    run: Run | None
    view: RunView | None

    @property
    def key(self) -> str:
        return self.member.key

    @property
    def state(self) -> str:
        """A run's state, or "gone"."""
        if self.member.ended:
            return str(self.member.ended["state"])
        return self.view.state if self.view else "gone"

    @property
    def ended(self) -> bool:
        return self.member.ended is not None or self.state in (*OVER, "gone")

    @property
    def at_work(self) -> bool:
        return not self.ended and self.state in AT_WORK

    @property
    def scores(self) -> Mapping[str, float]:
        """Of the kept moment, on validation."""
        return self._told("scores")

    @property
    def test(self) -> Mapping[str, float]:
        return self._told("test")

    @property
    def seconds(self) -> float:
        """Of work."""
        if self.member.ended:
            return float(self.member.ended.get("seconds") or 0.0)
        return self.view.seconds if self.view else 0.0

    def _told(self, name: str) -> Mapping[str, float]:
        if self.member.ended:
            return dict(self.member.ended.get(name) or {})
        return getattr(self.view, name) if self.view else {}


@dataclass(frozen=True)
class Next:
    """What is to be done now. Of `create` as many are made as there is room for; `prune` are keys of members to be discarded; `over`: no member
    will follow those there are."""

    create: Sequence[Wanted] = ()
    prune: Sequence[str] = ()
    over: bool = False


@dataclass(frozen=True)
class Kind:
    """`advance(study, seen, room)` is asked about once a second as long as the study is open, with how many members may be started now; it may
    be asked again for a member that was not made, and is then to answer alike. `result(study, seen)` is plain JSON (with Messages) for page and
    command line. `planned(question)` is how many members there will be, where that is known."""

    name: str
    title: Message
    advance: Callable[[Study, Sequence[Seen], int], Next]
    result: Callable[[Study, Sequence[Seen]], Mapping[str, Any]]
    planned: Callable[[Mapping[str, Any]], int | None] = lambda question: None


def look(study: Study) -> list[Seen]:
    """All members as they are now, in the order they were made."""
    found = []
    for member in study.view().members:
        run = study.run(member)
        found.append(Seen(member, run, run.view() if run else None))
    return found
