"""The book of a search: which settings were tried, how each went, and which come next. Kept by Optuna, in a file or a database.

    book = Book.open("…/trials.journal", question)      several processes or machines may have the same book open
    asked = book.ask("worker")                          settings to try, or None where no trial is left to give
    book.report(3, {1: 0.81, 2: 0.84})                  the checks of trial 3 so far; whether it is behind, and to be stopped early
    book.finished(3, 0.86, seconds)                     and `pruned`, `failed`

Tree-structured Parzen estimators propose (Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NIPS 2011); a trial that is behind
the middle one of the others at the same check is stopped early (the median rule of Golovin et al., "Google Vizier", KDD 2017). What is
proposed follows from the seed and the book alone, so that a search which is killed and taken up again goes on as it would have.

Optuna is imported here and nowhere else, at the first use; a journal is plain JSON lines.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.errors import HoneError, Missing
from core.studies.ranges import Range, drawn
from core.words import Message

NAME = "hone"
STARTUP = 5  # trials drawn at random before the estimator proposes
COMPARED = 4  # trials that must have ended before one is stopped early
BEAT = 20.0  # seconds between two signs of life of a trial at work
STALE = 180.0  # seconds without one after which somebody else's trial is given up
TRIES = 2  # times a lost trial is tried again
State = Literal["waiting", "running", "finished", "pruned", "failed"]


@dataclass(frozen=True)
class Trial:
    """One row of the book. `checks` are the scores at its checks; `lost`: its process died, and it does not count."""

    number: int
    state: State
    values: Mapping[str, Any]
    score: float | None = None
    checks: Mapping[int, float] | None = None
    worker: str = ""
    seconds: float = 0.0
    beat: float = 0.0
    lost: bool = False
    surplus: bool = False
    default: bool = False  # the settings as they were

    @property
    def counts(self) -> bool:
        return self.state != "waiting" and not (self.lost or self.surplus)


@dataclass(frozen=True)
class Asked:
    """`values` are empty for `default`, the settings as they were."""

    number: int
    values: Mapping[str, Any]
    default: bool = False


class Book:
    """`question`: see core.studies.search. Its ranges, seed and budget are those of whoever opened the book first."""

    def __init__(self, storage: Any, question: Mapping[str, Any]):
        import optuna

        self._storage, self.question = storage, dict(question)
        self.ranges = [Range.from_json(one) for one in question["ranges"]]
        direction = optuna.study.StudyDirection.MINIMIZE if question["lower"] else optuna.study.StudyDirection.MAXIMIZE
        pruner = optuna.pruners.MedianPruner(COMPARED, n_warmup_steps=int(question.get("patience", 1)) + 1)
        self._study = optuna.create_study(
            storage=storage, study_name=NAME, direction=direction, pruner=pruner, load_if_exists=True
        )
        self._lock = threading.RLock()
        self._beaten: dict[int, float] = {}
        if "question" not in self._study.user_attrs:
            self._study.set_user_attr("question", _shared(question))
        if not self._study.get_trials(deepcopy=False):
            self._study.enqueue_trial(self._first(), user_attrs={"default": True}, skip_if_exists=True)

    @staticmethod
    def open(where: str, question: Mapping[str, Any]) -> Book:
        """The book at `where` (a file, or the address of a database such as postgresql://…), begun where it is not there yet."""
        with _books_lock:
            if where not in _books or not _there(where):
                _books[where] = Book(_storage(where), question)
            return _books[where]

    @staticmethod
    def close(where: str) -> None:
        """Forget it; for a study that is deleted."""
        with _books_lock:
            _books.pop(where, None)

    # What has been tried ----------------------------------------------------------------------------------------------

    def trials(self) -> list[Trial]:
        """All rows, in the order they were asked for."""
        with self._lock:
            return [_trial(one) for one in self._study.get_trials(deepcopy=False)]

    def ask(self, worker: str) -> Asked | None:
        """The next settings for `worker`; None where the budget is spent. Trials of its own that it never began come first."""
        with self._lock:
            if self._is_spent():
                return None
            before = self.trials()
            self._study.sampler = self._sampler(len(before))
            trial = self._study.ask()
            trial.set_user_attr("worker", worker)
            trial.set_user_attr("beat", time.time())
            earlier = [one for one in self.trials() if one.counts and one.number < trial.number]
            if len(earlier) >= self._most:  # another machine was quicker by a moment
                trial.set_user_attr("surplus", True)
                self._end(trial.number, "FAIL")
                return None
            values = self._drawn(trial)
            trial.set_user_attr("values", values)
            return Asked(trial.number, values, _is_default(trial))

    def begun(self, worker: str) -> list[Asked]:
        """Trials this worker has asked for and not told the end of; one that had not got its values yet is given up."""
        found = []
        for one in self.trials():
            if one.state == "running" and one.worker == worker:
                if one.values or one.default:
                    found.append(Asked(one.number, one.values, one.default))
                else:
                    self._lose(one)
        return found

    def report(self, number: int, checks: Mapping[int, float]) -> bool:
        """Put down scores at checks that are not in the book yet, and a sign of life. Whether the trial does worse than the middle one of
        the others did at the same check, and is to be stopped early; never so for the settings as they were."""
        with self._lock:
            row = self._row(number)
            if row.state.is_finished():
                return row.state.name == "PRUNED"
            if time.time() - self._beaten.get(number, 0.0) > BEAT:
                self._beaten[number] = time.time()
                self._storage.set_trial_user_attr(self._id(number), "beat", time.time())
            for place in sorted(set(checks) - set(row.intermediate_values)):
                if math.isfinite(checks[place]):
                    self._storage.set_trial_intermediate_value(self._id(number), place, checks[place])
                    if self._is_behind(self._row(number)):
                        return True
            return False

    def _is_behind(self, row: Any) -> bool:
        spared = _is_default(row) or not self.question["prunes"]
        return not spared and bool(self._study.pruner.prune(self._study, row))

    def finished(self, number: int, score: float, seconds: float) -> None:
        self._told(number, "COMPLETE", score, seconds)

    def pruned(self, number: int, seconds: float) -> None:
        self._told(number, "PRUNED", None, seconds)

    def failed(self, number: int, seconds: float) -> None:
        self._told(number, "FAIL", None, seconds)

    def give_up_stale(self, worker: str) -> list[int]:
        """Trials of other workers that have given no sign of life for long are lost; each is put in line again, at most twice."""
        now, found = time.time(), []
        for one in self.trials():
            stale = one.state == "running" and one.worker != worker and one.beat and now - one.beat > STALE
            if stale and self._lose(one):
                found.append(one.number)
        return found

    def mark_rows(self, fingerprint: str) -> None:
        """Put down over which texts the search is, so that nobody joins it with others."""
        self._study.set_user_attr("rows", fingerprint)

    def rows(self) -> str:
        return str(self._study.user_attrs.get("rows", ""))

    # The budget -------------------------------------------------------------------------------------------------------

    @property
    def _most(self) -> int:
        return int(self.question["trials"])

    def _is_spent(self) -> bool:
        trials = [one for one in self.trials() if one.counts]
        minutes = self.question.get("minutes")
        used = sum(one.seconds for one in trials)
        return len(trials) >= self._most or bool(minutes and trials and used >= 60 * minutes)

    def is_over(self) -> bool:
        """No trial is left to give, and none is under way anywhere."""
        return self._is_spent() and all(one.state not in ("running",) for one in self.trials())

    # Inside -----------------------------------------------------------------------------------------------------------

    def _sampler(self, before: int) -> Any:
        """A fresh one for every trial, its seed from how many there are: what comes next follows from the book alone."""
        import optuna

        seed = (1_000_003 * int(self.question["seed"]) + before) % 2**32
        startup = min(STARTUP, max(2, self._most // 4))
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=startup)

    def _first(self) -> dict[str, Any]:
        """The settings as they were, as far as they lie in the ranges."""
        now = self.question["settings"]
        return {one.name: now[one.name] for one in self.ranges if one.holds(now[one.name])}

    def _drawn(self, trial: Any) -> dict[str, Any]:
        if _is_default(trial):  # suggested all the same, so that the estimator learns from it
            first = self._first()
            inside = [one for one in self.ranges if one.name in first]
            drawn(inside, lambda one: _suggested(trial, one), self.question["settings"], self.question["more"])
            return {}
        return drawn(self.ranges, lambda one: _suggested(trial, one), self.question["settings"], self.question["more"])

    def _lose(self, one: Trial) -> bool:
        """Given up because its process died. Whether it was this caller who did it: several may try at the same moment."""
        row = self._row(one.number)
        again = int(row.user_attrs.get("again", 0))
        params, values = dict(row.params), row.user_attrs.get("values")
        retried = again < TRIES and values is not None
        if row.state.is_finished():
            return False
        if retried or values is None:
            self._storage.set_trial_user_attr(self._id(one.number), "lost", True)  # counts once it has failed
        if not self._end(one.number, "FAIL"):
            return False
        if retried:
            self._study.enqueue_trial(params, user_attrs={"again": again + 1, "default": _is_default(row)})
        return True

    def _told(self, number: int, state: str, score: float | None, seconds: float) -> None:
        with self._lock:
            if not self._row(number).state.is_finished():
                self._storage.set_trial_user_attr(self._id(number), "seconds", round(seconds, 2))
                self._end(number, state, score)

    def _end(self, number: int, state: str, score: float | None = None) -> bool:
        import optuna

        wanted = optuna.trial.TrialState[state]
        if state == "PRUNED":
            seen = self._row(number).intermediate_values
            score = seen[max(seen)] if seen else None
        try:
            values = None if score is None else [float(score)]
            return bool(self._storage.set_trial_state_values(self._id(number), wanted, values))
        except (optuna.exceptions.UpdateFinishedTrialError, RuntimeError):
            return False

    def _row(self, number: int) -> Any:
        return self._storage.get_trial(self._id(number))

    def _id(self, number: int) -> int:
        return int(self._storage.get_trial_id_from_study_id_trial_number(self._study._study_id, number))


_books: dict[str, Book] = {}  # a memory of what the files say, not a second truth
_books_lock = threading.RLock()


def question_at(where: str) -> dict[str, Any]:
    """What whoever began the book at `where` wants to know. Missing where there is none."""
    import optuna

    if not _there(where):
        raise Missing(
            Message("There is no search at {where}.", where=where),
            fix=Message("Begin one first, without --join."),
        )
    try:
        study = optuna.load_study(study_name=NAME, storage=_storage(where))
        return dict(study.user_attrs["question"])
    except KeyError:
        raise Missing(Message("There is no search at {where}.", where=where)) from None


def _storage(where: str) -> Any:
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if "://" in where:
        try:
            return optuna.storages.RDBStorage(where)
        except Exception as error:
            raise HoneError(
                Message("The storage {where} cannot be opened.", where=where.split("@")[-1][:80]),
                fix=Message("Check its address, or give a file."),
            ) from error
    path = Path(where)
    path.parent.mkdir(parents=True, exist_ok=True)
    # a lock file that the holder's death leaves behind is taken over after a few seconds
    return optuna.storages.JournalStorage(JournalFileBackend(where, JournalFileOpenLock(where, grace_period=5)))


def _there(where: str) -> bool:
    return "://" in where or Path(where).is_file()


def _shared(question: Mapping[str, Any]) -> dict[str, Any]:
    """Without what belongs to one worker alone."""
    return {name: value for name, value in question.items() if name != "storage"}


def _suggested(trial: Any, one: Range) -> Any:
    if one.kind == "choice":
        return trial.suggest_categorical(one.name, list(one.choices))
    if one.kind == "int":
        return trial.suggest_int(one.name, int(one.low), int(one.high), log=one.log)
    return trial.suggest_float(one.name, one.low, one.high, log=one.log)


STATES: Mapping[str, State] = {
    "WAITING": "waiting",
    "RUNNING": "running",
    "COMPLETE": "finished",
    "PRUNED": "pruned",
    "FAIL": "failed",
}


def _is_default(row: Any) -> bool:
    return bool(row.user_attrs.get("default"))


def _trial(row: Any) -> Trial:
    told = row.user_attrs
    checks = {int(place): float(score) for place, score in row.intermediate_values.items()}
    state = STATES[row.state.name]
    return Trial(
        row.number,
        state,
        told.get("values") or {},
        row.values[0] if row.values and state == "finished" else None,
        checks,
        told.get("worker", ""),
        float(told.get("seconds", 0.0)),
        float(told.get("beat", 0.0)),
        bool(told.get("lost")) and state == "failed",
        bool(told.get("surplus")),
        _is_default(row),
    )


def best_of(trials: Sequence[Trial], lower: bool) -> Trial | None:
    """The finished trial with the best score; the earlier of equals, so that the default wins a draw."""
    ended = [one for one in trials if one.state == "finished" and one.score is not None]
    if not ended:
        return None
    return min(ended, key=lambda one: ((one.score or 0.0) * (1 if lower else -1), one.number))
