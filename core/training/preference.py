"""Losses that learn from comparisons, as pure functions of log probabilities or scores. Nothing here knows of tasks or files.

An answer's log probability is the sum over its own tokens, given the prompt. The reference is the model before tuning: its log
probabilities are computed once, before the first step (or with adapters switched off), so no frozen copy stays in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import functional

UNLEARNT = -100


def sequence_logprobs(model: Any, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Log probability of each row's answer, (rows,) float32, and its number of tokens, (rows,).

    `batch`: input_ids and attention_mask (rows, tokens), labels (rows, tokens) with -100 where nothing is asked: the prompt and the
    padding. An encoder-decoder's labels are the answer alone.
    """
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask", "position_ids") if name in batch}
    labels = batch["labels"]
    if getattr(model.config, "is_encoder_decoder", False):
        logits = model(**inputs, labels=labels, use_cache=False).logits
    else:
        logits = model(**inputs, use_cache=False).logits[:, :-1]
        labels = labels[:, 1:]
    return logprobs(logits, labels)


def logprobs(logits: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Sums of log p(label) over each row and their number; logits (rows, tokens, vocabulary) stand at the place of their label."""
    asked = labels != UNLEARNT
    each = -functional.cross_entropy(
        logits.float().flatten(0, 1), labels.flatten(), ignore_index=UNLEARNT, reduction="none"
    ).view(labels.shape)
    return (each * asked).sum(dim=1), asked.sum(dim=1)


# From pairs of answers -----------------------------------------------------------------------------------------------


def dpo(
    chosen: torch.Tensor,
    rejected: torch.Tensor,
    reference_chosen: torch.Tensor,
    reference_rejected: torch.Tensor,
    beta: float = 0.1,
    label_smoothing: float = 0.0,
) -> torch.Tensor:
    """Loss of each pair, (pairs,): -log sigmoid(beta * how much more than the reference the model prefers the chosen answer).

    Rafailov et al. 2023, "Direct Preference Optimization", equation 7. `label_smoothing` is the share of pairs thought to be the
    wrong way round (Mitchell 2023, "A note on DPO with noisy preferences").
    """
    lead = beta * ((chosen - rejected) - (reference_chosen - reference_rejected))
    right, wrong = functional.logsigmoid(lead), functional.logsigmoid(-lead)
    return -(1 - label_smoothing) * right - label_smoothing * wrong


def orpo(
    chosen: torch.Tensor,
    rejected: torch.Tensor,
    chosen_tokens: torch.Tensor,
    rejected_tokens: torch.Tensor,
    weight: float = 0.1,
) -> torch.Tensor:
    """Loss of each pair, (pairs,): the chosen answer's mean negative log likelihood, plus `weight` times -log sigmoid of the log
    odds ratio of both answers' mean token probabilities. Needs no reference.

    Hong, Lee and Thorne 2024, "ORPO: Monolithic Preference Optimization without Reference Model", equations 6 and 7.
    """
    good, bad = chosen / chosen_tokens.clamp(min=1), rejected / rejected_tokens.clamp(min=1)
    return -good - weight * functional.logsigmoid(log_odds(good) - log_odds(bad))


def log_odds(logp: torch.Tensor) -> torch.Tensor:
    """log(p / (1 - p)) from log p, exact near both ends. p = 1 counts as a hair less."""
    logp = logp.clamp(max=-1e-7)
    return logp - torch.log(-torch.expm1(logp))


def margins(
    chosen: torch.Tensor,
    rejected: torch.Tensor,
    reference_chosen: torch.Tensor,
    reference_rejected: torch.Tensor,
    beta: float,
) -> torch.Tensor:
    """Implicit reward of the chosen answer minus that of the rejected one, (pairs,): beta * (log p - log p of the reference)."""
    return beta * ((chosen - reference_chosen) - (rejected - reference_rejected))


def figures(margin: torch.Tensor) -> dict[str, float]:
    """Numbers for the live page: `margin` (mean) and `accuracy` (share of pairs the right way round; a tie counts half)."""
    if not len(margin):
        return {}
    right = (margin > 0).float() + 0.5 * (margin == 0).float()
    return {"margin": float(margin.float().mean()), "accuracy": float(right.mean())}


# From scores ---------------------------------------------------------------------------------------------------------


def bradley_terry(chosen: torch.Tensor, rejected: torch.Tensor, margin: torch.Tensor | float = 0.0) -> torch.Tensor:
    """Loss of each pair of scores, (pairs,): -log of the probability that `chosen` wins, sigmoid(chosen - rejected - margin).

    Bradley and Terry 1952; as reward loss Ouyang et al. 2022, equation 1; the margin (how much better) Touvron et al. 2023.
    """
    return -functional.logsigmoid(chosen - rejected - margin)


def listwise(scores: torch.Tensor, grades: torch.Tensor, there: torch.Tensor, shares: str = "sum") -> torch.Tensor:
    """Loss of each list of candidates, (lists,): cross-entropy between the scores' softmax and what the grades ask for.

    scores, grades (at least 0) and `there` (False is padding) are (lists, candidates). `shares="softmax"` asks for the softmax of
    the grades (ListNet's top-one probabilities; Cao et al. 2007); `"sum"` for each grade's share of their sum (softmax
    cross-entropy; Bruch et al. 2019), which suits clicked or not. A list whose grades are all nought costs nothing under `"sum"`.
    """
    lowest = torch.finfo(torch.float32).min
    logs = torch.log_softmax(scores.float().masked_fill(~there, lowest), dim=1)
    grades = grades.float()
    if shares == "softmax":
        asked = torch.softmax(grades.masked_fill(~there, lowest), dim=1)
    else:
        grades = grades * there
        asked = grades / grades.sum(dim=1, keepdim=True).clamp(min=1e-9)
    return -(asked * logs).masked_fill(~there, 0.0).sum(dim=1)


# The reference -------------------------------------------------------------------------------------------------------


def reference_logprobs(model: Any, batches: Iterable[Mapping[str, torch.Tensor]]) -> torch.Tensor:
    """Log probabilities of all rows of `batches` in their order, (rows,) on the CPU, from the model without its adapters.

    A fully tuned model is its own reference only before the first step: compute then, keep the numbers with the run.
    """
    training = model.training
    model.eval()
    try:
        with torch.no_grad(), adapters_off(model):
            found = [sequence_logprobs(model, batch)[0].cpu() for batch in batches]
    finally:
        model.train(training)
    return torch.cat(found) if found else torch.zeros(0)


@contextmanager
def adapters_off(model: Any) -> Iterator[bool]:
    """Inside, the model answers without its peft adapters, whether wrapped or injected; yields whether it has any.

    Which adapters learn is put back as it was.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer

    layers = [module for module in model.modules() if isinstance(module, BaseTunerLayer)]
    learning = {name: weights.requires_grad for name, weights in model.named_parameters()}
    on = [layer for layer in layers if not layer.disable_adapters]
    for layer in on:
        layer.enable_adapters(False)
    try:
        yield bool(layers)
    finally:
        for layer in on:
            layer.enable_adapters(True)
        for name, weights in model.named_parameters():
            weights.requires_grad_(learning[name])
