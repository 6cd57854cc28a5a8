"""Finished runs in a project, by the real worker: for tests of the page, which begins where training has ended."""

from __future__ import annotations

import csv
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.models.catalogue import find
from core.projects import Project
from core.training import runs
from core.training.settings import TrainingSettings
from core.training.worker import worker

WORDS = {
    "praise": ["good", "great", "happy", "movie", "film", "love"],
    "lost card": ["card", "lost", "bank", "pay", "money", "late"],
    "bicycle": ["bike", "wheel", "red", "blue", "green", "order"],
}
SHARED = ["the", "a", "of", "is", "it", "this", "not", "and", "for", "with"]


def messages(count: int = 240, wrong: float = 0.1, seed: int = 5) -> list[dict[str, str]]:
    """Made-up texts of three labels, some of them labelled wrongly, so that there are mistakes to look at."""
    dice = random.Random(seed)
    rows = []
    for i in range(count):
        label = dice.choice(list(WORDS))
        words = dice.choices(WORDS[label], k=3) + dice.choices(SHARED, k=4)
        dice.shuffle(words)
        shown = dice.choice(list(WORDS)) if dice.random() < wrong else label
        rows.append({"text": f"{' '.join(words)} {i}", "label": shown, "split": SPLITS[i % 5]})
    return rows


SPLITS = ("train", "train", "train", "validation", "test")


def many_labels(labels: int = 40, each: int = 5) -> list[dict[str, str]]:
    """More labels than a screen is wide, each with a word of its own, some of them shared by two labels."""
    rows = []
    for label in range(labels):
        for i in range(each):
            word = f"word{label // 2}" if i == each - 1 else f"word{label}x"
            rows.append(
                {"text": f"this is {word} number {i}", "label": f"a_label_called_{label}", "split": SPLITS[i % 5]}
            )
    return rows


def fill(project: Project, rows: Sequence[Mapping[str, str]] | None = None) -> None:
    """Put rows into a project as a file of its own."""
    table = project.folder / "messages.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label", "split"])
        writer.writeheader()
        writer.writerows(rows or messages())
    project.dataset().add(table, "messages.csv")


def finish(
    project: Project,
    rows: Sequence[Mapping[str, str]] | None = None,
    *,
    base: str | Path = "classic:ngram",
    phases: Sequence[str] = ("head",),
    name: str = "A run of tests",
    **settings: Any,
) -> runs.Run:
    """A finished run on the project's rows; puts them there first when it is empty."""
    if project.dataset().empty:
        fill(project, rows)
    known = find(str(base))
    run = runs.create(
        project.folder,
        name=name,
        task="classification",
        base=known,
        settings=TrainingSettings(base=known.id, max_length=32, least_count=1, **settings),
        phases=[{"method": method, "settings": {}, "fresh": False} for method in phases],
        preset="own",
        dataset=project.dataset(),
        threads=1,
    )
    worker(str(run.folder))
    assert run.view().state == "finished", run.error
    return run
