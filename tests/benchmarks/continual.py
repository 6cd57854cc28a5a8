"""New classes in several steps: how much of the old ones a run that continues another keeps, by each way against forgetting.

    python tests/benchmarks/continual.py                # BANKING77 in 5 steps of classes, every row
    python tests/benchmarks/continual.py --rows 5000    # half of them: under 20 minutes on two idle cores
    python tests/benchmarks/continual.py --quick        # 20 classes in 4 steps of 5, 40 texts of each: a look whether it works

Aims: replay of 5 % keeps the mean score over old classes within 5 points of joint training; naive tuning loses more than 20. Joint training is a run
of its own on all rows, with the preset Balanced. Everything goes the product's own way: a project whose data grows by a file a step, runs that
continue runs (core.training.retuning), models that are opened again and asked. The mean over old classes is the mean of their recall on the
official test rows; forgetting is that of Chaudhry et al. 2018 over the matrix of steps and parts that the last run keeps.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from core import processes  # noqa: E402
from core.data.dataset import Dataset  # noqa: E402
from core.training import draft, forgetting, retuning, runs  # noqa: E402
from core.workspace import Workspace  # noqa: E402

WAYS = {
    "replay": {"remember": "replay"},
    "distil": {"remember": "distil"},
    "ewc": {"remember": "ewc"},
    "nothing": {"remember": "nothing"},
}
Row = tuple[str, str]


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory() as home:
        project = Workspace.open(options.workspace or home).projects / "continual"
        steps, tests = taken(options)
        print(
            f"{len(steps)} steps of {[len({label for _, label in rows}) for rows in steps]} classes, {[len(rows) for rows in steps]} texts"
        )
        dataset = Dataset.open(project / "data")
        last: dict[str, Any] = {}
        for number, rows in enumerate(steps):
            grow(dataset, rows, tests[number], number, Path(home))
            if not options.ways:
                continue
            if not number:
                first = plain(project, dataset, options, "step 1")
                last = dict.fromkeys(options.ways, first)
                continue
            for way in options.ways:
                last[way] = further(project, dataset, last[way], way, options, f"{way}, step {number + 1}")
        old = sorted({label for rows in tests[:-1] for _, label in rows})
        asked = [row for rows in tests for row in rows]
        joint = None if options.no_joint else recalls(plain(project, dataset, options, "joint").model, asked)
        told(joint, last, asked, old)


def told(joint: dict[str, float] | None, last: dict[str, Any], asked: list[Row], old: list[str]) -> None:
    yard = mean(joint, old) if joint else float("nan")
    print(f"\n{'':10}old classes   all classes   behind joint   forgetting")
    if joint:
        print(f"{'joint':10}{yard:11.4f}{mean(joint, sorted(joint)):14.4f}")
    for way, run in last.items():
        found = recalls(run.model, asked)
        now, lost = mean(found, old), forgetting.read(run.folder)
        figure = lost.figure if lost else float("nan")
        print(
            f"{way:10}{now:11.4f}{mean(found, sorted(found)):14.4f}{100 * (yard - now):11.1f} pts{100 * (figure or 0):9.1f} pts",
            flush=True,
        )


def taken(options: argparse.Namespace) -> tuple[list[list[Row]], list[list[Row]]]:
    """Rows of each step, training and test, classes shuffled by the seed."""
    folder = Path(os.environ.get("HONE_TEST_DATA") or ROOT.parent / "shared" / "data") / "banking77"
    train, test = read(folder / "train.csv"), read(folder / "test.csv")
    labels = sorted({label for _, label in train})
    dice = random.Random(options.seed)
    dice.shuffle(labels)
    labels = labels[: 20 if options.quick else len(labels)]
    count, each = (
        (4, 40) if options.quick else (options.steps, round(options.rows / len(labels)) if options.rows else None)
    )
    groups = [set(part.tolist()) for part in np.array_split(np.array(labels), count)]
    return [few(train, group, each, dice) for group in groups], [
        few(test, group, 20 if options.quick else None, dice) for group in groups
    ]


def few(rows: list[Row], labels: set[str], each: int | None, dice: random.Random) -> list[Row]:
    by_label = defaultdict(list)
    for row in rows:
        if row[1] in labels:
            by_label[row[1]].append(row)
    return [
        row
        for label in sorted(by_label)
        for row in dice.sample(by_label[label], min(each or 10**9, len(by_label[label])))
    ]


def read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(dict.fromkeys((" ".join(row["text"].split()), row["category"]) for row in csv.DictReader(file)))


def grow(dataset: Dataset, train: list[Row], test: list[Row], number: int, home: Path) -> None:
    """The step's rows as two files that a person drops."""
    for name, rows, split in (("train", train, None), ("test", test, "test")):
        path = home / f"{name}-{number + 1}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "category"), *rows])
        dataset.add(path, path.name, split=split)
    dataset.set_split(validation=0.1, test=0.0, seed=7)


def plain(project: Path, dataset: Dataset, options: argparse.Namespace, name: str) -> Any:
    """A run of its own, as Balanced has it."""
    settled = draft.settle(draft.Draft("balanced"), dataset.facts())
    settings = settled.settings.model_copy(
        update={"max_length": 48, **({"epochs": options.epochs} if options.epochs else {})}
    )
    run = runs.create(
        project, name=name, task="classification", base=settled.base, settings=settings, phases=settled.phases,
        preset="balanced", dataset=dataset, threads=options.threads,
    )  # fmt: skip
    return carried_out(run, options)


def further(project: Path, dataset: Dataset, before: Any, way: str, options: argparse.Namespace, name: str) -> Any:
    changed: dict[str, Any] = {**WAYS[way], "replay_share": options.share}
    for pair in options.set:
        key, _, value = pair.partition("=")
        changed[key] = read_json_or_words(value)
    return carried_out(
        retuning.begin(project, dataset, retuning.propose(dataset, before, changed), name, options.threads), options
    )


def carried_out(run: Any, options: argparse.Namespace) -> Any:
    code = "import sys; from core.training.worker import worker; worker(sys.argv[1])"
    threads = {"OMP_NUM_THREADS": str(options.threads)}
    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", code, str(run.folder)], cwd=ROOT, check=True, env={**os.environ, **threads})
    view = run.view()
    parts = view.best.parts if view.best else {}
    shown = {name: round(scores["accuracy"], 3) for name, scores in parts.items()}
    print(f"{run.name:18} test {view.test.get('accuracy', 0):.4f}  validation {shown or round(view.scores['accuracy'], 3)}  kept step"
          f" {view.best_step} of {view.step}  {time.monotonic() - begun:.0f} s", flush=True)  # fmt: skip
    return run


def recalls(model: Path, rows: list[Row]) -> dict[str, float]:
    """label -> share of its rows that the opened model gets right."""
    from core.models.loading import load_model

    opened = load_model(model)
    said = np.array(opened.labels)[opened.probabilities([text for text, _ in rows]).argmax(axis=1)]
    right = np.array([label for _, label in rows])
    return {label: float((said[right == label] == label).mean()) for label in np.unique(right).tolist()}


def mean(found: dict[str, float], labels: list[str]) -> float:
    return float(np.mean([found[label] for label in labels]))


def read_json_or_words(said: str) -> Any:
    """A number, true or false as JSON has them; any other word as it stands."""
    try:
        return json.loads(said)
    except ValueError:
        return said


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ways", nargs="*", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rows", type=int, default=0, help="training texts in all; 0 for every one")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--share", type=float, default=0.05, help="of old texts seen again by replay")
    parser.add_argument("--epochs", type=float, default=0.0, help="of the plain runs; 0 as the preset has it")
    parser.add_argument("--set", nargs="*", default=[], metavar="KNOB=VALUE", help="of the runs that continue others")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=processes.cores())
    parser.add_argument("--no-joint", action="store_true")
    parser.add_argument("--workspace", help="keep everything here instead of in a temporary folder")
    return parser.parse_args()


if __name__ == "__main__":
    main()
