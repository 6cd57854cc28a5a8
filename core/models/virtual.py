"""Words that are no words: vectors learnt in front of every text, or, deeper, in front of the keys and values of every attention.

Prompt tuning (Lester et al. 2021): learnt vectors stand where word embeddings would. P-tuning (Liu et al. 2021, "GPT Understands, Too"): the same, made by
a little network while they are learnt. Prefix tuning (Li & Liang 2021): learnt keys and values in every layer. Own code, because peft's wraps one class
of model a task, and Hone's heads read hidden states in other ways.

What the base gives for the virtual words themselves is cut off, so everything behind it sees the tokens it knows. Both begin as real words, drawn by
chance (Lester et al., section 3.2; Li & Liang, section 7.4).
"""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.errors import ModelError
from core.models.added import Added, mark
from core.models.parts import body_of, only_head
from core.words import Message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.models.heads import TextModel

ATTENTION = "hone_prefix"  # name of the attention function, as transformers knows it


# In front of the text --------------------------------------------------------------------------------------------------


class Words(Added):
    """`count` vectors of the width of the embeddings. `hidden`: they pass a little network of this width (0: none) that adds to them."""

    def __init__(self, count: int, width: int, hidden: int = 0):
        super().__init__()
        self.count = count
        self.vectors = nn.Parameter(torch.empty(count, width))
        nn.init.normal_(self.vectors, std=0.02)
        self.network: nn.Module | None = None
        if hidden:
            parts = [
                nn.Linear(width, hidden),
                nn.ReLU(),
                nn.Linear(hidden, hidden),
                nn.ReLU(),
                nn.Linear(hidden, width),
            ]
            self.network = nn.Sequential(*parts)
            nn.init.zeros_(parts[-1].weight)  # type: ignore[arg-type]
            nn.init.zeros_(parts[-1].bias)  # type: ignore[arg-type]
        self.stand = False  # whether they stand in front of what is being read just now

    def forward(self) -> Tensor:
        """(count, width)"""
        return self.vectors if self.network is None else self.vectors + self.network(self.vectors)


def prompt(model: TextModel, settings: Any) -> None:
    only_head(model)
    put_words(model, settings.virtual_words)


def ptuning(model: TextModel, settings: Any) -> None:
    """The network's answer is added to the vectors, so that they begin as they are (as in Razdaibiedina et al. 2023, "Residual Prompt Tuning")."""
    only_head(model)
    put_words(model, settings.virtual_words, settings.prompt_network)


def put_words(model: TextModel, count: int, hidden: int = 0) -> None:
    reader = _reader(model)
    table = reader.get_input_embeddings().weight
    words = Words(count, table.shape[1], hidden).to(table.device)
    drawn = torch.randint(table.shape[0], (count,))
    with torch.no_grad():
        words.vectors.copy_(table[drawn.to(table.device)])
    reader.virtual = words
    reader.register_forward_pre_hook(_in_front, with_kwargs=True)
    reader.register_forward_hook(_cut)
    mark(model, how="words", count=count, hidden=hidden)


def settle_words(model: TextModel) -> None:
    """What the network makes of the vectors takes their place; the network goes."""
    words: Words = _reader(model).virtual
    with torch.no_grad():
        words.vectors.copy_(words())
    words.network = None
    mark(model, how="words", count=words.count, hidden=0)


def _reader(model: TextModel) -> Any:
    """What takes word embeddings: the body, of an encoder-decoder its encoder."""
    body = body_of(model)
    return body.get_encoder() if getattr(body.config, "is_encoder_decoder", False) else body


def _in_front(reader: Any, args: tuple[Any, ...], given: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The call of the base, with the virtual words in front, unless they stand there already (in the cache of a text being written)."""
    given = {**dict(zip(inspect.signature(reader.forward).parameters, args, strict=False)), **given}
    words, past = reader.virtual, given.get("past_key_values")
    words.stand = past is None or past.get_seq_length() == 0
    mask, places = given.get("attention_mask"), given.get("position_ids")
    if mask is not None and mask.dim() != 2:
        raise ValueError("virtual words need a mask of (texts, tokens)")
    if mask is not None:
        given["attention_mask"] = functional.pad(mask, (words.count, 0), value=1)
    if places is not None:
        given["position_ids"] = places + words.count
    if not words.stand:
        return (), given
    known = given.pop("inputs_embeds", None)
    known = reader.get_input_embeddings()(given.pop("input_ids")) if known is None else known
    ours = words().to(known.dtype).expand(len(known), -1, -1)
    given["inputs_embeds"] = torch.cat([ours, known], dim=1)
    if places is not None:
        first = torch.arange(words.count, device=places.device).expand(len(places), -1)
        given["position_ids"] = torch.cat([first, given["position_ids"]], dim=1)
    if given.get("token_type_ids") is not None:
        given["token_type_ids"] = functional.pad(given["token_type_ids"], (words.count, 0))
    return (), given


def _cut(reader: Any, args: Any, said: Any) -> Any:
    """The answer without what was said of the virtual words."""
    if reader.virtual.stand:
        said.last_hidden_state = said.last_hidden_state[:, reader.virtual.count :]
        if getattr(said, "pooler_output", None) is not None:
            said.pooler_output = reader.pooler(said.last_hidden_state)
    return said


# In front of keys and values -------------------------------------------------------------------------------------------


class Prefix(Added):
    """Keys and values (heads, count, width of a head) that every text of a batch sees first."""

    def __init__(self, keys: Tensor, values: Tensor):
        super().__init__()
        plain = torch.contiguous_format  # the optimizer's memory comes back in this order
        self.keys, self.values = (nn.Parameter(t.clone(memory_format=plain)) for t in (keys, values))


def prefix(model: TextModel, settings: Any) -> None:
    only_head(model)
    put_prefix(model, settings.virtual_words)


def put_prefix(model: TextModel, count: int) -> None:
    """Keys and values of real words, drawn by chance, become the prefix of every attention that answers for them."""
    _registered()
    body: Any = model.body
    body.set_attn_implementation(ATTENTION)
    with _listening(body) as heard, torch.no_grad():
        _read(body, count)
    if not heard:
        raise ModelError(
            Message("The attention of this base is of a kind that takes no prefix."),
            fix=Message("Use prompt tuning instead."),
        )
    for module, keys, values in heard:
        module.prefix = Prefix(keys[0], values[0])
    mark(model, how="prefix", count=count)


def attend(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **how: Any
) -> tuple[Tensor, Any]:
    """Attention (texts, heads, tokens, width) as transformers' own, with the module's prefix before its keys and values."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    before = getattr(module, "prefix", None)
    if isinstance(before, list):
        before.append((module, key, value))
    if not isinstance(before, Prefix):
        return sdpa_attention_forward(module, query, key, value, attention_mask, **how)
    count, texts, tokens = before.keys.shape[1], len(key), key.shape[2]
    if attention_mask is None and how.get("is_causal", getattr(module, "is_causal", False)) and query.shape[2] > 1:
        asked = torch.arange(tokens - query.shape[2], tokens, device=key.device)[:, None]
        attention_mask = (torch.arange(tokens, device=key.device)[None] <= asked)[None, None]
    if attention_mask is not None:
        seen = True if attention_mask.dtype == torch.bool else 0.0
        attention_mask = functional.pad(attention_mask, (count, 0), value=seen)
    if how.get("position_bias") is not None:
        how["position_bias"] = functional.pad(how["position_bias"], (count, 0))
    key = torch.cat([before.keys.to(key.dtype).expand(texts, -1, -1, -1), key], dim=2)
    value = torch.cat([before.values.to(value.dtype).expand(texts, -1, -1, -1), value], dim=2)
    return sdpa_attention_forward(module, query, key, value, attention_mask, **{**how, "is_causal": False})


def _registered() -> None:
    """transformers knows the attention function by its name, and that it wants masks written out."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask

    AttentionInterface.register(ATTENTION, attend)
    AttentionMaskInterface.register(ATTENTION, eager_mask)


@contextmanager
def _listening(body: nn.Module) -> Iterator[list[tuple[nn.Module, Tensor, Tensor]]]:
    """Every attention tells of its keys and values, once."""
    heard: list[tuple[nn.Module, Tensor, Tensor]] = []
    training, modules = body.training, list(body.modules())
    for module in modules:
        if not hasattr(module, "prefix"):
            object.__setattr__(module, "prefix", heard)
    try:
        yield heard
    finally:
        for module in modules:
            module.__dict__.pop("prefix", None)
        body.train(training)


def _read(body: Any, count: int) -> None:
    """So many words, drawn by chance, through the body."""
    table = body.get_input_embeddings().weight
    ids = torch.randint(table.shape[0], (1, count)).to(table.device)
    both = (
        {"decoder_input_ids": ids}
        if getattr(body.config, "is_encoder_decoder", False) and hasattr(body, "get_decoder")
        else {}
    )
    body.eval()
    body(input_ids=ids, **both)
