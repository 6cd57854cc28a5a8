"""How many planted wrong labels the look for doubtful ones finds, and how well the light tagger learns marked places.

    python tests/benchmarks/suspects.py [--what suspects|tagger] [--sets banking77 sst2 ...] [--how uniform|confusable] [--seeds 1]
                                        [--cache FOLDER]

suspects: in 5 % of the rows the label is exchanged for another one (`uniform`: any; `confusable`: one of the three whose texts are the most
alike); the whole way from the file to the list is gone, and the top 5 % of the list looked at. `times chance` is the share of planted ones there
over 5 %. The labels of these data sets are not all right by themselves, so that some of what counts as a false alarm here is none.
tagger: F1 on conll2003's test after some and all of its training sentences. Vectors are kept in `--cache`, so that a second run is quick.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from core import tasks  # noqa: E402
from core.data import conll  # noqa: E402
from core.data.dataset import Dataset  # noqa: E402
from core.data.shape import Shape  # noqa: E402
from core.labelling import features, suspects, tagger  # noqa: E402
from core.tasks.span_counts import exact  # noqa: E402

DATA = Path(os.environ.get("HONE_TEST_DATA") or ROOT.parent / "shared" / "data")
SHARE = 0.05
AIMS = {"banking77": 8.0, "sst2": 8.0}  # times chance
LIMIT = {"conll2003": 5_000, "goemotions": 4_000}  # rows of the large sets
Row = tuple[str, Any]


def banking77() -> list[Row]:
    with (DATA / "banking77" / "train.csv").open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["category"]) for row in csv.DictReader(file)]


def sst2() -> list[Row]:
    with (DATA / "sst2" / "train.tsv").open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["label"]) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


def goemotions() -> list[Row]:
    lines = (DATA / "goemotions" / "train.jsonl").read_text(encoding="utf-8").splitlines()[: LIMIT["goemotions"]]
    return [(row["text"], row["labels"]) for row in map(json.loads, lines)]


def conll2003(file: str = "train.txt") -> list[Row]:
    text = (DATA / "conll2003" / file).read_text(encoding="utf-8")
    return list(conll.rows(text.splitlines(), conll.layout(text[:20_000])))


SETS: dict[str, tuple[str, Callable[[], list[Row]]]] = {
    "banking77": ("classification", banking77),
    "sst2": ("classification", sst2),
    "goemotions": ("multilabel", goemotions),
    "conll2003": ("tokens", lambda: conll2003()[: LIMIT["conll2003"]]),
}


def dataset(folder: Path, task: str, rows: list[Row]) -> Dataset:
    data = Dataset.open(folder)
    if data.empty:
        data.set_shape(Shape.of(task, tasks.task(task).columns))
        path = folder / "rows.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(["text", "label"])
            lines.writerows((text, said if isinstance(said, str) else json.dumps(said)) for text, said in rows)
        data.add(path, "rows.csv")
        roles = [part.role for part in data.shape.parts]
        data.set_roles({roles[0]: "text", roles[1]: "label"})
    return data


# --- planting --------------------------------------------------------------------------------------------------------


def planted(rows: list[Row], others: Callable[[str], list[str]], seed: int) -> tuple[list[Row], set[int]]:
    """Rows in which some answers are wrong, and which."""
    chance = np.random.default_rng(seed)
    able = [i for i, (_, said) in enumerate(rows) if said]
    chosen = {int(i) for i in chance.choice(able, round(SHARE * len(rows)), replace=False)}
    return [
        (text, _wrong(text, said, others, chance) if i in chosen else said) for i, (text, said) in enumerate(rows)
    ], chosen


def _wrong(text: str, said: Any, others: Callable[[str], list[str]], chance: np.random.Generator) -> Any:
    if isinstance(said, str):
        return str(chance.choice(others(said)))
    k = int(chance.integers(len(said)))
    if isinstance(said[k], str):  # a set of labels: one is exchanged
        there = [name for name in others(said[k]) if name not in said]
        return [*said[:k], str(chance.choice(there)), *said[k + 1 :]]
    one, rest = said[k], [*said[:k], *said[k + 1 :]]  # marks: another label, or none
    if chance.random() < 0.5:
        return rest
    return [*rest, {**one, "label": str(chance.choice(others(one["label"])))}]


def neighbours(data: Dataset) -> Callable[[str], list[str]]:
    """The three labels whose texts are the most alike on average."""
    state, found = data.state, features.known(data)
    label = state.label[found.places]
    names = [one.name for one in state.alive]
    means = np.stack([found.vectors[label == k].mean(axis=0) for k in range(len(names))])
    means -= means.mean(axis=0)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    close = means @ means.T - 9 * np.eye(len(names))
    near = {name: [names[j] for j in np.argsort(-close[k])[:3]] for k, name in enumerate(names)}
    return lambda name: near[name]


# --- measuring -------------------------------------------------------------------------------------------------------


def quiet(*told: Any) -> None:
    """Nobody watches."""


def find(name: str, how: str, seed: int, cache: Path) -> float:
    task, read = SETS[name]
    rows = [(text.replace("\r\n", "\n"), said) for text, said in read() if text.strip()]
    clean = dataset(cache / name, task, rows)
    if task != "tokens":
        began = time.perf_counter()
        features.ready(clean, quiet, lambda: False)
        print(f"  {name}: vectors ready in {time.perf_counter() - began:.0f} s", flush=True)
    names = [one.name for one in clean.state.alive]
    others = neighbours(clean) if how == "confusable" else lambda mine: [one for one in names if one != mine]
    noisy, wrong = planted(rows, others, seed)
    with tempfile.TemporaryDirectory() as folder:
        data = dataset(Path(folder) / "data", task, noisy)
        if (cache / name / "cache" / "vectors").exists():
            shutil.copytree(cache / name / "cache" / "vectors", data.folder / "cache" / "vectors")
        began = time.perf_counter()
        judged = suspects.judge(data, quiet, lambda: False)
        seconds = time.perf_counter() - began
        data.close()
    return told(name, how, seed, judged, wrong, seconds)


def told(name: str, how: str, seed: int, judged: suspects.Judged, wrong: set[int], seconds: float) -> float:
    places = judged.places.tolist()
    top = [places[i] for i in judged.order[: round(SHARE * len(places))]]
    hits = sum(place in wrong for place in top)
    listed = {places[i] for i, _ in judged.doubted}
    rate = len(wrong) / len(places)
    times = hits / len(top) / rate
    print(
        f"{name} {how} seed {seed}: in the top 5 % ({len(top)}) {hits / len(top):.1%} planted, {times:.1f} times chance, "
        f"{hits / len(wrong):.1%} of all planted; listed {len(listed)}, {len(listed & wrong) / max(1, len(listed)):.1%} of them planted, "
        f"{len(listed & wrong) / len(wrong):.1%} of all; estimated wrong {judged.wrong}; {seconds:.1f} s",
        flush=True,
    )
    return times


def learn() -> None:
    """F1 of the tagger, and its times."""
    rows, test = conll2003(), conll2003("test.txt")
    labels = sorted({one["label"] for _, spans in rows for one in spans})
    order = np.random.default_rng(1).permutation(len(rows))
    for count in (50, 200, 1_000, len(rows)):
        some = [rows[i] for i in order[:count].tolist()]
        began = time.perf_counter()
        found = tagger.fit([text for text, _ in some], [spans for _, spans in some], labels)
        fitted = time.perf_counter()
        answers = found.predict([text for text, _ in test])
        done = time.perf_counter()
        precision, recall, f1 = exact([spans for _, spans in test], [one.spans for one in answers]).micro
        speed = len(test) / (done - fitted)
        print(f"{count} sentences: F1 {f1:.3f} (precision {precision:.3f}, recall {recall:.3f}), learnt in {fitted - began:.2f} s, "
              f"{speed:,.0f} sentences a second", flush=True)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", choices=("suspects", "tagger"), default="suspects")
    parser.add_argument("--sets", nargs="+", choices=tuple(SETS), default=["banking77", "sst2"])
    parser.add_argument("--how", choices=("uniform", "confusable"), default="uniform")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--cache", type=Path)
    told = parser.parse_args()
    if told.what == "tagger":
        learn()
        return 0
    cache = told.cache or Path(tempfile.mkdtemp(prefix="hone-suspects-"))
    cache.mkdir(parents=True, exist_ok=True)
    missed = []
    for name in told.sets:
        for seed in range(1, told.seeds + 1):
            times = find(name, told.how, seed, cache)
            if told.how == "uniform" and times < AIMS.get(name, 0):
                missed.append(f"{name} seed {seed}: {times:.1f} times chance, {AIMS[name]:.0f} are the aim")
    print("\n".join(missed) or "All aims are met.")
    if told.cache is None:
        shutil.rmtree(cache, ignore_errors=True)
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
