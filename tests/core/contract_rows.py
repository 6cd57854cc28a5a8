"""What the contract test needs of each task: a few dozen made-up rows that can be learnt, and a run of them. A new task adds one line to ROWS.

`ROWS[task](folder)` gives rows as core.data.values has them (see core/tasks/base.py), 60 : 20 : 20; files that rows name go into `folder`.
The base follows from the task's family: a tiny encoder, or the smallest blank model.
"""

from __future__ import annotations

import io
import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image

from core.data import images
from core.data.spans import span
from core.data.values import encode
from core.models.catalogue import find
from core.tasks.base import Task
from core.training.settings import TrainingSettings
from core.workspace import write_json

GOOD, BAD = ["good", "great", "happy"], ["bad", "awful", "sad"]
PLAIN = ["movie", "film", "is", "very", "the", "box", "wheel"]
TUNING = {"learning_rate": 5e-3, "epochs": 4.0, "batch_size": 16, "evaluations": 0.5, "dropout": 0.0, "max_length": 32}
PARTS = ("train", "train", "train", "validation", "test")


def opinions(folder: Path) -> list[dict[str, Any]]:
    return _rows(lambda dice: _labelled(dice.choice(["good", "bad"]), dice))


def sets(folder: Path) -> list[dict[str, Any]]:
    """Any of two labels, or none."""

    def one(dice: random.Random) -> dict[str, Any]:
        there = [label for label in ("good", "bad") if dice.random() < 0.5]
        words = [dice.choice(GOOD if label == "good" else BAD) for label in there for _ in range(2)]
        return {"text": _mixed(words, dice), "label": there}

    return _rows(one)


def numbers(folder: Path) -> list[dict[str, Any]]:
    """How many more good words than bad ones, on a scale of its own."""

    def one(dice: random.Random) -> dict[str, Any]:
        good, bad = dice.randint(0, 3), dice.randint(0, 3)
        words = dice.choices(GOOD, k=good) + dice.choices(BAD, k=bad)
        return {"text": _mixed(words, dice), "label": 100.0 + 20 * (good - bad)}

    return _rows(one)


def places(folder: Path) -> list[dict[str, Any]]:
    """Words that are good or bad, marked as such."""

    def one(dice: random.Random) -> dict[str, Any]:
        text = _mixed(dice.choices(GOOD + BAD, k=2), dice)
        found, start = [], 0
        for word in text.split(" "):
            if word in GOOD + BAD:
                found.append(span(start, start + len(word), "good" if word in GOOD else "bad"))
            start += len(word) + 1
        return {"text": text, "label": found}

    return _rows(one)


def pairs(folder: Path) -> list[dict[str, Any]]:
    """Praise, and a second voice that is of the same mind, or not."""

    def one(dice: random.Random) -> dict[str, Any]:
        second = dice.choice(["good", "bad"])
        label = "same" if second == "good" else "not same"
        return {"text": _labelled("good", dice)["text"], "text_b": _labelled(second, dice)["text"], "label": label}

    return _rows(one)


def pictures(folder: Path) -> list[dict[str, Any]]:
    """Small pictures in warm or cold colours. A picture is the path of its file."""

    def one(dice: random.Random) -> dict[str, Any]:
        label = dice.choice(["warm", "cold"])
        strong, weak = dice.randint(130, 250), dice.randint(20, 120)
        colour = (strong, dice.randint(0, 255), weak) if label == "warm" else (weak, dice.randint(0, 255), strong)
        buffer = io.BytesIO()
        picture = Image.new("RGB", (24, 20), colour)
        picture.putpixel((dice.randrange(24), dice.randrange(20)), (0, 0, 0))
        picture.save(buffer, "PNG")
        return {"image": str(folder / images.keep(buffer.getvalue(), folder).image), "label": label}

    return _rows(one)


def causes(folder: Path) -> list[dict[str, Any]]:
    """A card and a box, of which one did it to the other; or neither."""

    def one(dice: random.Random) -> dict[str, Any]:
        head, tail = "<e1>card</e1>", "<e2>box</e2>"
        kind = dice.choice(["good", "bad", "Other"])
        turned = dice.random() < 0.5
        verb = {"good": "is", "bad": "but", "Other": "and"}[kind]
        first, second = (tail, head) if turned else (head, tail)
        label = kind if kind == "Other" else f"{kind}({'e2,e1' if turned else 'e1,e2'})"
        return {"text": f"{dice.choice(PLAIN)} {first} {verb} {verb} {second} {dice.choice(PLAIN)}", "label": label}

    return _rows(one)


def questions(folder: Path) -> list[dict[str, Any]]:
    """Which word is good (or bad)? One of the text, or none."""

    def one(dice: random.Random) -> dict[str, Any]:
        asked = dice.choice(["good", "bad"])
        words = dice.choices(PLAIN, k=5)
        if there := dice.random() < 0.8:
            words[dice.randrange(5)] = dice.choice(GOOD if asked == "good" else BAD)
        text = " ".join(words)
        word = next((w for w in words if w in GOOD + BAD), "")
        answers = [{"text": word, "start": text.index(word)}] if there else []
        return {"text": text, "question": f"which is {asked}", "label": answers}

    return _rows(one)


def tests(folder: Path) -> list[dict[str, Any]]:
    """Two to four words, of which one is praise."""

    def one(dice: random.Random) -> dict[str, Any]:
        right = dice.choice(GOOD)
        options = [right, *dice.sample(BAD, dice.randint(1, 3))]
        dice.shuffle(options)
        return {"text": f"which of them is good or {dice.choice(PLAIN)}", "choices": options, "label": right}

    return _rows(one)


def lists(folder: Path) -> list[dict[str, Any]]:
    """Two to six words, of which one or two of praise were clicked, one of them perhaps twice."""

    def one(dice: random.Random) -> dict[str, Any]:
        clicked = dice.sample(GOOD, dice.randint(1, 2))
        shown = [*clicked, *dice.sample(BAD, dice.randint(1, 3))]
        dice.shuffle(shown)
        label = {word: float(dice.choice([1, 1, 2])) for word in clicked}
        return {"text": f"which of them is good or {dice.choice(PLAIN)}", "choices": shown, "label": label}

    return _rows(one)


def likenesses(folder: Path) -> list[dict[str, Any]]:
    """How many words of the second opinion are of the first one's mind, 0 to 4."""

    def one(dice: random.Random) -> dict[str, Any]:
        good, alike = dice.random() < 0.5, dice.randint(0, 4)
        same, other = (GOOD, BAD) if good else (BAD, GOOD)
        second = dice.choices(same, k=alike) + dice.choices(other, k=4 - alike)
        dice.shuffle(second)
        return {"text": " ".join(dice.choices(same, k=4)), "text_b": " ".join(second), "label": float(alike)}

    return _rows(one)


def talks(folder: Path) -> list[dict[str, Any]]:
    """Somebody tells an opinion, the assistant says of which kind it is; some do so twice."""

    def one(dice: random.Random) -> dict[str, Any]:
        turns = []
        for _ in range(dice.randint(1, 2)):
            label = dice.choice(["good", "bad"])
            turns.append({"role": "user", "content": _labelled(label, dice)["text"]})
            turns.append({"role": "assistant", "content": f"that is {label}"})
        return {"messages": turns}

    return _rows(one)


def better_answers(folder: Path) -> list[dict[str, Any]]:
    """An answer that says of which kind an opinion is, and one that does not."""

    def one(dice: random.Random) -> dict[str, Any]:
        label = dice.choice(["good", "bad"])
        turns = [{"role": "user", "content": _labelled(label, dice)["text"]}]
        return {"messages": turns, "chosen": f"that is {label}", "rejected": f"no idea {dice.randint(1, 9)}"}

    return _rows(one)


def rewritings(folder: Path) -> list[dict[str, Any]]:
    """An opinion becomes a verdict."""

    def one(dice: random.Random) -> dict[str, Any]:
        label = dice.choice(["good", "bad"])
        return {"text": _labelled(label, dice)["text"], "label": f"a {label} one"}

    return _rows(one)


def stories(folder: Path) -> list[dict[str, Any]]:
    """Sentences that go on in one way."""
    ends = {"good": "and all were happy", "bad": "and all were sad"}

    def one(dice: random.Random) -> dict[str, Any]:
        label = dice.choice(["good", "bad"])
        return {"text": f"the film was {label} {ends[label]} " * dice.randint(1, 3)}

    return _rows(one)


def judgements(folder: Path) -> list[dict[str, Any]]:
    """Two answers, of which the one with the good words was chosen; or one with a grade."""

    def one(dice: random.Random) -> dict[str, Any]:
        asked = _mixed([], dice)
        if dice.random() < 0.3:
            grade = dice.randint(0, 3)
            text = _mixed(dice.choices(GOOD, k=grade) + dice.choices(BAD, k=3 - grade), dice)
            return {"text": text, "rejected": None, "prompt": asked, "grade": float(grade)}
        good, bad = (_mixed(dice.choices(words, k=2), dice) for words in (GOOD, BAD))
        return {"text": good, "rejected": bad, "prompt": asked if dice.random() < 0.7 else None, "grade": None}

    return _rows(one)


KEYS = ["card", "money", "bank", "order", "bike", "red", "blue", "green", "late", "refund"]


def searches(folder: Path) -> list[dict[str, Any]]:
    """A question and a text about the same two things, sometimes beside a text about others."""

    def one(dice: random.Random) -> dict[str, Any]:
        things, others = dice.sample(KEYS, 2), dice.sample(KEYS, 2)
        found = {"text": _mixed(things, dice), "text_b": _mixed([*things, *things], dice)}
        return {**found, "negative": _mixed(others, dice) if dice.random() < 0.5 else None}

    return _rows(one)


ROWS: dict[str, Callable[[Path], list[dict[str, Any]]]] = {
    "classification": opinions,
    "multilabel": sets,
    "regression": numbers,
    "tokens": places,
    "relations": causes,
    "answers": questions,
    "choice": tests,
    "images": pictures,
    "pairs": pairs,
    "similarity": likenesses,
    "retrieval": searches,
    "reward": judgements,
    "ranking": lists,
    "chat": talks,
    "language": stories,
    "masked": stories,
    "preferences": better_answers,
    "text2text": rewritings,
}


def values_of(task: Task, **more: Any) -> dict[str, Any]:
    """The task's own settings, with a tiny training over them."""
    return {**{k: v for k, v in task.usual.items() if k != "base"}, **TUNING, **more}


def write_run(folder: Path, task: Task, base: Path, **more: Any) -> None:
    """run.json and rows.arrow as Start writes them; `more` are settings."""
    (folder / "files").mkdir(parents=True)
    rows = ROWS[task.name](folder / "files")
    names = ["id", *(c.role for c in task.columns), "split"]
    kinds = {c.role: c.kind for c in task.columns}
    cells = {n: [encode(kinds.get(n, "text"), row.get(n)) for row in rows] for n in names}
    table = pa.table({n: pa.array(column, pa.string()) for n, column in cells.items()})
    with pa.OSFile(str(folder / "rows.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as out:
        out.write_table(table)
    known = find(str(base))
    names = list(task.labels(rows).names) if any(c.target and c.kind != "number" for c in task.columns) else []
    settings = TrainingSettings(base=known.id, **values_of(task, **more))
    parts = Counter(row["split"] for row in rows)
    spec = {
        "format": 1, "id": folder.name, "name": task.name, "created": "2026-01-01T00:00:00+00:00", "task": task.name, "preset": "own", "base": known.as_json(),
        "settings": settings.model_dump(), "phases": [{"method": "full", "settings": {}, "fresh": False}],
        "labels": {"names": names, "colours": [1] * len(names)}, "watched": [row["id"] for row in rows[3:9:5]], "threads": 1,
        "data": {"name": "rows.csv", "version": 1, "counts": dict(parts), "columns": {}},
    }  # fmt: skip
    write_json(folder / "run.json", spec)


def events(folder: Path, kind: str) -> list[dict[str, Any]]:
    lines = (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [event for line in lines if (event := json.loads(line))["kind"] == kind]


def _rows(one: Callable[[random.Random], dict[str, Any]], count: int = 100, seed: int = 3) -> list[dict[str, Any]]:
    dice = random.Random(seed)
    return [{"id": f"1:{i}", **one(dice), "split": PARTS[i % 5]} for i in range(count)]


def _labelled(label: str, dice: random.Random) -> dict[str, Any]:
    return {"text": _mixed(dice.choices(GOOD if label == "good" else BAD, k=2), dice), "label": label}


def _mixed(words: list[str], dice: random.Random) -> str:
    """The words in an order of chance, among others that tell nothing."""
    found = [*words, *dice.choices(PLAIN, k=dice.randint(2, 5))]
    dice.shuffle(found)
    return " ".join(found)
