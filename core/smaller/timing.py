"""One model measured in a process of its own, so that its memory is its own: python -m core.smaller.timing RUN

It does what it is told, a line each, and answers a line each (JSON after SIGN): `one` asks single texts, `many` asks a batch at once, `rest` the rows
kept aside. Who asks lets two models take turns, so that what else the machine does falls on both (core.smaller.measuring).
"""

from __future__ import annotations

import contextlib
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SIGN = "hone: "  # before an answer, since libraries print too
SINGLES = 5  # single texts asked in one go
TOGETHER = 128  # texts asked at once
MOST_ASKED = 5_000  # rows by which it is scored


def main(arguments: Sequence[str]) -> int:
    model = Model(Path(arguments[0]))
    _say({"ready": True})
    for line in sys.stdin:
        _say({"one": model.one, "many": model.many, "rest": model.rest}[line.strip()]())
    return 0


def _say(told: dict[str, Any]) -> None:
    print(SIGN + json.dumps(told), flush=True)  # noqa: T201 -- this is what the process is for


class Model:
    """A run's model, opened, with the rows kept aside (those of validation where there is no test)."""

    def __init__(self, run_dir: Path):
        from core import processes, tasks
        from core.evaluation.measured import rows_in
        from core.inference import Predictor
        from core.workspace import read_json

        self.run_dir, self.spec = run_dir, read_json(run_dir / "run.json")
        self.task = tasks.task(self.spec["task"])
        self.rows = rows_in(run_dir / "rows.arrow", self.task)
        self.split = "test" if any(row["split"] == "test" for row in self.rows) else "validation"
        self.asked = [row for row in self.rows if row["split"] == self.split][:MOST_ASKED]
        target = next((column.role for column in self.task.columns if column.target), None)
        self.inputs = [{k: v for k, v in row.items() if k != target} for row in (self.asked or self.rows)]
        self.predictor = Predictor.open(run_dir / "model", threads=processes.cores())
        self.predictor.predict(self.inputs[:8])  # what is made at the first answer is not counted
        self.single = 0

    def one(self) -> dict[str, Any]:
        """{"seconds"}: the median of a few single texts."""
        taken = []
        for _ in range(SINGLES):
            row = self.inputs[self.single % len(self.inputs)]
            self.single += 1
            taken.append(self._timed([row]))
        return {"seconds": statistics.median(taken)}

    def many(self) -> dict[str, Any]:
        """{"seconds", "texts"}: of a batch."""
        batch = [self.inputs[i % len(self.inputs)] for i in range(TOGETHER)]
        return {"seconds": self._timed(batch), "texts": len(batch)}

    def rest(self) -> dict[str, Any]:
        """{"memory": bytes at most so far, "split", "ids", "credits", "value", "low", "high"}: the main score and where it would fall with other rows."""
        from core.evaluation.measured import interval
        from core.evaluation.metrics import wilson
        from core.tasks.base import Labels
        from core.workspace import read_json

        memory, task, asked = peak(), self.task, self.asked
        answers = self.predictor.predict(asked)
        labels = task.labels(self.rows, self.spec["labels"]["names"] or None)
        extra = read_json(self.run_dir / "model" / "hone.json").get("extra") or {}
        labels = Labels(labels.names, labels.counts, {**labels.extra, **extra})
        main = task.scores[0].name
        credits = [round(float(task.credit(row, p, labels)), 5) for row, p in zip(asked, answers, strict=True)]
        value = task.score(asked, answers, labels).get(main) if asked else None
        if main == "accuracy":
            low, high = wilson(round(sum(credits)), len(credits)) if credits else (None, None)
        else:
            low, high = interval(task, main, asked, answers, labels)
        ids = [row["id"] for row in asked]
        told = {"memory": memory, "split": self.split, "ids": ids, "credits": credits}
        return {**told, "value": value, "low": low, "high": high}

    def _timed(self, rows: Sequence[Any]) -> float:
        start = time.perf_counter()
        self.predictor.predict(rows)
        return time.perf_counter() - start


def peak() -> int:
    """Bytes this process has held at most. What Linux counts for a process alone comes first: its other figure begins with what the parent held."""
    from core.device import most_memory

    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return most_memory()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
