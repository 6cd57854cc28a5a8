"""What each trick brings on small, lopsided, noisy data, and what it costs: macro F1 on test texts and the time of a run, beside the run without any.

    python tests/benchmarks/tricks.py [--sets sst2 banking77] [--tricks none sampling ...] [--seeds 1 2 3] [--threads 2] [--quick]
    python tests/benchmarks/tricks.py --what speed [--threads 2] [--quick]

sst2: 1,000 training texts, 85 : 15, every tenth label wrong; banking77: 4 to 16 texts of each of 77 labels. All weights learn for three rounds
from the fitted last layer; validation (as lopsided as training, its labels right) keeps the best moment by macro F1. The seed decides which texts, which wrong labels
and all chance of the run. speed: tokens a second and memory of a plain run, one that computes its layers twice, and a translated one. `--quick`:
less of everything, to see whether it works.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "core" / "training")]

from run_folders import events, write_run  # noqa: E402

from core import processes  # noqa: E402
from core.models.catalogue import BUNDLED  # noqa: E402
from core.training.worker import worker  # noqa: E402

DATA = Path(os.environ.get("HONE_TEST_DATA") or ROOT.parent / "shared" / "data")
TRICKS: dict[str, dict[str, Any]] = {
    "none": {},
    "weights": {"class_weights": "balanced"},
    "effective": {"class_weights": "effective", "effective_beta": 0.99},
    "sampling": {"sampling": "equal"},
    "sampling-sqrt": {"sampling": "sqrt"},
    "focal": {"loss": "focal"},
    "smoothing": {"label_smoothing": 0.1},
    "agreement": {"agreement": 1.0},
    "mixup": {"mixup": 0.5},
    "adversarial": {"adversarial": 1.0},
    "varied": {"vary_texts": ["typos", "drop", "swap"]},
    "synonyms": {"vary_texts": ["synonyms"]},
    "average": {"average_decay": 0.99},
    "last-mean": {"average_last": 0.25},
}
HOW = {
    "epochs": 3.0,
    "learning_rate": 1e-4,
    "batch_size": 32,
    "metric": "macro_f1",
    "patience": 0,
    "save_seconds": 0.0,
    "max_length": 64,
}
Row = dict[str, str]


def main() -> None:
    options = arguments()
    (speed if options.what == "speed" else scores)(options)


def scores(options: argparse.Namespace) -> None:
    for name in options.sets:
        plain: list[tuple[float, float]] = []
        for trick in options.tricks:
            found = [one(name, trick, seed, options) for seed in options.seeds]
            plain = plain or found
            better = [a - b for (a, _), (b, _) in zip(found, plain, strict=True)]
            values = [score for score, _ in found]
            spread = statistics.stdev(values) if len(values) > 1 else 0.0
            ratio = statistics.mean(s for _, s in found) / statistics.mean(s for _, s in plain)
            print(
                f"{name:11}{trick:15}macro F1 {statistics.mean(values):.4f} ± {spread:.4f}  against {options.tricks[0]}"
                f" {statistics.mean(better):+.4f} (from {min(better):+.4f} to {max(better):+.4f})  time × {ratio:.2f}",
                flush=True,
            )


def one(name: str, trick: str, seed: int, options: argparse.Namespace) -> tuple[float, float]:
    """Macro F1 on test, and processor seconds, which other work on the machine disturbs less than the clock."""
    rows = SETS[name](seed, options.quick)
    how = {**HOW, "epochs": 2.0} if options.quick else HOW
    with tempfile.TemporaryDirectory() as home:
        folder = write_run(
            Path(home) / "run", BUNDLED, ["full"], rows, threads=options.threads, seed=seed, **how, **TRICKS[trick]
        )
        begun = time.process_time()
        worker(str(folder))
        seconds = time.process_time() - begun
        [end] = events(folder, "finished")
    return end["test"]["macro_f1"], seconds


def speed(options: argparse.Namespace) -> None:
    ways: dict[str, dict[str, Any]] = {
        "plain": {"compile": "off"},
        "twice": {"recompute": True, "compile": "off"},
        "translated": {"compile": "on"},
    }
    for way, settings in ways.items():
        steps = 12 if options.quick else 60
        how = {**HOW, "length": "steps", "steps": steps, "evaluations": 0.05, "start_from_probe": False, **settings}
        with tempfile.TemporaryDirectory() as home:
            rows = sst2(1, options.quick)
            folder = write_run(Path(home) / "run", BUNDLED, ["full"], rows, threads=options.threads, **how)
            begun = time.monotonic()
            worker(str(folder))
            whole = time.monotonic() - begun
            said = events(folder)
        seen = [e["tokens_per_second"] for e in said if e["kind"] == "stepped"]
        ready = [e["at"] for e in said if e["kind"] == "preparing" and e.get("what") == "translating"]
        first = next(e["at"] for e in said if e["kind"] == "began")
        codes = [e["code"] for e in said if e["kind"] == "noticed"]
        print(
            f"{way:12}{statistics.median(seen):9,.0f} tokens a second (median)  {max(e['memory'] for e in said if e['kind'] == 'stepped') / 2**20:7,.0f} MiB"
            f"  {first - ready[0] if ready else 0:5.1f} s to translate  {whole:6.1f} s in all  {codes}",
            flush=True,
        )


# Data -------------------------------------------------------------------------------------------------------------------


def sst2(seed: int, quick: bool) -> list[Row]:
    """15 of 100 training texts are negative; every tenth training label is the other one."""
    dice, count = random.Random(seed), 240 if quick else 1_000
    train = _read(DATA / "sst2" / "train.tsv", "\t", "text", "label")
    rows = _drawn(train, {"1": round(0.85 * count), "0": round(0.15 * count)}, "train", dice)
    labels = sorted({row["label"] for row in rows})
    for row in dice.sample(rows, len(rows) // 10):
        row["label"] = labels[1 - labels.index(row["label"])]
    held = _drawn(_read(DATA / "sst2" / "dev.tsv", "\t", "text", "label"), {"1": 255, "0": 45}, "validation", dice)
    test = _read(DATA / "sst2" / "test.tsv", "\t", "text", "label")
    return _numbered([*rows, *held, *_drawn(test, dict.fromkeys(labels, 100 if quick else 400), "test", dice)])


def banking77(seed: int, quick: bool) -> list[Row]:
    """Labels have 4, 8, 12 or 16 training texts, by chance; 3 of each to steer by, 10 of each for the test."""
    dice = random.Random(seed)
    train = _read(DATA / "banking77" / "train.csv", ",", "text", "category")
    labels = sorted({row["label"] for row in train})[: 12 if quick else 77]
    wanted = {label: dice.choice((4, 8, 12, 16)) for label in labels}
    rows = _drawn(train, wanted, "train", dice)
    used = {row["text"] for row in rows}
    held = _drawn([r for r in train if r["text"] not in used], dict.fromkeys(labels, 3), "validation", dice)
    test = _read(DATA / "banking77" / "test.csv", ",", "text", "category")
    return _numbered([*rows, *held, *_drawn(test, dict.fromkeys(labels, 10), "test", dice)])


SETS = {"sst2": sst2, "banking77": banking77}


def _read(path: Path, between: str, text: str, label: str) -> list[Row]:
    quoting = csv.QUOTE_NONE if between == "\t" else csv.QUOTE_MINIMAL
    with path.open(encoding="utf-8", newline="") as file:
        return [{"text": r[text], "label": r[label]} for r in csv.DictReader(file, delimiter=between, quoting=quoting)]


def _drawn(rows: list[Row], wanted: dict[str, int], split: str, dice: random.Random) -> list[Row]:
    of_label: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        of_label[row["label"]].append(row)
    found = [row for label, n in wanted.items() for row in dice.sample(of_label[label], min(n, len(of_label[label])))]
    return [{**row, "split": split} for row in found]


def _numbered(rows: list[Row]) -> list[Row]:
    return [{**row, "id": f"1:{i}"} for i, row in enumerate(rows)]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", choices=("scores", "speed"), default="scores")
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--tricks", nargs="+", choices=list(TRICKS), default=list(TRICKS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--threads", type=int, default=processes.cores())
    parser.add_argument("--quick", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
