"""Every way to tune on the same real data, each as an ordinary run with the settings that the page would propose for it.

    python tests/benchmarks/methods.py                       all of BANKING77, every way that suits: an hour and more
    python tests/benchmarks/methods.py --what lora           the bar: LoRA at most one point under full tuning, all data
    python tests/benchmarks/methods.py --rows 770 --epochs 2 --methods full lora --rate 1e-3   a quick look

Prints the share right on the test split, minutes, weights that learn, what has to be kept beside the base, and the most memory of the worker's process.
The split and the seed are the same for all.
"""

from __future__ import annotations

import argparse
import csv
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

from core.data.dataset import Dataset  # noqa: E402
from core.models import learnt  # noqa: E402
from core.models.counting import learning  # noqa: E402
from core.models.methods import METHODS  # noqa: E402
from core.training import draft, runs  # noqa: E402
from core.training.advice import this_machine  # noqa: E402
from core.workspace import Workspace  # noqa: E402

WORKER = "import resource, sys; from core.training.worker import worker; worker(sys.argv[1]); print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
BAR = 0.01  # how far LoRA may be under full tuning


def main() -> None:
    options = arguments()
    wanted = ["full", "lora"] if options.what == "lora" else options.methods or list(METHODS)
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as home:
        workspace = Workspace.open(options.workspace or home)
        print(
            f"{'method':12}{'test':>8}{'minutes':>9}{'weights':>12}{'to keep':>11}{'memory':>9}  step width, kept step",
            flush=True,
        )
        for name in wanted:
            if (accuracy := one(workspace, name, options)) is not None:
                found[name] = accuracy
    if {"full", "lora"} <= found.keys():
        short = found["full"] - found["lora"]
        print(
            f"LoRA is {100 * short:+.1f} points under full tuning (at most {100 * BAR:.0f}): {'yes' if short <= BAR else 'NO'}"
        )


def one(workspace: Workspace, name: str, options: argparse.Namespace) -> float | None:
    """Run one way and print its line; -> the share right on the test split."""
    project = workspace.projects / f"methods-{name}"
    dataset = Dataset.open(project / "data")
    if dataset.empty:
        bring(dataset, options)
    changed: dict[str, Any] = {"method": name, "seed": options.seed}
    changed |= {"epochs": options.epochs} if options.epochs else {}
    changed |= {"learning_rate": options.rate} if options.rate else {}
    changed |= dict(pair.split("=", 1) for pair in options.set)
    settled = draft.settle(draft.Draft("balanced", changed), dataset.facts(), machine=this_machine())
    if settled.problems:
        print(f"{name:12}  {settled.problems[0].message}", flush=True)
        return None
    run = runs.create(
        project, name=name, task="classification", base=settled.base, settings=settled.settings, phases=settled.phases,
        preset="balanced", dataset=dataset, threads=options.threads,
    )  # fmt: skip
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", WORKER, str(run.folder)], cwd=ROOT, check=True, capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": str(options.threads), "GOMP_SPINCOUNT": "10000"},
    )  # fmt: skip
    minutes, view = (time.monotonic() - begun) / 60, run.view()
    count = learning(settled.base, name, settled.settings, len(settled.facts.labels)) or 0
    kept = learnt.size(run.folder / "adapter") or learnt.size(run.folder / "model")
    memory = int(done.stdout.split()[-1]) * 1024
    print(
        f"{name:12}{view.test['accuracy']:8.4f}{minutes:9.1f}{count:12,}{kept / 1e6:9.1f}MB{memory / 1e9:7.2f}GB"
        f"  {settled.settings.learning_rate:g}, {view.best_step} of {view.step}; before {(view.before or {}).get('accuracy', 0):.4f}",
        flush=True,
    )
    return float(view.test["accuracy"])


def bring(dataset: Dataset, options: argparse.Namespace) -> None:
    """BANKING77, or some of its rows, the same number of each label; a tenth of the training rows steers."""
    folder = Path(os.environ.get("HONE_TEST_DATA") or ROOT.parent / "shared" / "data") / "banking77"
    for file, split in (("train.csv", None), ("test.csv", "test")):
        with (folder / file).open(encoding="utf-8", newline="") as source:
            head, *rest = csv.reader(source)
        if options.rows:
            rest = some(rest, options.rows, options.seed)
        with tempfile.TemporaryDirectory() as there:
            path = Path(there) / file
            with path.open("w", encoding="utf-8", newline="") as out:
                csv.writer(out).writerows([head, *rest])
            dataset.add(path, file, split=split)
    dataset.set_split(validation=0.1, test=0.0, seed=options.seed)


def some(rows: list[list[str]], count: int, seed: int) -> list[list[str]]:
    by_label: dict[str, list[list[str]]] = defaultdict(list)
    for row in rows:
        by_label[row[-1]].append(row)
    dice, each = random.Random(seed), max(1, count // len(by_label))
    chosen = [
        row for label in sorted(by_label) for row in dice.sample(by_label[label], min(each, len(by_label[label])))
    ]
    dice.shuffle(chosen)
    return chosen


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", choices=["all", "lora"], default="all")
    parser.add_argument("--methods", nargs="+", choices=list(METHODS))
    parser.add_argument("--rows", type=int, default=0, help="training rows; 0: all")
    parser.add_argument("--epochs", type=float, default=0.0)
    parser.add_argument("--rate", type=float, default=0.0, help="step width instead of the proposed one")
    parser.add_argument("--set", nargs="*", default=[], metavar="KNOB=VALUE")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workspace", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
