"""How good the untouched presets are on every task: the whole way from the files to the measures on the final test, beside the task's rivals.

    python tests/benchmarks/tasks.py [--tasks multilabel ...] [--sets goemotions ...] [--presets balanced] [--seeds 1]
                                     [--threads 2] [--rows N] [--with KNOB=VALUE ...] [--no-rivals] [--workspace FOLDER]

`--rows` learns from that many training rows at random, for a quick look. A new task adds a line to SETS: its data, its roles where
guessing would not find them, and what it is to reach.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from core import processes, tasks  # noqa: E402
from core.data.dataset import Dataset  # noqa: E402
from core.evaluation.measured import rows_in  # noqa: E402
from core.tasks import guessing  # noqa: E402
from core.tasks.base import LOWER, Labels, Rival, Row  # noqa: E402
from core.tasks.multilabel import gold_matrix, sets  # noqa: E402
from core.training import draft, runs  # noqa: E402
from core.words import Message  # noqa: E402
from core.workspace import Workspace, read_json  # noqa: E402

Parts = Mapping[str, Sequence[Row]]

TRAIN_TEST = {"train.csv": "train", "test.csv": "test"}
TRAIN_DEV_TEST = {"train.csv": "train", "dev.csv": "validation", "test.csv": "test"}


@dataclass(frozen=True)
class Set:
    """A data set for a task. `aims`: measure -> least value on the test rows. `above`: rival -> how far over it in the task's first measure.

    `roles` holds columns that the guess would not find; `settings` what a person would set by hand for this data. Without validation rows
    `validation` of the training rows are set aside. `derived(source, folder)` writes `files` into a folder, from the data set called `source`.
    `others(parts, labels, task)` are rivals of this set beside those of its task.
    """

    task: str
    files: Mapping[str, str]
    aims: Mapping[str, float] = field(default_factory=dict)
    above: Mapping[str, float] = field(default_factory=dict)
    roles: Mapping[str, str | list[str]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    validation: float = 0.1
    source: str = ""
    derived: Callable[[Path, Path], None] | None = None
    others: Callable[[Parts, Labels, Any], Iterable[Rival]] | None = None


def tfidf(parts: Parts, labels: Labels, task: Any) -> Iterator[Rival]:
    """scikit-learn's TfidfVectorizer and a LogisticRegression for each label, as they come: with thresholds tuned like the run's, and at a half."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    texts = {part: [row["text"] for row in rows] for part, rows in parts.items()}
    counted = TfidfVectorizer().fit(texts["train"])
    fitted = OneVsRestClassifier(LogisticRegression(max_iter=1000))
    fitted.fit(counted.transform(texts["train"]), gold_matrix(parts["train"], labels))
    plain = replace(labels, extra={})
    said = {p: sets(fitted.predict_proba(counted.transform(texts[p])), plain) for p in ("validation", "test")}
    settled = task.settle(plain, parts["validation"], said["validation"])
    detail = Message("TF-IDF with logistic regression")
    yield Rival("tfidf", detail, detail, task.again(said["test"], settled))
    yield Rival("tfidf at 0.5", detail, detail, said["test"])


def questions_to_paragraphs(source: Path, folder: Path) -> None:
    """squad_v1 as a search: the question, and the paragraph that holds its answer."""
    for file, name in (("derived_train.json", "train.csv"), ("derived_heldout.json", "test.csv")):
        with (folder / name).open("w", encoding="utf-8", newline="") as out:
            lines = csv.writer(out)
            lines.writerow(["query", "passage"])
            for article in json.loads((source / file).read_text(encoding="utf-8"))["data"]:
                for paragraph in article["paragraphs"]:
                    lines.writerows([q["question"], paragraph["context"]] for q in paragraph["qas"])


def paragraphs_to_rank(source: Path, folder: Path) -> None:
    """squad_v1 as a log of impressions: a question, its paragraph among nine of the same article in an order of chance, one a row."""
    for file, name in (("derived_train.json", "train.csv"), ("derived_heldout.json", "test.csv")):
        dice = random.Random(1)
        with (folder / name).open("w", encoding="utf-8", newline="") as out:
            lines = csv.writer(out)
            lines.writerow(["question_id", "question", "passage", "clicked"])
            for article in json.loads((source / file).read_text(encoding="utf-8"))["data"]:
                texts = [paragraph["context"] for paragraph in article["paragraphs"]]
                for paragraph in article["paragraphs"]:
                    right = paragraph["context"]
                    for asked in paragraph["qas"]:
                        shown = [right, *dice.sample([text for text in texts if text != right], 8)]
                        dice.shuffle(shown)
                        lines.writerows([asked["id"], asked["question"], text, int(text == right)] for text in shown)


def intents_to_triplets(source: Path, folder: Path) -> None:
    """banking77 as a search: a question, another of the same intent and one of a different intent. Of the test questions each belongs to
    the first training question of its intent, so that there is one right answer among 77."""
    rows: dict[str, list[dict[str, str]]] = {}
    for name in ("train.csv", "test.csv"):
        with (source / name).open(encoding="utf-8", newline="") as file:
            rows[name] = list(csv.DictReader(file))
    alike: dict[str, list[str]] = {}
    for row in rows["train.csv"]:
        alike.setdefault(row["category"], []).append(row["text"])
    dice = random.Random(1)
    for name, some in rows.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as out:
            lines = csv.writer(out)
            lines.writerow(["anchor", "positive", "negative"])
            for row in some:
                mine = [text for text in alike[row["category"]] if text != row["text"]]
                positive = dice.choice(mine) if name == "train.csv" else alike[row["category"]][0]
                other = dice.choice([category for category in alike if category != row["category"]])
                lines.writerow([row["text"], positive, dice.choice(alike[other])])


def relations_to_choose(source: Path, folder: Path) -> None:
    """semeval2010_task8 as a test: how do the two belong together? The right relation (without its direction) among three others."""
    for name in ("train.csv", "test.csv"):
        with (source / name).open(encoding="utf-8", newline="") as file:
            rows = [{**row, "relation": row["relation"].partition("(")[0]} for row in csv.DictReader(file)]
        names = sorted({row["relation"] for row in rows})
        dice = random.Random(1)
        with (folder / name).open("w", encoding="utf-8", newline="") as out:
            lines = csv.writer(out)
            lines.writerow(["question", "A", "B", "C", "D", "answer"])
            for row in rows:
                options = [row["relation"], *dice.sample([n for n in names if n != row["relation"]], 3)]
                dice.shuffle(options)
                sentence = re.sub(r"</?e[12]>", "", row["sentence"])
                asked = f"{sentence} How do {row['e1']} and {row['e2']} belong together?"
                lines.writerow([asked, *options, "ABCD"[options.index(row["relation"])]])


SETS: dict[str, Set] = {
    "goemotions": Set("multilabel", TRAIN_DEV_TEST, {"macro_f1": 0.40}, {"tfidf": 0.08}, others=tfidf),
    "conll2003": Set("tokens", {"train.txt": "train", "valid.txt": "validation", "test.txt": "test"}, {"f1": 0.855}),
    "semeval2010_task8": Set("relations", TRAIN_TEST, {"macro_f1": 0.83}),
    "stsb_en": Set("similarity", TRAIN_DEV_TEST, {"spearman": 0.83}),
    "mrpc": Set("pairs", TRAIN_TEST, {"f1": 0.85}),
    "squad_search": Set("retrieval", TRAIN_TEST, source="squad_v1", derived=questions_to_paragraphs),
    "banking_triplets": Set("retrieval", TRAIN_TEST, source="banking77", derived=intents_to_triplets),
    "squad_ranking": Set("ranking", TRAIN_TEST, source="squad_v1", derived=paragraphs_to_rank),
    "relation_choice": Set("choice", TRAIN_TEST, source="semeval2010_task8", derived=relations_to_choose),
    "multi30k": Set(
        "text2text",
        {"train.en-de.csv": "train", "val.en-de.csv": "validation", "test_2016_flickr.en-de.csv": "test"},
        {"bleu": 10.0},
        roles={"text": "en", "label": "de"},
        settings={"epochs": 1.0},  # the budget: once through the training rows; how many target tokens that is, is told
    ),
    "squad_v1": Set("answers", {"derived_train.json": "train", "derived_heldout.json": "test"}, {"f1": 0.40}),
}


def main() -> None:
    options = arguments()
    named = options.sets or [n for n, one in SETS.items() if not options.tasks or one.task in options.tasks]
    with tempfile.TemporaryDirectory() as home:
        workspace = Workspace.open(options.workspace or home)
        for name in named:
            for preset in options.presets:
                found = [one(workspace, name, preset, seed, options) for seed in options.seeds]
                judge(name, preset, found)


def one(workspace: Workspace, name: str, preset: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """{"test", "rivals": {id: first measure}, "seconds"} of one run, told on the way."""
    about = SETS[name]
    task = tasks.task(about.task)
    project = workspace.projects / f"{name}-{preset}-{seed}-{options.rows or 'all'}"
    dataset = Dataset.open(project / "data")
    if dataset.empty:
        bring(dataset, name, seed, options.rows)
    settled = draft.settle(draft.Draft(preset, {**about.settings, **dict(options.knobs)}), dataset.facts())
    settings = settled.settings.model_copy(update={"seed": seed})
    run = runs.create(
        project, name=preset, task=task.name, base=settled.base, settings=settings, phases=settled.phases, preset=preset, dataset=dataset,
        changed=settled.changed, threads=options.threads,
    )  # fmt: skip
    begun = time.monotonic()
    code = "import sys; from core.training.worker import worker; worker(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", code, str(run.folder)], cwd=ROOT, check=True,
        env={**os.environ, "OMP_NUM_THREADS": str(options.threads), "GOMP_SPINCOUNT": "10000"},
    )  # fmt: skip
    seconds, view = time.monotonic() - begun, run.view()
    before = {k: round(v, 4) for k, v in (view.before or {}).items()}
    say(f"{name:14}{preset:10}seed {seed}: test {told(view.test)} in {seconds:.0f} s")
    say(f"    base {settled.base.id}, rows {run.spec['data']['counts']}, kept step {view.best_step} of {view.step}, validation {told(view.scores)}, before tuning {before}")  # fmt: skip
    if "rewrites" in task.traits:
        each, rounds = written(run.folder, task), view.points["epoch"][-1] or 0.0
        say(f"    learnt from {each * rounds:,.0f} target tokens: {each:,} a round, {rounds:.2f} rounds")
    rivals = {} if options.no_rivals else against(run.folder, task, about.others)
    for rival, value in rivals.items():
        say(f"    {rival:14}{task.scores[0].name} {value:.4f}")
    return {"test": dict(view.test), "rivals": rivals, "seconds": seconds}


def written(folder: Path, task: Any) -> int:
    """Target tokens of a round through the training rows, the end of each text among them."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder / "model", local_files_only=True)
    texts = [str(row["label"]) for row in rows_in(folder / "rows.arrow", task) if row["split"] == "train"]
    return sum(len(ids) for ids in tokenizer(text_target=texts)["input_ids"])


def against(folder: Path, task: Any, others: Any = None) -> dict[str, float]:
    """rival -> the task's first measure on the test rows; `others` are a data set's own, beside those of the task."""
    rows = rows_in(folder / "rows.arrow", task)
    parts = {part: [row for row in rows if row["split"] == part] for part in ("train", "validation", "test")}
    learnt = task.labels(rows, read_json(folder / "run.json")["labels"]["names"] or None)
    labels = Labels(learnt.names, learnt.counts, {**learnt.extra, **read_json(folder / "model" / "hone.json").get("extra", {})})  # fmt: skip
    rivals = task.rivals(parts["train"], parts["validation"], parts["test"], labels, lambda: False)
    found = [*rivals, *(others(parts, labels, task) if others else ())]
    return {r.id: task.score(parts["test"], r.predictions, labels)[task.scores[0].name] for r in found}


def judge(name: str, preset: str, found: list[dict[str, Any]]) -> None:
    """The mean over the seeds against what is to be reached."""
    about = SETS[name]
    first = tasks.task(about.task).scores[0].name
    mean = {k: statistics.mean(one["test"][k] for one in found) for k in found[0]["test"]}
    minutes = statistics.mean(one["seconds"] for one in found) / 60
    say(f"{name:14}{preset:10}mean of {len(found)}: {told(mean)}, {minutes:.1f} minutes each")
    for measure, least in about.aims.items():
        reached = mean[measure] <= least if measure in LOWER else mean[measure] >= least
        say(f"    {measure} {mean[measure]:.4f}, to reach: {least}  {'reached' if reached else 'MISSED'}")
    for rival, margin in about.above.items():
        if rivals := [one["rivals"][rival] for one in found if rival in one["rivals"]]:
            over = mean[first] - statistics.mean(rivals)
            say(
                f"    {first} {over:+.4f} over {rival}, to reach: {margin:+}  {'reached' if over >= margin else 'MISSED'}"
            )


def bring(dataset: Dataset, name: str, seed: int, rows: int | None) -> None:
    """The files as a person would drop them, the task as they would choose it, and of the training rows only some where so asked."""
    about = SETS[name]
    folder = Path(os.environ.get("HONE_TEST_DATA") or ROOT.parent / "shared" / "data") / (about.source or name)
    if about.derived:
        source, folder = folder, dataset.folder.parent / "derived"
        folder.mkdir(parents=True)
        about.derived(source, folder)
    for file, split in about.files.items():
        given = split if "validation" in about.files.values() or split == "test" else None
        dataset.add(folder / file, Path(file).name, split=given)
    guessing.settle(dataset, about.task)
    if about.roles:
        dataset.set_roles(about.roles)
    if "validation" not in about.files.values():
        dataset.set_split(validation=about.validation, test=0.0, seed=seed)
    if rows:
        state = dataset.state
        train = [state.rows.id(place) for place in (state.split == 0).nonzero()[0].tolist()]
        random.Random(seed).shuffle(train)
        dataset.exclude(train[rows:])


def told(scores: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in scores.items())


def say(line: str) -> None:
    print(line, flush=True)


def knob(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=sorted({one.task for one in SETS.values()}))
    parser.add_argument("--sets", nargs="+", choices=list(SETS))
    parser.add_argument("--presets", nargs="+", choices=["quick", "balanced", "best"], default=["balanced"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--threads", type=int, default=processes.cores())
    parser.add_argument("--rows", type=int)
    parser.add_argument("--with", dest="knobs", nargs="+", type=knob, default=[], metavar="KNOB=VALUE")
    parser.add_argument("--no-rivals", action="store_true")
    parser.add_argument("--workspace", help="keep everything here instead of in a temporary folder")
    return parser.parse_args()


if __name__ == "__main__":
    main()
