"""A finished model at work: answers for some texts, and for a file of any size. Knows a model's folder; nothing of runs or training.

``Predictor.open(folder)`` serves what a run keeps in ``model/`` and ``probe/``: an encoder with a pooled head, a standard
transformers classifier, or a classic n-gram model.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.data.cleaning import Cleaning
from core.errors import Cancelled, ColumnMissing
from core.tasks.base import Example, Prediction, asked
from core.tasks.cleaned import cleaned, restored
from core.words import Message, listed

if TYPE_CHECKING:
    import pyarrow as pa

    from core.data.how import How

Progress = Callable[[int, int], None]
BLOCK = 512  # texts answered together; their batches are of like length


def _nobody(done: int, total: int) -> None:
    """Progress that nobody watches."""


def _never() -> bool:
    return False


class Predictor:
    """An opened model. Not for several threads at once. Texts are cleaned as those it learnt from, and places are of the texts as given."""

    def __init__(self, model: Any, cleaning: Cleaning | None = None):
        self._model = model
        self.cleaning = cleaning or Cleaning()
        self.labels: list[str] = list(model.labels)
        self.kind: str = model.kind
        self.task: str = model.task

    @staticmethod
    def open(folder: Path | str, *, device: str | None = None, threads: int | None = None) -> Predictor:
        """The model of `folder`: on the GPU where there is one, or on `device`. Raises ModelError.

        `threads` sets how many threads torch uses in this whole process.
        """
        from core.models.loading import load_model

        folder = Path(folder)
        about = _about(folder)
        cleaning = Cleaning.from_json(about.get("cleaning")).ready()
        if about.get("kind") == "classic":
            return Predictor(load_model(folder), cleaning)
        import torch

        if threads:
            torch.set_num_threads(threads)
        return Predictor(load_model(folder, _cpu() if device == "cpu" else None), cleaning)

    @property
    def inputs(self) -> list[str]:
        """The task's input roles, the first one first."""
        from core.tasks import task

        return [column.role for column in asked(task(self.task))]

    def predict(
        self,
        rows: Sequence[str | Mapping[str, Any]],
        progress: Progress = _nobody,
        cancelled: Callable[[], bool] = _never,
    ) -> list[Prediction]:
        """An answer for each row in order; a row is a text, or a value for each input role. Raises Cancelled between batches."""
        from core.tasks import task

        first, columns = self.inputs[0], task(self.task).columns
        given = [row if isinstance(row, Mapping) else {first: str(row or "")} for row in rows]
        found: list[Prediction] = []
        for start in range(0, len(given), BLOCK):

            def told(done: int, _: int, start: int = start) -> None:
                if cancelled():
                    raise Cancelled
                progress(start + done, len(given))

            told(0, 0)
            part = given[start : start + BLOCK]
            said = self._model.answer(cleaned(part, columns, self.cleaning) if self.cleaning else part, told)
            found += restored(said, part, columns, self.cleaning)
        progress(len(given), len(given))
        return found

    @property
    def vocabulary(self) -> int:
        """How many different tokens a network knows."""
        return len(self._model.tokenizer)

    def examples(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[Example]:
        """What a network sees of rows: token ids, of texts that are cleaned as those it learnt from."""
        from core.tasks import task

        mine = task(self.task)
        given = cleaned(rows, mine.columns, self.cleaning)
        return iter(mine.encode(given, self._model.tokenizer, self._model.settings))

    def stream(self, row: str | Mapping[str, Any], cancelled: Callable[[], bool] = _never) -> Iterator[str]:
        """The text that a model writes to a row, piece by piece; it ends early when `cancelled` says so. Nothing comes from a model that
        does not write, or not from its prompt onwards: ask `predict`."""
        from core.tasks import task

        columns = task(self.task).columns
        given = [row if isinstance(row, Mapping) else {self.inputs[0]: str(row or "")}]
        (one,) = cleaned(given, columns, self.cleaning) if self.cleaning else given
        if hasattr(self._model, "stream"):
            yield from self._model.stream(one, cancelled)

    def probabilities(
        self, texts: Sequence[str], progress: Progress = _nobody, cancelled: Callable[[], bool] = _never
    ) -> np.ndarray:
        """(texts, labels), float32; rows sum to 1. Raises Cancelled between batches."""
        out = np.zeros((len(texts), len(self.labels)), dtype=np.float32)
        for start in range(0, len(texts), BLOCK):
            part = [self.cleaning.apply(str(text or "")) for text in texts[start : start + BLOCK]]

            def told(done: int, _: int, start: int = start) -> None:
                if cancelled():
                    raise Cancelled
                progress(start + done, len(texts))

            told(0, 0)
            out[start : start + len(part)] = self._model.probabilities(part, told)
        progress(len(texts), len(texts))
        return out


def _about(folder: Path) -> dict[str, Any]:
    """What the model says of itself; empty where there is none, which is said when it is opened."""
    from core.workspace import read_json

    try:
        return read_json(folder / "hone.json")
    except (FileNotFoundError, ValueError):
        return {}


def _cpu() -> Any:
    from core.device import Device

    return Device("cpu", "", "fp32", Message("fp32, as you chose."))


# A whole file -------------------------------------------------------------------------------------------------------


def predict_file(
    model_folder: Path | str,
    path: Path | str,
    out: Path | str,
    how: How | Mapping[str, Any] | None = None,
    progress: Progress = _nobody,
    cancelled: Callable[[], bool] = _never,
    *,
    column: str | None = None,
    columns: Mapping[str, str | Sequence[str]] | None = None,
    all_labels: bool = False,
    name: str | None = None,
    device: str | None = None,
) -> dict[str, Any]:
    """Every row of a table with the answer (and its probability) beside it; with `all_labels` each label's probability too.

    -> {"path", "rows", "done", "column", "columns", "cancelled"}; `done` of `rows` were answered, fewer when it was cancelled. Candidates
    that stand in a row each are put in order list by list: see `core.inference_lists`. Several columns may be put together by a template.

    Reads what `core.data.reading` reads and writes xlsx where `out` ends so, else csv. Streams, so any size will do.
    `column` holds the first input (found when None), `columns` names those of all input roles. When cancelled, what is done is kept; only
    what is not even read raises Cancelled.
    """
    from core import inference_lists
    from core.data import reading, templates

    path, out = Path(path), Path(out)
    how = reading.How.from_json(how) if isinstance(how, Mapping) else how
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".reading-") as folder:
        arrow = Path(folder) / "rows.arrow"
        read = reading.read(
            path, how, arrow, lambda done, total: progress(0, max(done, total)), cancelled, name or path.name
        )
        predictor = Predictor.open(model_folder, device=device)
        titles = list(read.columns)
        if flat := inference_lists.flat(predictor.task, arrow, titles, columns or {}):
            done = inference_lists.write(predictor, arrow, titles, flat, out, progress, cancelled)
            told = {
                "path": str(out),
                "rows": read.rows,
                "done": done,
                "column": flat.asked[0],
                "cancelled": done < read.rows,
            }
            return {**told, "columns": {predictor.inputs[0]: list(flat.asked), predictor.inputs[1]: [flat.candidate]}}
        by = {role: str(spec) for role, spec in (columns or {}).items() if templates.is_template(spec, titles)}
        chosen = {role: templates.columns_in(spec, titles) or spec for role, spec in (columns or {}).items()}
        roles = _roles(predictor, arrow, titles, column, chosen)
        answering = _Answering(predictor, roles, titles, all_labels, progress, cancelled, Path(folder) / "files", by)
        done = answering.write(arrow, out, read.rows)
    first = next((title for title in roles[predictor.inputs[0]] if title in answering.shown), titles[-1])
    told = {"path": str(out), "rows": read.rows, "done": done, "column": first, "columns": roles}
    return {**told, "cancelled": done < read.rows}


def _roles(
    predictor: Predictor,
    arrow: Path,
    titles: list[str],
    column: str | None,
    chosen: Mapping[str, str | Sequence[str]],
) -> dict[str, list[str]]:
    """Input role -> the columns that hold it: those chosen, else one of the role's name, else as on the Data tab."""
    from core.data import roles
    from core.tasks import task

    columns = asked(task(predictor.task))
    if len(columns) == 1 and columns[0].kind == "text":
        wanted = chosen.get(columns[0].role, column)
        several = [wanted] if wanted is None or isinstance(wanted, str) else list(wanted)
        return {columns[0].role: [_text_column(arrow, titles, one) for one in several]}
    first = next(_blocks(arrow), None)
    samples = {title: first.column(title).to_pylist() if first else [] for title in titles}
    guessed, _ = roles.guess_for(columns, {title: [cell or "" for cell in cells] for title, cells in samples.items()})
    found: dict[str, list[str]] = {}
    for one in columns:
        wanted = chosen.get(one.role) or (column if one is columns[0] and column else guessed[one.role].column)
        names = [] if wanted is None else [wanted] if isinstance(wanted, str) else list(wanted)
        if missing := [name for name in names if name not in titles]:
            raise ColumnMissing(
                Message(
                    "There is no column “{name}” in this file. It has: {names}.",
                    name=missing[0][:60],
                    names=listed(titles),
                ),
                fix=Message("Choose the columns that hold what the model reads."),
            )
        if not names and one.required:
            raise ColumnMissing(
                Message("No column of this file is “{title}”. It has: {names}.", title=one.title, names=listed(titles)),
                fix=Message("Choose the columns that hold what the model reads."),
            )
        found[one.role] = names
    return found


class _Answering:
    """Answers a table block after block and writes it out again with the answers beside it."""

    def __init__(
        self,
        predictor: Predictor,
        roles: Mapping[str, list[str]],
        titles: list[str],
        all_labels: bool,
        progress: Progress,
        cancelled: Callable[[], bool],
        files: Path,
        templates: Mapping[str, str],
    ):
        from core.tasks import task

        self.files, self.templates = files, templates
        self.predictor, self.roles, self.titles, self.all_labels = predictor, roles, titles, all_labels
        self.progress, self.cancelled = progress, cancelled
        self.kinds = {one.role: one.kind for one in task(predictor.task).columns}
        inner = {name for role, names in roles.items() if self.kinds[role] == "image" for name in names}
        self.shown = [
            title for title in titles if title not in inner
        ] or titles  # a picture's name of ours says nothing

    def write(self, arrow: Path, out: Path, total: int) -> int:
        """How many rows were answered."""
        from core.data.tables import table, unused

        labels = self.predictor.labels if self.all_labels else []
        new = [*self._new(), *(f"p({label})" for label in labels)]
        done = 0
        with table(out, [*self.shown, *(unused(title, self.shown) for title in new)]) as writing:
            for block in _blocks(arrow):
                cells = {title: [cell or "" for cell in block.column(title).to_pylist()] for title in self.titles}
                try:
                    answers = self.predictor.predict(
                        self._inputs(cells, block.num_rows), partial(_moved, self.progress, done, total), self.cancelled
                    )
                except Cancelled:
                    break
                for i, answer in enumerate(answers):
                    shares = getattr(answer, "probabilities", {})
                    every = [round(shares.get(label, 0.0), 6) for label in labels]
                    writing.row([*(cells[title][i] for title in self.shown), *answer.cells().values(), *every])
                done += block.num_rows
                self.progress(done, total)
        return done

    def _new(self) -> list[str]:
        """Titles of the columns that an answer fills."""
        from core.tasks import task
        from core.tasks.base import TITLES

        return list(TITLES[task(self.predictor.task).prediction])

    def _inputs(self, cells: Mapping[str, Sequence[str]], rows: int) -> list[dict[str, Any]]:
        from core.data.images import placed
        from core.data.templates import filled
        from core.data.values import kind
        from core.tasks import task

        found: list[dict[str, Any]] = [{} for _ in range(rows)]
        for role, names in self.roles.items():
            read = kind(self.kinds[role]).read
            for i, row in enumerate(found):
                mine = {name: cells[name][i] for name in names}
                value = read({"": filled(self.templates[role], mine)} if role in self.templates else mine, row)
                row[role] = "" if value is None and self.kinds[role] == "text" else value
        placed(found, task(self.predictor.task).columns, self.files)
        return found


def _moved(progress: Progress, before: int, total: int, done: int, _: int) -> None:
    progress(before + done, total)


def _blocks(arrow: Path) -> Iterator[pa.RecordBatch]:
    """The rows in blocks of at most `BLOCK`, in order; the file stays on disk."""
    import pyarrow as pa

    with pa.memory_map(str(arrow)) as source:
        reader = pa.ipc.open_file(source)
        for i in range(reader.num_record_batches):
            batch = reader.get_batch(i)
            for start in range(0, batch.num_rows, BLOCK):
                yield batch.slice(start, BLOCK)


def _text_column(arrow: Path, columns: list[str], wanted: str | None) -> str:
    """The column with the texts: the wanted one, or one called so, or the one with the longest cells."""
    if wanted is not None:
        match = next((c for c in columns if c.strip().casefold() == wanted.strip().casefold()), None)
        if match is None:
            raise ColumnMissing(
                Message(
                    "There is no column “{name}” in this file. It has: {names}.",
                    name=wanted[:60],
                    names=listed(columns),
                ),
                fix=Message("Choose the column that holds the texts."),
            )
        return match
    if not columns:
        raise ColumnMissing(Message("This file has no column with texts."))
    first = next(_blocks(arrow), None)
    if first is None:
        return columns[0]
    lengths = {c: sum(len(x or "") for x in first.column(c).to_pylist()[:200]) for c in columns}
    return max(columns, key=lambda c: lengths[c] * (3 if c.strip().casefold() in TEXT_NAMES else 1))


TEXT_NAMES = (
    "text",
    "texts",
    "sentence",
    "message",
    "content",
    "review",
    "body",
    "comment",
    "文本",
    "内容",
    "正文",
    "评论",
)
