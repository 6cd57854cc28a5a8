"""Labelling, simulated: how far the proposed order is ahead of chance, how quickly guesses come, how quickly many labels load.

    python tests/benchmarks/labelling.py                         # everything; HONE_TEST_DATA says where BANKING77 and SST-2 are
    python tests/benchmarks/labelling.py --what curves --sets banking77 --strategies random,helpful,margin
    python tests/benchmarks/labelling.py --what refresh          # beside it nothing else should run
    python tests/benchmarks/labelling.py --what load

`curves`: a person who is always right labels rows in the order that the guide gives (every eighth one set aside, as on the page), the layer learns
after every 20, and the test file is asked at 100, 200, ... 1,000 labels. Area: the mean accuracy over these ten. "labels for": how many a
strategy needs for the accuracy that chance has at 1,000, between two measured points by a straight line.
`refresh`: the guide's own process, 10,000 rows of BANKING77 with 77 labels; from the question after ten new labels to the answer.
`load`: 100,000 answers are written, then read from a data set that was closed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from core.data.dataset import Dataset  # noqa: E402
from core.labelling import features, heads  # noqa: E402
from core.labelling.guide import aside, mixed_in  # noqa: E402
from core.labelling.learners import GROWN, LEAST  # noqa: E402
from core.labelling.strategies import Scene, pick  # noqa: E402
from core.resident import Resident  # noqa: E402

DATA = Path(os.environ.get("HONE_TEST_DATA", ROOT.parent / "shared" / "data"))
SETS = {"banking77": ("banking77/train.csv", "banking77/test.csv"), "sst2": ("sst2/train.tsv", "sst2/test.tsv")}
STEP, FIRST, LAST = 20, 100, 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", default="curves,refresh,load")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--strategies", default="random,helpful")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cache", type=Path, help="keep vectors here for the next time")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        cache = told.cache or Path(scratch)
        if "curves" in told.what:
            for name in told.sets.split(","):
                curves(name, told.strategies.split(","), told.seeds, cache)
        if "refresh" in told.what:
            refresh(cache, Path(scratch))
        if "load" in told.what:
            load(Path(scratch))


# --- the curves ------------------------------------------------------------------------------------------------------


def curves(name: str, strategies: list[str], seeds: int, cache: Path) -> None:
    train, test = (
        opened(cache / f"{name}-{part}", DATA / file) for part, file in zip(("train", "test"), SETS[name], strict=True)
    )
    x, gold, names, apart = train
    asked, wanted, _, _ = test
    right = np.array([names.index(label) for label in (test[2][i] for i in wanted)])
    print(
        f"\n{name}: {len(x):,} rows to label, {len(names)} labels, {len(asked):,} test rows, {seeds} seeds", flush=True
    )
    found: dict[str, np.ndarray] = {}
    for strategy in strategies:
        began = time.perf_counter()
        found[strategy] = np.array(
            [simulated(x, gold, len(names), apart, asked, right, strategy, seed) for seed in range(seeds)]
        )
        mean = found[strategy].mean(axis=0)
        print(
            f"  {strategy:17s}"
            + " ".join(f"{score:.3f}" for score in mean)
            + f"   {time.perf_counter() - began:.0f} s",
            flush=True,
        )
    if "random" in found:
        compared(found, seeds)


def simulated(x, gold, labels: int, apart, asked, right, strategy: str, seed: int) -> list[float]:
    """Accuracy on the test rows at each hundred labels."""
    chance = np.random.default_rng(seed)
    shuffled = chance.permutation(len(x))
    known: list[int] = []
    fitted, chosen_at, scores = None, 0, []
    while len(known) < LAST:
        left = np.setdiff1d(np.arange(len(x)), known)
        pool = left if strategy == "random" else left[~apart[left]]
        scene = Scene(
            x[pool],
            fitted.outputs(x[pool]) if fitted else np.zeros((0, 1), np.float32),
            "softmax",
            x[known],
            np.bincount(gold[known], minlength=labels) if known else np.zeros(labels, np.int64),
            chance=chance,
        )
        chosen = pool[pick(strategy, scene, STEP)[:STEP]]
        if strategy != "random":
            spare = shuffled[np.isin(shuffled, left[apart[left]])]
            chosen, _ = mixed_in(chosen, spare, STEP, len(known))
        known += chosen.tolist()
        rows, targets = x[known], gold[known]
        if len(known) >= LEAST["softmax"] and len(np.unique(targets)) > 1:
            fresh = fitted is None or len(known) >= GROWN * chosen_at
            chosen_at = len(known) if fresh else chosen_at
            fitted = heads.fit(rows, targets, labels, "softmax", None if fresh else fitted.restraint)
        if len(known) % FIRST == 0 and fitted:
            scores.append(float((fitted.outputs(asked).argmax(axis=1) == right).mean()))
    return scores


def compared(found: dict[str, np.ndarray], seeds: int) -> None:
    areas = {name: scores.mean(axis=1) for name, scores in found.items()}
    error = {name: area.std(ddof=1) / np.sqrt(seeds) if seeds > 1 else float("nan") for name, area in areas.items()}
    goal = found["random"][:, -1].mean()
    for name, area in areas.items():
        ahead = area.mean() - areas["random"].mean()
        both = np.hypot(error[name], error["random"])
        print(
            f"  {name:17s}area {area.mean():.4f} ± {error[name]:.4f}"
            + ("" if name == "random" else f"   over chance {ahead:+.4f} ({ahead / both:+.1f} standard errors)")
            + f"   labels for {goal:.3f}: {needed(found[name].mean(axis=0), goal)}",
            flush=True,
        )


def needed(scores: np.ndarray, goal: float) -> str:
    sizes = np.arange(FIRST, LAST + 1, FIRST)
    for i, score in enumerate(scores):
        if score >= goal:
            if i == 0:
                return f"at most {FIRST}"
            share = (goal - scores[i - 1]) / (score - scores[i - 1])
            return f"{sizes[i - 1] + share * FIRST:.0f}"
    return f"more than {LAST}"


def opened(folder: Path, file: Path):
    """(vectors, label numbers, label names, which rows are set aside) of a file; vectors are made where they are not there yet."""
    data = Dataset.open(folder)
    if data.empty:
        data.add(file, file.name)
    found = features.ready(data, lambda done, total: None, lambda: False)
    state = data.state
    return (
        found.vectors,
        state.label[found.places].astype(np.int64),
        [one.name for one in state.alive],
        aside(state, found.places),
    )


# --- how quickly -----------------------------------------------------------------------------------------------------


def refresh(cache: Path, scratch: Path, rounds: int = 100, each: int = 10) -> None:
    import shutil

    opened(cache / "banking77-train", DATA / SETS["banking77"][0])
    folder = shutil.copytree(cache / "banking77-train", scratch / "refresh")
    data = Dataset.open(folder)
    gold = dict(
        zip(data.rows.ids(np.arange(len(data.rows))), (data.state.value(i) for i in range(len(data.rows))), strict=True)
    )
    names = [one.name for one in data.state.alive]
    data.set_roles({"label": None})
    for name in names:
        if name not in {one.name for one in data.state.alive}:
            data.labels.create(name)
    guide = Resident("core.labelling.guide", scratch / "guide.log", 600)
    seconds, asked = [], {"what": "look", "folder": str(folder), "order": "helpful", "count": 12}
    try:
        told = guide.ask(asked, 120)
        for turn in range(rounds):
            entries = [
                {"row": row, "label": gold[row], "seq": turn * each + i, "client": "b"}
                for i, row in enumerate(told["next"][:each])
            ]
            data.labels.put(entries, "person")
            began = time.perf_counter()
            told = guide.ask({**asked, "rows": told["next"][each:], "at": turn * each}, 120)
            seconds.append(time.perf_counter() - began)
        began = time.perf_counter()
        guide.ask({"what": "estimate", "folder": str(folder)}, 300)
        estimate = time.perf_counter() - began
    finally:
        guide.close()
    print(
        f"\nrefresh, {len(data.rows):,} rows, {len(names)} labels, up to {rounds * each:,} labelled: median {np.median(seconds):.3f} s, "
        f"95th percentile {np.quantile(seconds, 0.95):.3f} s, longest {max(seconds):.3f} s; the estimate takes {estimate:.1f} s beside it",
        flush=True,
    )


def load(scratch: Path, count: int = 100_000) -> None:
    file = scratch / "many.csv"
    file.write_text("text\n" + "".join(f"text number {i}\n" for i in range(count)), encoding="utf-8")
    data = Dataset.open(scratch / "many")
    data.add(file, "many.csv")
    for name in "abcdefghij":
        data.labels.create(name)
    began = time.perf_counter()
    data.labels.put(
        [{"row": f"1:{i}", "label": "abcdefghij"[i % 10], "seq": i, "client": "b"} for i in range(count)], "person"
    )
    wrote = time.perf_counter() - began
    data.close()
    again = Dataset.open(scratch / "many")
    began = time.perf_counter()
    counts = again.counts()
    took = time.perf_counter() - began
    assert counts.labelled == count
    print(f"\nload: {count:,} labels written in {wrote:.1f} s, there again with all counts in {took:.2f} s", flush=True)


if __name__ == "__main__":
    main()
