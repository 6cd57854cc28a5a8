"""What each way answers, checked against other implementations: transformers' own pipeline, plain forward passes, the papers' formulas."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.device import choose
from core.errors import Cancelled, ModelError
from core.models.catalogue import find
from core.prompting import likely, similar, ways
from core.prompting.descriptions import Described
from core.prompting.settings import UntrainedSettings
from core.prompting.ways import WAYS, Asked

LABELS = (
    Described("card", "lost card"),
    Described("bike", "red bike"),
    Described("film", "good film", ("a great movie",)),
)
ROWS = [{"id": "1:0", "text": "my card is lost", "label": "card"}, {"id": "1:1", "text": "this film is good", "label": "film"},
        {"id": "1:2", "text": "the wheel of a bike", "label": "bike"}]  # fmt: skip

TOLERANCE = 1e-4 if choose().precision == "fp32" else 3e-2  # a GPU computes in 16 bits


def asked(base: Path | str, cache: Path, rows=ROWS, pool=(), tuning=(), **values) -> Asked:
    settings = UntrainedSettings(**values)
    return Asked(
        rows, list(pool), list(tuning), LABELS, settings, find(str(base)), cache, lambda *_: None, lambda: False
    )


def test_the_description_most_similar_wins_by_the_cosine_of_mean_vectors(tiny_encoder: Path, tmp_path: Path):
    import torch
    from transformers import AutoModel, AutoTokenizer

    said = WAYS["similar"].answer(asked(tiny_encoder, tmp_path, temperature=0.1))
    tokenizer, model = AutoTokenizer.from_pretrained(tiny_encoder), AutoModel.from_pretrained(tiny_encoder).eval()

    def vector(text: str) -> torch.Tensor:
        with torch.inference_mode():
            mean = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0)
        return mean / mean.norm()

    wanted = (
        torch.stack([vector(row["text"]) for row in ROWS])
        @ torch.stack([vector("lost card"), vector("red bike"), vector("a great movie")]).T
    )
    assert np.allclose(
        said.probabilities, torch.softmax(wanted / 0.1, -1).numpy(), atol=2e-2
    )  # vectors are kept in 16 bits
    assert said.seconds > 0


def test_labelled_texts_pull_a_label_towards_their_mean(tiny_encoder: Path, tmp_path: Path):
    pool = [{"id": "1:9", "text": "my card is lost", "label": "bike"}]
    before = WAYS["similar"].answer(asked(tiny_encoder, tmp_path, temperature=0.1)).probabilities
    after = (
        WAYS["similar"]
        .answer(asked(tiny_encoder, tmp_path, pool=pool, mixed=3, weight=0.5, temperature=0.1))
        .probabilities
    )
    assert after[0].argmax() == 1 and after[0, 1] > before[0, 1]


def test_votes_of_neighbours_are_those_of_a_worked_table():
    likeness = np.array([[0.9, 0.8, 0.1, 0.7]], np.float32)
    gold = np.array([0, 1, 1, 1])
    assert similar.votes(likeness, gold, 2, 1, 0.1).tolist() == [[1.0, 0.0]]
    e = np.exp(np.array([9.0, 8.0, 7.0]))
    assert np.allclose(similar.votes(likeness, gold, 2, 3, 0.1), [[e[0] / e.sum(), (e[1] + e[2]) / e.sum()]], atol=1e-5)


def test_the_number_of_neighbours_is_settled_on_rows_that_are_not_asked(tiny_encoder: Path, tmp_path: Path):
    pool = [{**row, "id": f"2:{i}"} for i, row in enumerate(ROWS)]
    pool += [{"id": "2:9", "text": "my card is lost again", "label": "bike"}]
    told = {}
    for k in (1, 3):
        said = WAYS["nearest"].answer(asked(tiny_encoder, tmp_path, pool=pool, tuning=pool[:3], neighbours=k))
        told[k] = (said.probabilities.argmax(axis=1) == [0, 2, 1]).mean()
    said = WAYS["nearest"].answer(asked(tiny_encoder, tmp_path, pool=pool, tuning=pool[:3]))
    assert told[1] == 1.0 and said.chosen == {"neighbours": 3 if told[3] == 1.0 else 1}  # of equals the larger
    said = WAYS["nearest"].answer(asked(tiny_encoder, tmp_path, pool=pool))
    assert said.chosen == {"neighbours": 4}  # nothing to settle it on: five, or as many as there are


def test_entailment_answers_are_those_of_the_zero_shot_pipeline_of_transformers(nli: Path, tmp_path: Path):
    from transformers import pipeline

    said = WAYS["entails"].answer(asked(nli, tmp_path))
    judge = pipeline("zero-shot-classification", model=str(nli), device="cpu")
    names = [one.words for one in LABELS]
    for row, mine in zip(ROWS, said.probabilities, strict=True):
        theirs = judge(row["text"], names, hypothesis_template="This text is about {}.")
        wanted = [theirs["scores"][theirs["labels"].index(name)] for name in names]
        assert np.allclose(mine, wanted, atol=TOLERANCE)


def test_a_classifier_of_something_else_is_refused_before_anything_is_asked(
    tiny_encoder: Path, nli: Path, tmp_path: Path
):
    with pytest.raises(ModelError, match="none of its answers is called entailment"):
        ways.entailment({0: "LABEL_0", 1: "LABEL_1"})
    assert ways.entailment({0: "not_entailment", 1: "entailment"}) == 1
    assert ways._judges_nothing(find(str(nli))) is None
    assert "entailment" in str(ways._judges_nothing(find(str(tiny_encoder))))


def loglikelihood(folder: Path, prompt: str, words: str) -> float:
    """Mean log-likelihood of the words behind the prompt: one plain pass over both, without a cache."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder).eval()
    begun, whole = tokenizer(prompt)["input_ids"], tokenizer(prompt + words)["input_ids"]
    assert whole[: len(begun)] == begun
    with torch.inference_mode():
        told = model(torch.tensor([whole])).logits[0].log_softmax(-1)
    return float(np.mean([told[i - 1, whole[i]] for i in range(len(begun), len(whole))]))


def test_a_label_scores_the_mean_likelihood_of_its_tokens_behind_the_prompt(stories: Path, tmp_path: Path):
    prompt = "Lily said: {text}. It was about a"
    said = WAYS["likely"].answer(asked(stories, tmp_path, prompt=prompt, examples=0, calibrate=False))
    for row, mine in zip(ROWS, said.probabilities, strict=True):
        raw = [loglikelihood(stories, prompt.replace("{text}", row["text"]), " " + one.words) for one in LABELS]
        wanted = np.exp(raw) / np.exp(raw).sum()
        assert np.allclose(mine, wanted, atol=TOLERANCE)


def test_what_is_said_of_texts_without_content_is_taken_off(stories: Path, tmp_path: Path):
    """Zhao et al. 2021: p / p_cf, normalized, where p_cf is the mean over "N/A", "" and "[MASK]"."""
    prompt = "Lily said: {text}. It was about a"
    told = {}
    for text in (ROWS[0]["text"], *likely.EMPTY):
        raw = np.exp([loglikelihood(stories, prompt.replace("{text}", text), " " + one.words) for one in LABELS])
        told[text] = raw / raw.sum()
    wanted = told[ROWS[0]["text"]] / np.mean([told[text] for text in likely.EMPTY], axis=0)
    said = WAYS["likely"].answer(asked(stories, tmp_path, rows=ROWS[:1], prompt=prompt, examples=0))
    assert np.allclose(said.probabilities[0], wanted / wanted.sum(), atol=TOLERANCE)


def test_examples_that_do_not_fit_are_left_out_and_a_long_text_is_cut(stories: Path, tmp_path: Path):
    pool = [{"id": f"2:{i}", "text": "once upon a time " * 12, "label": "card"} for i in range(20)]
    long = [{"id": "1:0", "text": "the little girl went to the park and " * 120, "label": "card"}]
    writer = likely.Writer.open(asked(stories, tmp_path, pool=pool, choose="chance", examples=20))
    made = writer.prompt(ROWS[0], pool)
    assert 0 < made.examples < 20 and len(made.ids) <= writer.room and not made.cut
    made = writer.prompt(long[0], pool)
    assert made.examples == 0 and made.cut and len(made.ids) <= writer.room
    said = WAYS["likely"].answer(asked(stories, tmp_path, rows=ROWS[:1], pool=pool, choose="chance", examples=20))
    assert "of 20 examples fitted" in str(said.notes[0])


def test_the_most_similar_example_stands_nearest_to_the_text(stories: Path, tmp_path: Path):
    made = asked(stories, tmp_path, example="<{text}={label}>", prompt="{examples}{text}:")
    writer = likely.Writer.open(made)
    best, second = {**ROWS[0]}, {**ROWS[1]}
    text = writer.tokenizer.decode(writer.prompt(ROWS[2], [best, second]).ids, skip_special_tokens=True)
    assert text.replace(" ", "").endswith("<thisfilmisgood=goodfilm><mycardislost=lostcard>thewheelofabike:")


def test_a_model_with_a_chat_template_is_asked_in_it(stories: Path, tmp_path: Path):
    import shutil

    folder = tmp_path / "chatty"
    shutil.copytree(stories, folder)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config["chat_template"] = (
        "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}[assistant] {% endif %}"
    )
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    writer = likely.Writer.open(asked(folder, tmp_path, prompt="What is this: {text}", examples=0))
    text = writer.tokenizer.decode(writer.prompt(ROWS[0], []).ids, skip_special_tokens=True)
    assert "[user] What is this: my card is lost" in text and text.rstrip().endswith("[assistant]")


def test_an_attempt_ends_when_it_is_cancelled(nli: Path, tmp_path: Path):
    from dataclasses import replace

    with pytest.raises(Cancelled):
        WAYS["entails"].answer(replace(asked(nli, tmp_path), cancelled=lambda: True))
