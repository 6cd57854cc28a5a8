"""Text out of models: the same as transformers alone gives, in any company, and in pieces that are never half a character."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import torch

from core.errors import Cancelled, ModelError
from core.models import blank, generating
from core.models.generating import Settings

PROMPTS = ["Once upon a time", "Tom", "One day, a little girl named Lily went to the park with her", "The dog said"]


@pytest.fixture(scope="module")
def stories(data_dir: Path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = data_dir / "stories260k"
    return AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory):
    """A blank encoder-decoder that has learnt three answers by heart."""
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    folder = tmp_path_factory.mktemp("translator")
    pairs = [("one", "eins 🙂"), ("two and more", "zwei und 更多"), ("three", "drei")]
    blank.make("seq2seq", "tiny", [text for pair in pairs for text in pair], folder, seed=1)
    model, tokenizer = AutoModelForSeq2SeqLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    source = tokenizer([a for a, _ in pairs], padding=True, return_tensors="pt")
    target = tokenizer([b for _, b in pairs], padding=True, return_tensors="pt")
    labels = target["input_ids"].masked_fill(target["attention_mask"] == 0, -100)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(60):
        inputs = {"input_ids": source["input_ids"], "attention_mask": source["attention_mask"]}
        model(**inputs, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model.eval(), tokenizer, pairs


def test_each_answer_is_that_of_the_prompt_alone_in_its_place(stories):
    """Padding on the left changes nothing, and sorting by length is undone."""
    model, tokenizer = stories
    settings = Settings(max_new_tokens=24)
    found = generating.generate(model, tokenizer, PROMPTS, settings)
    for prompt, answer in zip(PROMPTS, found, strict=True):
        ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            alone = model.generate(ids, max_new_tokens=24, do_sample=False)[0, ids.shape[1] :]
        assert answer.text == tokenizer.decode(alone, skip_special_tokens=True)
        assert answer.tokens == 24 and not answer.ended and answer.cut == 0


def test_small_batches_give_what_one_large_one_gives(stories):
    model, tokenizer = stories
    settings = Settings(max_new_tokens=10)
    steps: list[tuple[int, int]] = []
    small = generating.generate(model, tokenizer, PROMPTS, settings, tokens=1, progress=lambda *n: steps.append(n))
    assert small == generating.generate(model, tokenizer, PROMPTS, settings)
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_batches_hold_what_the_budget_allows_longest_first():
    lengths = [5, 50, 6, 48, 7]
    assert list(generating.batches(lengths, Settings(max_new_tokens=10), 120)) == [[1, 3], [4, 2, 0]]
    assert list(generating.batches(lengths, Settings("beam", max_new_tokens=10, beams=2), 120)) == [[1], [3], [4, 2, 0]]
    assert list(generating.batches([], Settings(), 100)) == []


@pytest.mark.parametrize("way", ["greedy", "sampling"])
def test_the_pieces_joined_are_the_whole(stories, way: str):
    model, tokenizer = stories
    settings = Settings(way, max_new_tokens=60, top_k=40, seed=3)
    pieces = list(generating.stream(model, tokenizer, PROMPTS[0], settings))
    assert len(pieces) > 30 and all(pieces)
    if way == "greedy":
        assert "".join(pieces) == generating.generate(model, tokenizer, PROMPTS[:1], settings)[0].text
    assert pieces == list(generating.stream(model, tokenizer, PROMPTS[0], settings))


def test_encoder_decoders_answer_and_stream(translator):
    model, tokenizer, pairs = translator
    for settings in (Settings(max_new_tokens=30), Settings("beam", max_new_tokens=30, beams=3)):
        found = generating.generate(model, tokenizer, [a for a, _ in pairs], settings)
        assert [f.text for f in found] == [b for _, b in pairs]
        assert all(f.ended for f in found)
        for a, b in pairs:
            assert "".join(generating.stream(model, tokenizer, a, settings)) == b


def test_no_piece_is_half_a_character(translator):
    model, tokenizer, pairs = translator
    for a, b in pairs:
        pieces = list(generating.stream(model, tokenizer, a, Settings(max_new_tokens=30)))
        assert all("\ufffd" not in piece for piece in pieces) and "".join(pieces) == b


class Spelt:
    """Decodes a fixed row of bytes, one a token: the hardest case."""

    def __init__(self, data: bytes):
        self.data = data

    def decode(self, ids, **_):
        return bytes(self.data[i] for i in ids).decode("utf-8", "replace")


@pytest.mark.parametrize("text", ["añ你🙂👩‍👧z", "plain", "\ufffd real", "ends in 你"])
def test_byte_by_byte_every_character_comes_once_and_whole(text: str):
    data = text.encode()
    held = generating._Held(Spelt(data), ())
    pieces = [held.add(i) for i in range(len(data))] + [held.rest()]
    assert "".join(pieces) == text
    assert all(piece in text for piece in pieces)


def test_bytes_that_are_no_text_do_not_hold_it_up():
    data = b"ok \xff\xfe then \xe4\xbd"
    held = generating._Held(Spelt(data), ())
    pieces = [held.add(i) for i in range(len(data))]
    assert "".join(pieces) == data[:-2].decode("utf-8", "replace")
    assert held.rest() == "\ufffd"


def test_a_stop_ends_the_text_and_is_no_part_of_it(stories):
    model, tokenizer = stories
    whole = generating.generate(model, tokenizer, PROMPTS[:1], Settings(max_new_tokens=60))[0].text
    stop = whole[40:46]
    assert whole.index(stop) == 40
    settings = Settings(max_new_tokens=60, stops=(stop, "never said"))
    found = generating.generate(model, tokenizer, PROMPTS[:1], settings)[0]
    assert found.text == whole[:40] and found.ended
    pieces = list(generating.stream(model, tokenizer, PROMPTS[0], settings))
    assert "".join(pieces) == whole[:40]


def test_the_beginning_of_a_stop_is_held_back_until_it_is_none():
    data = b"a\n\nUsher\n\nUser: x"
    held = generating._Held(Spelt(data), ("\n\nUser:",))
    said = []
    for i in range(len(data)):
        said.append(held.add(i))
        if held.stopped:
            break
    assert "".join(said) == "a\n\nUsher" and held.stopped and held.rest() == ""
    assert said[:6] == ["a", "", "", "", "", "\n\nUsh"]


def test_chance_is_repeatable_and_leaves_other_chance_alone(stories):
    model, tokenizer = stories
    settings = Settings("sampling", max_new_tokens=20, temperature=1.0, seed=9)
    torch.manual_seed(123)
    before = torch.get_rng_state()
    first = generating.generate(model, tokenizer, PROMPTS, settings)
    list(generating.stream(model, tokenizer, PROMPTS[0], settings))
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(7)
    assert generating.generate(model, tokenizer, PROMPTS, settings) == first
    other = Settings("sampling", max_new_tokens=20, temperature=1.0, seed=10)
    assert generating.generate(model, tokenizer, PROMPTS, other) != first


def test_very_narrow_sampling_is_greedy(stories):
    model, tokenizer = stories
    greedy = generating.generate(model, tokenizer, PROMPTS, Settings(max_new_tokens=12))
    for narrow in (
        Settings("sampling", 12, top_k=1),
        Settings("sampling", 12, top_p=1e-6),
        Settings("sampling", 12, temperature=1e-4),
    ):
        assert generating.generate(model, tokenizer, PROMPTS, narrow) == greedy
        assert "".join(generating.stream(model, tokenizer, PROMPTS[1], narrow)) == greedy[1].text


def test_the_model_is_left_as_it_was(stories):
    model, tokenizer = stories
    model.train()
    try:
        generating.generate(model, tokenizer, PROMPTS[:1], Settings(max_new_tokens=2))
        assert model.training
        pieces = generating.stream(model, tokenizer, PROMPTS[0], Settings(max_new_tokens=8))
        next(pieces)
        assert model.training  # also between two pieces
    finally:
        model.eval()


def test_cancelling_cancels(stories):
    model, tokenizer = stories
    asked = threading.Event()
    calls = []
    settings = Settings(max_new_tokens=400)
    pieces = []
    for piece in generating.stream(model, tokenizer, PROMPTS[0], settings, cancelled=asked.is_set):
        pieces.append(piece)
        if len(pieces) == 5:
            asked.set()
    assert 5 <= len(pieces) <= 7
    closed = generating.stream(model, tokenizer, PROMPTS[0], settings)
    next(closed)
    closed.close()
    assert list(closed) == []

    def after_two(done: int, total: int) -> None:
        calls.append(done)
        if done == 2:
            asked.set()

    asked.clear()
    with pytest.raises(Cancelled):
        generating.generate(
            model, tokenizer, PROMPTS, Settings(max_new_tokens=2), tokens=1, progress=after_two, cancelled=asked.is_set
        )
    assert calls == [1, 2]


def test_a_prompt_that_leaves_no_room_loses_its_beginning(stories):
    model, tokenizer = stories
    settings = Settings(max_new_tokens=12)
    found = generating.generate(model, tokenizer, ["Lily ran. " * 300, list(range(10, 20))], settings)
    assert found[0].cut > 0 and found[0].tokens == 12
    assert found[1].cut == 0
    ids, cut = generating.fitted(model, tokenizer, list(range(3, 503)) * 2, settings)
    assert len(ids) == 500 and ids[-1] == 502 and cut == 500  # 512 positions less twelve
    with pytest.raises(ModelError, match="may have 512 tokens, but the model holds 512"):
        generating.generate(model, tokenizer, PROMPTS, Settings(max_new_tokens=512))


def test_an_empty_prompt_begins_a_text_of_its_own(stories):
    model, tokenizer = stories
    found = generating.generate(model, tokenizer, ["", []], Settings(max_new_tokens=5))
    assert found[0] == found[1] and found[0].tokens == 5  # both begin with <s>
    assert generating.generate(model, tokenizer, []) == []


def test_a_language_that_is_forced_comes_first_in_both(translator):
    model, tokenizer, pairs = translator
    model.generation_config.forced_bos_token_id = tokenizer("zwei")["input_ids"][0]
    try:
        settings = Settings(max_new_tokens=10)
        whole = generating.generate(model, tokenizer, [pairs[0][0]], settings)[0].text
        assert whole.startswith("z")
        assert "".join(generating.stream(model, tokenizer, pairs[0][0], settings)) == whole
    finally:
        model.generation_config.forced_bos_token_id = None
