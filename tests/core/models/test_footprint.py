"""The estimate of memory agrees with what torch really keeps, for every family."""

from __future__ import annotations

from typing import Any

import pytest

from core.models.catalogue import CLASSIC, Base, described, find
from core.models.footprint import footprint
from core.models.known import KNOWN
from core.words import Message

B, L = 4, 96


def tiny(kind: str) -> tuple[Any, Any]:
    """A small model with heads 64 wide, as real ones have, and a batch for it."""
    import torch
    import transformers as t

    ids = torch.randint(5, 500, (B, L))
    texts = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    both = {"input_ids": ids, "labels": ids}
    pixels = {"pixel_values": torch.zeros(B, 3, 224, 224)}
    plain = {"vocab_size": 512, "hidden_size": 128, "num_hidden_layers": 4, "num_attention_heads": 2}
    halves = {"encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 512, "decoder_ffn_dim": 512}
    return {
        "bert": lambda: (t.BertModel(t.BertConfig(**plain, intermediate_size=512)), texts),
        "llama": lambda: (t.LlamaForCausalLM(t.LlamaConfig(**plain, intermediate_size=352)), both),
        "gpt2": lambda: (t.GPT2LMHeadModel(t.GPT2Config(vocab_size=512, n_embd=128, n_layer=4, n_head=2)), both),
        "bart": lambda: (
            t.BartForConditionalGeneration(
                t.BartConfig(
                    vocab_size=512, d_model=128, encoder_attention_heads=2, decoder_attention_heads=2, **halves
                )
            ),
            both,
        ),
        "vit": lambda: (
            t.ViTForImageClassification(
                t.ViTConfig(hidden_size=128, num_hidden_layers=4, num_attention_heads=2, intermediate_size=512)
            ),
            pixels,
        ),
        "resnet": lambda: (
            t.ResNetForImageClassification(
                t.ResNetConfig(depths=[2, 2, 2, 2], hidden_sizes=[64, 128, 256, 512], layer_type="basic")
            ),
            pixels,
        ),
    }[kind]()


def described_as(model: Any) -> Base:
    config = {**model.config.to_dict(), "architectures": [type(model).__name__]}
    parameters = sum(p.numel() for p in model.parameters())
    return described(Base("x", Message("x"), "encoder", (), "", parameters, 4 * parameters, 512, Message("x")), config)  # fmt: skip


def kept_by_torch(model: Any, batch: Any) -> int:
    """Bytes saved for the way back, each storage once, weights aside."""
    import torch

    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    held: dict[int, Any] = {}

    def pack(tensor: Any) -> Any:
        if tensor.untyped_storage().data_ptr() not in own:
            held[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    model.train()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        model(**batch)
    return sum(storage.nbytes() for storage in held.values())


@pytest.mark.parametrize(
    ("kind", "within"), [("bert", 1.5), ("llama", 1.5), ("gpt2", 1.5), ("bart", 1.5), ("vit", 2.2), ("resnet", 2.2)]
)
def test_what_a_step_keeps_is_estimated_within_a_factor(kind: str, within: float):
    model, batch = tiny(kind)
    estimate = footprint(described_as(model), "full", batch=B, length=L if kind not in ("vit", "resnet") else 224)
    assert estimate and 1 / within < estimate.kept / kept_by_torch(model, batch) < within


def test_lora_trains_as_many_weights_as_peft_adds():
    from peft import LoraConfig, inject_adapter_in_model

    model, _ = tiny("llama")
    base = described_as(model)
    linear = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    inject_adapter_in_model(LoraConfig(r=8, target_modules=linear), model)
    added = sum(p.numel() for name, p in model.named_parameters() if "lora_" in name)
    estimate = footprint(base, "lora", batch=1, length=8, lora_rank=8)
    assert estimate and estimate.trained == added


def test_full_tuning_with_adamw_needs_sixteen_bytes_a_weight():
    need = footprint(KNOWN["FacebookAI/roberta-base"], "full", batch=1, length=8)
    assert need and need.weights + need.gradients + need.optimizer == 16 * 124_697_433


@pytest.mark.parametrize("id", KNOWN)
def test_methods_need_less_the_less_they_teach(id: str):
    base = KNOWN[id]
    totals = [footprint(base, method, batch=8, length=128).total for method in ("head", "lora", "full")]
    assert totals == sorted(totals) and totals[0] < totals[2]
    halved = footprint(base, "full", batch=8, length=128, precision="bf16")
    again = footprint(base, "full", batch=8, length=128, recompute=True)
    assert halved.kept < footprint(base, "full", batch=8, length=128).kept and again.total <= footprint(base, "full", batch=8, length=128).total  # fmt: skip


def test_what_nobody_has_counted_is_not_estimated():
    assert footprint(find(CLASSIC), "head", batch=8, length=128) is None
    assert footprint(find("some/model"), "full", batch=8, length=128) is None
