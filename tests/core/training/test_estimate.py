"""Estimates from real steps of a tiny model in a real job."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.data.dataset import Dataset
from core.jobs import Jobs
from core.models.catalogue import CLASSIC
from core.tasks import TASKS
from core.training import estimate
from core.training.advice import Facts, phases
from core.training.draft import Draft, settle
from core.training.estimate import Counts, estimated
from core.training.settings import TrainingSettings

WORDS = [
    "the",
    "good",
    "bad",
    "great",
    "awful",
    "movie",
    "film",
    "love",
    "money",
    "bank",
    "card",
    "lost",
    "happy",
    "sad",
    "red",
    "blue",
]


@pytest.fixture
def project(workspace) -> Path:
    folder = workspace.projects / "project-a"
    chance = np.random.default_rng(3)
    lines = ["text,label"]
    for n in range(300):
        words = chance.choice(WORDS, size=int(chance.integers(3, 30)))
        lines.append(f"{' '.join(words)} {n},{'abc'[n % 3]}")
    source = workspace.home / "some.csv"
    source.write_text("\n".join(lines), encoding="utf-8")
    Dataset.open(folder / "data").add(source, "some.csv")
    return folder


@pytest.fixture
def jobs(workspace):
    made = Jobs(workspace.jobs)
    yield made
    made.close()


def settled(project: Path, base: str, preset: str = "balanced", **changed):
    return settle(Draft(preset, {"base": base, **changed}), Dataset.open(project / "data").facts())


def finished(jobs, project, wanted, until) -> dict:
    dataset = Dataset.open(project / "data")
    assert estimate.told(jobs, project, dataset, wanted)["state"] == "measuring"
    until(lambda: estimate.told(jobs, project, dataset, wanted, start=False)["state"] != "measuring", 120)
    return estimate.told(jobs, project, dataset, wanted, start=False)


def test_a_few_real_steps_give_time_and_memory_and_one_measurement_serves_all_presets(
    jobs, project, tiny_encoder, until
):
    dataset, base = Dataset.open(project / "data"), str(tiny_encoder)
    balanced = settled(project, base)
    answer = finished(jobs, project, balanced, until)
    assert answer["state"] == "done", answer
    assert 0 < answer["low"] <= answer["seconds"] <= answer["high"] < 600
    assert answer["measured_steps"] >= 2 and 50e6 < answer["memory"] < answer["memory_total"]
    assert answer["presets"]["quick"] < answer["presets"]["balanced"] < answer["presets"]["best"]
    assert answer["presets"]["balanced"] == answer["seconds"] and answer["repair"] is None
    job = jobs.latest("estimate:project-a")
    for other in (settled(project, base, "best"), settled(project, base, "quick"), settled(project, base, epochs=40.0)):
        assert estimate.told(jobs, project, dataset, other)["state"] == "done"
    assert jobs.latest("estimate:project-a") == job, "nothing was measured anew"
    longer = estimate.known(jobs, project, dataset, settled(project, base, epochs=40.0))
    assert longer["seconds"] > answer["seconds"]
    assert estimate.known(Jobs(jobs.folder), project, dataset, balanced) is not None, "it outlives the server"


def test_a_classic_base_is_measured_too(jobs, project, until):
    answer = finished(jobs, project, settled(project, CLASSIC), until)
    assert answer["state"] == "done" and 0 < answer["seconds"] < 60 and answer["memory"] > 0


def test_measuring_that_fails_says_why(jobs, project, tiny_encoder, tmp_path, until):
    import shutil

    copy = tmp_path / "base"
    shutil.copytree(tiny_encoder, copy)
    (copy / "model.safetensors").write_bytes(b"broken")
    answer = finished(jobs, project, settled(project, str(copy)), until)
    assert answer["state"] == "failed" and answer["message"]["say"]


def test_nothing_is_measured_while_a_value_is_off_or_when_it_may_not_start(jobs, project, tiny_encoder):
    dataset = Dataset.open(project / "data")
    assert estimate.known(jobs, project, dataset, settled(project, str(tiny_encoder), epochs=-3)) is None
    assert estimate.told(jobs, project, dataset, settled(project, str(tiny_encoder)), start=False) == {"state": "busy"}
    assert jobs.latest("estimate:project-a") is None


MEASURED = {
    "kind": "encoder", "load": 1.0, "encode": 1e-5, "forward": [0.01, 1e-5], "iteration": 1e-9, "step": [0.05, 1e-4],
    "measured_steps": 9, "batch": 32, "tokens": 32 * 64, "memory": 2 << 30, "fixed": 1 << 30, "memory_total": 8 << 30,
    "lengths": np.linspace(8, 64, 200).round().astype(int).tolist(),
}  # fmt: skip
COUNTS = Counts(train=3200, validation=300, test=500, labels=5)


def sums(**settings):
    chosen = TrainingSettings(**{"epochs": 4, "patience": 0, **settings})
    return estimated(MEASURED, chosen, phases(chosen, "encoder"), COUNTS)


def test_the_sums_grow_as_the_work_grows():
    once, twice = sums(epochs=4)["seconds"], sums(epochs=8)["seconds"]
    steps = 4 * 100 * (0.05 + 1e-4 * 32 * 38)  # texts are 36 tokens long on average, a batch a little more with padding
    assert twice - once == pytest.approx(steps, rel=0.15)
    assert sums(max_length=16)["seconds"] < once and sums(batch_size=64)["memory"] > sums()["memory"]
    assert sums(length="minutes", minutes=10)["seconds"] == pytest.approx(600, abs=40)
    assert sums(bucketing=False)["seconds"] > once
    compared, sorted_by_length = (
        estimated(
            MEASURED,
            TrainingSettings(method="contrastive", epochs=4, patience=0, bucketing=b),
            [{"method": "contrastive"}],
            COUNTS,
        )
        for b in (False, True)
    )
    assert compared["seconds"] == sorted_by_length["seconds"] > sums(method="full", bucketing=True)["seconds"]


def test_learnt_words_before_every_text_are_read_too():
    ten = TrainingSettings(method="prompt", virtual_words=10)
    assert ten.words_in_front == 10 and ten.model_copy(update={"method": "prefix"}).words_in_front == 0
    few, many = (sums(method="prompt", virtual_words=n)["seconds"] for n in (10, 110))
    read = 4 * 3200 + 500 + 300 * 4 * TrainingSettings().evaluations  # texts in steps, in the test, at the checks
    assert many - few == pytest.approx(4 * 3200 * 100 * 1e-4 + (read - 4 * 3200) * 100 * 1e-5, rel=0.2)
    halved = sums(method="prompt", virtual_words=10, batch_size=16)["seconds"] - few
    assert halved == pytest.approx(4 * 100 * 0.05, rel=0.25), (
        "twice the steps cost what a step costs without a text, not more words"
    )


def test_steps_on_what_the_body_made_once_cost_one_pass():
    kept = {**MEASURED, "step": [0.001, 0.0], "kept": 384 * 4.0}
    chosen = TrainingSettings(method="headsteps", epochs=10, patience=0)
    steps = phases(chosen, "encoder")
    ten = estimated(kept, chosen, steps, COUNTS)["seconds"]
    twenty = estimated(kept, chosen.model_copy(update={"epochs": 20.0}), steps, COUNTS)["seconds"]
    assert twenty - ten == pytest.approx(10 * 100 * 0.001, rel=0.1), "no check and no round asks the body"
    assert estimated({**kept, "kept": 1e9}, chosen, steps, COUNTS)["seconds"] > ten + 1, "no room for what it made"


def test_a_last_layer_that_is_fitted_again_at_the_checks_is_counted():
    often, seldom = (
        sums(method="full", refit=True, evaluations=n)["seconds"] - sums(method="full", evaluations=n)["seconds"]
        for n in (2.0, 1.0)
    )
    assert often == pytest.approx(2 * seldom, rel=0.05) and seldom > 4 * 3200 * 36 * 1e-5


def test_presets_are_told_only_where_their_steps_were_measured(jobs, project, tiny_encoder, until):
    base = str(tiny_encoder)
    first = finished(jobs, project, settled(project, base, method="headsteps"), until)
    assert set(first["presets"]) == {"quick"}, "a step of the last layer tells nothing of the others"
    both = finished(jobs, project, settled(project, base, method="full"), until)
    assert set(both["presets"]) == {"quick", "balanced", "best"}
    again = estimate.known(jobs, project, Dataset.open(project / "data"), settled(project, base, method="headsteps"))
    assert again["presets"] == both["presets"] and again["seconds"] == first["seconds"]


WRITES = {**MEASURED, "writing": [0.02, 0.001], "prompt": 30.0, "answer": 20.0}


def writing(at_check: int, at_test: int, **settings) -> dict:
    counts = Counts(train=3200, validation=300, test=500, labels=0, at_check=at_check, at_test=at_test)
    chosen = TrainingSettings(**{"epochs": 4, "patience": 0, "evaluations": 1.0, "answer_length": 50, **settings})
    return estimated(WRITES, chosen, phases(chosen, "encoder"), counts)


def test_texts_written_at_checks_and_for_the_test_are_counted():
    none, test, both = writing(0, 0), writing(0, 500), writing(53, 500)
    # 8192 tokens hold 102 prompts of 30 tokens with answers of 50: 500 texts are five batches of 20 tokens each
    assert test["seconds"] - none["seconds"] == pytest.approx(20 * (5 * 0.02 + 500 * 0.001), abs=0.11)
    # 53 texts are one batch, at each of four checks
    assert both["seconds"] - test["seconds"] == pytest.approx(4 * 20 * (0.02 + 53 * 0.001), abs=0.11)
    # at worst every text runs on to the longest answer
    assert test["high"] - none["high"] == pytest.approx(1.2 * 50 * (5 * 0.02 + 500 * 0.001), abs=0.2)
    short = writing(0, 500, answer_length=10)  # 128 texts at once at most, so four batches
    assert short["seconds"] - none["seconds"] == pytest.approx(10 * (4 * 0.02 + 500 * 0.001), abs=0.11)
    beams = writing(0, 500, decoding="beam", beams=4)  # 25 texts at once, each four times over
    assert beams["seconds"] - none["seconds"] == pytest.approx(20 * (20 * 0.02 + 2000 * 0.001), abs=0.11)


def test_tasks_say_how_many_texts_they_write():
    facts = {name: Facts(train=5, validation=9_000, test=300, labels={}, task=name) for name in TASKS}
    written = {name: (one.at_check, one.at_test) for name, f in facts.items() if (one := estimate.counted(f)).at_test}
    assert written == {"text2text": (48 + 5, 300), **dict.fromkeys(("chat", "language", "preferences"), (5, 24))}


@pytest.mark.parametrize(("task", "base"), [("text2text", "blank:seq2seq-tiny"), ("chat", "blank:causal-tiny")])
def test_writing_is_measured_for_tasks_that_write(task: str, base: str, workspace, monkeypatch):
    from core.models.catalogue import find
    from core.models.generating import TOKENS
    from core.tasks import guessing
    from core.training import measuring

    assert estimate.WRITTEN_TOKENS == TOKENS
    monkeypatch.setattr(measuring, "BUDGET", 0.2)
    source = workspace.home / "some.csv"
    source.write_text(
        "prompt,completion\n" + "".join(f"what is the film {n},the film is good {n}\n" for n in range(60))
    )
    data = Dataset.open(workspace.home / "data")
    data.add(source, "some.csv")
    guessing.settle(data, task)
    chosen = TrainingSettings(answer_length=6, batch_size=8, max_length=64)
    told = measuring.measure(str(data.folder), chosen.model_dump(), find(base).as_json())
    assert told["task"] == task and told["writing"][0] >= 0 and 0 < told["writing"][1] < 1
    assert 3 <= told["answer"] <= 12 and 4 <= told["prompt"] <= 40


def test_a_run_that_may_stop_early_has_a_lower_end():
    early = sums(epochs=20, patience=2, evaluations=1.0)
    assert early["low"] < 0.3 * early["seconds"] < early["high"]


def test_too_large_a_batch_comes_with_one_that_fits():
    chosen = TrainingSettings(batch_size=512)
    answer = estimated(MEASURED, chosen, phases(chosen, "encoder"), COUNTS)
    assert answer["memory"] > answer["memory_total"]
    repair = estimate._repair(MEASURED, chosen, answer)
    assert repair["values"] == {"batch_size": 128, "accumulation": 4} and str(repair["title"]) == "Use 128"
    assert sums(batch_size=128)["memory"] <= answer["memory_total"]


def test_facts_are_counted_once():
    facts = Facts(train=5, validation=2, test=3, labels={"a": 1, "b": 9}, unlabelled=4)
    assert estimate.counted(facts) == Counts(5, 2, 3, 2, plain=9)
