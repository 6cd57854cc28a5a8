"""Counted pieces: equal to scikit-learn's, the same after a reload, right for scripts without spaces."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from core.errors import ModelError
from core.models.classic import Classic, Counting, Vocabulary, counting, unspaced
from core.models.loading import load_model
from core.training.settings import TrainingSettings

TEXTS = [
    "The card, the CARD was lost.",
    "a  new \tcard, pay late!",
    "late late refund of the order",
    "No.",
    "",
    "卡丢了，卡丢了",
]


@pytest.mark.parametrize("span", [(1, 1), (1, 2), (2, 3)])
@pytest.mark.parametrize("unit", ["char", "word"])
def test_features_equal_those_of_scikit_learn(span: tuple[int, int], unit: str):
    theirs = TfidfVectorizer(
        analyzer=unit, ngram_range=span, min_df=1, sublinear_tf=True, token_pattern=r"\w+" if unit == "word" else None
    ).fit(TEXTS)
    what = Counting(span, None) if unit == "word" else Counting(None, span)
    ours = Vocabulary.learn(TEXTS, what, least=1, most=10_000)
    assert [p.removeprefix("\t") for p in ours.pieces] == sorted(theirs.vocabulary_)
    np.testing.assert_allclose(ours.features(TEXTS).toarray(), theirs.transform(TEXTS).toarray(), atol=1e-6)


def test_rare_pieces_are_left_out_and_the_most_frequent_kept():
    vocabulary = Vocabulary.learn(["a b", "a b c", "a d"], Counting((1, 1), None), least=2, most=10)
    assert vocabulary.pieces == ["\ta", "\tb"]
    assert Vocabulary.learn(["a b", "a b c", "a d"], Counting((1, 1), None), least=1, most=1).pieces == ["\ta"]


def test_when_every_piece_is_rare_all_of_them_count():
    assert len(Vocabulary.learn(["a b", "c d"], Counting((1, 1), None), least=3, most=10).pieces) == 4


def test_texts_without_letters_say_so():
    with pytest.raises(ModelError, match="nothing to count"):
        Vocabulary.learn(["", " "], Counting((1, 1), None), least=1, most=10)


def test_scripts_without_spaces_are_counted_by_characters():
    assert unspaced(["房间很干净，服务也好", "不错"])
    assert not unspaced(["The room was clean", "good 不错 service all in all"])
    assert not unspaced(["", "123"])
    assert counting(TrainingSettings(), ["房间很干净"]) == Counting(None, (1, 2))
    assert counting(TrainingSettings(), ["a clean room"]) == Counting((1, 2), (2, 4))
    assert counting(TrainingSettings(analyzer="word", ngram_high=1), ["房间"]) == Counting((1, 1), None)


def test_a_saved_model_answers_the_same(tmp_path):
    vocabulary = Vocabulary.learn(TEXTS, Counting((1, 2), (2, 3)), least=1, most=1000)
    dice = np.random.default_rng(1)
    weight = dice.normal(size=(3, len(vocabulary.pieces))).astype(np.float32)
    model = Classic(vocabulary, weight, np.zeros(3, np.float32), ("x", "y", "z"), "classification")
    model.save(tmp_path / "model", {"run": "r"})
    again = load_model(tmp_path / "model")
    assert (again.kind, again.labels, again.task) == ("classic", ("x", "y", "z"), "classification")
    np.testing.assert_array_equal(model.probabilities(TEXTS), again.probabilities(TEXTS))
    assert {p.suffix for p in (tmp_path / "model").iterdir()} == {".json", ".safetensors"}


def test_a_text_of_unknown_pieces_gets_the_bias_alone():
    vocabulary = Vocabulary.learn(["a b"], Counting((1, 1), None), least=1, most=10)
    model = Classic(vocabulary, np.ones((2, 2), np.float32), np.zeros(2, np.float32), ("x", "y"), "classification")
    np.testing.assert_allclose(model.probabilities(["zzz", ""]), 0.5)
