"""Dataset: the imported files of a project, the roles of their columns, labels, edits and splits; each change makes a new version.

    data = Dataset.open(folder)
    data.add(path, "mail.csv")
    data.page(0, 50, search="refund").rows

Safe from any thread; several processes may have it open. Reading a page of a million rows touches the rows of that page and a few small
arrays. Knows nothing of models, runs or the browser.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data import browse, checks, edits, facts, freezing, gathering, importing, roles, templates
from core.data import state as states
from core.data.how import How, Progress, Stop, clean, never, nothing
from core.data.labels import LabelStore
from core.data.log import Log
from core.data.roles import Role
from core.data.rows import Import, Rows
from core.data.shape import Shape
from core.data.splits import NAMES, SplitPlan
from core.data.team import Mine
from core.errors import ColumnMissing, DataError, Missing
from core.words import Message, listed

_opened: weakref.WeakValueDictionary[Path, Dataset] = weakref.WeakValueDictionary()
_recent: list[Dataset] = []  # keeps the last few alive between calls of the page
_guard = threading.Lock()
RECENT = 16


class Dataset:
    """Make it with `Dataset.open(folder)`; the folder is all of it and may be copied while nobody writes."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.log = Log(folder)
        self.labels = LabelStore(self)
        self._state: states.State | None = None
        self._lock = threading.RLock()
        self._mark = _identity(self.log.path)

    @staticmethod
    def open(folder: Path | str) -> Dataset:
        """The data set in `folder`, made if there is none. One object a folder while it is in use."""
        path = Path(folder).resolve()
        with _guard:
            found = _opened.get(path)
            if found is None or found._mark != _identity(found.log.path):
                found = _opened[path] = Dataset(path)
            if found in _recent:
                _recent.remove(found)
            _recent.append(found)
            del _recent[:-RECENT]
            return found

    def close(self) -> None:
        """Let go of the files, before the folder is moved or deleted."""
        with _guard:
            _opened.pop(self.folder, None)
            if self in _recent:
                _recent.remove(self)
        self._state = None
        self.log.close()

    def copy_to(self, folder: Path | str) -> Dataset:
        """A whole copy in another folder, consistent also while others write."""
        import shutil

        target = Path(folder)
        (target / "imports").mkdir(parents=True, exist_ok=True)
        self.log.copy_to(target / "log.sqlite")
        for number in [number for one in self.imports for number in gathering.readings(self, one.id)]:
            shutil.copyfile(self.folder / f"imports/{number}.arrow", target / f"imports/{number}.arrow")
        if self.files.is_dir():
            shutil.copytree(self.files, target / "files", dirs_exist_ok=True)
        return Dataset.open(target)

    # --- what is there ---

    @property
    def files(self) -> Path:
        """Where its pictures lie, under the names that rows have of them."""
        return self.folder / "files"

    @property
    def state(self) -> states.State:
        """Everything as it stands now, as arrays. Cheap when nothing changed, quick after a label."""
        stamps = self.log.stamps()
        with self._lock:
            if self._state is None or self._state.version != stamps["version"]:
                connection = self.log.read()
                connection.execute("BEGIN")  # stamps and tables of one moment
                try:
                    self._state = states.load(connection, self.log.stamps(), self.folder, self._state)
                finally:
                    connection.execute("COMMIT")
            return self._state

    @property
    def version(self) -> int:
        """Grows with every change, by whomever."""
        return self.log.version()

    @property
    def rows(self) -> Rows:
        return self.state.rows

    @property
    def empty(self) -> bool:
        return not self.imports

    @property
    def imports(self) -> tuple[Import, ...]:
        return self.state.rows.imports

    @property
    def columns(self) -> tuple[str, ...]:
        return self.state.rows.columns

    @property
    def shape(self) -> Shape:
        """What the data set is for."""
        return self.state.shape

    @property
    def task(self) -> str:
        return self.state.shape.task

    def set_shape(self, shape: Shape, guessed: Mapping[str, Role] | None = None) -> None:
        """Say what the data set is for. Answers given so far stay and count where the new task can read them. `guessed`: columns of
        the roles; without it roles of the same name keep theirs."""
        with self.log.change("roles", "labels", "answers") as (db, _):
            told, reasons = states.setting(db, "roles") or {}, states.setting(db, "reasons") or {}
            states.store(db, "shape", shape.as_json())
            if guessed is not None:
                told = {role: one.column for role, one in guessed.items()}
                reasons = {role: one.reason.as_json() for role, one in guessed.items()}
            states.store(db, "roles", {role: told.get(role) for role in shape.names})
            states.store(db, "reasons", {role: reasons[role] for role in shape.names if role in reasons})
        importing.register(self)

    def samples(self) -> dict[str, list[str]]:
        """Cells of every column, for guessing what they are."""
        return importing.samples(self.rows)

    @property
    def roles(self) -> dict[str, Role]:
        """Role -> its column and the reason."""
        connection = self.log.read()
        chosen = states.setting(connection, "roles") or {}
        reasons = states.setting(connection, "reasons") or {}
        return {
            role: Role(
                chosen.get(role),
                Message.from_json(reasons[role]) if role in reasons else Message("Nothing is read yet."),
            )
            for role in self.shape.names
        }

    @property
    def split_plan(self) -> SplitPlan:
        plan = self.state.plan
        return SplitPlan(plan.validation, plan.test, plan.seed, self.state.rows.roles.get("split"))

    # --- files ---

    def add(
        self,
        path: Path | str,
        name: str,
        how: How | None = None,
        split: str | None = None,
        progress: Progress = nothing,
        cancelled: Stop = never,
    ) -> Import:
        """Import a file beside those that are there. `split`: all its rows are for train, validation or test."""
        _check_split(split)
        return importing.bring(self, importing.File(Path(path), name, how, progress, cancelled), split)

    def replace(
        self,
        path: Path | str,
        name: str,
        how: How | None = None,
        split: str | None = None,
        progress: Progress = nothing,
        cancelled: Stop = never,
    ) -> Import:
        """Import a file instead of all that are there. Only once it is read whole does the old go; answers stay with equal texts."""
        _check_split(split)
        file = importing.File(Path(path), name, how, progress, cancelled)
        return importing.bring(self, file, split, instead=self.imports)

    def reread(
        self,
        import_id: int,
        path: Path | str,
        how: How | None,
        progress: Progress = nothing,
        cancelled: Stop = never,
    ) -> Import:
        """Read one import's file again in another way. Its answers and edits stay with equal texts."""
        old = self._import(import_id)
        file = importing.File(Path(path), old.name, how, progress, cancelled)
        return importing.bring(self, file, old.split, instead=(old,), same_file=True)

    def add_hub(
        self,
        name: str,
        config: str | None = None,
        hub_split: str = "train",
        split: str | None = None,
        progress: Progress = nothing,
        cancelled: Stop = never,
    ) -> Import:
        """Import one split of a hub data set."""
        _check_split(split)
        return importing.bring(self, importing.Hub(name, config, hub_split, progress, cancelled), split)

    def remove(self, import_id: int) -> None:
        """Take one file out, with the labels and edits of its rows."""
        importing.remove(self, self._import(import_id))

    def set_import_split(self, import_id: int, split: str | None) -> None:
        """Say what all rows of one file are for; None leaves it to the plan."""
        _check_split(split)
        one = self._import(import_id)
        with self.log.change("imports") as (db, _):
            db.execute("UPDATE imports SET split = ? WHERE id = ?", (split, one.id))

    def _import(self, import_id: int) -> Import:
        one = next((i for i in self.imports if str(i.id) == str(import_id)), None)
        if one is None:
            raise Missing(Message("There is nothing called “{name}” here any more.", name=str(import_id)[:40]))
        return one

    # --- roles and splits ---

    def set_roles(self, chosen: Mapping[str, str | Sequence[str] | None]) -> None:
        """Say which column has which role: {"text": "review", "label": None}; a list where several columns together have it. Others stay."""
        rows, shape = self.rows, self.shape
        wanted = {role: _columns(column) for role, column in chosen.items()}
        for role, value in wanted.items():
            if templates.is_template(value, rows.columns):
                self._check_template(role, str(value))
        plain = {role: value for role, value in wanted.items() if not templates.is_template(value, rows.columns)}
        for role, column in [(role, one) for role, value in plain.items() for one in _each(value)]:
            if role not in shape.names:
                raise ColumnMissing(Message("There is no role “{role}”.", role=str(role)[:40]))
            if column is not None and column not in rows.columns:
                raise ColumnMissing(
                    Message(
                        "There is no column “{column}”. There are {columns}.",
                        column=str(column)[:80],
                        columns=listed(rows.columns),
                    ),
                    fix=Message("Choose one of the columns."),
                )
            if column is None and role == shape.first:
                raise ColumnMissing(
                    Message("The text is in no column."), fix=Message("Choose the column with the texts.")
                )
        label = wanted.get("label")
        if isinstance(label, str) and shape.by_label:
            values, _ = Rows(self.folder, rows.imports, {"label": label}, shape).file_labels
            if len(values) > roles.MOST_LABELS:
                raise DataError(
                    Message("“{column}” has {n:,} different values, too many for labels.", column=label, n=len(values)),
                    fix=Message("Choose the column in which few values come again and again."),
                )
        with self.log.change("roles") as (db, _):
            told, reasons = states.setting(db, "roles") or {}, states.setting(db, "reasons") or {}
            for role, value in wanted.items():
                told[role] = value
                reasons[role] = Message("You chose it.").as_json()
            states.store(db, "roles", told)
            states.store(db, "reasons", reasons)
        importing.register(self)

    def _check_template(self, role: str, template: str) -> None:
        part = next(
            (one for one in self.shape.parts if one.role == role and one.kind == "text" and not one.target), None
        )
        if part is None:
            raise DataError(Message("This takes a column, and no template: {role}.", role=role[:40]))
        templates.checked(template, self.rows.columns)

    def set_split(self, **plan: Any) -> None:
        """Change shares or seed: set_split(validation=0.15, test=0.1, seed=3); `column` names a column that says it."""
        if "column" in plan:
            self.set_roles({"split": plan.pop("column") or None})
        now = self.state.plan.as_json()
        checked = SplitPlan.from_json({**now, **plan})
        with self.log.change("split") as (db, _):
            states.store(db, "split", checked.as_json())

    # --- looking ---

    def counts(self) -> browse.Counts:
        """How many rows there are of each sort."""
        return browse.counts(self.state)

    def page(
        self,
        start: int = 0,
        count: int = 50,
        search: str = "",
        label: int | str | None = None,
        split: str | None = None,
        only: str | None = None,
        sort: str | None = None,
    ) -> browse.Page:
        """Some rows: see `browse.page`."""
        return browse.page(self.state, start, count, search, label, split, only, sort)

    def queue(
        self,
        order: str = "file",
        only: str = "unlabelled",
        search: str = "",
        after: str | None = None,
        count: int = 50,
        before: str | None = None,
        mine: Mine | None = None,
    ) -> browse.Page:
        """The next rows to label: see `browse.queue`."""
        return browse.queue(self.state, order, only, search, after, count, before, mine)

    def row(self, row: str) -> dict[str, Any]:
        """One row by its id."""
        place = self.rows.place(row)
        return browse.rows(self.state, np.array([place], np.int64))[0]

    def labels_of(self, rows: Sequence[str]) -> dict[str, str | None]:
        """Row id -> name of the label in force, for those rows that are still there."""
        return browse.labels_of(self.state, rows)

    def facts(self) -> facts.Facts:
        """What a person and the advice need to know of the texts; kept until something changes."""
        return facts.facts(self.state)

    def lengths(self, tokens: Any = None, bins: int = 20) -> dict[str, Any]:
        """A histogram of lengths: see `facts.lengths`."""
        return facts.lengths(self.state, tokens, bins)

    def numbers(self, bins: int = 20) -> list[dict[str, Any]]:
        """A histogram of the numbers that are to be learnt: see `facts.numbers`."""
        return facts.numbers(self.state, bins)

    def findings(self, wait: bool = True) -> list[checks.Finding]:
        """The check-up: see `core.data.checks`."""
        return checks.findings(self, wait)

    def freeze(self, path: Path | str) -> freezing.FrozenInfo:
        """Write rows.arrow for a run: labelled rows that take part, with their split."""
        return freezing.freeze(self.state, Path(path))

    def freeze_texts(self, path: Path | str) -> int:
        """Write the texts on which nothing is measured: see `freezing.freeze_texts`."""
        return freezing.freeze_texts(self.state, Path(path))

    # --- edits ---

    def exclude(self, rows: Sequence[str], who: str = "local") -> str:
        """Leave rows out; returns the group for `undo`."""
        return edits.add(self.log, "exclude", self._numbers(rows), who=who)

    def restore(self, rows: Sequence[str], who: str = "local") -> str:
        return edits.add(self.log, "restore", self._numbers(rows), who=who)

    def move(self, rows: Sequence[str], split: str | None, who: str = "local") -> str:
        """Move rows to a split; None gives them back to the plan."""
        _check_split(split)
        return edits.add(self.log, "split", self._numbers(rows), split, who=who)

    def change_cell(self, row: str, column: str, text: str, who: str = "local") -> str:
        if column not in self.columns:
            raise ColumnMissing(
                Message(
                    "There is no column “{column}”. There are {columns}.",
                    column=column[:80],
                    columns=listed(self.columns),
                ),
                fix=Message("Choose one of the columns."),
            )
        return edits.add(self.log, "cell", self._numbers([row]), edits.cells(column, [clean(str(text))]), who=who)

    def undo(self, group: str) -> None:
        """Take back one group of edits, and the changes of the label list that belong to it."""
        for change in reversed(edits.label_changes(self.log, group)):
            self.labels.undo_change(change)
        edits.undo(self.log, group)

    def _numbers(self, rows: Sequence[str]) -> NDArray[np.int64]:
        known = self.rows
        return known.packed(np.array([known.place(row) for row in rows], np.int64))


def _columns(chosen: str | Sequence[str] | None) -> str | list[str] | None:
    """One column as its name, several as a list, none as None."""
    if chosen is None or isinstance(chosen, str):
        return chosen or None
    found = list(dict.fromkeys(str(one) for one in chosen if one))
    return found if len(found) > 1 else found[0] if found else None


def _each(chosen: str | list[str] | None) -> list[str | None]:
    return list(chosen) if isinstance(chosen, list) else [chosen]


def _check_split(split: str | None) -> None:
    if split is not None and split not in NAMES:
        raise DataError(Message("“{split}” is not one of {choices}.", split=str(split)[:40], choices=listed(NAMES)))


def _identity(path: Path) -> tuple[int, int] | None:
    """Tells a file from another that took its place."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_dev, stat.st_ino
