"""The answers of an evaluation, text by text: what is right, what this run said, what its rivals said. One Arrow file a report.

Opens the rows behind a cell of the confusion matrix, the surest mistakes, and what tuning mended or broke; writes the downloads.
Needs neither torch nor scikit-learn, so the page may call all of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from core.data.tables import write
from core.errors import Missing
from core.words import Message
from core.workspace import read_json

FILE = "answers.arrow"
RIVALS = ("majority", "counting", "before")
MOST = 500  # rows handed to the page at once


@dataclass
class Answers:
    """Columns of equal length. `gold`, `said` and the rivals' answers are label numbers; `rivals` grows as they are ready."""

    names: Sequence[str]
    ids: Sequence[str]
    texts: Sequence[str]
    gold: np.ndarray
    said: np.ndarray
    probability: np.ndarray  # of what was said
    gold_probability: np.ndarray  # of what is right
    rivals: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def right(self) -> np.ndarray:
        return self.said == self.gold

    def rival_right(self, rival: str) -> np.ndarray:
        return self.rivals[rival] == self.gold

    def save(self, folder: Path) -> None:
        """All or nothing: a reader sees the file before or after."""
        columns: dict[str, Any] = {
            "id": pa.array(self.ids, pa.string()),
            "text": pa.array(self.texts, pa.large_string()),
            "gold": pa.array(self.gold, pa.int32()),
            "said": pa.array(self.said, pa.int32()),
            "probability": pa.array(self.probability, pa.float32()),
            "gold_probability": pa.array(self.gold_probability, pa.float32()),
        }
        columns |= {name: pa.array(said, pa.int32()) for name, said in self.rivals.items()}
        table = pa.table(columns).replace_schema_metadata({"labels": json.dumps(list(self.names))})
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{FILE}.new"
        with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, table.schema) as out:
            out.write_table(table)
        temporary.replace(folder / FILE)


def load(run_dir: Path | str) -> Answers:
    """The answers of a run's report; Missing before there are any."""
    path = Path(run_dir) / "report" / FILE
    try:
        with pa.OSFile(str(path), "rb") as source:
            table = pa.ipc.open_file(source).read_all()
    except FileNotFoundError:
        raise Missing(
            Message("This run has not been evaluated yet."), fix=Message("Open the Evaluate tab, or run: hone evaluate")
        ) from None
    column = {name: table.column(name) for name in table.column_names}
    return Answers(
        names=json.loads(table.schema.metadata[b"labels"]),
        ids=column["id"].to_pylist(),
        texts=column["text"].to_pylist(),
        gold=column["gold"].to_numpy(),
        said=column["said"].to_numpy(),
        probability=column["probability"].to_numpy(),
        gold_probability=column["gold_probability"].to_numpy(),
        rivals={name: column[name].to_numpy() for name in RIVALS if name in column},
    )


def rows_of(
    run_dir: Path | str,
    gold: str | int | None = None,
    predicted: str | int | None = None,
    *,
    only: str | None = None,
    start: int = 0,
    count: int = 50,
) -> dict[str, Any]:
    """The rows of a cell (a label by name or number; None for any), surest answer first.

    `only`: "mistakes", "right", "mended" or "broken" (by tuning, against the model before; against word counting where there
    is none before). -> {"rows": [{id, text, label, predicted, probability, label_probability, counting, before}], "total"}.
    """
    answers = load(run_dir)
    chosen = np.ones(len(answers.gold), dtype=bool)
    if gold is not None:
        chosen &= answers.gold == _number(answers.names, gold)
    if predicted is not None:
        chosen &= answers.said == _number(answers.names, predicted)
    chosen &= _only(answers, only)
    places = np.flatnonzero(chosen)
    places = places[np.argsort(-answers.probability[places], kind="stable")]
    shown = places[max(0, start) : max(0, start) + max(0, min(count, MOST))]
    return {"rows": [_row(answers, int(i)) for i in shown], "total": len(places)}


def rival_of(answers: Answers) -> str | None:
    """Against whom "mended" and "broken" are counted."""
    return next((name for name in ("before", "counting") if name in answers.rivals), None)


def _only(answers: Answers, only: str | None) -> np.ndarray:
    if only is None:
        return np.ones(len(answers.gold), dtype=bool)
    if only in ("mistakes", "right"):
        return answers.right == (only == "right")
    rival = rival_of(answers)
    if only not in ("mended", "broken", "broke") or rival is None:
        return np.zeros(len(answers.gold), dtype=bool)
    theirs = answers.rival_right(rival)
    return answers.right & ~theirs if only == "mended" else ~answers.right & theirs


def _row(answers: Answers, i: int) -> dict[str, Any]:
    names = answers.names
    return {
        "id": answers.ids[i],
        "text": answers.texts[i],
        "label": names[answers.gold[i]],
        "predicted": names[answers.said[i]],
        "probability": float(answers.probability[i]),
        "label_probability": float(answers.gold_probability[i]),
        **{rival: names[said[i]] for rival, said in answers.rivals.items()},
    }


def _number(names: Sequence[str], label: str | int) -> int:
    if isinstance(label, int):
        return label
    return names.index(label) if label in names else -1


# Downloads ----------------------------------------------------------------------------------------------------------

DOWNLOADS = ("labels", "confusion", "contenders", "rows", "mistakes")


def download(run_dir: Path | str, what: str, out: Path) -> Path:
    """Write one table of the report to `out` (.csv or .xlsx). `what` is one of DOWNLOADS."""
    if what not in DOWNLOADS:
        raise Missing(Message("There is no download called “{name}”.", name=what[:40]))
    columns, rows = _tables(Path(run_dir), what)
    write(out, columns, rows)
    return out


def _tables(run_dir: Path, what: str) -> tuple[list[str], Iterator[Sequence[Any]]]:
    if what in ("rows", "mistakes"):
        return _answer_rows(load(run_dir), None if what == "rows" else "mistakes")
    report = read_json(run_dir / "report" / "report.json")
    if what == "labels":
        return _label_rows(report)
    if what == "contenders":
        return _contender_rows(report)
    names = report["labels"]
    table = [[0] * len(names) for _ in names]
    for gold, said, n in report["confusion"]:
        table[gold][said] = n
    return ["label \\ predicted", *names], ([name, *table[i]] for i, name in enumerate(names))


def _answer_rows(answers: Answers, only: str | None) -> tuple[list[str], Iterator[Sequence[Any]]]:
    columns = ["id", "text", "label", "predicted", "right", "probability", "probability of label", *answers.rivals]
    places = np.flatnonzero(_only(answers, only))
    if only:
        places = places[np.argsort(-answers.probability[places], kind="stable")]

    def rows() -> Iterator[Sequence[Any]]:
        for i in places:
            row = _row(answers, int(i))
            rivals = [row[name] for name in answers.rivals]
            yes = "yes" if row["label"] == row["predicted"] else "no"
            shares = [round(row["probability"], 6), round(row["label_probability"], 6)]
            yield [row["id"], row["text"], row["label"], row["predicted"], yes, *shares, *rivals]

    return columns, rows()


def _label_rows(report: dict[str, Any]) -> tuple[list[str], Iterator[Sequence[Any]]]:
    keys = ("precision", "recall", "f1", "support", "said")
    named = [(row["label"], row) for row in report["per_label"]]
    named += [(f"({row['id']})", row) for row in report["averages"]]
    rows = ([name, *(row[key] for key in keys)] for name, row in named)
    return ["label", "precision", "recall", "f1", "support", "predicted"], rows


def _contender_rows(report: dict[str, Any]) -> tuple[list[str], Iterator[Sequence[Any]]]:
    columns = ["contender", "right", "texts", "accuracy", "low (95 % Wilson)", "high (95 % Wilson)", "macro F1"]
    keys = ("id", "correct", "total", "accuracy", "low", "high", "macro_f1")
    ready = [c for c in report["contenders"] if c["state"] == "ready"]
    return columns, ([c[key] for key in keys] for c in ready)
