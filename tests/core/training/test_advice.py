"""Presets: what is proposed for which data, and that each choice says why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.data.facts import Facts as Counted
from core.models.catalogue import BUNDLED, CLASSIC
from core.settings import problems
from core.training.advice import PRESETS, Facts, Machine, advise, known_facts, phases, preset_changes
from core.training.settings import TrainingSettings

BANKING = Facts(
    train=8998, validation=1005, test=3080, labels={str(i): 120 for i in range(77)},
    tokens={50: 13.0, 90: 28.0, 95: 36.0, 99: 51.0, 100: 80.0}, language="en",
)  # fmt: skip
CHINESE = Facts(
    train=7680, validation=960, test=1200, labels={"1": 4799, "0": 4801}, unknown=0.64, language="zh", spaces=False,
    tokens={50: 80.0, 95: 300.0, 99: 500.0, 100: 900.0},
)  # fmt: skip
FEW = Facts(train=160, validation=20, test=20, labels={str(i): 10 for i in range(16)}, tokens={50: 10.0, 100: 20.0})
CPU = Machine(cores=2, memory=8 << 30)


def said(advice) -> str:
    return " ".join(map(str, advice.why))


def test_each_preset_is_a_list_of_phases():
    quick, balanced, best = (advise(BANKING, preset, CPU) for preset in PRESETS)
    assert [p["method"] for p in quick.phases] == ["head"]
    assert [p["method"] for p in balanced.phases] == ["head", "full"]
    assert [p["method"] for p in best.phases] == ["head", "full", "full", "full", "full"]
    rates = [p["settings"]["learning_rate"] for p in best.phases[1:]]
    assert rates[0] == best.settings.learning_rate and len(set(rates)) == 4
    assert [p["fresh"] for p in best.phases[1:]] == [False, True, True, True]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("facts", [BANKING, CHINESE, FEW, Facts(train=0, validation=0, labels={}), Facts(train=900_000, validation=9, labels={"a": 899_000, "b": 1009})])  # fmt: skip
def test_every_proposal_is_in_range_and_has_reasons(facts, preset):
    advice = advise(facts, preset, CPU)
    assert not problems(TrainingSettings, advice.settings.model_dump())
    assert advice.why and all("{" not in str(m) for m in advice.why)
    assert advice.settings.base == advice.base.id
    advice.as_json()


def test_texts_the_encoder_does_not_know_are_counted_instead():
    advice = advise(CHINESE, "balanced", CPU)
    assert advice.base.id == CLASSIC and advice.settings.analyzer == "char"
    assert "64 % of the word pieces are unknown" in said(advice) and "Counts characters" in said(advice)
    assert [p["method"] for p in advice.phases] == ["head"]


def test_a_chosen_base_is_kept_and_a_bad_choice_is_named():
    advice = advise(CHINESE, "balanced", CPU, base=BUNDLED)
    assert advice.base.id == BUNDLED and "64 %" in said(advice)
    assert advise(BANKING, "quick", CPU, base=CLASSIC).settings.analyzer in ("word", "both")


def few_of(labels: int, each: int, **more: int) -> Facts:
    tokens = {50: 10.0, 100: 20.0}
    return Facts(
        **{"validation": 0, "train": labels * each, **more}, labels={str(i): each for i in range(labels)}, tokens=tokens
    )


def test_a_handful_of_texts_a_label_is_compared_and_where_labels_are_many_the_last_layer_is_fitted_again():
    two, many = advise(few_of(2, 16), "balanced", CPU), advise(few_of(77, 8), "balanced", CPU)
    assert [p["method"] for p in two.phases] == ["head", "contrastive"]
    assert "compared with each other" in said(two) and "16 a label" in said(two)
    assert [p["method"] for p in many.phases] == ["head", "full"]
    assert many.settings.refit and "fitted again" in said(many) and "8 texts a label" in said(many)
    for advice in (two, many):
        assert not advice.settings.keep_best and advice.settings.evaluations < 1
    assert len(advise(few_of(2, 16), "best", CPU).phases) == 2  # nothing could choose among several
    assert len(advise(few_of(2, 16, validation=20), "best", CPU).phases) == 5


def test_enough_texts_a_label_or_another_kind_of_task_are_tuned_as_ever():
    for facts in (few_of(2, 20), few_of(77, 20), BANKING, replace(few_of(2, 16), task="multilabel")):
        advice = advise(facts, "balanced", CPU)
        assert advice.settings.method == "full" and not advice.settings.refit


def test_few_texts_for_validation_do_not_decide_and_it_is_said():
    advice = advise(few_of(77, 7, validation=77), "balanced", CPU)
    assert not advice.settings.keep_best and "77 texts set aside for validation are too few" in said(advice)
    assert advise(few_of(77, 7, validation=1000), "balanced", CPU).settings.keep_best


def test_few_texts_are_seen_more_often_and_many_less():
    few, many = (
        advise(FEW, "balanced", CPU),
        advise(Facts(train=50_000, validation=5, labels={"a": 3, "b": 3}), "balanced", CPU),
    )
    assert few.settings.epochs > advise(BANKING, "balanced", CPU).settings.epochs > many.settings.epochs
    assert "few" in said(few) and "rounds are enough" in said(many)


def test_the_longest_text_read_follows_the_texts():
    assert advise(BANKING, "balanced", CPU).settings.max_length == 56
    assert "99 % of them fit whole" in said(advise(BANKING, "balanced", CPU))
    long = Facts(
        train=500, validation=50, labels={"a": 9, "b": 9}, tokens={50: 400.0, 95: 800.0, 99: 2000.0, 100: 9000.0}
    )
    assert advise(long, "balanced", CPU).settings.max_length == 256
    assert advise(long, "balanced", Machine(gpu="GPU")).settings.max_length == 512


def test_uneven_labels_are_judged_by_the_mean_over_labels():
    uneven = Facts(train=3000, validation=300, labels={"spam": 90, "ham": 2910})
    assert advise(uneven, "balanced", CPU).settings.metric == "macro_f1"
    assert "32 times as many" in said(advise(uneven, "balanced", CPU))
    assert advise(BANKING, "balanced", CPU).settings.metric == "accuracy"


def test_without_validation_the_last_moment_is_kept():
    advice = advise(Facts(train=300, validation=0, labels={"a": 150, "b": 150}), "balanced", CPU)
    assert not advice.settings.keep_best and advice.settings.patience == 0 and "validation" in said(advice)


def test_a_changed_preset_goes_through_the_same_phases_with_the_change():
    settings = advise(BANKING, "best", CPU).settings.model_copy(update={"method": "lora", "learning_rate": 1e-3})
    steps = phases(settings, "encoder", "best")
    assert [p["method"] for p in steps] == ["head", "lora", "lora", "lora", "lora"] and steps[1]["settings"][
        "learning_rate"
    ] == 1e-3
    assert [
        p["method"] for p in phases(settings.model_copy(update={"start_from_probe": False}), "encoder", "balanced")
    ] == ["lora"]
    assert [p["method"] for p in phases(settings.model_copy(update={"method": "head"}), "encoder", "best")] == ["head"]
    assert set(preset_changes(advise(BANKING, "best", CPU), settings)) == {"method", "learning_rate"}


def test_what_the_data_set_counts_is_what_advice_reads():
    counted = Counted(
        rows={"train": 9, "validation": 1, "test": 2},
        labels={"a": 5, "b": 7},
        tokens={99: 30.0},
        unknown_share=0.3,
        language="zh",
        spaces=False,
    )
    assert known_facts(counted) == Facts(9, 1, {"a": 5, "b": 7}, 2, {99: 30.0}, 0.3, "zh", False, "classification")


def test_a_misspelt_preset_is_told():
    with pytest.raises(KeyError, match="balanced"):
        advise(BANKING, "balnced", CPU)
