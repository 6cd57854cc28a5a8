"""Answers by natural-language inference: does "This text is about {label}." follow from the text? (Yin, Hay, Roth 2019)

The sentence that follows most wins; probabilities are the softmax over labels of the entailment logits, as `zero-shot-classification` of
transformers has them.
"""

from __future__ import annotations

import time
from types import SimpleNamespace

import numpy as np

from core.device import choose
from core.errors import Cancelled
from core.models.loading import ARCHITECTURES, new_whole, open_base
from core.prompting.prompts import filled
from core.prompting.ways import Asked, Said, entailment
from core.tasks.classification import softmax
from core.words import Message

READ = 512  # tokens of text and sentence together
AT_ONCE = 64  # texts whose pairs are made at a time


def answer(asked: Asked) -> Said:
    import torch

    from core.tasks import two_texts
    from core.training import batches
    from core.training.asking import budget
    from core.training.precision import autocast

    asked.progress(0, len(asked.rows), Message("Loading the model …"))
    source = open_base(asked.base)
    follows = entailment(source.config.id2label)
    device = choose(SimpleNamespace(precision="auto"))
    model = new_whole(source, next(iter(ARCHITECTURES))).eval().to(device.name)
    settings = SimpleNamespace(max_length=min(READ, source.base.max_length or READ), pair_reading="together")
    size = len(asked.labels)
    scores = np.zeros((len(asked.rows), size), np.float32)
    began = time.perf_counter()
    for start in range(0, len(asked.rows), AT_ONCE):
        some = asked.rows[start : start + AT_ONCE]
        pairs = [
            {"text": row["text"], "text_b": filled(asked.settings.hypothesis, {**row, "label": one.words})}
            for row in some
            for one in asked.labels
        ]
        examples = list(two_texts.together(pairs, source.tokenizer, settings))
        for batch in batches.by_tokens(examples, *budget(device)):
            if asked.cancelled():
                raise Cancelled
            inputs = {k: v.to(device.name) for k, v in two_texts.collated(batch, source.tokenizer).items()}
            with torch.inference_mode(), autocast(device):
                logits = model(**inputs).logits[:, follows].float().cpu().numpy()
            at = np.array([example.row for example in batch])
            scores[start + at // size, at % size] = logits
        asked.progress(start + len(some), len(asked.rows), Message("Asking for each label …"))
    took = (time.perf_counter() - began) / max(1, len(asked.rows))
    return Said(softmax(scores), took)
