"""How many weights learn, told before the start, is what learns afterwards."""

from __future__ import annotations

from typing import Any

import pytest
import transformers as tf

from core.models.catalogue import Base, described, find
from core.models.counting import COUNTS, divided, learning
from core.models.heads import Whole
from core.models.loading import new_model, open_base
from core.models.methods import METHODS, method
from core.training.settings import TrainingSettings
from core.words import Message

HERE = [name for name in METHODS if name != "qlora"]  # which needs a GPU
SETTINGS = TrainingSettings(lora_rank=4, vera_rank=16, oft_block=8, adapter_size=8, adapter_places="houlsby", virtual_words=4, prompt_network=16, top_layers=1)  # fmt: skip


def learns(model: Any) -> int:
    return sum(w.numel() for w in model.parameters() if w.requires_grad)


def test_every_method_has_its_sum():
    assert set(COUNTS) == set(METHODS)


@pytest.mark.parametrize("name", HERE)
def test_of_a_base_on_this_machine_the_count_is_exact(name, tiny_encoder):
    base = find(str(tiny_encoder))
    model = new_model(open_base(base), ("a", "b", "c"))
    method(name).prepare(model, SETTINGS)
    assert learning(base, name, SETTINGS, labels=3) == learns(model)


def test_of_the_bundled_encoder_too():
    base, settings = find("bundled:all-MiniLM-L6-v2"), TrainingSettings()
    assert learning(base, "full", settings) == base.parameters - 384 * 384 - 384  # without the pooler
    assert learning(base, "lora", settings, labels=77) == 16 * 6 * (4 * 2 * 384 + 2 * (384 + 1536)) + 77 * 385


PLAIN: dict[str, Any] = {"vocab_size": 512, "hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 2}
HALVES: dict[str, Any] = {"encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 128, "decoder_ffn_dim": 128, "encoder_attention_heads": 2, "decoder_attention_heads": 2}  # fmt: skip
SHAPES = {
    "bert": lambda: Whole(tf.BertForTokenClassification(tf.BertConfig(**PLAIN, intermediate_size=128)), "token-classification"),
    "llama": lambda: Whole(tf.LlamaForCausalLM(tf.LlamaConfig(**PLAIN, intermediate_size=176)), "causal-lm"),
    "gpt2": lambda: Whole(tf.GPT2LMHeadModel(tf.GPT2Config(vocab_size=512, n_embd=64, n_layer=3, n_head=2)), "causal-lm"),
    "bart": lambda: Whole(tf.BartForConditionalGeneration(tf.BartConfig(vocab_size=512, d_model=64, **HALVES)), "seq2seq-lm"),
    "t5": lambda: Whole(tf.T5ForConditionalGeneration(tf.T5Config(vocab_size=512, d_model=64, d_ff=128, num_layers=2, num_heads=2, d_kv=32)), "seq2seq-lm"),
    "vit": lambda: Whole(tf.ViTForImageClassification(tf.ViTConfig(hidden_size=64, num_hidden_layers=3, num_attention_heads=2, intermediate_size=128, num_labels=2)), "image-classification"),
}  # fmt: skip
TRIED = ("lora", "dora", "adalora", "vera", "ia3", "adapter", "loha", "lokr", "oft", "prefix", "prompt")


class Nobody:
    link, family, gpu = "softmax", "", ""


@pytest.mark.parametrize("shape", SHAPES)
def test_of_a_base_elsewhere_the_count_follows_from_its_shape(shape):
    """Within one percent; nothing of it is on this machine but its config."""
    heads = 2 if shape in ("bert", "vit") else 0
    for name in TRIED:
        model = SHAPES[shape]()
        config = {**model.body.config.to_dict(), "architectures": [type(model.body).__name__]}
        base = described(Base("x", Message("x"), "encoder", (), "", 1, 4, 512, Message("x")), config)
        task = Nobody()
        task.family = base.family
        if method(name).suits(base, task, task):
            continue
        method(name).prepare(model, SETTINGS)
        assert learning(base, name, SETTINGS, labels=heads) == pytest.approx(learns(model), rel=0.01), name


@pytest.mark.parametrize(("n", "pair"), [(256, (16, 16)), (128, (8, 16)), (127, (1, 127)), (384, (16, 24))])
def test_numbers_are_divided_as_peft_divides_them(n, pair):
    from peft.tuners.lokr.layer import factorization

    assert divided(n) == pair == factorization(n)
