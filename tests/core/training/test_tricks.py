"""What is done against learning by heart and for rare labels, against formulas worked by hand. That a run with it can be resumed: test_around.py."""

from __future__ import annotations

import math
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from run_folders import events, tensors, write_run
from test_worker import TUNING, carried_out
from torch import nn, tensor
from torch.nn import functional

from core.device import choose
from core.models.catalogue import find
from core.models.loading import open_base
from core.tasks import TASKS
from core.tasks.base import Example, Labels
from core.tasks.classification import label_weights
from core.tasks.difference import of_numbers, of_sets, of_shares
from core.training.around.adversarial import Adversarial
from core.training.around.augmenting import LEAST, Words
from core.training.around.averaging import LastMean
from core.training.around.balancing import Balanced
from core.training.around.base import Look
from core.training.around.mixup import Mixup
from core.training.around.rdrop import Agreement
from core.training.around.varying import Variation
from core.training.settings import TrainingSettings
from core.training.translating import recomputed, translated

TASK = TASKS["classification"]
LABELS = Labels(("a", "b", "c"), (80, 15, 5))


def look(outputs, targets, forward=None, backward=None) -> Look:
    """A look at a batch whose outputs are at hand."""
    settings = TrainingSettings()
    inputs = {"targets": tensor(targets)}
    return Look(nn.Linear(1, 1), [], inputs, outputs, 1.0, TASK, LABELS, settings, forward or (lambda: outputs), backward or (lambda loss: None))  # fmt: skip


# Two looks that agree -------------------------------------------------------------------------------------------------


def test_two_looks_cost_the_mean_of_both_losses_and_the_symmetric_divergence_between_them():
    one, other, right = tensor([[2.0, 0.0, -1.0], [0.5, 0.1, 0.0]]), tensor([[1.0, 0.5, 0.0], [0.4, 0.4, 0.2]]), [0, 2]
    found = Agreement(2.0).loss(look(one, right, lambda: other), functional.cross_entropy(one, tensor(right)))
    p, q = one.softmax(1).double().numpy(), other.softmax(1).double().numpy()
    losses = [-math.log(s[i, r]) for s in (p, q) for i, r in enumerate(right)]
    apart = np.mean([0.5 * sum(a * math.log(a / b) + b * math.log(b / a) for a, b in zip(*rows, strict=True)) for rows in zip(p, q, strict=True)])  # fmt: skip
    assert float(found) == pytest.approx(np.mean(losses) + 2 * apart, rel=1e-5)


def test_yes_and_no_of_each_label_are_compared_by_themselves():
    a, b = 1.3, -0.4
    p, q = 1 / (1 + math.exp(-a)), 1 / (1 + math.exp(-b))
    both = (p - q) * math.log(p / q) + (q - p) * math.log((1 - p) / (1 - q))
    assert float(of_sets(tensor([[a]]), tensor([[b]]))) == pytest.approx(both / 2, rel=1e-5)
    assert float(of_numbers(tensor([[1.0], [3.0]]), tensor([[2.0], [3.0]]))) == pytest.approx(0.5)


def test_tokens_that_do_not_count_and_options_that_are_not_there_add_nothing():
    one = tensor([[[1.0, 0.0], [9.0, -9.0]]])
    other = tensor([[[0.0, 0.0], [-9.0, 9.0]]])
    assert float(of_shares(one, other, tensor([[True, False]]))) == pytest.approx(
        float(of_shares(one[:, 0], other[:, 0]))
    )
    fewer = tensor([[1.0, 0.0, -math.inf]], requires_grad=True)
    found = of_shares(fewer, tensor([[0.0, 0.0, -math.inf]]))
    assert found.item() == pytest.approx(float(of_shares(one[:, 0], other[:, 0])))
    found.backward()
    assert torch.isfinite(fewer.grad).all()


# Mixed pairs ----------------------------------------------------------------------------------------------------------


def test_mixing_outputs_is_what_the_last_layer_makes_of_mixed_features():
    torch.manual_seed(3)
    head, seen, right = nn.Linear(4, 3), torch.randn(5, 4), [0, 1, 2, 0, 1]
    seen_now = look(head(seen), right)
    torch.manual_seed(11)
    found = Mixup(0.5).loss(seen_now, tensor(0.0))
    torch.manual_seed(11)
    share, order = float(torch.distributions.Beta(0.5, 0.5).sample()), torch.randperm(5)
    outputs = head(share * seen + (1 - share) * seen[order])
    expected = share * functional.cross_entropy(outputs, tensor(right))
    expected = expected + (1 - share) * functional.cross_entropy(outputs, tensor(right)[order])
    assert 0 < share < 1 and found.item() == pytest.approx(expected.item(), rel=1e-5)


# Pushed words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("learns", [True, False])
def test_pushed_words_add_the_gradient_at_the_place_where_it_hurts_most(learns):
    torch.manual_seed(5)
    words, head = nn.Embedding(7, 3), nn.Linear(3, 3)
    words.weight.requires_grad_(learns)
    ids, right = tensor([[1, 2, 3], [4, 4, 6]]), tensor([0, 2])

    def loss(embedded):
        return functional.cross_entropy(head(embedded.tanh().mean(1)), right)

    place = words(ids).detach().requires_grad_()
    gradient = torch.autograd.grad(loss(place), place)[0]
    push = 0.7 * gradient / gradient.flatten(1).norm(dim=1)[:, None, None]
    assert loss(words(ids) + push) > loss(words(ids))
    expected = torch.autograd.grad(loss(words(ids)) + loss(words(ids) + push), head.weight)[0]

    def forward():
        return head(words(ids).tanh().mean(1))

    around = Adversarial(words, 0.7)
    with around.forward(head, {}):
        outputs = forward()
    functional.cross_entropy(outputs, right).backward()
    around.after_backward(look(outputs, right.tolist(), forward, lambda adverse: adverse.backward()))
    assert torch.allclose(head.weight.grad, expected, atol=1e-6)
    assert not words._forward_hooks


# Which texts come -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "expected"),
    [("equal", {0: 34, 1: 33, 2: 33}), ("sqrt", {0: 59, 1: 26, 2: 15}), ("plain", {0: 80, 1: 15, 2: 5})],
)
def test_a_round_is_as_long_and_each_label_has_its_share(way, expected):
    """sqrt: √80, √15, √5 = 8.94, 3.87, 2.24 of 15.05, times 100: 59.4, 25.7, 14.9."""
    label = [0] * 80 + [1] * 15 + [2] * 5
    examples = [Example(i, np.zeros(1, dtype=np.int32), number=i) for i in range(100)]
    balanced = Balanced(label, way, (7,))
    found = [one.number for one in balanced.examples(examples, 0)]
    assert Counter(label[number] for number in found) == expected
    times = Counter(found)
    assert max(times[i] for i in range(80)) == 1  # of the common label nothing comes twice
    assert {times[i] for i in range(95, 100)} <= {expected[2] // 5, expected[2] // 5 + 1}  # of the rare one all alike
    assert found == [one.number for one in balanced.examples(examples, 0)]
    assert way == "plain" or found != [one.number for one in balanced.examples(examples, 1)]


def test_effective_numbers_follow_the_formula():
    """Cui et al. 2019: 1 - 0.99^1000 = 0.99996, 1 - 0.99^100 = 0.63397, 1 - 0.99^10 = 0.09562."""
    found = label_weights(Labels(("a", "b", "c"), (1000, 100, 10)), TrainingSettings(class_weights="effective", effective_beta=0.99))  # fmt: skip
    assert found[1] / found[0] == pytest.approx(0.99996 / 0.63397, rel=1e-4)
    assert found[2] / found[0] == pytest.approx(0.99996 / 0.09562, rel=1e-4)
    assert np.average(found, weights=[1000, 100, 10]) == pytest.approx(1.0, rel=1e-5)


def test_the_rarest_of_several_labels_decides_how_often_a_text_comes():
    several = TASKS["multilabel"]
    assert several.label_of(np.array([1.0, 0.0, 1.0]), LABELS) == 2 and several.label_of(np.zeros(3), LABELS) == -1


# The mean over the last steps -----------------------------------------------------------------------------------------


def test_the_mean_over_the_last_steps_is_their_plain_mean_and_before_them_the_model_itself():
    model = nn.Linear(1, 1, bias=False)
    mean, seen = LastMean(model, 0.4, 10), []
    for step in range(1, 11):
        with torch.no_grad():
            model.weight.fill_(float(step))
        mean.stepped(model, step)
        seen.append(float(mean.mean["weight"]))
    assert seen == pytest.approx([1, 2, 3, 4, 5, 6, 7, 7.5, 8, 8.5])


# Texts that vary ------------------------------------------------------------------------------------------------------

SAID = "Do not pay 250 dollars for the awful refund service"


@pytest.mark.parametrize("way", ["typos", "drop", "swap", "synonyms"])
def test_texts_vary_and_what_is_protected_stays(way):
    variation = Variation(
        (way,), 0.5, {"refund"}, lambda word: {"awful": ["dreadful"], "refund": ["money"]}.get(word, [])
    )
    found = {variation.varied(SAID, np.random.default_rng(i)) for i in range(60)}
    assert len(found) > 1
    for text in found:
        words = text.split()
        assert {"not", "250", "refund"} <= set(words) and "  " not in text
        assert words.index("not") == SAID.split().index("not") or way == "drop"
        if way == "swap":
            assert sorted(words) == sorted(SAID.split())
    assert variation.varied(SAID, np.random.default_rng(4)) == variation.varied(SAID, np.random.default_rng(4))


def test_signs_of_a_script_without_spaces_are_left_out_and_exchanged_but_get_no_slips():
    said = "房间很干净不吵"
    assert {Variation(("typos",), 1.0).varied(said, np.random.default_rng(i)) for i in range(20)} == {said}
    dropped = {Variation(("drop",), 0.1).varied(said, np.random.default_rng(i)) for i in range(40)}
    assert all("不" in text for text in dropped) and min(map(len, dropped)) == len(said) - 1
    assert any(
        text != said for text in {Variation(("swap",), 0.1).varied(said, np.random.default_rng(i)) for i in range(9)}
    )


def test_similar_words_are_the_nearest_whole_words_of_the_table(tiny_encoder):
    tokenizer = open_base(find(str(tiny_encoder))).tokenizer
    table = torch.randn(len(tokenizer), 6, generator=torch.Generator().manual_seed(2))
    words = Words(tokenizer, table, lambda: ["good movie"])
    vocabulary = tokenizer.get_vocab()
    whole = [w for w in vocabulary if len(w) > 2 and w.isalpha() and w.islower()]
    unit = {w: table[vocabulary[w]].numpy() / np.linalg.norm(table[vocabulary[w]].numpy()) for w in whole}
    near = sorted(((float(unit["good"] @ unit[w]), w) for w in whole if w != "good"), reverse=True)[:5]
    assert words.similar("good") == [w for cosine, w in near if cosine >= LEAST] != []
    assert words.similar("bank") == [] and words.similar("unknownword") == []  # no training text has it; no piece is it


# How steps are computed -----------------------------------------------------------------------------------------------


def test_layers_computed_twice_learn_the_same_and_remember_less(tiny_encoder, tmp_path):
    plain = carried_out(write_run(tmp_path / "plain", tiny_encoder, ["full"], **{**TUNING, "epochs": 1}))
    spared = carried_out(
        write_run(tmp_path / "spared", tiny_encoder, ["full"], **{**TUNING, "epochs": 1, "recompute": True})
    )
    assert not events(spared, "noticed") or "not_recomputed" not in [e["code"] for e in events(spared, "noticed")]
    for (name, one), other in zip(tensors(plain).items(), tensors(spared).values(), strict=True):
        assert np.allclose(one, other, atol=1e-5), name
    assert remembered(tiny_encoder, True) < 0.6 * remembered(tiny_encoder, False)


def remembered(folder, twice: bool) -> int:
    """Bytes kept for the way back."""
    source = open_base(find(str(folder)))
    model = TASK.model(source, LABELS, TrainingSettings()).train()
    assert not twice or recomputed(model)
    kept: dict[int, int] = {}

    def keep(one):
        kept[one.untyped_storage().data_ptr()] = one.untyped_storage().nbytes()
        return one

    ids = torch.randint(5, 60, (16, 60))
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda one: one):
        model(ids, torch.ones_like(ids)).sum()
    own = {w.untyped_storage().data_ptr() for w in model.parameters()}
    return sum(size for place, size in kept.items() if place not in own)


def test_a_body_that_cannot_be_translated_goes_on_as_it_is_and_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", ("no-such-compiler",))
    monkeypatch.setenv(
        "TORCHINDUCTOR_CACHE_DIR", str(tmp_path)
    )  # what was translated before on this machine is not at hand
    model = Tiny()
    before = {name: weights.clone() for name, weights in model.state_dict().items()}
    torch.manual_seed(9)
    chance = torch.get_rng_state()
    session = SimpleNamespace(
        task=TASK, labels=LABELS, device=choose(TrainingSettings(precision="fp32")), prepare=lambda what: None, train=[], processor=None,
        training_examples=[Example(i, np.ones(3, dtype=np.int32), number=i) for i in range(3)], targets=lambda rows, some: [0, 1, 2],
    )  # fmt: skip
    session.processor = SimpleNamespace(pad_token_id=0)
    reason = translated(session, SimpleNamespace(settings=TrainingSettings()), model)
    assert "no-such-compiler" in reason or "Compiler" in reason
    assert model.body._compiled_call_impl is None and torch.equal(torch.get_rng_state(), chance)
    assert list(before) == list(model.state_dict()) and all(w.grad is None for w in model.parameters())
    assert model(torch.ones(2, 3, dtype=torch.long), torch.ones(2, 3)).shape == (2, 3)


class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.last = nn.Embedding(9, 4), nn.Linear(4, 3)

    def forward(self, ids):
        return (self.last(self.words(ids)).tanh() + 1).exp()


class Tiny(nn.Module):
    """Called as the larger models are."""

    def __init__(self):
        super().__init__()
        self.body = Body()

    def forward(self, input_ids, attention_mask):
        return self.body(input_ids).mean(1)


def test_a_base_that_cannot_compute_its_layers_twice_is_left_as_it_is():
    assert not recomputed(Tiny())
