"""Plain text, learnt by going on from it or by guessing hidden words: pieces, what is hidden, measures; from a file to the copy."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.data.dataset import Dataset
from core.models.catalogue import find
from core.models.loading import open_base
from core.tasks.base import Labels
from core.tasks.guessing import settle as guessed
from core.tasks.language import Language, pieces
from core.tasks.masked import Masked, hidden
from core.training.settings import TrainingSettings

LANGUAGE, MASKED, NONE = Language(), Masked(), Labels((), ())


def settings(**more: Any) -> TrainingSettings:
    return TrainingSettings(**{"max_length": 16, "answer_length": 6, "dropout": 0.0, **more})


# By hand ------------------------------------------------------------------------------------------------------------


def test_pieces_share_one_token_so_that_each_but_the_first_is_learnt_once():
    assert pieces([1, 2, 3, 4, 5], 3) == [[1, 2, 3], [3, 4, 5]]
    assert pieces([1, 2, 3, 4], 3) == [[1, 2, 3], [3, 4]]
    assert pieces([1], 3) == [[1]] and pieces([], 3) == [[]]


def test_the_perplexity_of_a_long_text_counts_every_token_once(data_dir: Path):
    source = open_base(find(str(data_dir / "stories260k")), "causal")
    text = "Once upon a time there was a little dog who liked to play in the garden with a red ball."
    tokens = len(source.tokenizer(text, add_special_tokens=False)["input_ids"])
    examples = list(LANGUAGE.encode([{"text": text, "split": "test"}], source.tokenizer, settings()))
    assert len(examples) > 1 and sum(one.weight for one in examples) == tokens + 1  # and the end
    model = LANGUAGE.model(source, NONE, settings()).eval()
    with torch.inference_mode():
        seen = LANGUAGE.outputs(model, LANGUAGE.collate(examples, None, source.tokenizer), examples)
    (answer,) = LANGUAGE.decode(seen, [{"text": text}], examples, NONE)
    assert answer.tokens == tokens + 1 and answer.text
    assert LANGUAGE.score([{}], [answer], NONE)["perplexity"] < 30  # the model was made for such stories: of 512


def test_hidden_tokens_are_never_special_and_about_as_many_as_asked(tiny_encoder: Path):
    tokenizer = open_base(find(str(tiny_encoder))).tokenizer
    rows = [{"text": "the movie is very good and all were happy", "split": "train"}] * 200
    examples = list(MASKED.encode(rows, tokenizer, settings(mask_share=0.25)))
    chosen, shown = 0, 0
    for i, one in enumerate(examples):
        ids, places = hidden(one, np.random.default_rng(i), tokenizer.mask_token_id)
        assert not places[[0, -1]].any() and places.any()
        chosen += int(places.sum())
        shown += int((ids[places] == tokenizer.mask_token_id).sum())
    assert chosen / sum(e.weight for e in examples) == pytest.approx(0.25, abs=0.03)
    assert shown / chosen == pytest.approx(0.8, abs=0.04)


def test_checks_hide_the_same_tokens_every_time_and_rounds_hide_others(tiny_encoder: Path):
    tokenizer = open_base(find(str(tiny_encoder))).tokenizer
    rows = [{"text": f"the movie is very good {i}", "split": "train"} for i in range(6)]
    examples = list(MASKED.encode(rows, tokenizer, settings()))
    targets = [MASKED.target({}, one, NONE) for one in examples]
    first, second = (MASKED.collate(examples, None, tokenizer)["labels"] for _ in range(2))
    assert torch.equal(first, second)
    torch.manual_seed(1)
    one, other = (MASKED.collate(examples, targets, tokenizer)["labels"] for _ in range(2))
    assert not torch.equal(one, other)


# From a file to the copy --------------------------------------------------------------------------------------------


def hone(home: Path, *arguments: str) -> Any:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main_of()([*arguments, "--workspace", str(home), "--json"])
    assert code == 0, err.getvalue()
    return json.loads(out.getvalue().splitlines()[-1])


def main_of() -> Any:
    from core.cli import main

    return main


@pytest.mark.parametrize("path", ["c4_text/c4_demo.jsonl", "wiki_text/wiki_demo.txt"])
def test_plain_documents_are_found(data_dir: Path, tmp_path: Path, path: str):
    data = Dataset.open(tmp_path)
    data.add(data_dir / path, Path(path).name)
    assert guessed(data) == "language"
