"""What is proposed for a handful of labelled texts a label: much out of each text, in little time.

Tried with all-MiniLM-L6-v2; share right on texts that were not learnt from. SST-2, 16 a label, mean of three samples: last layer alone 0.65, texts
compared (contrastive, eight rounds) 0.71, the pairs and steps of the setfit library 0.69; tuned from the last layer on and fitted again 0.69 (two samples,
on which comparing gave 0.72). BANKING77, 8 a label, one sample, three rounds: last layer 0.82, texts compared 0.83, tuned from there 0.83, and fitted
again 0.84. Four other samples of SST-2: four rounds of comparing at a step width of 2e-4 0.706, six at 1e-4 0.705, five at 1e-4 0.699.
So texts are compared where labels are few, because then each step holds many of a label; where labels are many, the whole model is tuned in wider
steps and its last layer fitted again. tests/benchmarks/fewshot.py measures what is proposed.
"""

from __future__ import annotations

from typing import Any

from core.models.catalogue import BLANK, Base
from core.tasks.base import Task
from core.training.advice_facts import FEW, Facts
from core.words import Message, plural

COMPARED = 10  # labels, up to which texts are compared
ROUNDS = {"contrastive": 4, "full": 5}
ENOUGH = 150  # validation texts, from which on they can tell one moment from another
RATES = {"contrastive": 2e-4, "full": 1e-4}
SELDOM = 0.05  # checks a round: one, at the end


def handful(facts: Facts, task: Task, base: Base) -> bool:
    """Whether there are so few texts a label that every one must be made the most of."""
    known = [n for n in facts.labels.values() if n]
    if task.link != "softmax" or base.kind == "classic" or base.id.startswith(BLANK) or len(known) < 2:
        return False
    return 0 < facts.train < FEW * len(known)


def proposed(facts: Facts, preset: str, why: list[Message]) -> dict[str, Any]:
    """How it is tuned; `why` gets a sentence for each choice."""
    known = sum(n > 0 for n in facts.labels.values())
    texts = round(facts.train / known)
    compares = known <= COMPARED
    why.append(
        plural(
            texts,
            "Texts are compared with each other, because there is only about one a label: those of one label are drawn together.",
            "Texts are compared with each other, because there are only about {n} a label: those of one label are drawn together.",
        )
        if compares
        else plural(
            texts,
            "Wide steps, few rounds, and the last layer fitted again at the end, because there is only about one text a label.",
            "Wide steps, few rounds, and the last layer fitted again at the end, because there are only about {n} texts a label.",
        )
    )
    method = "contrastive" if compares else "full"
    rounds = ROUNDS[method] * (1 if preset == "balanced" else 2)
    return {
        "method": method,
        "refit": not compares,
        "start_from_probe": True,
        "epochs": float(rounds),
        "batch_size": 16,
        "learning_rate": RATES[method],
        **steering(facts, preset, why),
    }


def steering(facts: Facts, preset: str, why: list[Message]) -> dict[str, Any]:
    """With hardly any text for validation the last moment is as good a guess as the best one, and looking costs more than learning."""
    if facts.validation >= ENOUGH or (preset == "best" and facts.validation):
        return {"evaluations": 1.0}
    if facts.validation:
        why.append(
            Message(
                "The last moment is kept: {n} texts set aside for validation are too few to tell one moment from another. "
                "They would be of more use to learn from; the split can be changed.",
                n=facts.validation,
            )
        )
    return {"evaluations": SELDOM, "keep_best": False, "patience": 0}
