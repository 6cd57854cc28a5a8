"""Blank models: ordinary folders, the same from the same seed, with a tokenizer that loses nothing."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import DataError, ModelError
from core.models import blank

ROOT = Path(__file__).resolve().parents[3]
TEXTS = [
    "The cat sat on the mat and looked at the rain.",
    "A dog ran over the green field, and the cat ran after it.",
    "猫坐在垫子上，看着雨。",
    "Über den Wolken ist der Himmel blau. 🙂",
] * 40


def digests(folder: Path) -> dict[str, str]:
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(folder.iterdir())}


@pytest.mark.parametrize("size", blank.SIZES.values(), ids=lambda s: s.id)
def test_the_table_says_as_many_parameters_as_the_model_has(size: blank.Size):
    with torch.device("meta"):
        model = blank.BUILDERS[size.kind](size, 1_000)
    assert size.parameters(1_000) == sum(w.numel() for w in model.parameters())


def test_sizes_grow():
    for kind in ("causal", "seq2seq", "image"):
        counts = [size.parameters() for size in blank.sizes(kind)]
        assert len(counts) >= 3 and counts == sorted(counts)


KINDS: tuple[blank.BlankKind, ...] = ("causal", "seq2seq", "image")


def test_the_same_seed_writes_the_same_files_in_another_process(tmp_path: Path):
    code = """
import json, sys
from pathlib import Path
from core.models import blank
for kind in ("causal", "seq2seq", "image"):
    blank.make(kind, "tiny", json.loads(sys.argv[1]), Path(sys.argv[2]) / kind, seed=5)"""
    subprocess.run([sys.executable, "-c", code, json.dumps(TEXTS), str(tmp_path / "there")], check=True, cwd=ROOT)
    torch.manual_seed(77)
    before = torch.get_rng_state()
    for kind in KINDS:
        made = blank.make(kind, "tiny", TEXTS, tmp_path / "here" / kind, seed=5)
        assert digests(tmp_path / "here" / kind) == digests(tmp_path / "there" / kind)
        assert "random" in str(made.told[-1])
    assert torch.equal(before, torch.get_rng_state())  # nobody else's chance is touched
    other = digests(blank.make("causal", "tiny", TEXTS, tmp_path / "other", seed=6).folder)
    assert other["model.safetensors"] != digests(tmp_path / "here" / "causal")["model.safetensors"]


def test_every_text_comes_back_from_its_tokens(tmp_path: Path):
    from transformers import AutoTokenizer

    made = blank.make("causal", "tiny", TEXTS, tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    strange = "  Two  spaces, tabs\t, 龘 never seen, e\u0301, 👩‍👩‍👧, \u202e and \x00."
    for text in (*TEXTS[:4], strange):
        ids = tokenizer(text)["input_ids"]
        assert ids[0] == tokenizer.bos_token_id
        assert tokenizer.decode(ids[1:], clean_up_tokenization_spaces=False) == text
    assert made.vocabulary == len(tokenizer) <= blank.VOCABULARY_LEAST
    assert str(made.told[0]).startswith(f"The tokenizer learnt {made.vocabulary} pieces from ")


def test_a_blank_causal_model_opens_and_learns(tmp_path: Path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    blank.make("causal", "tiny", TEXTS, tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path)
    ids = torch.tensor([tokenizer(TEXTS[0])["input_ids"]])
    first = falls(model, lambda: model(input_ids=ids, labels=ids).loss)
    assert first == pytest.approx(np.log(len(tokenizer)), rel=0.15)  # knows nothing: every piece is as likely


def test_a_blank_translator_opens_and_learns(tmp_path: Path):
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    blank.make("seq2seq", "tiny", TEXTS, tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    model = AutoModelForSeq2SeqLM.from_pretrained(tmp_path)
    source = torch.tensor([tokenizer(TEXTS[0])["input_ids"]])
    target = torch.tensor([tokenizer(TEXTS[3])["input_ids"]])
    assert source[0, -1] == target[0, -1] == tokenizer.eos_token_id
    falls(model, lambda: model(input_ids=source, labels=target).loss)
    wanted = tokenizer.decode(target[0], skip_special_tokens=True)
    said = model.generate(input_ids=source, max_new_tokens=80, num_beams=1, do_sample=False)
    assert tokenizer.decode(said[0], skip_special_tokens=True) == wanted


def test_a_blank_image_model_opens_and_learns(tmp_path: Path):
    from PIL import Image
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    made = blank.make("image", "tiny", [], tmp_path)
    processor = AutoImageProcessor.from_pretrained(tmp_path)
    model = AutoModelForImageClassification.from_pretrained(tmp_path)
    pictures = [Image.new("RGB", (90, 40), colour) for colour in ("red", "blue", "darkred", "navy")]
    pixels = processor(pictures, return_tensors="pt")["pixel_values"]
    assert pixels.shape == (4, 3, 64, 64) and made.vocabulary == 0
    falls(model, lambda: model(pixel_values=pixels, labels=torch.tensor([0, 1, 0, 1])).loss, steps=20)


def falls(model, loss, steps: int = 60) -> float:
    """Takes steps; the loss must end below a third. Returns the first."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    model.train()
    for _ in range(steps):
        value = loss()
        value.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(value.detach()))
    model.eval()
    assert losses[-1] < losses[0] / 3
    return losses[0]


def test_more_text_gives_more_pieces_within_bounds():
    assert blank.vocabulary_size(10) == blank.VOCABULARY_LEAST
    assert blank.vocabulary_size(4_000_000) == 3_968
    assert blank.vocabulary_size(10**10) == blank.VOCABULARY_MOST


def test_of_very_much_text_an_even_part_is_read():
    texts = [f"{i:04d}" for i in range(1_000)]
    read, total = blank.spread(texts, most=400)
    assert total <= 400 and len(read) >= 90
    assert int(read[-1]) > 900  # not only the beginning
    assert blank.spread(["x" * 1_000], most=400) == (["x" * 400], 400)


def test_no_text_is_an_error_with_a_repair(tmp_path: Path):
    with pytest.raises(DataError, match="no text to learn a tokenizer from"):
        blank.make("causal", "tiny", ["", ""], tmp_path)


def test_an_unknown_size_lists_those_there_are():
    with pytest.raises(ModelError, match="no blank model called “causal-huge”") as error:
        blank.size_of("causal", "huge")
    assert "causal-tiny" in str(error.value.fix)


def test_the_table_needs_no_torch():
    code = (
        "import sys, core.models.blank as b; b.SIZES['blank:causal-tiny'].parameters(); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "False"
