"""Places in texts: targets, loss, answers and measures by hand; a run of the real worker; the way from files over the command line."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from core.data.spans import span
from core.errors import ModelError, RunError
from core.inference import Predictor
from core.models.catalogue import find
from core.tasks.base import Example, Labels, Spans
from core.tasks.subwords import IGNORED
from core.tasks.tokens import Tokens, tag_weights, tags
from core.training.phases import planned
from core.training.settings import TrainingSettings
from core.training.worker import worker
from core.workspace import read_json, write_json

ROOT = Path(__file__).resolve().parents[3]
TASK = Tokens()
LABELS = Labels(("PER", "LOC"), (6, 2), {"whole_words": True})


def rows(*marked: tuple[str, list[dict[str, Any]]], split: str = "train") -> list[dict[str, Any]]:
    return [{"id": str(i), "text": text, "label": spans, "split": split} for i, (text, spans) in enumerate(marked)]


def said(*spans: dict[str, Any], nll: float = 0.0, tokens: int = 0) -> Spans:
    return Spans(tuple(spans), "", nll, tokens)


ADA = ("Ada met Bob in Rome", [span(0, 3, "PER"), span(8, 11, "PER"), span(15, 19, "LOC")])


# By hand ------------------------------------------------------------------------------------------------------------


def test_the_sorts_of_places_are_learnt_most_frequent_first_or_as_named():
    assert TASK.labels(rows(ADA)).names == ("PER", "LOC")
    assert TASK.labels(rows(ADA), ["LOC", "DATE", "PER"]).counts == (1, 0, 2)
    assert tags(("PER", "LOC")) == ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


def test_nothing_marked_is_nothing_to_learn():
    with pytest.raises(RunError, match="no place is marked"):
        TASK.labels(rows(("Ada", [])), ["PER"])


def test_whether_places_end_where_words_do_is_seen_in_the_rows():
    assert TASK.labels(rows(ADA)).extra == {"whole_words": True}
    assert TASK.labels(rows(("7pm in Rome", [span(0, 1, "NUMBER")]))).extra == {"whole_words": False}


def test_measures_equal_a_table_worked_by_hand():
    gold = rows(ADA, ("Bob", [span(0, 3, "PER")]), ("nobody", []))
    answers = [
        said(span(0, 3, "PER"), span(8, 11, "LOC"), span(12, 19, "LOC"), nll=2.0, tokens=4),
        said(nll=3.0, tokens=2),
        said(),
    ]
    found = TASK.score(gold, answers, LABELS)
    assert found["precision"] == 1 / 3
    assert found["recall"] == 1 / 4
    assert found["f1"] == pytest.approx(2 / 7)
    assert found["partial_f1"] == pytest.approx(4 / 7)  # “in Rome” shares characters with Rome
    assert found["loss"] == pytest.approx((2 / 4 + 3 / 2) / 2)
    assert [TASK.credit(row, one, LABELS) for row, one in zip(gold, answers, strict=True)] == [1 / 3, 0.0, 1.0]
    assert TASK.per_label(gold, answers, LABELS) == {"PER": 1 / 3, "LOC": 0.0}


def test_the_report_counts_sorts_confusions_and_mistakes():
    gold = rows(ADA, ("nobody", []))
    answers = [said(span(0, 3, "PER"), span(8, 11, "LOC"), span(12, 19, "LOC")), said(span(0, 6, "PER"))]
    told = TASK.report(gold, answers, LABELS)
    assert told["labels"]["rows"][0] == ["PER", 0.5, 0.5, 0.5, 0.5, 2, 2]
    assert told["labels"]["rows"][-1][-2:] == [3, 4]
    assert told["confusion"]["cells"] == [[0, 0, 1], [0, 1, 1], [1, 2, 1], [2, 0, 1], [2, 1, 1]]
    assert len(told["confusion"]["rows"]) == len(told["confusion"]["columns"]) == 3
    mistakes = dict(zip([one["say"] for one in told["mistakes"]["names"]], told["mistakes"]["values"], strict=True))
    assert mistakes == {
        "right place, wrong sort": 1, "too long": 1, "too short": 0, "shifted": 0, "place and sort wrong": 0, "missed": 0, "invented": 1,
    }  # fmt: skip
    assert [one["gold"] for one in told["samples"]["rows"]] == ["Ada (PER); Bob (PER); Rome (LOC)", ""]
    json.dumps(told, allow_nan=False)


def test_the_loss_of_gathered_batches_is_that_of_one_large_batch():
    torch.manual_seed(3)
    logits, targets = (
        torch.randn(3, 5, 5),
        torch.tensor([[0, 1, 2, 0, -100], [3, -100, -100, -100, -100], [0, 0, 0, 4, 3]]),
    )
    for settings in (TrainingSettings(), TrainingSettings(loss="focal", focal_alpha=0.7, class_weights="sqrt")):
        whole = TASK.loss(logits, {"targets": targets}, settings, LABELS)
        parts = [TASK.loss(logits[i : i + 1], {"targets": targets[i : i + 1]}, settings, LABELS) for i in range(3)]
        assert float(whole) == pytest.approx(sum(map(float, parts)) / 3, rel=1e-5)


def test_the_loss_is_the_mean_over_texts_of_their_tokens_mean():
    logits, targets = torch.zeros(2, 3, 5), torch.tensor([[0, 1, -100], [2, -100, -100]])
    assert float(TASK.loss(logits, {"targets": targets}, TrainingSettings(), LABELS)) == pytest.approx(math.log(5))


def test_rare_sorts_may_weigh_more():
    assert tag_weights(LABELS, TrainingSettings()) is None
    assert tag_weights(LABELS, TrainingSettings(class_weights="balanced")).tolist() == [1, 1, 1, 3, 3]
    focal = tag_weights(LABELS, TrainingSettings(loss="focal", focal_alpha=0.75))
    assert focal.tolist() == pytest.approx([0.25, 0.75, 0.75, 0.75, 0.75])


def test_a_dictionary_is_the_rival():
    (rival,) = TASK.rivals(rows(ADA), [], rows(("Bob left Rome", [])), LABELS, lambda: False)
    assert rival.predictions[0].brief()["label"] == "Bob (PER); Rome (LOC)"


def test_counted_words_are_refused_and_a_probe_is_left_out():
    phases = [{"method": "head"}, {"method": "full"}]
    settings = TrainingSettings()
    assert [p.method for p in planned(phases, settings, find("bundled:all-MiniLM-L6-v2"), TASK)] == ["full"]
    assert [p.method for p in planned(phases[:1], settings, find("bundled:all-MiniLM-L6-v2"), TASK)] == ["head"]
    with pytest.raises(ModelError, match="cannot learn this task"):
        planned(phases, settings, find("classic:ngram"), TASK)


# Windows ------------------------------------------------------------------------------------------------------------


def sure(example: Example, targets: np.ndarray, size: int) -> np.ndarray:
    """Outputs of a model that knows the targets."""
    shares = np.full((len(targets), size), 0.01)
    shares[np.arange(len(targets)), np.maximum(targets, 0)] = 1 - 0.01 * (size - 1)
    return shares


def test_long_texts_are_read_in_windows_and_put_together_again(tiny_encoder: Path):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    text = " ".join(["the red bike", "👍 lost Money"] * 12)
    places = [span(at, at + 10, "LOC") for at in range(len(text)) if text.startswith("lost Money", at)]
    given = rows((text, places), ("red", []))
    examples = list(TASK.encode(given, tokenizer, TrainingSettings(max_length=20)))
    assert [e.row for e in examples].count(0) > 4 and [e.row for e in examples].count(1) == 1
    targets = [TASK.target(given[e.row], e, LABELS) for e in examples]
    assert all((target == IGNORED).sum() >= 2 for target in targets)  # the special tokens
    outputs = [sure(e, target, 5) for e, target in zip(examples, targets, strict=True)]
    first, second = TASK.decode(outputs, given, examples, LABELS)
    assert [{k: s[k] for k in ("start", "end", "label")} for s in first.spans] == places
    assert second.spans == () and second.tokens == 1
    assert TASK.score(given, [first, second], LABELS)["f1"] == 1.0
    unlabelled = TASK.decode(outputs, [{"text": text}, {"text": "red"}], examples, LABELS)
    assert unlabelled[0].spans == first.spans and unlabelled[0].tokens == 0


# Whole runs ---------------------------------------------------------------------------------------------------------

WHO, WHERE = ("happy", "sad", "good"), ("bank", "bike box", "wheel")


def sentences(count: int = 160) -> list[dict[str, Any]]:
    """Made-up sentences in which who and where can be told by the words."""
    dice = random.Random(5)
    found = []
    for i in range(count):
        who, where = dice.choice(WHO), dice.choice(WHERE)
        text = f"{who} was on the {where} {dice.choice(['in', 'at', 'by'])} {dice.choice(['red', 'blue'])}"
        at = text.index(where)
        spans = [span(0, len(who), "WHO"), span(at, at + len(where), "WHERE")]
        found.append(
            {
                "id": f"1:{i}",
                "text": text,
                "label": spans,
                "split": ("train", "train", "train", "validation", "test")[i % 5],
            }
        )
    return found


@pytest.fixture(scope="module")
def new_run(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    def make(method: str, **settings: Any) -> Path:
        folder = tmp_path_factory.mktemp("runs") / "run"
        folder.mkdir()
        given = [{**row, "label": json.dumps(row["label"])} for row in sentences()]
        table = pa.table({name: pa.array([row[name] for row in given], pa.string()) for name in given[0]})
        with pa.OSFile(str(folder / "rows.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as out:
            out.write_table(table)
        base = find(str(tiny_encoder))
        values = TrainingSettings(base=base.id, method=method, save_seconds=0.0, **settings).model_dump()
        spec = {
            "format": 1, "id": "run", "name": "run", "task": "tokens", "preset": "own", "base": base.as_json(), "settings": values,
            "phases": [{"method": method, "settings": {}, "fresh": False}], "labels": {"names": ["WHERE", "WHO"], "colours": [1, 2]},
            "watched": ["1:3"], "threads": 1,
        }  # fmt: skip
        write_json(folder / "run.json", spec)
        return folder

    return make


@pytest.fixture(scope="module")
def tuned(new_run: Callable[..., Path]) -> Path:
    folder = new_run("full", epochs=8.0, learning_rate=5e-3, batch_size=16, evaluations=0.5)
    worker(str(folder))
    return folder


def said_in(folder: Path, kind: str) -> list[dict[str, Any]]:
    lines = (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [event for line in lines if (event := json.loads(line))["kind"] == kind]


def test_a_run_learns_and_keeps_its_best_moment(tuned: Path):
    (end,) = said_in(tuned, "finished")
    assert end["test"]["f1"] > 0.9
    losses = [check["scores"]["loss"] for check in said_in(tuned, "evaluated")]
    assert losses[-1] < losses[0]
    assert "(WHO)" in said_in(tuned, "evaluated")[-1]["watched"]["1:3"]["label"]


def test_the_kept_model_is_a_standard_folder_whose_outputs_are_tags(tuned: Path):
    about, config = read_json(tuned / "model" / "hone.json"), read_json(tuned / "model" / "config.json")
    assert (about["architecture"], about["labels"]) == ("token-classification", ["WHERE", "WHO"])
    assert config["id2label"] == {"0": "O", "1": "B-WHERE", "2": "I-WHERE", "3": "B-WHO", "4": "I-WHO"}
    assert about["extra"] == {"whole_words": True}


def test_a_kept_model_answers_texts_without_labels_in_any_length(tuned: Path):
    predictor = Predictor.open(tuned / "model", device="cpu")
    text = "happy was on the bike box by red"
    long = ". ".join([text] * 12)
    short, longer, empty = predictor.predict([text, long, ""])
    assert [(text[s["start"] : s["end"]], s["label"]) for s in short.spans] == [("happy", "WHO"), ("bike box", "WHERE")]
    assert [long[s["start"] : s["end"]] for s in longer.spans].count("bike box") == 12
    assert all(0 < s["probability"] <= 1 for s in short.spans)
    assert empty.spans == ()


def test_the_same_answers_come_in_a_fresh_process(tuned: Path):
    text = "sad was on the wheel in blue"
    code = (
        "import json, sys; from core.inference import Predictor;"
        "print(json.dumps(Predictor.open(sys.argv[1], device='cpu').predict([sys.argv[2]])[0].as_json()))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tuned / "model"), text], cwd=ROOT, capture_output=True, text=True, check=True)  # fmt: skip
    mine = Predictor.open(tuned / "model", device="cpu").predict([text])[0].as_json()
    theirs = json.loads(done.stdout.splitlines()[-1])
    for a, b in zip(mine["spans"], theirs["spans"], strict=True):
        assert {**a, "probability": pytest.approx(a["probability"], abs=1e-4)} == b


def test_the_last_layer_alone_learns_by_steps(new_run: Callable[..., Path]):
    folder = new_run("head", epochs=3.0, learning_rate=2e-2, batch_size=16)
    worker(str(folder))
    losses = [check["scores"]["loss"] for check in said_in(folder, "evaluated")]
    assert losses[-1] < losses[0] and said_in(folder, "finished")


# From files over the command line -----------------------------------------------------------------------------------


def hone(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    told = {**os.environ, "HONE_HOME": str(home), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "core", *arguments], cwd=ROOT, env=told, capture_output=True, text=True, encoding="utf-8", timeout=240,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["conll2003", "cluener2020"])
def test_real_files_become_a_model_over_the_command_line(name: str, data_dir: Path, tiny_encoder: Path, tmp_path: Path):
    source = data_dir / name / ("valid.txt" if name == "conll2003" else "dev.jsonl")
    file = tmp_path / source.name
    file.write_text("".join(source.read_text(encoding="utf-8").splitlines(keepends=True)[: 1500 if source.suffix == ".txt" else 120]), encoding="utf-8")  # fmt: skip
    done = hone(
        tmp_path / "home", "train", str(file), "--task", "tokens", "--base", str(tiny_encoder), "--epochs", "1", "--method", "full",
        "--max-length", "48", "--inline", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert set(told["test"]) == {"f1", "partial_f1", "precision", "recall"}
    (folder,) = (tmp_path / "home").rglob(f"runs/{told['run']}/model")
    assert Predictor.open(folder, device="cpu").predict(["EU rejects German call"])[0].kind == "spans"
