"""Training throughput against a plain transformers Trainer: same encoder, texts (BANKING77), threads and maximum length.

    python tests/benchmarks/throughput.py [--steps 60] [--blocks 3] [--threads 2]

Alternating blocks of --steps steps after a warm-up, no evaluation; the median of the blocks, in examples a second. Aims: 7 times the usual
no-code recipe (padded to 128, batch 8), twice dynamic padding at batch 32. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as Hone's workers have it; here for all contenders

import torch  # noqa: E402
import transformers  # noqa: E402

from core.device import choose  # noqa: E402
from core.models.catalogue import BUNDLED, bundled_folder, find  # noqa: E402
from core.models.loading import open_base, quiet  # noqa: E402
from core.models.methods import method  # noqa: E402
from core.tasks import task  # noqa: E402
from core.training.loop import Material, train  # noqa: E402
from core.training.optimizers import optimizer  # noqa: E402
from core.training.plan import Place  # noqa: E402
from core.training.precision import Arithmetic  # noqa: E402
from core.training.settings import TrainingSettings  # noqa: E402
from core.training.watch import Watch  # noqa: E402

LENGTH = 128
WARM_UP = 10


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    quiet()
    rows = texts()
    contenders = {
        "Hone (like lengths, batch 32)": lambda seed: ours(rows, options.steps, seed),
        "Trainer, dynamic padding, batch 32": lambda seed: theirs(rows, options.steps, seed, 32, "longest"),
        "Trainer, padded to 128, batch 8": lambda seed: theirs(rows, options.steps, seed, 8, "max_length"),
    }
    speeds: dict[str, list[float]] = {name: [] for name in contenders}
    for block in range(options.blocks):
        for name, run in contenders.items():
            speeds[name].append(run(block))
            print(f"block {block + 1}  {name:36}{speeds[name][-1]:8.1f} examples a second", flush=True)
    medians = {name: statistics.median(found) for name, found in speeds.items()}
    first = next(iter(medians))
    print(f"\n{options.threads} threads, torch {torch.__version__}, load {os.getloadavg()[0]:.1f}")
    for name, speed in medians.items():
        print(f"{name:36}{speed:8.1f} examples a second   Hone is {medians[first] / speed:4.2f} times as fast")


def ours(rows: list[dict[str, str]], steps: int, seed: int) -> float:
    """The product's own loop with the settings of the form, evaluation left out."""
    settings = TrainingSettings(length="steps", steps=WARM_UP + steps, max_length=LENGTH, evaluations=0.05, patience=0)
    job, source = task("classification"), open_base(find(BUNDLED))
    labels = job.labels(rows)
    model = job.model(source, labels, settings)
    method("full").prepare(model, settings)  # type: ignore[arg-type]
    examples = list(job.encode(rows, source.tokenizer, settings))
    targets = [job.target(rows[e.row], e, labels) for e in examples]
    device = choose(settings)
    material = Material(job, labels, source.tokenizer, examples, targets, settings, device, seed)
    place, marks = Place(0, 0), {}

    def hold() -> None:
        if place.step in (WARM_UP, WARM_UP + steps):
            marks[place.step] = time.perf_counter()

    model.to(device.name)
    train(
        model, optimizer(model, settings), Arithmetic(device), material, place, Watch("accuracy", 0, 5e-5),
        check=lambda: None, hold=hold, say=lambda event: None,
    )  # fmt: skip
    return steps * settings.batch_size / (marks[WARM_UP + steps] - marks[WARM_UP])


def theirs(rows: list[dict[str, str]], steps: int, seed: int, batch: int, padding: str) -> float:
    """A plain Trainer, as its documentation shows it."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(bundled_folder())
    names = sorted({row["label"] for row in rows})
    model = transformers.AutoModelForSequenceClassification.from_pretrained(bundled_folder(), num_labels=len(names))
    encoded = tokenizer(
        [row["text"] for row in rows], truncation=True, max_length=LENGTH,
        padding="max_length" if padding == "max_length" else False,
    )  # fmt: skip
    data = [
        {"input_ids": i, "attention_mask": m, "labels": names.index(row["label"])}
        for i, m, row in zip(encoded["input_ids"], encoded["attention_mask"], rows, strict=True)
    ]
    clock = Clock(steps)
    with tempfile.TemporaryDirectory() as folder:
        trainer = transformers.Trainer(
            model,
            transformers.TrainingArguments(
                output_dir=folder, per_device_train_batch_size=batch, max_steps=WARM_UP + steps, seed=seed,
                learning_rate=5e-5, logging_strategy="no", save_strategy="no", eval_strategy="no", report_to=[],
                disable_tqdm=True,
            ),
            train_dataset=data,  # type: ignore[arg-type]
            data_collator=transformers.DataCollatorWithPadding(tokenizer),
            callbacks=[clock],
        )  # fmt: skip
        trainer.train()
    return steps * batch / (clock.marks[WARM_UP + steps] - clock.marks[WARM_UP])


class Clock(transformers.TrainerCallback):
    def __init__(self, steps: int):
        self.steps = steps
        self.marks: dict[int, float] = {}

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step in (WARM_UP, WARM_UP + self.steps):
            self.marks[state.global_step] = time.perf_counter()


def texts() -> list[dict[str, str]]:
    folder = Path(os.environ.get("HONE_TEST_DATA") or ROOT.parent / "shared" / "data")
    with (folder / "banking77" / "train.csv").open(encoding="utf-8", newline="") as file:
        return [
            {"id": str(i), "text": row["text"], "label": row["category"], "split": "train"}
            for i, row in enumerate(csv.DictReader(file))
        ]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--blocks", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return parser.parse_args()


if __name__ == "__main__":
    main()
