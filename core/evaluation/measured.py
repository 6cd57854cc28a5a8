"""The report of any task that has measures of its own: what it reaches on the rows kept aside, beside its rivals on the same rows.

How sure a figure is comes from the bootstrap over rows (Efron 1979): 1,000 draws with replacement of the rows' credits, or of the measure
itself where it is no mean. Reads only the run's folder; importing this needs no torch. `core.evaluation.report` hands over to it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from core import tasks
from core.data import images
from core.data.values import decode, kind, plain
from core.errors import Cancelled, Missing, RunError
from core.evaluation.chance import interval, sign_p
from core.tasks.base import LOWER, Labels, Prediction, Rival, Task
from core.words import Message
from core.workspace import read_json, write_json

if TYPE_CHECKING:
    from core.inference import Predictor

FORMAT = 1
FILE = "measured.arrow"
MOST = 500  # rows handed to the page at once
MOST_SAMPLES = 12
FEW = 50
Progress = Callable[[int, int], None]


def make(run_dir: Path, stamp: int | None, progress: Progress, cancelled: Callable[[], bool]) -> dict[str, Any]:
    """The report, also left in the run's folder part by part. RunError where no rows were kept aside."""
    spec = read_json(run_dir / "run.json")
    making = _Making(run_dir, spec, stamp, progress, cancelled)
    return making.all()


class _Making:
    def __init__(self, run_dir: Path, spec: Mapping[str, Any], stamp: int | None, progress: Progress, cancelled: Any):
        self.folder, self.run_dir, self.spec = run_dir / "report", run_dir, spec
        self.progress, self.cancelled = progress, cancelled
        self.task: Task = tasks.task(spec["task"])
        rows = rows_in(run_dir / "rows.arrow", self.task)
        self.parts = {name: [row for row in rows if row["split"] == name] for name in ("train", "validation", "test")}
        self.split = "test" if self.parts["test"] else "validation"
        self.asked = self.parts[self.split]
        if not self.asked:
            raise RunError(
                Message("This run kept no texts aside, so there is nothing to ask it."),
                fix=Message("Give the final test a share on the Data tab, then train again."),
            )
        self.main = self.task.scores[0]
        self.labels = self.task.labels(rows, spec["labels"]["names"] or None)
        about = read_json(run_dir / "model" / "hone.json")
        self.labels = Labels(self.labels.names, self.labels.counts, {**self.labels.extra, **(about.get("extra") or {})})
        data = {"name": spec["data"].get("name"), "version": spec["data"].get("version")}
        self.report: dict[str, Any] = {
            "format": FORMAT,
            "kind": "measures",
            "task": self.task.name,
            "run": spec["id"],
            "made": time.time(),
            "model_stamp": stamp,
            "done": False,
            "ready": [],
            "split": self.split,
            "data": data,
            "total": len(self.asked),
            "main": self.main.name,
            "labels": list(spec["labels"]["names"]),
            "colours": list(spec["labels"].get("colours") or []),
            "scores": [],
            "contenders": [],
            "figures": [],
            "verdict": None,
        }

    def all(self) -> dict[str, Any]:
        from core.inference import Predictor

        predictor = Predictor.open(self.run_dir / "model")
        mine = predictor.predict(self.asked, lambda done, total: self._at(70 * done // max(1, total)), self.cancelled)
        values = self.task.score(self.asked, mine, self.labels)
        self.credits = {"run": self._credits(mine)}
        self.report["scores"] = [
            {
                "name": s.name,
                "title": s.title.as_json(),
                "help": s.help.as_json(),
                "value": values.get(s.name),
                "share": s.share,
            }
            for s in self.task.scores
        ]
        self._contender("run", Message("This run"), None, mine)
        self._save_rows(mine)
        self._ready("scores", "rows")
        data = self.task.report(self.asked, mine, self.labels)
        self.report["figures"] = [
            {"name": f.name, "title": f.title.as_json(), "kind": f.kind, "data": data[f.name]}
            for f in self.task.figures
            if f.name in data
        ]
        self._ready("figures")
        for rival in self._rivals(predictor):
            if self.cancelled():
                raise Cancelled
            self.credits[rival.id] = self._credits(rival.predictions)
            self._contender(rival.id, rival.title, rival.detail, rival.predictions)
            self._ready(rival.id)
        self.report["done"] = True
        self.report["seconds"] = round(time.time() - self.report["made"], 2)
        self._ready("contenders")
        self._at(100)
        return self.report

    def _rivals(self, predictor: Predictor) -> Iterator[Rival]:
        """Those that the task names; then the base before tuning, by itself or with the last layer that was fitted first."""
        from core.evaluation import before
        from core.evaluation.report import is_classic, only_last_layer

        train = self.parts["train"]
        yield from self.task.rivals(train, self.parts["validation"], self.asked, self.labels, self.cancelled)
        if self.task.foretells:
            yield from self._on_tokens(predictor)
            return
        if self.task.family != "encoder" or is_classic(self.spec) or only_last_layer(self.spec):
            return
        read = partial(before.vectors, self.spec, cancelled=self.cancelled)
        known = [*self.parts["validation"], *train]
        if rival := self.task.untouched(read, known, self.asked, self.labels):
            yield rival
        elif (self.run_dir / "probe" / "hone.json").is_file():
            from core.inference import Predictor

            said = Predictor.open(self.run_dir / "probe").predict(self.asked, cancelled=self.cancelled)
            yield Rival("before", Message("Before tuning"), Message("same model, last layer only"), said)

    def _on_tokens(self, predictor: Predictor) -> Iterator[Rival]:
        """Rivals that foretell the same tokens as the model."""
        from core.evaluation import before

        asked, train = list(predictor.examples(self.asked)), predictor.examples(self.parts["train"])
        words = predictor.vocabulary
        yield from self.task.token_rivals(train, asked, len(self.asked), words, self.cancelled)
        said = before.untuned(self.spec, self.task, asked, self.asked, self.labels, self.cancelled)
        if said is not None:
            yield Rival("before", Message("Before tuning"), Message("the base as it came"), said)

    def _at(self, share: int) -> None:
        self.progress(share, 100)

    def _credits(self, predictions: Sequence[Prediction]) -> np.ndarray:
        return np.array(
            [self.task.credit(row, p, self.labels) for row, p in zip(self.asked, predictions, strict=True)], dtype=float
        )

    def _contender(self, id: str, title: Message, detail: Message | None, predictions: Sequence[Prediction]) -> None:
        value = self.task.score(self.asked, predictions, self.labels).get(self.main.name)
        low, high = interval(self.task, self.main.name, self.asked, predictions, self.labels)
        told = {"id": id, "title": title.as_json(), "detail": detail.as_json() if detail else None, "state": "ready"}
        one = {**told, "value": value, "low": low, "high": high, "total": len(self.asked)}
        mine = [c for c in self.report["contenders"] if c["id"] == "run"]
        others = [c for c in self.report["contenders"] if c["id"] != "run"]
        self.report["contenders"] = [*others, *mine, one] if id == "run" else [*others, one, *mine]

    def _save_rows(self, predictions: Sequence[Prediction]) -> None:
        target = next((c for c in self.task.columns if c.target), None)
        names = ("id", "inputs", "gold", "said", "unwritten", "prediction", "credit")
        columns: dict[str, Any] = {name: [] for name in names}
        kinds = {c.role: c.kind for c in self.task.columns}
        for row, p, credit in zip(self.asked, predictions, self.credits["run"].tolist(), strict=True):
            inputs = {role: plain(kinds[role], value) for role, value in self.task.given(row).items()}
            gold = self.task.right(row) if target is None else kind(target.kind).shown(row[target.role], row)
            said, told = str(p.brief()["label"]), self.task.unwritten(p)
            cells = (
                row["id"],
                json.dumps(inputs),
                gold,
                said,
                told and json.dumps(told.as_json()),
                json.dumps(p.as_json()),
                credit,
            )
            for name, value in zip(columns, cells, strict=True):
                columns[name].append(value)
        columns["unwritten"] = pa.array(columns["unwritten"], pa.string())
        table = pa.table({name: pa.array(values) for name, values in columns.items()})
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / f".{FILE}.new"
        with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, table.schema) as out:
            out.write_table(table)
        temporary.replace(self.folder / FILE)

    def _ready(self, *parts: str) -> None:
        self.report["verdict"] = _verdict(self)
        self.report["ready"] = list(dict.fromkeys([*self.report["ready"], *parts]))
        write_json(self.folder / "report.json", self.report)


def rows_of(run_dir: Path | str, *, only: str | None = None, start: int = 0, count: int = 50) -> dict[str, Any]:
    """Rows with what is right and what was said. `only`: "worst" or "best" first; None leaves their order.

    -> {"rows": [{id, inputs, gold, said, prediction, credit}], "total"}; `said` is a Message where nothing was written.
    """
    try:
        with pa.OSFile(str(Path(run_dir) / "report" / FILE), "rb") as source:
            table = pa.ipc.open_file(source).read_all()
    except FileNotFoundError:
        raise Missing(
            Message("This run has not been evaluated yet."), fix=Message("Open the Evaluate tab, or run: hone evaluate")
        ) from None
    credit = table.column("credit").to_numpy()
    order = np.arange(len(credit))
    if only in ("worst", "best"):
        order = np.argsort(credit if only == "worst" else -credit, kind="stable")
    shown = order[max(0, start) : max(0, start) + max(0, min(count, MOST))]
    found = table.take(pa.array(shown)).to_pylist()
    for row in found:
        row["inputs"], row["prediction"] = json.loads(row["inputs"]), json.loads(row["prediction"])
        if told := row.pop("unwritten", None):
            row["said"] = Message.from_json(json.loads(told))
    return {"rows": found, "total": len(order)}


def right_answers(run_dir: Path | str) -> dict[str, str]:
    """Row id -> the right answer in one line, as the report has it."""
    with pa.OSFile(str(Path(run_dir) / "report" / FILE), "rb") as source:
        table = pa.ipc.open_file(source).read_all()
    return dict(zip(table.column("id").to_pylist(), table.column("gold").to_pylist(), strict=True))


def rows_in(path: Path, task: Task) -> list[dict[str, Any]]:
    """The rows of a run, decoded; those without a target are left out."""
    with pa.memory_map(str(path)) as source:
        rows = pa.ipc.open_file(source).read_all().to_pylist()
    for column in task.columns:
        if column.kind not in ("text", "category", "image"):
            for row in rows:
                row[column.role] = decode(column.kind, row.get(column.role))
    images.placed(rows, task.columns, path.parent / "files")
    target = next((c.role for c in task.columns if c.target), None)
    return rows if target is None else [row for row in rows if row[target] is not None]


def _verdict(made: _Making) -> dict[str, Any]:
    """Sentences: what it reaches, against the best rival, and how far to trust it."""
    contenders = {c["id"]: c for c in made.report["contenders"]}
    run = contenders["run"]
    total = len(made.asked)
    parts: dict[str, Message | None] = {"caution": None, "answers": None, "expect": None}
    if made.split != "test":
        parts["caution"] = Message(
            "No texts were kept aside for the final test, so these are the ones the run was steered by. Expect a little less "
            "on new texts."
        )
    elif total < FEW:
        parts["caution"] = Message("Too few test texts for a firm answer")
    shown = _number(run["value"], made.main.share)
    rivals = [c for c in made.report["contenders"] if c["id"] != "run" and c["value"] is not None]
    if not rivals or run["value"] is None:
        parts["answers"] = Message(
            "{measure}: {value} on {n:,} unseen rows.", measure=made.main.title, value=shown, n=total
        )
    else:
        lower = made.main.name in LOWER
        best = (min if lower else max)(rivals, key=lambda c: c["value"])
        gain = made.credits["run"] - made.credits[best["id"]]
        p = sign_p(gain)
        words = {
            "measure": made.main.title,
            "value": shown,
            "n": total,
            "rival": Message.from_json(best["title"]),
            "theirs": _number(best["value"], made.main.share),
        }
        better = (run["value"] < best["value"]) if lower else (run["value"] > best["value"])
        if p >= 0.2 or total < FEW:
            parts["answers"] = Message(
                "{measure}: {value} on {n:,} unseen rows; “{rival}” reaches {theirs}: no clear difference.", **words
            )
        elif better and p < 0.05:
            parts["answers"] = Message(
                "{measure}: {value} on {n:,} unseen rows, clearly ahead of “{rival}” with {theirs}.", **words
            )
        elif better:
            parts["answers"] = Message(
                "{measure}: {value} on {n:,} unseen rows; “{rival}” reaches {theirs}. The gain may be luck.", **words
            )
        else:
            parts["answers"] = Message(
                "{measure}: {value} on {n:,} unseen rows; “{rival}” does better with {theirs}.", **words
            )
    if run["low"] is not None:
        parts["expect"] = Message(
            "With other rows of this kind, expect between {a} and {b}.",
            a=_number(run["low"], made.main.share),
            b=_number(run["high"], made.main.share),
        )
    return {name: part.as_json() if part else None for name, part in parts.items()}


def _number(value: float | None, share: bool) -> str:
    if value is None:
        return "–"
    return f"{100 * value:.1f} %" if share else f"{value:.3g}"
