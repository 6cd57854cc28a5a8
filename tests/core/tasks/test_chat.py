"""Conversations: what is learnt, packing, measures by hand; a real model tuned with LoRA; blank bases made by the run; from a file to the copy."""

from __future__ import annotations

import contextlib
import io
import json
import math
import random
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from contract_rows import ROWS, events, write_run

from core.cli import main
from core.errors import RunError
from core.inference import Predictor
from core.models import blank
from core.models.catalogue import find
from core.models.loading import open_base
from core.models.methods import method
from core.tasks import TASKS
from core.tasks.base import Labels, Text
from core.tasks.chat import Chat, template_of, told
from core.tasks.guessing import settle as guessed
from core.training import draft as drafts
from core.training.advice import Facts
from core.training.draft import Draft
from core.training.settings import TrainingSettings
from core.training.worker import worker

TASK = Chat()
NONE = Labels((), ())


def talk(*said: str) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(said)]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("blank") / "causal"
    blank.make("causal", "tiny", ["how are you", "very well indeed", "what is it", "it is a bike"] * 20, folder)
    return folder


def settings(**more: Any) -> TrainingSettings:
    return TrainingSettings(**{"max_length": 64, "answer_length": 8, "dropout": 0.0, **more})


def opened(base: Path, **more: Any) -> Any:
    chosen = settings(**more)
    source = open_base(find(str(base)), "causal")
    return source, TASK.model(source, NONE, chosen), chosen


# By hand ------------------------------------------------------------------------------------------------------------


def test_only_the_assistants_turns_are_learnt_unless_all_shall_be(base: Path):
    source, _, _ = opened(base)
    row = {"messages": talk("how are you", "very well", "what is it", "a bike"), "split": "train"}
    (one,) = TASK.encode([row], source.tokenizer, settings())
    learnt = source.tokenizer.decode(one.input_ids[one.extra["learnt"]])
    assert learnt.replace("<|im_end|>", "|") == "very well|a bike|"
    assert one.weight == one.extra["learnt"].sum()
    (whole,) = TASK.encode([row], source.tokenizer, settings(learn_turns="all"))
    assert whole.weight == len(whole.input_ids) - 1


def test_what_follows_the_last_answer_is_left_out_of_data_and_answered_in_a_question(base: Path):
    turns = [*talk("how are you", "very well"), {"role": "user", "content": "what is it"}]
    source, _, _ = opened(base)
    assert told({"messages": turns, "split": "train"}) == turns[:2] and told({"messages": turns}) == turns
    assert told({"messages": "plain words"}) == [{"role": "user", "content": "plain words"}]
    data, asked = (next(iter(TASK.encode([row], source.tokenizer, settings()))) for row in ({"messages": turns, "split": "test"}, {"messages": turns}))  # fmt: skip
    assert data.weight > 0 and asked.weight == 0
    assert source.tokenizer.decode(asked.extra["prompt"]).endswith("<|im_start|>assistant\n")


def test_packing_changes_no_examples_loss(base: Path):
    source, model, chosen = opened(base, packing=True)
    rows = [{"messages": talk(f"what is {i}", "it is a bike " * (1 + i % 3)), "split": "train"} for i in range(7)]
    examples = list(TASK.encode(rows, source.tokenizer, chosen))
    targets = [TASK.target({}, one, NONE) for one in examples]
    together = TASK.collate(examples, targets, source.tokenizer)
    assert len(together["input_ids"]) < len(examples)
    with torch.no_grad():
        packed = TASK.forward(model.eval(), together)
        alone = TASK.forward(model, TASK.collate(examples, None, source.tokenizer))
        model.keeps_apart = "never"
        apart = TASK.forward(model, together)
    assert torch.allclose(packed, alone, atol=1e-4) and torch.allclose(apart, alone, atol=1e-4)


def test_halved_arithmetic_packs_as_well(base: Path):
    source, model, chosen = opened(base, packing=True)
    rows = [{"messages": talk(f"what is {i}", "it is a bike"), "split": "train"} for i in range(4)]
    examples = list(TASK.encode(rows, source.tokenizer, chosen))
    batch = TASK.collate(examples, [TASK.target({}, one, NONE) for one in examples], source.tokenizer)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        found = TASK.forward(model.eval(), batch)
    assert model.keeps_apart == "positions" and found.dtype == torch.float32
    with torch.no_grad():
        assert torch.allclose(found[:, :2], TASK.forward(model, batch)[:, :2], rtol=0.02)


def test_the_loss_of_gathered_batches_is_that_of_one_large_batch(base: Path):
    source, model, chosen = opened(base, packing=False)
    rows = [{"messages": talk("what is it", "a bike " * n), "split": "train"} for n in (1, 5, 2)]
    examples = list(TASK.encode(rows, source.tokenizer, chosen))

    def loss(some: list[Any]) -> float:
        batch = TASK.collate(some, [e.extra["learnt"] for e in some], source.tokenizer)
        with torch.no_grad():
            return float(TASK.loss(TASK.forward(model.eval(), batch), batch, chosen, NONE))

    total = sum(e.weight for e in examples)
    assert loss(examples) == pytest.approx(sum(loss([e]) * e.weight / total for e in examples), rel=1e-5)


def test_measures_are_over_all_tokens_together():
    found = TASK.score([{}, {}], [Text("", 2.0, 4, 3), Text("", 1.0, 1, 0)], NONE)
    assert found == {"loss": 0.6, "perplexity": pytest.approx(math.exp(0.6)), "token_accuracy": 0.6}
    assert TASK.credit({}, Text("", 2.0, 4), NONE) == pytest.approx(math.exp(-0.5))
    assert TASK.right({"messages": talk("who", "me")}) == "me" and TASK.right({"messages": talk("who")}) == ""


def test_without_an_answer_there_is_nothing_to_learn():
    with pytest.raises(RunError, match="nobody answers"):
        TASK.labels([{"messages": talk("hello"), "split": "train"}])


def test_a_model_without_a_template_gets_one_that_travels_with_it(data_dir: Path):
    source, _, chosen = opened(data_dir / "stories260k")
    assert source.tokenizer.chat_template and template_of(source.tokenizer, chosen) == "plain"


# Runs ---------------------------------------------------------------------------------------------------------------


def test_lora_on_a_real_model_learns_the_style_of_the_answers(data_dir: Path, tmp_path: Path):
    """Every answer begins the same way; the rest of the base stays as it was."""
    folder = tmp_path / "run"
    ask = ["what did she see", "where did he go", "who is there", "what is in the box"]
    rows = [
        {"messages": talk(f"{ask[i % 4]} {i}", f"Once upon a time there was a {w}.")}
        for i, w in enumerate(["dog", "cat", "bird", "girl", "boy"] * 20)
    ]
    kept, ROWS["chat"] = ROWS["chat"], lambda _: [{"id": f"1:{i}", **r, "split": ("train", "train", "train", "validation", "test")[i % 5]} for i, r in enumerate(rows)]  # fmt: skip
    try:
        write_run(folder, TASK, data_dir / "stories260k", method="lora", lora_rank=8, max_length=96, learning_rate=1e-2, epochs=15.0, evaluations=0.2, answer_length=12)  # fmt: skip
    finally:
        ROWS["chat"] = kept
    spec = json.loads((folder / "run.json").read_text())
    spec["phases"] = [{"method": "lora", "settings": {}, "fresh": False}]
    (folder / "run.json").write_text(json.dumps(spec))
    worker(str(folder))
    checks = events(folder, "evaluated")
    assert checks[-1]["scores"]["loss"] < 0.5 * 6  # of a vocabulary of 512: ln 512 = 6.2 before anything is known
    assert all(answer["label"] for answer in checks[-1]["watched"].values())
    (said,) = Predictor.open(folder / "model", device="cpu").predict([{"messages": talk("who is there 3")}])
    assert said.text.startswith("Once upon a time")


def test_lora_moves_only_its_own_matrices(data_dir: Path):
    _, model, chosen = opened(data_dir / "stories260k", method="lora", lora_rank=4)
    method("lora").prepare(model, chosen)
    moving = {name: w.numel() for name, w in model.named_parameters() if w.requires_grad}
    assert all("lora_" in name for name in moving)
    width, inner, kv = 64, 172, 32  # 5 layers: q, k, v, o, and gate, up, down
    assert sum(moving.values()) == 5 * 4 * (2 * 2 * width + 2 * (width + kv) + 3 * (width + inner))


def test_a_blank_base_is_made_once_inside_the_run_and_is_the_same_again(tmp_path: Path):
    made = []
    for name in ("one", "two"):
        folder = tmp_path / name
        _blank_run(folder)
        worker(str(folder))
        made.append({path.name: path.read_bytes() for path in (folder / "base").iterdir()})
        assert events(folder, "finished")
    assert made[0] == made[1] and "model.safetensors" in made[0]


def test_the_report_shows_the_turns_before_the_answer_and_says_what_was_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from core.evaluation import measured, measured_tables, report

    monkeypatch.setattr("core.tasks.chat.WRITTEN", 4)
    _blank_run(tmp_path / "run")
    worker(str(tmp_path / "run"))
    made = report.make(tmp_path / "run")
    rows = measured.rows_of(tmp_path / "run")["rows"]
    given = {row["id"]: row["messages"] for row in ROWS["chat"](tmp_path)}
    assert len(rows) == 20
    for row in rows:
        assert row["inputs"]["messages"] == given[row["id"]][:-1] and row["gold"] == given[row["id"]][-1]["content"]
    silent = [row["said"] for row in rows if not isinstance(row["said"], str)]
    assert len(silent) == 16 and str(silent[0]).startswith("Only measured, not written: it foresaw ")
    shown = next(figure for figure in made["figures"] if figure["name"] == "samples")["data"]["rows"]
    assert all(one["inputs"]["messages"][-1]["role"] == "user" for one in shown)
    columns, cells = dict(measured_tables.tables(tmp_path / "run", made, "zh"))["rows"]
    assert sum(line[columns.index("said")].startswith("只测量") for line in cells) == 16


def _blank_run(folder: Path) -> None:
    base = blank.SIZES["blank:causal-tiny"]
    seed = folder.parent / f"{folder.name}-seed"
    blank.make("causal", "tiny", ["x y z"] * 9, seed)
    write_run(folder, TASK, seed, epochs=1.0, answer_length=4)
    spec = json.loads((folder / "run.json").read_text())
    spec["base"] = find(base.id).as_json()
    (folder / "run.json").write_text(json.dumps(spec))


def test_settings_offer_blank_bases_and_refuse_one_that_only_reads():
    facts = Facts(200, 40, {}, task="chat", language="en")
    plain = drafts.settle(Draft(), facts)
    assert plain.base.id == "blank:causal-small" and plain.settings.learning_rate == 1e-3
    assert any("knows nothing yet" in str(reason) for reason in plain.advice.why)
    assert "answer_length" in plain.counted and "class_weights" not in plain.counted and "prefix" not in plain.counted
    wrong = drafts.settle(Draft(changed={"base": "bundled:all-MiniLM-L6-v2"}), facts)
    assert "blank:causal-tiny" in str(wrong.base_problem.message)
    here = drafts.settle(Draft(changed={"base": "blank:causal-tiny"}), facts, folders=False)
    assert here.settings.base == "blank:causal-tiny"


def test_the_command_line_trains_from_a_blank_base_and_the_copy_answers_the_same(tmp_path: Path):
    dice = random.Random(1)
    rows = [{"instruction": f"please say {w} {i} times", "input": "", "output": f"I say {w} now, {i} times"} for i, w in enumerate(dice.choices(["red", "blue", "green"], k=60))]  # fmt: skip
    file = tmp_path / "in.json"
    file.write_text(json.dumps(rows), encoding="utf-8")

    def hone(*arguments: str) -> Any:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([*arguments, "--workspace", str(tmp_path / "home"), "--json"])
        assert code == 0, err.getvalue()
        return json.loads(out.getvalue().splitlines()[-1])

    done = hone("train", str(file), "--base", "blank:causal-tiny", "--epochs", "2", "--answer-length", "6", "--inline")
    assert set(done["test"]) == {score.name for score in TASK.scores}
    (run,) = (tmp_path / "home").glob("users/local/projects/*/runs/run-*")
    assert json.loads((run / "run.json").read_text())["task"] == "chat"
    packed = hone("export", "last", "--to", str(tmp_path / "copy.zip"))
    assert packed["checked"] == packed["equal"] > 0
    with zipfile.ZipFile(tmp_path / "copy.zip") as archive:
        archive.extractall(tmp_path / "copy")
    (copy,) = (tmp_path / "copy").iterdir()
    said = subprocess.run([sys.executable, "-I", str(copy / "predict.py"), "--json", "say red"], capture_output=True, text=True)  # fmt: skip
    assert said.returncode == 0, said.stderr[-2000:]
    (right,) = Predictor.open(run / "model", device="cpu").predict([{"messages": talk("say red")}])
    assert json.loads(said.stdout.splitlines()[-1])["text"] == right.text
    told = hone("evaluate", "last")
    assert told["scores"]["perplexity"] > 1


@pytest.mark.parametrize("path", ["alpaca_zh/alpaca_zh_demo.json", "oasst_zh_multiturn/messages.jsonl"])
def test_real_conversations_are_found_and_can_be_learnt(data_dir: Path, tmp_path: Path, path: str):
    from core.data.dataset import Dataset

    data = Dataset.open(tmp_path)
    data.add(data_dir / path, Path(path).name)
    assert guessed(data) == "chat" and TASKS["chat"].name == "chat"
    places = np.flatnonzero(data.state.usable)[:20]
    rows = [{**row, "split": "train"} for row in data.state.inputs(places)]
    assert len(rows) == 20 and all(told(row)[-1]["role"] == "assistant" for row in rows)


def test_a_column_of_transcripts_is_a_column_of_conversations(tmp_path: Path):
    from core.data.dataset import Dataset

    lines = ["text", *(f'"### Human: what is {i}### Assistant: it is {i}"' for i in range(30))]
    (tmp_path / "in.csv").write_text("\n".join(lines), encoding="utf-8")
    data = Dataset.open(tmp_path / "data")
    data.add(tmp_path / "in.csv", "in.csv")
    assert guessed(data) == "chat"
    (one,) = data.state.inputs(np.arange(1))
    assert told({**one, "split": "train"}) == talk("what is 0", "it is 0")
