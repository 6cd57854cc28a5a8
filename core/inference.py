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

from core.errors import Cancelled, ColumnMissing
from core.tasks.base import LabelScores
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
    """An opened model. Not for several threads at once."""

    def __init__(self, model: Any):
        self._model = model
        self.labels: list[str] = list(model.labels)
        self.kind: str = model.kind

    @staticmethod
    def open(folder: Path | str, *, device: str | None = None, threads: int | None = None) -> Predictor:
        """The model of `folder`: on the GPU where there is one, or on `device`. Raises ModelError.

        `threads` sets how many threads torch uses in this whole process.
        """
        from core.models.loading import load_model

        folder = Path(folder)
        if _is_classic(folder):
            return Predictor(load_model(folder))
        import torch

        if threads:
            torch.set_num_threads(threads)
        return Predictor(load_model(folder, _cpu() if device == "cpu" else None))

    def predict(self, texts: Sequence[str]) -> list[LabelScores]:
        """A label with the probabilities of all labels, for each text in order."""
        from core.tasks.classification import answers

        return answers(self.probabilities(texts), self.labels)

    def probabilities(
        self, texts: Sequence[str], progress: Progress = _nobody, cancelled: Callable[[], bool] = _never
    ) -> np.ndarray:
        """(texts, labels), float32; rows sum to 1. Raises Cancelled between batches."""
        out = np.zeros((len(texts), len(self.labels)), dtype=np.float32)
        for start in range(0, len(texts), BLOCK):
            part = [str(text or "") for text in texts[start : start + BLOCK]]

            def told(done: int, _: int, start: int = start) -> None:
                if cancelled():
                    raise Cancelled
                progress(start + done, len(texts))

            told(0, 0)
            out[start : start + len(part)] = self._model.probabilities(part, told)
        progress(len(texts), len(texts))
        return out


def _is_classic(folder: Path) -> bool:
    from core.workspace import read_json

    try:
        return read_json(folder / "hone.json").get("kind") == "classic"
    except (FileNotFoundError, ValueError):
        return False


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
    all_labels: bool = False,
    name: str | None = None,
    device: str | None = None,
) -> dict[str, Any]:
    """Every row of a table with the answer and its probability beside it; with `all_labels` each label's probability too.

    -> {"path", "rows", "done", "column", "cancelled"}; `done` of `rows` were answered, fewer when it was cancelled.

    Reads what `core.data.reading` reads and writes xlsx where `out` ends so, else csv. Streams, so any size will do.
    `column` holds the texts (found when None). When cancelled, what is done is kept; only what is not even read raises Cancelled.
    """
    from core.data import reading

    path, out = Path(path), Path(out)
    how = reading.How.from_json(how) if isinstance(how, Mapping) else how
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".reading-") as folder:
        arrow = Path(folder) / "rows.arrow"
        read = reading.read(
            path, how, arrow, lambda done, total: progress(0, max(done, total)), cancelled, name or path.name
        )
        chosen = _text_column(arrow, list(read.columns), column)
        predictor = Predictor.open(model_folder, device=device)
        done = _answer_rows(
            predictor, arrow, list(read.columns), chosen, out, all_labels, read.rows, progress, cancelled
        )
    return {"path": str(out), "rows": read.rows, "done": done, "column": chosen, "cancelled": done < read.rows}


def _answer_rows(
    predictor: Predictor,
    arrow: Path,
    columns: list[str],
    column: str,
    out: Path,
    all_labels: bool,
    total: int,
    progress: Progress,
    cancelled: Callable[[], bool],
) -> int:
    """Write block after block; how many rows were answered."""
    from core.data.tables import table

    new = ["prediction", "probability", *(f"p({label})" for label in predictor.labels if all_labels)]
    done = 0
    with table(out, [*columns, *(_unused(title, columns) for title in new)]) as writing:
        for block in _blocks(arrow):
            try:
                told = partial(_moved, progress, done, total)
                shares = predictor.probabilities(block.column(column).to_pylist(), told, cancelled)
            except Cancelled:
                break
            best = shares.argmax(axis=1)
            cells = zip(*(block.column(name).to_pylist() for name in columns), strict=True)
            for row, top, share in zip(cells, best.tolist(), shares.tolist(), strict=True):
                every = [round(p, 6) for p in share] if all_labels else []
                writing.row([*row, predictor.labels[top], round(share[top], 6), *every])
            done += block.num_rows
            progress(done, total)
    return done


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


def _unused(title: str, columns: Sequence[str]) -> str:
    """`title`, or with a number behind it when the file has such a column already."""
    found, n = title, 2
    while found in columns:
        found, n = f"{title} {n}", n + 1
    return found
