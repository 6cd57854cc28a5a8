"""Every way to tune on models that write: it learns, answers alike after it was settled, saved and opened again, and writes on."""

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
from core.models.catalogue import find
from core.models.loading import load_text_model, open_base, save_model
from core.models.methods import METHODS, method
from core.tasks import TASKS
from core.tasks.base import Labels
from core.training import asking
from core.training.settings import TrainingSettings
from core.workspace import read_json

NONE = Labels((), ())
IDS: dict[str, Any] = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
MADE: dict[str, Callable[[int], Any]] = {
    "gpt2": lambda n: tf.GPT2LMHeadModel(tf.GPT2Config(vocab_size=n, n_positions=128, n_embd=16, n_layer=2, n_head=2, **IDS)),
    "qwen2": lambda n: tf.Qwen2ForCausalLM(tf.Qwen2Config(vocab_size=n, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=128, **IDS)),
    "t5": lambda n: tf.T5ForConditionalGeneration(tf.T5Config(vocab_size=n, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, decoder_start_token_id=0, **IDS)),
}  # fmt: skip
ROWS = {
    "text2text": [{"text": f"see the {w}", "label": f"a {w}", "split": "train"} for w in ("dog", "red bike", "cat")],
    "chat": [{"messages": [{"role": "user", "content": w}, {"role": "assistant", "content": f"a {w}"}], "split": "train"} for w in ("dog", "bike", "cat")],
}  # fmt: skip
CHOSEN = {"lora_rank": 4, "vera_rank": 16, "oft_block": 8, "adapter_size": 8, "virtual_words": 4, "prompt_network": 16, "top_layers": 1}  # fmt: skip


class Here:
    gpu = ""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder of each shape, with a tokenizer of the fitting kind."""
    made = tmp_path_factory.mktemp("writers")
    for kind in ("causal", "seq2seq"):
        blank.make(kind, "tiny", [str(rows) for rows in ROWS.values()] * 9, made / kind)  # type: ignore[arg-type]

    def one(name: str) -> Path:
        kind, folder = ("seq2seq" if name == "t5" else "causal"), made / name
        if not folder.exists():
            torch.manual_seed(1)
            MADE[name](len(open_base(find(str(made / kind))).tokenizer)).save_pretrained(folder)
            for pattern in ("*token*", "chat_template*"):
                for file in (made / kind).glob(pattern):
                    shutil.copy(file, folder)
        return folder

    return one


SOME = ("lora", "ia3", "bitfit", "adapter", "prompt", "prefix")  # one of each kind
PAIRS = [("gpt2", how) for how in METHODS] + [("t5", how) for how in SOME] + [("qwen2", "lora"), ("qwen2", "prefix")]


@pytest.mark.parametrize(("name", "how"), PAIRS)
def test_a_model_that_writes_learns_in_this_way_and_is_the_same_when_it_is_opened_again(
    name: str, how: str, folders: Callable[[str], Path], tmp_path: Path
):
    task = TASKS["text2text" if name == "t5" else "chat"]
    base, way = find(str(folders(name))), method(how)
    if (reason := way.suits(base, task, Here())) is not None:
        assert str(reason).endswith(".")
        return
    settings = TrainingSettings(method=how, max_length=48, answer_length=4, dropout=0.0, packing=False, **CHOSEN)
    source, rows = open_base(base, task.family), ROWS[task.name]
    torch.manual_seed(2)
    model: Any = task.model(source, NONE, settings)
    way.prepare(model, settings)
    examples = list(task.encode(rows, source.tokenizer, settings))
    batch = task.collate(examples, [task.target(rows[e.row], e, NONE) for e in examples], source.tokenizer)

    def loss(asked: Any) -> torch.Tensor:
        return task.loss(task.forward(asked, batch), batch, settings, NONE)

    optimizer = torch.optim.AdamW(
        [w for w in model.parameters() if w.requires_grad], lr=2e-2 if way.rate < 100 else 0.1
    )
    model.eval()
    before = loss(model).item()
    for _ in range(8):
        loss(model).backward()
        optimizer.step()
        optimizer.zero_grad()
    after = loss(model).item()
    assert after < before
    way.settle(model)
    assert loss(model).item() == pytest.approx(after, rel=1e-4)
    device = choose(TrainingSettings(precision="fp32"))
    about = {"task": task.name, "labels": [], "settings": settings.model_dump(), "max_length": 48}
    save_model(model, source.tokenizer, tmp_path / "model", about)
    again, tokenizer = load_text_model(tmp_path / "model", read_json(tmp_path / "model" / "hone.json"))
    said = [asking.outputs(m.to(device.name).eval(), examples, task, tokenizer, device) for m in (model, again)]
    answers = [task.decode(one, rows, examples, NONE) for one in said]
    assert [a.text for a in answers[0]] == [a.text for a in answers[1]]  # type: ignore[union-attr]
    assert all(a.tokens for a in answers[0])  # type: ignore[union-attr]
