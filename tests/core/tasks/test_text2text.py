"""One text into another: the loss by hand, measures beside sacrebleu, rivals; from a file to the copy with a blank model and with T5's shape."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import sacrebleu
import torch
from torch.nn import functional

from core.cli import main
from core.data.dataset import Dataset
from core.errors import RunError
from core.inference import Predictor
from core.models import blank
from core.models.catalogue import find
from core.models.loading import open_base
from core.tasks.base import Labels, Text
from core.tasks.guessing import settle as guessed
from core.tasks.text2text import CHECKED, Text2Text, nearest
from core.training import draft as drafts
from core.training.advice import Facts
from core.training.draft import Draft
from core.training.settings import TrainingSettings

TASK, NONE = Text2Text(), Labels((), ())
ROWS = [{"text": f"the film is {w}", "label": f"a {w} one", "split": "train"} for w in ("good", "very bad", "sad")]


def settings(**more: Any) -> TrainingSettings:
    return TrainingSettings(**{"max_length": 32, "answer_length": 8, "dropout": 0.0, **more})


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("blank") / "seq2seq"
    blank.make("seq2seq", "tiny", [row[role] for row in ROWS for role in ("text", "label")] * 9, folder)
    return open_base(find(str(folder)), "encoder-decoder")


# By hand ------------------------------------------------------------------------------------------------------------


def test_the_loss_is_cross_entropy_over_the_right_tokens_with_smoothing(source: Any):
    model = TASK.model(source, NONE, settings()).eval()
    examples = list(TASK.encode(ROWS, source.tokenizer, settings()))
    batch = TASK.collate(examples, [TASK.target({}, e, NONE) for e in examples], source.tokenizer)
    assert batch["labels"].shape == (3, max(e.weight for e in examples))
    with torch.no_grad():
        whole = model(**batch)
        mine = TASK.forward(model, batch)
    assert float(TASK.loss(mine, batch, settings(), NONE)) == pytest.approx(float(whole.loss), rel=1e-5)
    flat, right = whole.logits.flatten(0, 1), batch["labels"].flatten()
    smoothed = functional.cross_entropy(flat, right, ignore_index=-100, label_smoothing=0.1)
    assert float(TASK.loss(mine, batch, settings(label_smoothing=0.1), NONE)) == pytest.approx(float(smoothed), rel=1e-5)  # fmt: skip


def test_what_stands_before_each_text_is_read_with_it(source: Any):
    plain, told = (next(iter(TASK.encode(ROWS[:1], source.tokenizer, settings(prefix=p)))) for p in (None, "very "))
    assert source.tokenizer.decode(told.input_ids).startswith("very the film")
    assert len(told.input_ids) > len(plain.input_ids)


def test_measures_are_sacrebleus_and_only_of_texts_that_were_written():
    rows = [*ROWS, {"text": "x", "label": "not asked"}]
    said = [Text("a good one", 1.0, 2), Text("a bad one", 3.0, 2), Text("", 0.5, 2), Text("", 1.5, 2, written=False)]
    found = TASK.score(rows, said, NONE)
    right = [[row["label"] for row in ROWS]]
    assert found["bleu"] == pytest.approx(sacrebleu.corpus_bleu([p.text for p in said[:3]], right).score)
    assert found["chrf"] == pytest.approx(sacrebleu.corpus_chrf([p.text for p in said[:3]], right).score)
    assert found["loss"] == pytest.approx(6.0 / 8)
    assert TASK.credit(ROWS[1], said[1], NONE) == pytest.approx(2 * 3 / (3 + 4))


def test_only_some_texts_are_written_at_a_check_but_all_are_asked(source: Any):
    rows = [dict(ROWS[i % 3]) for i in range(100)]
    kept = TASK.sparing(list(TASK.encode(rows, source.tokenizer, settings())))
    assert len(kept) == 100 and sum(e.extra["prompt"] is not None for e in kept) == CHECKED


def test_rivals_copy_and_look_up_the_likest_training_text():
    asked = [{"text": "this film is sad", "label": "a sad one"}]
    copy, near = TASK.rivals(ROWS, [], asked, NONE, lambda: False)
    assert copy.predictions[0].text == "this film is sad" and near.predictions[0].text == "a sad one"
    assert nearest([{"text": "?", "label": "y"}], [{"text": "!"}]) == ["y"]


def test_without_any_right_text_there_is_nothing_to_learn():
    with pytest.raises(RunError, match="what shall become"):
        TASK.labels([{"text": "x", "label": None, "split": "train"}])


def test_settings_begin_with_a_blank_model_and_show_what_counts_for_writing():
    settled = drafts.settle(Draft(), Facts(29_000, 1_000, {}, task="text2text", language="en"))
    assert settled.base.id == "blank:seq2seq-small"
    assert {"label_smoothing", "prefix", "decoding"} <= settled.counted and not {"beams", "packing", "loss"} & settled.counted  # fmt: skip
    t5 = drafts.settle(Draft(changed={"base": "google-t5/t5-small"}), settled.facts)
    assert not t5.problems and t5.settings.method == "full" and t5.settings.learning_rate == 1e-4
    wrong = drafts.settle(Draft(changed={"base": "blank:causal-small"}), settled.facts)
    assert "blank:seq2seq-tiny" in str(wrong.base_problem.message)


# From a file to the copy --------------------------------------------------------------------------------------------


def test_the_command_line_trains_from_a_blank_base_and_the_copy_answers_the_same(tmp_path: Path):
    words = ["red", "blue", "green", "small", "large"]
    lines = [f"i see a {words[i % 5]} bike {i},ich sehe ein rad {words[i % 5]} {i}" for i in range(60)]
    (tmp_path / "in.csv").write_text("\n".join(["en,de", *lines]), encoding="utf-8")

    def hone(*arguments: str) -> Any:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([*arguments, "--workspace", str(tmp_path / "home"), "--json"])
        assert code == 0, err.getvalue()
        return json.loads(out.getvalue().splitlines()[-1])

    knobs = ["--epochs", "2", "--answer-length", "8", "--decoding", "beam", "--beams", "2"]
    done = hone("train", str(tmp_path / "in.csv"), "--base", "blank:seq2seq-tiny", *knobs, "--inline")
    assert set(done["test"]) == {score.name for score in TASK.scores}
    (run,) = (tmp_path / "home").glob("users/local/projects/*/runs/run-*")
    packed = hone("export", "last", "--to", str(tmp_path / "copy.zip"))
    assert packed["checked"] == packed["equal"] > 0
    with zipfile.ZipFile(tmp_path / "copy.zip") as archive:
        archive.extractall(tmp_path / "copy")
    (copy,) = (tmp_path / "copy").iterdir()
    asked = "i see a red bike 3"
    said = subprocess.run([sys.executable, "-I", str(copy / "predict.py"), "--json", asked], capture_output=True, text=True)  # fmt: skip
    assert said.returncode == 0, said.stderr[-2000:]
    (right,) = Predictor.open(run / "model", device="cpu").predict([asked])
    assert json.loads(said.stdout.splitlines()[-1])["text"] == right.text
    told = hone("evaluate", "last")
    assert set(told["contenders"]) == {"run", "copy", "nearest"}


@pytest.mark.parametrize("path", ["multi30k/val.en-de.csv", "scitldr_a/dev.jsonl"])
def test_two_texts_a_row_are_found(data_dir: Path, tmp_path: Path, path: str):
    data = Dataset.open(tmp_path)
    data.add(data_dir / path, Path(path).name)
    assert guessed(data) == "text2text"
    if "multi30k" in path:
        assert (data.roles["text"].column, data.roles["label"].column) == ("en", "de")
