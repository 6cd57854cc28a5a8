"""Windows of long contexts, what they aim at, and answers read back from logits, with real tokenizers of three kinds."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.tasks.base import Example
from core.tasks.reading_windows import decode, encode, target

CONTEXT = "the good film was on at one, but the bad movie 😀 about money\n\nwas not out for some time. 北京大学 had red bikes and a blue card"
LONG = " ".join(f"{word} {n}" for n, word in enumerate(["red", "blue", "green", "happy", "sad"] * 30))


@pytest.fixture(scope="module", params=["wordpiece", "bytes", "metaspace"])
def tokenizer(request: pytest.FixtureRequest, tiny_encoder: Path) -> Any:
    """BERT's WordPiece, RoBERTa's byte-level BPE (no token types, four special tokens), T5's pieces without a [CLS]."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    if request.param == "wordpiece":
        return AutoTokenizer.from_pretrained(tiny_encoder)
    if request.param == "bytes":
        made = Tokenizer(models.BPE())
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = decoders.ByteLevel()
        special = ["<s>", "<pad>", "</s>", "<unk>"]
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        made.train_from_iterator([LONG], trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet))  # fmt: skip
        made.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
        )
        names = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>"}
        return PreTrainedTokenizerFast(tokenizer_object=made, **names)
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.train_from_iterator([CONTEXT, LONG], trainers.UnigramTrainer(vocab_size=120, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>"))  # fmt: skip
    made.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="</s>", pad_token="<pad>", unk_token="<unk>")


def aimed(examples: list[Example], answers: list[dict[str, Any]], strength: float = 9.0) -> list[np.ndarray]:
    """Logits that point exactly where `target` says."""
    made = []
    for example in examples:
        start, end = target(example, answers)
        logits = np.zeros((len(example.input_ids), 2), dtype=np.float32)
        logits[start, 0] += strength
        logits[end, 1] += strength
        made.append(logits)
    return made


def test_windows_fit_hold_the_whole_question_and_cover_every_token(tokenizer: Any) -> None:
    question = "which film was good"
    examples = list(encode([question, question], [LONG, CONTEXT], tokenizer, max_length=48, stride=10))
    ids = tokenizer(question, add_special_tokens=False)["input_ids"]
    assert {example.row for example in examples} == {0, 1}
    for row, context in enumerate([LONG, CONTEXT]):
        mine = [e for e in examples if e.row == row]
        whole = tokenizer(context, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        assert len(mine) > (context == LONG)
        for example in mine:
            assert len(example.input_ids) <= 48
            assert len(example.extra["token_type_ids"]) == len(example.input_ids)
            assert ids == [i for i in example.input_ids[: example.extra["first"]].tolist() if i in ids][-len(ids) :]
            begin, places = example.extra["begin"], example.extra["places"]
            assert places.tolist() == [list(place) for place in whole[begin : begin + len(places)]]
        assert mine[-1].extra["begin"] + len(mine[-1].extra["places"]) == len(whole)
        overlaps = [a.extra["begin"] + len(a.extra["places"]) - b.extra["begin"] for a, b in itertools.pairwise(mine)]
        assert set(overlaps) <= {10}


def test_the_answer_comes_back_from_the_tokens_it_was_aimed_at(tokenizer: Any) -> None:
    for text in ("the bad movie", "😀", "北京大学", "blue card", "money"):
        answer = {"text": text, "start": CONTEXT.index(text)}
        examples = list(encode(["what was it"], [CONTEXT], tokenizer, 48, 12))
        [found] = decode(aimed(examples, [answer]), examples, [CONTEXT])
        got = found.answer()
        assert text in got.text and len(got.text) <= len(text) + 2, (text, got.text)  # a token may hold a neighbour
        assert CONTEXT[got.start : got.start + len(got.text)] == got.text
        assert got.probability > 0.5


def test_a_window_without_the_answer_points_at_its_first_token(tokenizer: Any) -> None:
    late = {"text": "sad 149", "start": LONG.index("sad 149")}
    examples = list(encode(["when"], [LONG], tokenizer, 40, 8))
    aims = [target(example, [late]) for example in examples]
    assert aims[0] == (examples[0].extra["cls"],) * 2
    start, end = aims[-1]
    assert examples[-1].extra["first"] <= start <= end < len(examples[-1].input_ids)
    assert target(examples[0], []) == aims[0]
    across = {"text": LONG, "start": 0}
    assert {target(example, [across]) for example in examples} == {aims[0]}


def test_of_several_answers_the_first_that_stands_in_the_window_is_aimed_at(tokenizer: Any) -> None:
    answers = [{"text": "sad 149", "start": LONG.index("sad 149")}, {"text": "red 0", "start": 0}]
    examples = list(encode(["when"], [LONG], tokenizer, 40, 8))
    places = examples[0].extra["places"]
    start, end = (at - examples[0].extra["first"] for at in target(examples[0], answers))
    assert (places[start, 0], places[end, 1]) == (0, 5)


def test_probabilities_are_shares_of_all_places_counted_one_by_one(tokenizer: Any) -> None:
    chance = np.random.default_rng(5)
    examples = list(encode(["red"], [CONTEXT], tokenizer, 24, 9))
    assert len(examples) > 2
    logits = [chance.normal(0, 2, (len(e.input_ids), 2)) for e in examples]
    [found] = decode(logits, examples, [CONTEXT], n_best=4, longest=6)
    scores: dict[tuple[int, int], float] = {}
    for example, mine in zip(examples, logits, strict=True):
        first, begin, n = example.extra["first"], example.extra["begin"], len(example.extra["places"])
        for i in range(n):
            for j in range(i, min(n, i + 6)):
                score = mine[first + i, 0] + mine[first + j, 1]
                key = (begin + i, begin + j)
                scores[key] = max(score, scores.get(key, -np.inf))
    none = min(mine[e.extra["cls"]].sum() for e, mine in zip(examples, logits, strict=True))
    total = sum(np.exp(list(scores.values()))) + np.exp(none)
    best = max(scores.values())
    some = [one for one in found.best if one["text"]]
    assert some[0]["probability"] == pytest.approx(np.exp(best) / total)
    assert next(one for one in found.best if not one["text"])["probability"] == pytest.approx(np.exp(none) / total)
    assert found.margin == pytest.approx(none - best)
    assert len(some) == 4
    assert [one["probability"] for one in found.best] == sorted(
        (one["probability"] for one in found.best), reverse=True
    )
    assert len({(one["start"], one["text"]) for one in found.best}) == len(found.best)
    assert sum(one["probability"] for one in found.best) <= 1 + 1e-9


def test_no_answer_is_said_by_the_margin_and_a_threshold(tokenizer: Any) -> None:
    examples = list(encode(["which film"], [CONTEXT], tokenizer, 64, 8))
    nothing = aimed(examples, [])
    [found] = decode(nothing, examples, [CONTEXT])
    assert found.margin == pytest.approx(18.0)
    assert (found.answer().text, found.answer().start) == ("", -1)
    assert found.answer().probability > 0.9
    assert found.answer(threshold=20.0).text
    assert found.answer(threshold=20.0).others[0]["text"] == ""
    [forced] = decode(nothing, examples, [CONTEXT], no_answer=False)
    assert forced.margin == -np.inf
    assert all(one["text"] for one in forced.best)


def test_hostile_rows_end_in_windows_and_no_answer(tokenizer: Any) -> None:
    questions = ["", "why " * 400, "😀" * 200, "  \n which"]
    contexts = ["", CONTEXT, " \n\t ", "x"]
    examples = list(encode(questions, contexts, tokenizer, max_length=24, stride=500))
    assert {e.row for e in examples} == {0, 1, 2, 3}
    assert max(len(e.input_ids) for e in examples) <= 24
    found = decode([np.zeros((len(e.input_ids), 2)) for e in examples], examples, contexts)
    assert found[0].answer().text == found[2].answer().text == ""
    assert found[3].answer(threshold=1.0).text == "x"
    bare = decode([np.zeros((len(e.input_ids), 2)) for e in examples], examples, contexts, no_answer=False)
    assert (bare[0].answer().text, bare[0].answer().start) == ("", -1)


def test_rows_do_not_disturb_each_other(tokenizer: Any) -> None:
    """More rows than the tokenizer is handed at once; each row's windows are those it has alone."""
    chance = random.Random(1)
    contexts = [" ".join(chance.choices(LONG.split(), k=chance.randrange(1, 60))) for _ in range(150)]
    together = list(encode(["which"] * 150, contexts, tokenizer, 32, 8))
    for row in (0, 63, 64, 149):
        alone = list(encode(["which"], [contexts[row]], tokenizer, 32, 8))
        mine = [e for e in together if e.row == row]
        assert [e.input_ids.tolist() for e in mine] == [e.input_ids.tolist() for e in alone]
        assert [e.extra["begin"] for e in mine] == [e.extra["begin"] for e in alone]


def test_every_short_answer_of_squad_comes_back_through_its_windows(data_dir: Path) -> None:
    import json
    from importlib.util import find_spec

    from transformers import AutoTokenizer

    from core.models.catalogue import PACKAGE
    from core.tasks.reading_scores import f1

    spec = find_spec(PACKAGE)
    assert spec is not None and spec.origin is not None
    real = AutoTokenizer.from_pretrained(next(Path(spec.origin).parent.rglob("tokenizer.json")).parent)
    data = json.loads((data_dir / "squad_v1" / "derived_heldout.json").read_text(encoding="utf-8"))["data"]
    asked = [(p["context"], q) for article in data for p in article["paragraphs"] for q in p["qas"]][::25]
    golds = [[{"text": a["text"], "start": a["answer_start"]} for a in q["answers"]] for _, q in asked]
    contexts = [context for context, _ in asked]
    examples = list(encode([q["question"] for _, q in asked], contexts, real, 384, 128))
    logits = [aimed([e], golds[e.row])[0] for e in examples]
    found = decode(logits, examples, contexts, no_answer=False, longest=60)
    agree = [f1([a["text"] for a in gold], one.answer().text) for gold, one in zip(golds, found, strict=True)]
    assert np.mean(agree) > 0.98
    for gold, one in zip(golds, found, strict=True):  # a token may hold a little more than the answer
        assert any(a["text"] in one.answer().text for a in gold)
