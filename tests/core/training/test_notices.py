"""Notices in words: every code the observers know, with the values they write."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from core.training import events as ev
from core.training import notices

VALUES = {
    "improving": {"value": 0.91},
    "overfitting": {"best_step": 162},
    "plateau": {"checks": 3},
    "early_stop": {"checks": 4, "best_step": 162},
    "diverged": {"suggested": 1e-5},
    "rate_too_high": {"suggested": 1.25e-5},
    "never_predicted": {"label": "Praise", "count": 12},
    "recognised": {"label": "Praise", "right": 10, "of": 12},
    "better_than_before": {"now": 0.932, "before": 0.905},
    "probe_first": {},
    "out_of_memory": {"batch_size": 32, "new_batch_size": 16, "accumulation": 2},
    "not_bit_exact": {"what": "threads", "before": 2, "now": 4},
    "no_validation": {},
    "body_each_round": {"why": "room"},
    "knew": {"measure": "accuracy", "score": 0.931, "n": 420, "share": True},
    "merged": {"rows": 32, "difference": 2.4e-7, "largest": 1.8},
    "not_recomputed": {},
    "not_translated": {"reason": "InvalidCxxCompiler: no compiler"},
}
SOURCES = Path(notices.__file__).parent


def test_every_code_that_the_code_notices_has_words():
    found = set()
    for path in SOURCES.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "Noticed":
                found |= {k.value.value for k in node.keywords if k.arg == "code" and isinstance(k.value, ast.Constant)}
    assert found <= set(notices.WORDS)


@pytest.mark.parametrize("code", notices.WORDS)
def test_every_notice_is_a_tone_a_title_and_a_sentence(code):
    notice = notices.worded(code, 216, VALUES[code])
    assert notice.code == code and notice.tone in ("good", "info", "warn", "bad")
    assert str(notice.title) and str(notice.body).endswith((".", ")"))
    assert "{" not in str(notice.title) + str(notice.body)


def test_a_notice_says_what_the_look_says():
    assert "The best moment, step 162, is kept. (overfitting)" in str(
        notices.worded("overfitting", 216, VALUES["overfitting"]).body
    )
    rate = notices.worded("rate_too_high", 20, VALUES["rate_too_high"])
    assert str(rate.body) == "Loss jumps instead of falling. Try 1.3e-5. (learning rate)"
    assert rate.action and rate.action["set"] == {"learning_rate": 1.25e-05}
    never = notices.worded("never_predicted", 9, VALUES["never_predicted"])
    assert f"{never.title}. {never.body}".startswith("Praise is never predicted so far. It has 12 texts.")


def test_a_code_of_a_later_version_or_with_other_values_is_told_plainly():
    assert str(notices.worded("sparkling", 3, {}).body) == "sparkling"
    assert notices.worded("overfitting", 3, {"best_step": None}).tone == "info"


def test_preparing_always_has_words():
    assert str(notices.preparing("loading")) == "Loading the model"
    assert str(notices.preparing("something new")) == "Preparing"
    assert ev.Preparing(what="loading").what in notices.PREPARING
