"""Advice on bases: language, length and machine decide, and each proposal says why."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from core.models.catalogue import BUNDLED, CLASSIC, suits
from core.models.known import MULTI
from core.training.advice import Machine
from core.training.bases import advise_base

SMALL, LARGE = Machine(2, 8 << 30, ""), Machine(8, 64 << 30, "A GPU")


def ids(*arguments, **options) -> list[str]:
    return [base.id for base, _ in advise_base(*arguments, **options)]


@pytest.mark.parametrize("family", ["encoder", "causal", "encoder-decoder", "image"])
@pytest.mark.parametrize("language", ["en", "zh", "fr", ""])
@pytest.mark.parametrize("machine", [SMALL, LARGE], ids=["small", "large"])
def test_every_proposal_fits_and_says_why(family, language: str, machine: Machine):
    for base, reason in advise_base(family, language, {50: 30, 95: 100}, machine):
        assert suits(base, family) is None and str(reason)
        assert (
            family == "image"
            or language in base.languages
            or (language not in ("en", "zh") and MULTI in base.languages)
        )


def test_english_without_a_gpu_starts_with_what_is_here():
    assert ids("encoder", "en", {95: 60}, SMALL)[0] == BUNDLED


def test_a_gpu_brings_larger_bases_to_the_front():
    first = advise_base("encoder", "en", {95: 60}, LARGE)[0][0]
    assert first.parameters > 100e6 and ids("causal", "zh", None, LARGE)[0].startswith("Qwen/Qwen3")


def test_chinese_texts_get_chinese_bases_and_counting_when_there_is_nothing_here():
    found = ids("encoder", "zh", {95: 60}, SMALL, counting=True)
    assert found[0] == CLASSIC and BUNDLED not in found and "google-bert/bert-base-chinese" in found
    assert CLASSIC not in ids("encoder", "zh", {95: 60}, SMALL)


def test_long_texts_ask_for_a_base_that_reads_them_whole():
    found = advise_base("encoder", "en", {95: 3000}, LARGE)
    assert found[0][0].id == "answerdotai/ModernBERT-base" and "long texts whole" in str(found[0][1])
    bundled = next(reason for base, reason in found if base.id == BUNDLED)
    assert "Reads 512 word pieces; longer texts are cut or windowed." in str(bundled)


def test_what_does_not_fit_into_memory_is_not_proposed_or_only_with_lora():
    tight = SimpleNamespace(cores=8, memory=64 << 30, gpu="A GPU", gpu_memory=20 << 30)
    found = dict(zip(ids("causal", "zh", {95: 200}, tight), advise_base("causal", "zh", {95: 200}, tight), strict=True))
    assert "with LoRA" in str(found["Qwen/Qwen2.5-1.5B-Instruct"][1])
    nothing = SimpleNamespace(cores=1, memory=1 << 30, gpu="", gpu_memory=0)
    assert ids("causal", "zh", {95: 200}, nothing) == []


def test_a_slow_choice_is_said_to_be_slow():
    found = dict(zip(ids("causal", "zh", None, SMALL), advise_base("causal", "zh", None, SMALL), strict=True))
    assert "Without a GPU this takes hours." in str(found["Qwen/Qwen2.5-0.5B-Instruct"][1])


def test_where_nothing_is_known_a_blank_model_remains():
    assert advise_base("encoder-decoder", "zh", None, SMALL) == []
