"""Blank models: small transformers that know nothing yet, built without a network, for teaching and for trying things out.

`make` writes an ordinary transformers folder (safetensors, config, and a tokenizer learnt from the user's own texts, or an image
processor), so that everything that opens a base from a folder opens it too. The sizes are values in a table, seen whole.
Knows nothing of tasks or runs. Importing it brings no torch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import DataError
from core.models.blank_sizes import SIZES, BlankKind, Size, size_of, sizes, stages
from core.tasks.chat_text import CHATML
from core.words import Message

__all__ = ["SIZES", "BlankKind", "Made", "Size", "learn_tokenizer", "make", "size_of", "sizes", "stages"]

PAD, START, END = "<|pad|>", "<|start|>", "<|end|>"
TURN, TURN_END = "<|im_start|>", "<|im_end|>"  # marks of the ChatML template, whole tokens from the start
SPECIAL = (PAD, START, END, TURN, TURN_END)  # ids 0 to 4

VOCABULARY_LEAST, VOCABULARY_MOST = 512, 16_384
BYTES_A_PIECE = 1_000  # of text for each piece of the vocabulary; 4 MB of sentence pairs give 4,000 pieces
BYTES_READ = 64_000_000  # of text from which the tokenizer learns at most


@dataclass(frozen=True)
class Made:
    """What `make` built. `told` are sentences for the person who asked for it."""

    folder: Path
    parameters: int
    vocabulary: int  # 0 for images
    told: tuple[Message, ...]


def make(kind: BlankKind, size: str, texts: Sequence[str], folder: Path, seed: int = 0) -> Made:
    """Write a blank model into `folder` (made if it is not there). The same texts and seed write the same files.

    For text the tokenizer learns from `texts`: those of the training split only, both sides of a translation. Images need none.
    The weights are drawn on the CPU, apart from torch's own random state.
    """
    import torch

    wanted = size_of(kind, size)
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary, told = 0, []
    if kind == "image":
        (folder / "preprocessor_config.json").write_text(
            json.dumps(image_processor(wanted), indent=2), encoding="utf-8"
        )
    else:
        tokenizer, learnt = learn_tokenizer(texts, kind, wanted.longest)
        tokenizer.save_pretrained(folder)
        vocabulary, told = len(tokenizer), [learnt]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BUILDERS[kind](wanted, vocabulary)
    model.save_pretrained(folder, safe_serialization=True)
    count = sum(weights.numel() for weights in model.parameters())
    told.append(
        Message(
            "A blank teaching model with {n:,} weights, all random: it knows only what your data teaches it.", n=count
        )
    )
    return Made(folder, count, vocabulary, tuple(told))


# The tokenizer -------------------------------------------------------------------------------------------------------


def vocabulary_size(size: int) -> int:
    """Pieces for so many bytes of text: few for little text, so that each piece is seen often enough to be learnt.

    Small vocabularies suit small data: Gowda and May 2020, "Finding the optimal vocabulary size for neural machine translation".
    """
    return min(VOCABULARY_MOST, max(VOCABULARY_LEAST, size // BYTES_A_PIECE // 64 * 64))


def learn_tokenizer(texts: Sequence[str], kind: BlankKind, longest: int) -> tuple[Any, Message]:
    """A byte-level BPE tokenizer (no text is unknown to it, and decoding gives back every byte) and a sentence about it.

    Both kinds end a text with END where `add_special_tokens` asks for it in seq2seq; a causal text begins with START.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    read, total = spread(texts)
    if not read:
        raise DataError(
            Message("There is no text to learn a tokenizer from."),
            fix=Message("Upload texts first, or choose a base that has a tokenizer of its own."),
        )
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size(total),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=list(SPECIAL),
        min_frequency=2,
        show_progress=False,
    )
    core.train_from_iterator(read, trainer)
    frame = f"{START} $A" if kind == "causal" else f"$A {END}"
    core.post_processor = processors.TemplateProcessing(
        single=frame, special_tokens=[(name, core.token_to_id(name)) for name in (START, END)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token=PAD,
        bos_token=START,
        eos_token=END,
        additional_special_tokens=[TURN, TURN_END],
        model_max_length=longest,
        clean_up_tokenization_spaces=False,
    )
    if kind == "causal":
        tokenizer.chat_template = CHATML
    characters = sum(len(text) for text in read)
    told = Message(
        "The tokenizer learnt {pieces:,} pieces from {characters:,} characters of your texts.",
        pieces=len(tokenizer),
        characters=characters,
    )
    return tokenizer, told


def spread(texts: Sequence[str], most: int = BYTES_READ) -> tuple[list[str], int]:
    """Texts that are not empty, evenly from the whole list where they are more than `most` bytes; and the bytes of those."""
    lengths = [len(text.encode("utf-8", "replace")) for text in texts]
    step = max(1, -(-sum(lengths) // most))
    chosen = [i for i in range(0, len(texts), step) if lengths[i]]
    read, total = [], 0
    for i in chosen:
        if total >= most:
            break
        part = (
            texts[i][: most - total].encode("utf-8", "replace").decode("utf-8")
        )  # a lone surrogate cannot be tokenized
        read.append(part)
        total += min(lengths[i], most - total)
    return read, total


# The models ----------------------------------------------------------------------------------------------------------


def _causal(size: Size, vocabulary: int) -> Any:
    """Llama: Touvron et al. 2023. Input and output share one matrix, which halves the vocabulary's cost."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=size.width,
        intermediate_size=size.inner,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.heads,
        max_position_embeddings=size.longest,
        tie_word_embeddings=True,
        pad_token_id=SPECIAL.index(PAD),
        bos_token_id=SPECIAL.index(START),
        eos_token_id=SPECIAL.index(END),
    )
    model = LlamaForCausalLM(config)
    model.generation_config.eos_token_id = [SPECIAL.index(END), SPECIAL.index(TURN_END)]
    return model


def _seq2seq(size: Size, vocabulary: int) -> Any:
    """Pegasus (Zhang et al. 2020): the plain transformer of Vaswani et al. 2017 with its norms before each block, which learns from
    nothing without a careful schedule.

    Tried on multi30k, 4 M weights, 400 steps of 64 pairs at rate 1e-3; loss on validation: Pegasus 4.03, BART 4.22, Marian 4.57, T5 5.11.
    """
    from transformers import PegasusConfig, PegasusForConditionalGeneration

    config = PegasusConfig(
        vocab_size=vocabulary,
        d_model=size.width,
        encoder_layers=size.layers,
        decoder_layers=size.layers,
        encoder_attention_heads=size.heads,
        decoder_attention_heads=size.heads,
        encoder_ffn_dim=size.inner,
        decoder_ffn_dim=size.inner,
        max_position_embeddings=size.longest,
        activation_function="relu",
        scale_embedding=True,
        init_std=size.width**-0.5,
        pad_token_id=SPECIAL.index(PAD),
        eos_token_id=SPECIAL.index(END),
        decoder_start_token_id=SPECIAL.index(PAD),
        forced_eos_token_id=None,
    )
    return PegasusForConditionalGeneration(config)


def _image(size: Size, vocabulary: int) -> Any:
    """ResNet of basic blocks: He et al. 2015. From nothing, its convolutions learn from fewer pictures than others do.

    Tried on 140 pictures of ants and bees, 30 epochs, one seed; right of 80 others: ResNet 0.71 (176,658 weights), ConvNeXt V2 0.56, ViT 0.57.
    """
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(
        embedding_size=size.width,
        hidden_sizes=stages(size),
        depths=[2] * size.layers,
        layer_type="basic",
    )
    return ResNetForImageClassification(config)


BUILDERS: dict[str, Callable[[Size, int], Any]] = {"causal": _causal, "seq2seq": _seq2seq, "image": _image}


def image_processor(size: Size) -> dict[str, Any]:
    """How pictures become numbers, as the file of an ordinary transformers image processor: scaled to a square, then to -1 to 1."""
    return {
        "image_processor_type": "ViTImageProcessor",
        "do_resize": True,
        "size": {"height": size.longest, "width": size.longest},
        "resample": 2,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }
