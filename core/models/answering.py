"""A saved encoder model that answers: texts in, probabilities out. Batches of like length, as many texts as fit a budget of tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from core.device import Device, choose
from core.models.heads import TextModel
from core.models.loading import load_text_model
from core.training.batches import by_tokens, padded
from core.training.precision import autocast


class Encoder:
    """See core.models.loading.Answering."""

    def __init__(self, model: TextModel, tokenizer: Any, about: dict[str, Any], device: Device):
        self.kind: str = about["kind"]
        self.task: str = about["task"]
        self.labels: tuple[str, ...] = tuple(about["labels"])
        self.max_length: int = about["max_length"]
        self.model = model.to(device.name).eval()
        self.tokenizer = tokenizer
        self.device = device

    @staticmethod
    def load(folder: Path, about: dict[str, Any], device: Device | None = None) -> Encoder:
        model, tokenizer = load_text_model(folder, about)
        return Encoder(model, tokenizer, about, device or choose(SimpleNamespace(precision="fp32")))

    def probabilities(self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> np.ndarray:
        from core.tasks import task

        rows = [{"text": text} for text in texts]
        examples = list(task(self.task).encode(rows, self.tokenizer, SimpleNamespace(max_length=self.max_length)))
        out = np.zeros((len(texts), len(self.labels)), dtype=np.float32)
        done = 0
        with torch.inference_mode(), autocast(self.device):
            for batch in by_tokens(examples):
                inputs = {k: v.to(self.device.name) for k, v in padded(batch, self.tokenizer).items()}
                logits = self.model(inputs["input_ids"], inputs["attention_mask"])
                out[[e.row for e in batch]] = torch.softmax(logits.float(), dim=-1).cpu().numpy()
                done += len(batch)
                if progress:
                    progress(done, len(texts))
        return out
