"""Tasks that write, on the shapes people bring from the Hub: each learns with LoRA and as a whole, and writes. Tiny random weights."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as tf

from core.device import choose
from core.models import blank
from core.models.catalogue import find, suits
from core.models.loading import open_base
from core.models.methods import method
from core.tasks import TASKS
from core.tasks.base import Labels
from core.training import asking
from core.training.settings import TrainingSettings

NONE = Labels((), ())
IDS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
SIDES = {"encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "d_model": 16, "max_position_embeddings": 64, "decoder_start_token_id": 0}  # fmt: skip
WRITERS: dict[str, Callable[[int], Any]] = {
    "t5": lambda n: tf.T5ForConditionalGeneration(tf.T5Config(vocab_size=n, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2, decoder_start_token_id=0, **IDS)),
    "bart": lambda n: tf.BartForConditionalGeneration(tf.BartConfig(vocab_size=n, forced_eos_token_id=2, **SIDES, **IDS)),
    "marian": lambda n: tf.MarianMTModel(tf.MarianConfig(vocab_size=n, **SIDES, **IDS)),
    "gpt2": lambda n: tf.GPT2LMHeadModel(tf.GPT2Config(vocab_size=n, n_positions=128, n_embd=16, n_layer=1, n_head=2, **IDS)),
    "qwen2": lambda n: tf.Qwen2ForCausalLM(tf.Qwen2Config(vocab_size=n, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=128, **IDS)),
}  # fmt: skip
ROWS = {
    "text2text": [{"text": f"see the {w}", "label": f"a {w}", "split": "train"} for w in ("dog", "red bike", "cat")],
    "chat": [{"messages": [{"role": "user", "content": w}, {"role": "assistant", "content": f"a {w}"}], "split": "train"} for w in ("dog", "bike", "cat")],
}  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder of each shape, with a tokenizer of the fitting kind."""
    made = tmp_path_factory.mktemp("writers")
    for kind in ("causal", "seq2seq"):
        blank.make(kind, "tiny", [str(rows) for rows in ROWS.values()] * 9, made / kind)  # type: ignore[arg-type]

    def one(name: str) -> Path:
        kind, folder = ("causal" if name in ("gpt2", "qwen2") else "seq2seq"), made / name
        if not folder.exists():
            torch.manual_seed(1)
            tokenizer = open_base(find(str(made / kind))).tokenizer
            WRITERS[name](len(tokenizer)).save_pretrained(folder)
            for file in (made / kind).glob("*token*"):
                shutil.copy(file, folder)
            for file in (made / kind).glob("chat_template*"):
                shutil.copy(file, folder)
        return folder

    return one


@pytest.mark.parametrize("how", ["full", "lora", "top"])
@pytest.mark.parametrize("name", list(WRITERS))
def test_a_base_of_this_shape_learns_and_writes(name: str, how: str, folders: Callable[[str], Path]):
    task = TASKS["chat" if name in ("gpt2", "qwen2") else "text2text"]
    base = find(str(folders(name)))
    assert base.family == task.family and suits(base, task.family) is None
    settings = TrainingSettings(method=how, top_layers=1, max_length=48, answer_length=4, dropout=0.0, packing=True)
    source, rows = open_base(base, task.family), ROWS[task.name]
    model: Any = task.model(source, NONE, settings)
    method(how).prepare(model, settings)
    examples = list(task.encode(rows, source.tokenizer, settings))
    batch = task.collate(examples, [task.target(rows[e.row], e, NONE) for e in examples], source.tokenizer)

    def loss() -> torch.Tensor:
        return task.loss(task.forward(model, batch), batch, settings, NONE)

    moving = [w for w in model.parameters() if w.requires_grad]
    optimizer = torch.optim.AdamW(moving, lr=2e-2)
    before = loss().item()
    for _ in range(8):
        loss().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert loss().item() < before
    after = loss().item()
    method(how).settle(model)
    assert not any("lora_" in key for key in model.state_dict()) and loss().item() == pytest.approx(after, rel=0.05)
    device = choose(TrainingSettings(precision="fp32"))
    said = asking.outputs(model.to(device.name).eval(), examples, task, source.tokenizer, device)
    answers = task.decode(said, rows, examples, NONE)
    assert all(answer.written and answer.tokens for answer in answers)  # type: ignore[union-attr]
