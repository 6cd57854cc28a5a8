"""Tokens and characters, either way, for WordPiece, byte-level BPE and SentencePiece-like tokenizers, with emoji and Chinese."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.data import conll
from core.data.spans import overlaps, span
from core.tasks.subwords import IGNORED, bio_targets, decode, decode_bio, merged, windows

LABELS = ("LOC", "PER")
TEXTS = (
    "Ada Lovelace wrote from London to Charles Babbage.",
    "👩🏽‍🚀 flew over  Paris 🇫🇷 with 张伟 and Zoë\tMüller",
    "张伟住在北京，🍜很好吃。",
    "É́cole in Łódź — ﬁne",
    " leading and trailing ",
)


@pytest.fixture(scope="module")
def byte_level() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<s>", "</s>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator([*TEXTS, "the cat sat in London with Ada"] * 3, trainer)
    made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", bos_token="<s>", eos_token="</s>")


@pytest.fixture(scope="module")
def word_piece(tiny_encoder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_encoder)


@pytest.fixture(scope="module")
def llama_like(data_dir: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(data_dir / "stories260k")


@pytest.fixture(params=["byte_level", "word_piece", "llama_like"])
def tokenizer(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def sure(targets: np.ndarray, size: int) -> np.ndarray:
    """Probabilities (tokens, tags) of somebody who knows the targets; nonsense on tokens that do not count."""
    chances = np.full((len(targets), size), 0.01)
    chances[np.arange(len(targets)), np.where(targets < 0, size - 1, targets)] = 0.9
    return chances


def test_every_token_stands_where_its_offsets_say(tokenizer: Any) -> None:
    for window in windows(TEXTS, tokenizer, 500):
        text = TEXTS[window.row]
        pieces = [text[a:b] for a, b in window.offsets]
        assert all(piece == piece.strip() for piece in pieces)
        assert {c for piece in pieces for c in piece} == set(text) - set(" \t")
        assert (window.offsets[~window.inner] == 0).all()
        assert len(window.input_ids) == len(window.offsets) == len(window.inner)


def test_words_of_a_text_come_back_as_spans_through_targets_and_decoding(tokenizer: Any) -> None:
    for row, text in enumerate(TEXTS):
        words = [(m, m + len(w)) for w in text.split() for m in [text.index(w)]]
        marked = [span(a, b, LABELS[i % 2]) for i, (a, b) in enumerate(words) if i % 3 != 2]
        [window] = windows([text], tokenizer, 500)
        targets = bio_targets(marked, window.offsets, LABELS)
        found = decode([(window, sure(targets, 5))], [text], LABELS)[0]
        assert [{k: v for k, v in s.items() if k != "probability"} for s in found] == marked, TEXTS[row]
        assert all(s["probability"] == pytest.approx(0.9) for s in found)


def test_special_tokens_do_not_count_and_a_partly_covered_token_does(byte_level: Any) -> None:
    [window] = windows(["Ada Lovelace"], byte_level, 50)
    targets = bio_targets([span(5, 7, "PER")], window.offsets, LABELS)
    assert targets[0] == targets[-1] == IGNORED
    touched = [i for i, (a, b) in enumerate(window.offsets) if a < 7 and b > 5]
    assert [int(targets[i]) for i in touched] == [3, *[4] * (len(touched) - 1)]
    assert all(targets[i] == 0 for i in range(1, len(targets) - 1) if i not in touched)


def test_neighbouring_entities_of_one_type_stay_two(word_piece: Any) -> None:
    text = "London Paris"
    [window] = windows([text], word_piece, 50)
    marked = [span(0, 6, "LOC"), span(7, 12, "LOC")]
    found = decode([(window, sure(bio_targets(marked, window.offsets, LABELS), 5))], [text], LABELS)[0]
    assert [(s["start"], s["end"]) for s in found] == [(0, 6), (7, 12)]


def test_a_label_that_the_run_does_not_know_is_not_counted_against_it(word_piece: Any) -> None:
    [window] = windows(["in London"], word_piece, 50)
    targets = bio_targets([span(3, 9, "PLANET")], window.offsets, LABELS)
    inside = window.offsets[:, 0] >= 3
    assert (targets[inside] == IGNORED).all()
    assert (targets[(window.offsets[:, 1] > 0) & ~inside] == 0).all()


@pytest.mark.parametrize("stride", [0, 3, 7])
def test_windows_cover_a_long_text_and_give_its_tokens_back(tokenizer: Any, stride: int) -> None:
    long = " ".join(TEXTS) * 3
    [one] = windows([long], tokenizer, 100_000)
    parts = list(windows(["short", long], tokenizer, 20, stride))
    mine = [w for w in parts if w.row == 1]
    assert len(mine) > 5
    assert all(len(w.input_ids) <= 20 for w in parts)
    ids = one.input_ids[one.inner]
    for window in mine:
        n = int(window.inner.sum())
        assert (window.input_ids[window.inner] == ids[window.first : window.first + n]).all()
    known = np.random.default_rng(1).random((len(ids), 5))
    given = []
    for window in mine:
        chances = np.zeros((len(window.inner), 5))
        chances[window.inner] = known[window.first : window.first + int(window.inner.sum())]
        given.append((window, chances))
    offsets, probabilities = merged(given)
    assert (offsets == one.offsets[one.inner]).all()
    assert np.allclose(probabilities, known)


def test_a_token_in_two_windows_is_taken_from_the_one_where_it_is_further_from_the_edge(word_piece: Any) -> None:
    text = "a b c d e f g h i j k l"
    parts = list(windows([text], word_piece, 10, 4))  # 8 tokens each: a to h, e to l
    assert [w.first for w in parts] == [0, 4]
    given = [(w, np.full((len(w.inner), 5), float(n))) for n, w in enumerate(parts)]
    assert merged(given)[1][:, 0].tolist() == [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]


def test_only_the_first_window_is_made_where_that_is_enough(word_piece: Any) -> None:
    parts = list(windows(["a b c d e f g h i j k l", "a"], word_piece, 8, 2, whole=False))
    assert [(w.row, w.first) for w in parts] == [(0, 0), (1, 0)]


def test_an_entity_cut_by_a_window_goes_on_in_the_next(word_piece: Any) -> None:
    text = "a b c d e f"
    parts = list(windows([text], word_piece, 5, 0))  # a b c, d e f
    marked = [span(2, 9, "PER")]  # b c d e
    targets = [bio_targets(marked, w.offsets, LABELS) for w in parts]
    assert [t[w.inner].tolist() for t, w in zip(targets, parts, strict=True)] == [[0, 3, 4], [4, 4, 0]]
    found = decode([(w, sure(t, 5)) for w, t in zip(parts, targets, strict=True)], [text], LABELS)[0]
    assert [(s["start"], s["end"]) for s in found] == [(2, 9)]


def test_decoding_finds_the_best_path_that_the_rules_allow() -> None:
    """Against trying every path."""
    chance = np.random.default_rng(3)
    text = "a b c d"
    offsets = np.array([[0, 1], [2, 3], [4, 5], [6, 7]])

    def allowed(path: tuple[int, ...]) -> bool:
        return all(tag == 0 or tag % 2 or before in (tag, tag - 1) for before, tag in itertools.pairwise((0, *path)))

    for _ in range(50):
        given = chance.dirichlet(np.full(5, 0.5), size=4)
        paths = [p for p in itertools.product(range(5), repeat=4) if allowed(p)]
        best = max(paths, key=lambda p: sum(np.log(max(given[i, t], 1e-12)) for i, t in enumerate(p)))
        expected = []
        for i, tag in enumerate(best):
            if tag % 2:
                expected.append([2 * i, 2 * i + 1, LABELS[tag // 2], given[i, tag]])
            elif tag:
                expected[-1][1] = 2 * i + 1
                expected[-1][3] = min(expected[-1][3], given[i, tag])
        found = decode_bio(given, offsets, text, LABELS)
        assert [[s["start"], s["end"], s["label"]] for s in found] == [e[:3] for e in expected]
        assert [s["probability"] for s in found] == pytest.approx([e[3] for e in expected])


def test_a_character_of_several_tokens_is_never_torn(byte_level: Any) -> None:
    text = "x 🦖 y"  # not among the texts the tokenizer learnt from
    [window] = windows([text], byte_level, 50)
    pieces = [i for i, (a, b) in enumerate(window.offsets) if (a, b) == (2, 3)]
    assert len(pieces) > 1
    chances = sure(np.zeros(len(window.inner), dtype=int), 5)
    for n, i in enumerate(pieces):
        chances[i] = [0.02, 0.9, 0.02, 0.04, 0.02] if n % 2 else [0.2, 0.5, 0.1, 0.1, 0.1]
    found = decode([(window, chances)], [text], LABELS)[0]
    assert [(s["start"], s["end"]) for s in found] in ([], [(2, 3)])


def test_whole_words_keep_an_entity_from_ending_inside_a_word(word_piece: Any) -> None:
    text = "in xyz"
    [window] = windows([text], word_piece, 50)
    targets = bio_targets([span(3, 5, "LOC")], window.offsets, LABELS)
    given = [(window, sure(targets, 5))]
    assert [(s["start"], s["end"]) for s in decode(given, [text], LABELS)[0]] == [(3, 5)]
    assert [(s["start"], s["end"]) for s in decode(given, [text], LABELS, whole_words=True)[0]] in ([], [(3, 6)])


def test_nothing_to_read_gives_no_spans(word_piece: Any) -> None:
    for text in ("", "   "):
        [window] = windows([text], word_piece, 50)
        assert (bio_targets([], window.offsets, LABELS) == IGNORED).all()
        assert decode([(window, np.full((len(window.inner), 5), 0.2))], [text], LABELS) == [[]]


def test_decoded_noise_is_always_sorted_inside_the_text_and_without_overlaps(tokenizer: Any) -> None:
    chance = np.random.default_rng(5)
    for text in TEXTS:
        for stride in (0, 4):
            parts = [
                (w, chance.dirichlet(np.full(5, 0.3), size=len(w.inner)))
                for w in windows([text], tokenizer, 12, stride)
            ]
            found = decode(parts, [text], LABELS, whole_words=bool(stride))[0]
            assert found == sorted(found, key=lambda s: s["start"])
            assert not overlaps(found)
            assert all(text[s["start"] : s["end"]].strip() == text[s["start"] : s["end"]] != "" for s in found)


def test_conll_entities_survive_targets_windows_and_decoding(data_dir: Path) -> None:
    from importlib.util import find_spec

    from transformers import AutoTokenizer

    from core.models.catalogue import PACKAGE

    place = find_spec(PACKAGE)
    if place is None or place.origin is None:
        pytest.skip("the bundled encoder is not installed")
    tokenizer = AutoTokenizer.from_pretrained(Path(place.origin).parent / "model")
    lines = (data_dir / "conll2003" / "test.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    rows = random.Random(1).sample(list(conll.rows(lines, conll.layout("".join(lines[:2000])))), 600)
    texts = [text for text, _ in rows]
    labels = sorted({s["label"] for _, spans in rows for s in spans})
    parts = [
        (w, sure(bio_targets(rows[w.row][1], w.offsets, labels), 1 + 2 * len(labels)))
        for w in windows(texts, tokenizer, 24, 8)
    ]
    for whole_words in (False, True):
        found = decode(parts, texts, labels, whole_words)
        bare = [[{k: v for k, v in s.items() if k != "probability"} for s in spans] for spans in found]
        assert bare == [spans for _, spans in rows]
