"""Better and worse answers: losses by hand, the reference, measures; a real model tuned with DPO and LoRA and with ORPO; from a file to the copy."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from contract_rows import ROWS, events, write_run
from torch.nn import functional

from core.data import together, votes
from core.data.cleaning import Cleaning
from core.data.dataset import Dataset
from core.data.team import Team
from core.errors import RunError
from core.inference import Predictor
from core.models import blank
from core.models.catalogue import find
from core.models.loading import open_base
from core.models.methods import method
from core.tasks.base import Labels, Text
from core.tasks.cleaned import cleaned
from core.tasks.guessing import settle as guessed
from core.tasks.preferences import Preferences, asked, judged, pair
from core.training.settings import TrainingSettings
from core.training.worker import worker

TASK, NONE = Preferences(), Labels((), ())


def row(question: str, chosen: str, rejected: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}], "chosen": chosen, "rejected": rejected, "split": "train"}  # fmt: skip


PAIRS = [row("what is it", "a red bike", "no"), row("who is there", "my dog", "i do not know that")]


def settings(**more: Any) -> TrainingSettings:
    return TrainingSettings(**{"max_length": 64, "answer_length": 6, "dropout": 0.0, **more})


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("blank") / "causal"
    blank.make("causal", "tiny", [str(one) for one in PAIRS] * 20, folder)
    return open_base(find(str(folder)), "causal")


def batched(source: Any, chosen: TrainingSettings) -> tuple[list[Any], dict[str, torch.Tensor]]:
    examples = list(TASK.encode(PAIRS, source.tokenizer, chosen))
    return examples, TASK.collate(examples, [None] * len(examples), source.tokenizer)


# By hand ------------------------------------------------------------------------------------------------------------


def test_only_the_answers_tokens_are_compared(source: Any):
    _, batch = batched(source, settings())
    said = [source.tokenizer.decode(one[one != -100]).replace("<|im_end|>", "|") for one in batch["labels"]]
    assert said == ["a red bike|", "my dog|", "no|", "i do not know that|"]


def test_a_long_question_loses_its_beginning_and_not_the_answer(source: Any):
    long = row("what is it " * 60, "a red bike", "no")
    (one,) = TASK.encode([long], source.tokenizer, settings(max_length=32))
    for ids, mask in one.extra["sides"]:
        assert len(ids) <= 32 and ids[mask][-1] == source.tokenizer.convert_tokens_to_ids("<|im_end|>")


def test_before_the_first_step_no_answer_leads_and_the_loss_is_that_of_chance(source: Any):
    for how in ("full", "lora"):
        chosen = settings(method=how)
        model = TASK.model(source, NONE, chosen)
        method(how).prepare(model, chosen)
        _, batch = batched(source, chosen)
        told = TASK.forward(model.train(), batch)
        assert torch.allclose(told[:, :2], told[:, 2:4], atol=1e-4)
        assert float(TASK.loss(told.detach(), batch, chosen, NONE)) == pytest.approx(math.log(2), abs=1e-4)
        assert not any("reference" in name for name in model.state_dict())


def test_a_tuned_model_leads_by_what_it_has_gained_over_the_frozen_one(source: Any):
    chosen = settings(beta=0.5)
    model = TASK.model(source, NONE, chosen)
    _, batch = batched(source, chosen)
    before = TASK.forward(model, batch).detach()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for _ in range(6):
        TASK.loss(TASK.forward(model, batch), batch, chosen, NONE).backward()
        optimizer.step()
        optimizer.zero_grad()
    after = TASK.forward(model, batch).detach()
    assert torch.allclose(after[:, 2:4], before[:, :2], atol=1e-4)  # the reference has not moved
    losses, margins = judged(after, "dpo", 0.5)
    gained = 0.5 * ((after[:, 0] - before[:, 0]) - (after[:, 1] - before[:, 1]))
    assert torch.allclose(margins, gained, atol=1e-4) and (margins > 0).all()
    assert torch.allclose(losses, -functional.logsigmoid(gained), atol=1e-4)


def test_orpo_needs_no_reference_and_learns_the_better_answer(source: Any):
    chosen = settings(preference_loss="orpo")
    model = TASK.model(source, NONE, chosen)
    assert not hasattr(model, "reference")
    _, batch = batched(source, chosen)
    told = TASK.forward(model, batch)
    losses, margins = judged(told, "orpo", 0.1)
    mean = -told[:, 0] / told[:, 4]
    assert torch.allclose(losses, mean - 0.1 * functional.logsigmoid(margins), atol=1e-5)


def test_measures_are_over_pairs_and_a_tie_counts_half():
    said = [Text("", known={"margin": m, "loss": 0.5}) for m in (2.0, 0.0, -1.0, 1.0)]
    assert TASK.score([{}] * 4, said, NONE) == {"accuracy": 0.625, "margin": 0.5, "loss": 0.5}
    assert TASK.credit({}, said[1], NONE) == 0.5
    assert said[0].as_json()["margin"] == 2.0


def test_answers_are_found_however_they_are_wrapped():
    told = row("q", '[{"role": "user", "content": "q"}, {"role": "assistant", "content": "yes"}]', '{"from": "gpt", "value": "no"}')  # fmt: skip
    assert pair(told) == ("yes", "no") and pair(row("q", "same", "same")) is None
    assert asked({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "yes"}]}) == [{"role": "user", "content": "q"}]  # fmt: skip
    with pytest.raises(RunError, match="better and a worse"):
        TASK.labels([row("q", "", "no")])


def test_two_transcripts_share_their_beginning_and_are_compared_where_they_part():
    begin = "\n\nHuman: WHO is there\n\nAssistant: a dog\n\nHuman: and NOW"
    cells = [f"{begin}\n\nAssistant: {said}" for said in ("a cat", "no idea")]
    question = [{"role": role, "content": text} for role, text in (("user", "WHO is there"), ("assistant", "a dog"), ("user", "and NOW"))]  # fmt: skip
    own = {"messages": [*question, {"role": "assistant", "content": "a cat"}], "chosen": cells[0], "rejected": cells[1]}
    for row in (own, {**own, "messages": question}, {**own, "messages": question[-1:]}):
        assert pair(row) == ("a cat", "no idea") and asked(row) == question
        assert TASK.given(row) == {"messages": question, "rejected": "no idea"}
        (small,) = cleaned([row], TASK.columns, Cleaning.of(["lower"]))
        assert pair(small) == ("a cat", "no idea")
        assert [turn["content"] for turn in asked(small)] == ["who is there", "a dog", "and now"]
    early = {**own, "rejected": "\n\nHuman: WHO is there\n\nAssistant: a cow\n\nHuman: oh\n\nAssistant: yes"}
    assert pair(early) == ("a dog", "a cow") and asked(early) == question[:1]


# Runs ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("knobs", [{"method": "lora", "learning_rate": 5e-3}, {"preference_loss": "orpo", "learning_rate": 1e-3}])  # fmt: skip
def test_a_real_model_learns_which_answers_are_better(knobs: dict[str, Any], data_dir: Path, tmp_path: Path):
    folder = tmp_path / "run"
    made = [row(f"what did she see {i}", f"She saw a big {w}.", f"He ate the {w}.") for i, w in enumerate(["dog", "cat", "bird", "tree"] * 20)]  # fmt: skip
    parts = ("train", "train", "train", "validation", "test")
    kept, ROWS["preferences"] = ROWS["preferences"], lambda _: [{**r, "id": f"1:{i}", "split": parts[i % 5]} for i, r in enumerate(made)]  # fmt: skip
    try:
        write_run(folder, TASK, data_dir / "stories260k", **{"max_length": 96, "epochs": 3.0, "answer_length": 6, **knobs})  # fmt: skip
    finally:
        ROWS["preferences"] = kept
    spec = json.loads((folder / "run.json").read_text())
    spec["phases"] = [{"method": knobs.get("method", "full"), "settings": {}, "fresh": False}]
    (folder / "run.json").write_text(json.dumps(spec))
    worker(str(folder))
    (end,) = events(folder, "finished")
    assert end["test"]["accuracy"] > 0.9 and end["test"]["margin"] > 0
    asked_again = [{**r, "split": "test"} for r in made[4::5]]
    again = TASK.score(asked_again, Predictor.open(folder / "model", device="cpu").predict(asked_again), NONE)
    assert again["margin"] == pytest.approx(end["test"]["margin"], abs=1e-3)  # the reference is found again


def test_real_preferences_are_found(data_dir: Path, tmp_path: Path):
    data = Dataset.open(tmp_path)
    data.add(data_dir / "dpo_pref" / "dpo_en_demo.json", "dpo_en_demo.json")
    assert guessed(data) == "preferences"
    rows = data.state.inputs(np.arange(3))
    assert all(pair(one) and asked(one)[-1]["role"] == "user" for one in rows)


def test_conversations_that_hold_their_own_question_are_found(tmp_path: Path):
    turns = [[{"role": "user", "content": f"what is it {i}"}, {"role": "assistant", "content": a}] for i in range(30) for a in (f"a bike {i}", f"no {i}")]  # fmt: skip
    lines = [json.dumps({"chosen": turns[i], "rejected": turns[i + 1]}) for i in range(0, 60, 2)]
    (tmp_path / "in.jsonl").write_text("\n".join(lines), encoding="utf-8")
    data = Dataset.open(tmp_path / "data")
    data.add(tmp_path / "in.jsonl", "in.jsonl")
    assert guessed(data) == "preferences"
    (one,) = data.state.inputs(np.arange(1))
    assert asked(one) == turns[0][:1] and pair(one) == ("a bike 0", "no 0")


def test_transcripts_that_hold_their_own_question_are_found(tmp_path: Path):
    lines = [json.dumps({side: f"\n\nHuman: what is it {i}\n\nAssistant: {said} {i}" for side, said in (("chosen", "a bike"), ("rejected", "no"))}) for i in range(30)]  # fmt: skip
    (tmp_path / "in.jsonl").write_text("\n".join(lines), encoding="utf-8")
    data = Dataset.open(tmp_path / "data")
    data.add(tmp_path / "in.jsonl", "in.jsonl")
    assert guessed(data) == "preferences"
    (one,) = data.state.inputs(np.arange(1))
    assert asked(one) == [{"role": "user", "content": "what is it 0"}] and pair(one) == ("a bike 0", "no 0")


# Two answers that nobody has judged yet -----------------------------------------------------------------------------


def compared(folder: Path, columns: str, rows: list[str]) -> Dataset:
    (folder / "in.csv").write_text(columns + "\n" + "\n".join(rows) + "\n", encoding="utf-8")
    data = Dataset.open(folder / "data")
    data.add(folder / "in.csv", "in.csv")
    assert guessed(data) == "preferences"
    return data


def frozen(data: Dataset, path: Path) -> list[dict[str, Any]]:
    data.freeze(path)
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all().to_pylist()


def test_two_answers_without_a_choice_wait_for_a_person_and_become_chosen_and_rejected(tmp_path: Path):
    rows = [f"what did she see {i},He ate the dog {i}.,She saw a big dog {i}." for i in range(8)]
    data = compared(tmp_path, "prompt,response_a,response_b", rows)
    assert data.counts().labelled == 0 and data.counts().unlabelled == 8
    said = [{"row": f"1:{i}", "value": value, "seq": i} for i, value in enumerate(["2", "1", "same"])]
    assert not data.labels.put(said, "Ann")["refused"]
    assert data.labels.put([{"row": "1:5", "value": "3", "seq": 9}], "Ann")["refused"]
    assert data.counts().labelled == 3
    made = frozen(data, tmp_path / "rows.arrow")
    assert [(r["chosen"], r["rejected"]) for r in made] == [
        ("She saw a big dog 0.", "He ate the dog 0."), ("He ate the dog 1.", "She saw a big dog 1.")]  # fmt: skip
    assert set(made[0]) == {"id", "messages", "chosen", "rejected", "split"}
    data.labels.undo("Ann")
    assert data.counts().labelled == 2


def test_a_column_that_says_the_better_one_counts_as_labelled(tmp_path: Path):
    rows = [f"what is it {i},a red bike {i},no {i},{('response_b', 'response_a', 'tie', '')[i % 4]}" for i in range(8)]
    data = compared(tmp_path, "prompt,response_a,response_b,winner", rows)
    assert data.counts().labelled == 6 and data.roles["better"].column == "winner"
    assert [(r["chosen"], r["rejected"]) for r in frozen(data, tmp_path / "rows.arrow")[:2]] == [
        ("no 0", "a red bike 0"), ("a red bike 1", "no 1")]  # fmt: skip


def test_rows_that_name_chosen_and_rejected_are_labelled_as_they_stand(tmp_path: Path):
    data = compared(tmp_path, "prompt,chosen,rejected", [f"what is it {i},a red bike {i},no {i}" for i in range(8)])
    assert data.counts().labelled == 8 and {data.state.value(i) for i in range(8)} == {"1"}
    assert not data.labels.put([{"row": "1:0", "value": "2", "seq": 1}], "Ann")["refused"]  # a person knows better
    assert frozen(data, tmp_path / "rows.arrow")[0]["chosen"] == "no 0"


def test_options_with_an_answer_key_stay_options(tmp_path: Path):
    rows = [f"which is it number {i},a long enough option {i},another option {i},{'AB'[i % 2]}" for i in range(20)]
    (tmp_path / "in.csv").write_text("question,answer_a,answer_b,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    data = Dataset.open(tmp_path / "data")
    data.add(tmp_path / "in.csv", "in.csv")
    assert guessed(data) == "choice"


def test_what_was_judged_by_hand_is_learnt_by_a_real_model(data_dir: Path, tmp_path: Path):
    words = ["dog", "cat", "bird", "tree"] * 15
    rows = [f"what did she see {i},He ate the {w}.,She saw a big {w}." for i, w in enumerate(words)]
    data = compared(tmp_path, "prompt,response_a,response_b", rows)
    data.labels.put([{"row": f"1:{i}", "value": "2", "seq": i} for i in range(len(rows))], "Ann")
    made = [{**r, "messages": json.loads(r["messages"])} for r in frozen(data, tmp_path / "rows.arrow")]
    folder, kept = tmp_path / "run", ROWS["preferences"]
    ROWS["preferences"] = lambda _: made
    try:
        write_run(folder, TASK, data_dir / "stories260k", max_length=96, epochs=3.0, answer_length=6, preference_loss="orpo", learning_rate=1e-3)  # fmt: skip
    finally:
        ROWS["preferences"] = kept
    worker(str(folder))
    (end,) = events(folder, "finished")
    assert end["test"]["accuracy"] > 0.9


def test_of_several_people_what_most_say_is_the_better_answer(tmp_path: Path):
    data = compared(
        tmp_path, "prompt,response_a,response_b", [f"what is it {i},a red bike {i},no {i}" for i in range(8)]
    )
    votes.set_team(data, Team("everybody", ("ann", "bo", "cy")))
    for seq, (who, said) in enumerate((("ann", "2"), ("bo", "1"), ("cy", "2"))):
        data.labels.put([{"row": "1:0", "value": said, "seq": seq}], who)
    data.labels.put([{"row": "1:1", "value": "1", "seq": 9}], "ann")
    data.labels.put([{"row": "1:1", "value": "same", "seq": 10}], "bo")
    assert [data.state.value(i) for i in (0, 1)] == ["2", None]  # a tie waits to be settled
    assert together.said(data)
    data.labels.decide([{"row": "1:1", "value": "1", "seq": 11}], "ann")
    assert data.state.value(1) == "1"
