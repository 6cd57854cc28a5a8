"""One model measured in a process of its own, so that its memory is its own: python -m core.smaller.timing RUN OUT.json

How long one text takes, how many texts a second where many come at once, the memory of the process at its highest, and what it answers to
the rows kept aside. Times are medians of repeated asking, on this machine, with its usual number of threads.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ONE_BY_ONE = 60  # single texts asked at most
TOGETHER = 256  # texts asked at once
REPEATS = 5  # of asking them
PATIENCE = 3.0  # seconds for each of the two
MOST_ASKED = 5_000  # rows by which it is scored


def main(arguments: Sequence[str]) -> int:
    run_dir, out = Path(arguments[0]), Path(arguments[1])

    def tell(told: dict[str, Any]) -> None:
        new = out.with_suffix(".new")
        new.write_text(json.dumps(told), encoding="utf-8")
        new.replace(out)

    tell({**timed(run_dir, lambda share: tell({"share": share})), "share": 1.0})
    return 0


def timed(run_dir: Path, told: Callable[[float], None]) -> dict[str, Any]:
    """{"one": seconds for a single text, "rate": texts a second, "memory": bytes, "split", "ids", "credits", "value", "low", "high"}."""
    from core import processes, tasks
    from core.device import most_memory
    from core.evaluation.measured import interval, rows_in
    from core.evaluation.metrics import wilson
    from core.inference import Predictor
    from core.tasks.base import Labels
    from core.workspace import read_json

    spec = read_json(run_dir / "run.json")
    task = tasks.task(spec["task"])
    rows = rows_in(run_dir / "rows.arrow", task)
    split = "test" if any(row["split"] == "test" for row in rows) else "validation"
    asked = [row for row in rows if row["split"] == split][:MOST_ASKED]
    inputs = [{k: v for k, v in row.items() if k != "label"} for row in (asked or rows)]
    predictor = Predictor.open(run_dir / "model", threads=processes.cores())
    predictor.predict(inputs[:8])  # what is made at the first answer is not counted
    told(0.1)
    one = _each(lambda i: predictor.predict([inputs[i % len(inputs)]]), ONE_BY_ONE)
    told(0.3)
    together = [inputs[i % len(inputs)] for i in range(TOGETHER)]
    many = _each(lambda i: predictor.predict(together), REPEATS)
    found: dict[str, Any] = {"one": one, "rate": TOGETHER / many, "memory": most_memory(), "split": split}
    told(0.5)
    answers = predictor.predict(asked, lambda done, total: told(0.5 + 0.5 * done / max(1, total)))
    labels = task.labels(rows, spec["labels"]["names"] or None)
    extra = read_json(run_dir / "model" / "hone.json").get("extra") or {}
    labels = Labels(labels.names, labels.counts, {**labels.extra, **extra})
    main = task.scores[0].name
    credits = [round(float(task.credit(row, p, labels)), 5) for row, p in zip(asked, answers, strict=True)]
    value = task.score(asked, answers, labels).get(main) if asked else None
    if main == "accuracy":
        low, high = wilson(round(sum(credits)), len(credits)) if credits else (None, None)
    else:
        low, high = interval(task, main, asked, answers, labels)
    ids = [row["id"] for row in asked]
    return {**found, "ids": ids, "credits": credits, "value": value, "low": low, "high": high}


def _each(ask: Callable[[int], Any], most: int) -> float:
    """Median seconds of asking up to `most` times, at least twice, within PATIENCE."""
    taken: list[float] = []
    begun = time.perf_counter()
    while len(taken) < most and (len(taken) < 2 or time.perf_counter() - begun < PATIENCE):
        start = time.perf_counter()
        ask(len(taken))
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
