"""The report of a run: asked once on the texts kept aside, beside its rivals on the same texts. Reads only the run's folder.

``report/report.json`` is written anew whenever a part is ready, so that a page fills card by card; ``ready`` lists the parts:
answers, labels, confusion, verdict, majority, counting, before, changes. The answers themselves are in `core.evaluation.answers`.
Importing this needs no torch and no scikit-learn; `make` does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from core import tasks
from core.errors import Cancelled, Missing, RunError
from core.evaluation.answers import Answers, rival_of
from core.evaluation.metrics import LabelFigures, averages, confusion, per_label, wilson
from core.evaluation.verdict import Pair, verdict
from core.locks import FileLock
from core.words import Message
from core.workspace import read_json, write_json

FORMAT = 1
Progress = Callable[[int, int], None]
TITLES = {
    "micro": Message("all texts together (micro)"),
    "macro": Message("mean of labels (macro)"),
    "weighted": Message("mean of texts (weighted)"),
}


@dataclass(frozen=True)
class Split:
    """The texts of one split of a run, with their labels as numbers."""

    ids: list[str]
    texts: list[str]
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


def make(
    run_dir: Path | str,
    progress: Progress = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Evaluate a run with a kept model; returns the report and leaves it in the run's folder.

    The test split is asked; without one the validation split, which the report then says. Raises RunError when there is
    neither, Missing without a model. Cancelled between parts; what is ready stays readable.
    """
    run_dir = Path(run_dir)
    if not (run_dir / "model" / "hone.json").is_file():
        raise Missing(Message("This run has no model yet."), fix=Message("Wait until it has finished."))
    lock = FileLock(run_dir / "report" / "report.lock")
    while not lock.acquire(wait=0.2):
        if cancelled():
            raise Cancelled
    try:
        if (done := read(run_dir)) and done["done"]:
            return done
        from core.evaluation import measured

        if by_measures(read_json(run_dir / "run.json")["task"]):
            return measured.make(run_dir, _stamp(run_dir), progress, cancelled)
        return _Making(run_dir, progress, cancelled).all()
    finally:
        lock.release()


def by_measures(name: str) -> bool:
    """Whether runs of this task are reported by measures (`core.evaluation.measured`): all but those of one text and one label."""
    task = tasks.task(name)
    return task.prediction != "label_scores" or [c.kind for c in task.columns if not c.target] != ["text"]


def read(run_dir: Path | str) -> dict[str, Any] | None:
    """The report as far as it is ready; None when there is none, or when the model has been trained on since."""
    run_dir = Path(run_dir)
    try:
        report = read_json(run_dir / "report" / "report.json")
    except (FileNotFoundError, ValueError):
        return None
    return report if report.get("model_stamp") == _stamp(run_dir) and report.get("format") == FORMAT else None


def splits(run_dir: Path, names: Sequence[str]) -> tuple[dict[str, Split], list[str]]:
    """train, validation and test of a run, and the label names (those of the run, then any it was never told of)."""
    with pa.memory_map(str(run_dir / "rows.arrow")) as source:
        table = pa.ipc.open_file(source).read_all()
    labels = table.column("label").to_pylist()
    all_names = [*names, *sorted(set(labels) - set(names) - {None})]
    number = {name: i for i, name in enumerate(all_names)}
    ids, texts, where = (table.column(c).to_pylist() for c in ("id", "text", "split"))
    found = {}
    for split in ("train", "validation", "test"):
        rows = [i for i, (s, label) in enumerate(zip(where, labels, strict=True)) if s == split and label is not None]
        numbers = np.array([number[labels[i]] for i in rows], dtype=np.int64)
        found[split] = Split([ids[i] for i in rows], [texts[i] or "" for i in rows], numbers)
    return found, all_names


class _Making:
    """One making of a report: each method adds a part and saves."""

    def __init__(self, run_dir: Path, progress: Progress, cancelled: Callable[[], bool]):
        self.run_dir, self.folder = run_dir, run_dir / "report"
        self.spec = read_json(run_dir / "run.json")
        self.progress, self.cancelled = progress, cancelled
        self.splits, self.names = splits(run_dir, self.spec["labels"]["names"])
        self.split = "test" if len(self.splits["test"]) else "validation"
        self.asked = self.splits[self.split]
        if not len(self.asked):
            raise RunError(
                Message("This run kept no texts aside, so there is nothing to ask it."),
                fix=Message("Give the final test a share on the Data tab, then train again."),
            )
        self.report = _empty(self.spec, self.names, self.split, self.asked, _stamp(run_dir))

    def all(self) -> dict[str, Any]:
        self.answers = self._asked(0, 40)
        self._figures()
        self._majority()
        self._counting()
        self.progress(60, 100)
        self._before(60, 100)
        self.report["done"] = True
        self.report["seconds"] = round(time.time() - self.report["made"], 2)
        self._save()
        self.progress(100, 100)
        return self.report

    # the parts, in order

    def _asked(self, start: int, end: int) -> Answers:
        """This run's own answers."""
        from core.inference import Predictor

        predictor = Predictor.open(self.run_dir / "model")
        began = time.perf_counter()
        shares = predictor.probabilities(self.asked.texts, self._share(start, end), self.cancelled)
        self.report["seconds_a_text"] = (time.perf_counter() - began) / len(self.asked)
        order = [self.names.index(name) for name in predictor.labels]
        said = np.array(order, dtype=np.int64)[shares.argmax(axis=1)]
        at = np.full(len(self.names), -1)
        at[order] = np.arange(len(order))
        gold_at = at[self.asked.labels]
        rows = np.arange(len(shares))
        return Answers(
            names=self.names,
            ids=self.asked.ids,
            texts=self.asked.texts,
            gold=self.asked.labels,
            said=said,
            probability=shares.max(axis=1),
            gold_probability=np.where(gold_at >= 0, shares[rows, np.maximum(gold_at, 0)], 0.0),
        )

    def _figures(self) -> None:
        told, self.figures = figures(self.answers)
        self.report |= told
        self._contender("run", self.answers.said)
        self._ready("answers", "labels", "confusion")

    def _majority(self) -> None:
        from core.evaluation.baselines import majority

        if not len(self.splits["train"]):
            return self._without("majority", "counting")
        label = majority(self.splits["train"].labels.tolist(), len(self.names))
        self._rival("majority", np.full(len(self.asked), label, dtype=np.int64))
        self._describe("majority", title=Message("Always says {label}", label=self.names[label]))
        self._ready("majority")

    def _counting(self) -> None:
        from core.evaluation.baselines import counting

        train, validation = self.splits["train"], self.splits["validation"]
        if not len(train):
            return
        made = counting(
            train.texts,
            train.labels.tolist(),
            validation.texts,
            validation.labels.tolist(),
            self.asked.texts,
            seed=self.spec.get("seed", 7),
            cancelled=self.cancelled,
        )
        self._rival("counting", made.predicted)
        if made.characters:
            self._describe(
                "counting",
                title=Message("Counts characters"),
                detail=Message("TF-IDF of characters + logistic regression"),
            )
        self._ready("counting")

    def _before(self, start: int, end: int) -> None:
        if is_classic(self.spec) or only_last_layer(self.spec):
            self._ready("changes")
            return
        from core.evaluation.before import before

        share = self._share(start, end)
        self._rival(
            "before", before(self.run_dir, self.spec, self.splits, self.names, self.split, share, self.cancelled)
        )
        self._ready("before", "changes")

    # helpers

    def _rival(self, id: str, said: np.ndarray) -> None:
        if self.cancelled():
            raise Cancelled
        self.answers.rivals[id] = np.asarray(said, dtype=np.int64)
        self._contender(id, self.answers.rivals[id])

    def _contender(self, id: str, said: np.ndarray) -> None:
        self._describe(id, state="ready", **standing(self.answers.gold, said, len(self.names)))

    def _describe(self, id: str, **more: Any) -> None:
        told = {k: v.as_json() if isinstance(v, Message) else v for k, v in more.items()}
        next(c for c in self.report["contenders"] if c["id"] == id).update(told)

    def _without(self, *ids: str) -> None:
        self.report["contenders"] = [c for c in self.report["contenders"] if c["id"] not in ids]

    def _ready(self, *parts: str) -> None:
        """Say anew what follows from all that is known by now, and save."""
        pairs = {name: self._pair(name) for name in ("counting", "before")}
        right_before = next((c.get("correct") for c in self.report["contenders"] if c["id"] == "before"), None)
        self.report["verdict"] = verdict(
            self.report["correct"],
            self.report["total"],
            self.names,
            self.figures,
            split=self.split,
            counting=pairs["counting"],
            before=pairs["before"],
            before_right=right_before,
            only_last_layer=only_last_layer(self.spec),
            classic=is_classic(self.spec),
        )
        rival = rival_of(self.answers)
        pair = pairs.get(rival or "")
        self.report["changes"] = {"against": rival, **pair.as_json()} if pair else None
        self.report["ready"] = list(dict.fromkeys([*self.report["ready"], *parts, "verdict"]))
        self._save()

    def _pair(self, rival: str) -> Pair | None:
        if rival not in self.answers.rivals:
            return None
        mine, theirs = self.answers.right, self.answers.rival_right(rival)
        return Pair(mended=int((mine & ~theirs).sum()), broken=int((~mine & theirs).sum()))

    def _save(self) -> None:
        self.answers.save(self.folder)
        write_json(self.folder / "report.json", self.report)

    def _share(self, start: int, end: int) -> Progress:
        return lambda done, total: self.progress(start + (end - start) * done // max(1, total), 100)


def figures(answers: Answers) -> tuple[dict[str, Any], list[LabelFigures]]:
    """What a report says of answers: counts, averages, label by label, the cells of the confusion that are not empty; and the figures of each
    label."""
    counts = confusion(answers.gold.tolist(), answers.said.tolist(), len(answers.names))
    each, means = per_label(counts), averages(counts)
    right, total = int(answers.right.sum()), len(answers.gold)
    told = {
        "correct": right,
        "total": total,
        "accuracy": right / total,
        "macro_f1": means["macro"].f1,
        "per_label": [{"label": n, **f.as_json()} for n, f in zip(answers.names, each, strict=True)],
        "averages": [{"id": id, "title": TITLES[id].as_json(), **f.as_json()} for id, f in means.items()],
        "confusion": [[int(g), int(p), int(counts[g, p])] for g, p in zip(*np.nonzero(counts), strict=True)],
        "mistakes": total - right,
    }
    return told, each


def standing(gold: np.ndarray, said: np.ndarray, labels: int) -> dict[str, Any]:
    """How a contender stands: right and wrong of the total, the share right with its interval, the mean of labels."""
    right, total = int((said == gold).sum()), len(gold)
    low, high = wilson(right, total)
    counts = confusion(gold.tolist(), said.tolist(), labels)
    return {
        "correct": right,
        "wrong": total - right,
        "total": total,
        "accuracy": right / total,
        "low": low,
        "high": high,
        "macro_f1": averages(counts)["macro"].f1,
    }


def is_classic(spec: Mapping[str, Any]) -> bool:
    return spec["base"].get("kind") == "classic"


def only_last_layer(spec: Mapping[str, Any]) -> bool:
    """Whether the run never moved the base's own weights: it is then its own "before tuning"."""
    return not is_classic(spec) and all(phase["method"] == "head" for phase in spec["phases"])


def _empty(
    spec: Mapping[str, Any], names: Sequence[str], split: str, asked: Split, stamp: int | None
) -> dict[str, Any]:
    contenders = [
        _waiting("majority", Message("Always says the commonest"), Message("most common label")),
        _waiting("counting", Message("Counts words"), Message("TF-IDF + logistic regression")),
    ]
    if not is_classic(spec) and not only_last_layer(spec):
        contenders.append(_waiting("before", Message("Before tuning"), Message("same model, last layer only")))
    contenders.append(_waiting("run", Message("This run"), None))
    colours = list(spec["labels"].get("colours") or range(len(names)))
    return {
        "format": FORMAT,
        "run": spec["id"],
        "made": time.time(),
        "model_stamp": stamp,
        "done": False,
        "ready": [],
        "split": split,
        "data": {"name": spec["data"].get("name"), "version": spec["data"].get("version")},
        "labels": list(names),
        "colours": [*colours, *range(len(colours), len(names))],
        "total": len(asked),
        "contenders": contenders,
        "interval": Message(
            "The bar is where the share right would fall 95 times of 100 with other texts of this kind (Wilson interval)."
        ).as_json(),
        "changes": None,
        "verdict": None,
    }


def _waiting(id: str, title: Message, detail: Message | None) -> dict[str, Any]:
    return {"id": id, "title": title.as_json(), "detail": detail.as_json() if detail else None, "state": "waiting"}


def _stamp(run_dir: Path) -> int | None:
    """Changes when the model is written anew."""
    try:
        return (run_dir / "model" / "hone.json").stat().st_mtime_ns
    except FileNotFoundError:
        return None
