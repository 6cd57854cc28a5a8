"""Text out of a model: many prompts at once (`generate`), or one, piece by piece (`stream`).

Works with decoder-only and encoder-decoder models of transformers. Knows nothing of tasks, chat templates or runs: a prompt is a
text or a list of token ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch

from core.errors import Cancelled, ModelError
from core.words import Message

TOKENS = 8_192  # of prompts and answers in one batch, padding included
BROKEN = "\ufffd"  # what decoding gives for half a code point

KEPT = ("bos_token_id", "decoder_start_token_id", "forced_bos_token_id", "forced_eos_token_id", "suppress_tokens")

Prompt = str | Sequence[int]


@dataclass(frozen=True)
class Settings:
    """How the next token is chosen. `greedy`: the most probable; `beam`: the most probable whole text found by keeping `beams`
    candidates; `sampling`: by chance. `stops` end a text and are not part of it; `stop_ids` are added to the model's own ends."""

    way: Literal["greedy", "beam", "sampling"] = "greedy"
    max_new_tokens: int = 128
    beams: int = 4
    length_penalty: float = 1.0
    temperature: float = 0.8
    top_p: float = 0.95
    top_k: int = 0  # 0: no limit
    repetition_penalty: float = 1.0
    stops: tuple[str, ...] = ()
    stop_ids: tuple[int, ...] = ()
    seed: int = 0


@dataclass(frozen=True)
class Generated:
    """One answer. `ended`: the model came to its end, or was stopped by a text of `stops`; else the length ran out.

    `tokens` counts those of the answer without its end, `cut` those of the prompt for which there was no room.
    """

    text: str
    tokens: int
    ended: bool
    cut: int = 0


def generate(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Prompt],
    settings: Settings | None = None,
    tokens: int = TOKENS,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[Generated]:
    """An answer for each prompt, in their order. `tokens` bounds a batch; raises Cancelled between two batches.

    The same settings and seed give the same answers, whatever was computed before.
    """
    settings = settings or Settings()
    ready = [fitted(model, tokenizer, prompt, settings) for prompt in prompts]
    found: list[Generated | None] = [None] * len(prompts)
    done = 0
    with answering(model), seeded(model, settings.seed):
        for batch in batches([len(ids) for ids, _ in ready], settings, tokens):
            if cancelled():
                raise Cancelled
            answers = _batch(model, tokenizer, [ready[i][0] for i in batch], settings)
            for i, (ids, ended) in zip(batch, answers, strict=True):
                text, stopped = before(decoded(tokenizer, ids), settings.stops)
                found[i] = Generated(text, len(ids), ended or stopped, ready[i][1])
            done += len(batch)
            if progress:
                progress(done, len(prompts))
    return [answer for answer in found if answer is not None]


def stream(
    model: Any,
    tokenizer: Any,
    prompt: Prompt,
    settings: Settings | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[str]:
    """Pieces of one answer as they come; joined they are the text that `generate` gives. No piece ends within a code point.

    No thread: each piece is computed when it is asked for, and closing the generator ends it. When `cancelled` says so, it ends after
    the token at hand. Beams know their text only at the end, so they give it whole.
    """
    settings = settings or Settings()
    if settings.way == "beam":
        yield generate(model, tokenizer, [prompt], settings, cancelled=cancelled)[0].text
        return
    ids, _ = fitted(model, tokenizer, prompt, settings)
    held = _Held(tokenizer, settings.stops)
    for token in _tokens(model, tokenizer, ids, settings):
        if piece := held.add(token):
            yield piece
        if held.stopped or cancelled():
            break
    if rest := held.rest():
        yield rest


# Prompts -------------------------------------------------------------------------------------------------------------


def fitted(model: Any, tokenizer: Any, prompt: Prompt, settings: Settings) -> tuple[list[int], int]:
    """Token ids of a prompt that leave room for the answer, and how many had to go: of a decoder's prompt the oldest, of an
    encoder's text the last."""
    ids = tokenizer(prompt)["input_ids"] if isinstance(prompt, str) else list(prompt)
    longest = context(model)
    if not encodes(model):
        ids = ids or [start_of(model, tokenizer)]
        if longest and settings.max_new_tokens >= longest:
            raise ModelError(
                Message(
                    "The answer may have {n:,} tokens, but the model holds {most:,} together with the question.",
                    n=settings.max_new_tokens,
                    most=longest,
                ),
                fix=Message("Ask for a shorter answer."),
            )
        room = longest - settings.max_new_tokens if longest else len(ids)
        return ids[-room:], max(0, len(ids) - room)
    room = longest or len(ids)
    return ids[:room], max(0, len(ids) - room)


def context(model: Any) -> int:
    """Tokens the model holds at once; 0 where there is no limit."""
    config = model.config.get_text_config() if hasattr(model.config, "get_text_config") else model.config
    for name in ("max_position_embeddings", "n_positions"):
        if getattr(config, name, None):
            return int(getattr(config, name))
    return 0


def encodes(model: Any) -> bool:
    return bool(getattr(model.config, "is_encoder_decoder", False))


def start_of(model: Any, tokenizer: Any) -> int:
    """What a text from nothing begins with."""
    for number in (tokenizer.bos_token_id, getattr(model.config, "bos_token_id", None), tokenizer.eos_token_id):
        if number is not None:
            return int(number)
    return 0


def batches(lengths: Sequence[int], settings: Settings, tokens: int) -> Iterator[list[int]]:
    """Places of prompts of like length, the longest first (so that too little memory shows at once)."""
    copies = settings.beams if settings.way == "beam" else 1
    batch: list[int] = []
    longest = 0
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch and (len(batch) + 1) * copies * (longest + settings.max_new_tokens) > tokens:
            yield batch
            batch = []
        longest = lengths[i] if not batch else longest
        batch.append(i)
    if batch:
        yield batch


# One batch -----------------------------------------------------------------------------------------------------------


def _batch(
    model: Any, tokenizer: Any, prompts: Sequence[Sequence[int]], settings: Settings
) -> list[tuple[list[int], bool]]:
    """Token ids of each answer without its end, and whether it came to one."""
    from transformers import GenerationConfig

    device = next(model.parameters()).device
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    longest = max(len(ids) for ids in prompts)
    left = not encodes(model)
    filled = [[pad] * (longest - len(p)) + list(p) if left else list(p) + [pad] * (longest - len(p)) for p in prompts]
    masks = [
        [0] * (longest - len(p)) + [1] * len(p) if left else [1] * len(p) + [0] * (longest - len(p)) for p in prompts
    ]
    ends = ends_of(model, tokenizer, settings)
    chosen: dict[str, Any] = {"do_sample": False, "num_beams": 1}
    if settings.way == "beam":
        chosen |= {"num_beams": settings.beams, "length_penalty": settings.length_penalty, "early_stopping": True}
    if settings.way == "sampling":
        chosen |= {
            "do_sample": True,
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "top_k": settings.top_k,
        }
    config = GenerationConfig(
        max_new_tokens=settings.max_new_tokens,
        repetition_penalty=settings.repetition_penalty,
        pad_token_id=pad,
        eos_token_id=sorted(ends) or None,
        **{name: getattr(model.generation_config, name, None) for name in KEPT},
        **chosen,
    )
    more = {"stop_strings": list(settings.stops), "tokenizer": tokenizer} if settings.stops else {}
    inputs = {"input_ids": torch.tensor(filled, device=device), "attention_mask": torch.tensor(masks, device=device)}
    with torch.inference_mode():
        output = model.generate(**inputs, generation_config=config, **more)
    answers = output[:, longest:] if left else output[:, 1:]
    return [_until_end(ids, ends) for ids in answers.tolist()]


def ends_of(model: Any, tokenizer: Any, settings: Settings) -> set[int]:
    """Token ids that end an answer: the tokenizer's, the model's and the settings'."""
    own = getattr(model.generation_config, "eos_token_id", None)
    named = own if isinstance(own, list | tuple) else [own]
    return {int(n) for n in (tokenizer.eos_token_id, *named, *settings.stop_ids) if n is not None}


def _until_end(ids: list[int], ends: set[int]) -> tuple[list[int], bool]:
    for place, token in enumerate(ids):
        if token in ends:
            return ids[:place], True
    return ids, False


def decoded(tokenizer: Any, ids: Sequence[int]) -> str:
    return tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)


def before(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """The text up to the first of `stops`, and whether one is in it."""
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    return (text[: min(places)], True) if places else (text, False)


@contextmanager
def answering(model: Any) -> Iterator[None]:
    """The model without dropout; as it was afterwards."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


@contextmanager
def seeded(model: Any, seed: int) -> Iterator[None]:
    """Chance begins at `seed` inside, and goes on outside as if nothing had been drawn (a training may be under way)."""
    device = next(model.parameters()).device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


# Piece by piece ------------------------------------------------------------------------------------------------------


def _tokens(model: Any, tokenizer: Any, prompt: list[int], settings: Settings) -> Iterator[int]:
    """The answer's tokens one after another, without its end. Between two of them the model is as it was (a consumer may take long)."""
    device = next(model.parameters()).device
    ends = ends_of(model, tokenizer, settings)
    chance = torch.Generator(device=device).manual_seed(settings.seed)
    so_far = torch.tensor([prompt], device=device)
    fixed: dict[str, Any] = {}
    if encodes(model):
        with answering(model), torch.inference_mode():
            fixed["encoder_outputs"] = model.get_encoder()(input_ids=so_far, attention_mask=torch.ones_like(so_far))
        fixed["attention_mask"] = torch.ones_like(so_far)
        start = model.generation_config.decoder_start_token_id
        start = model.config.decoder_start_token_id if start is None else start
        so_far = torch.tensor([[start]], device=device)
    name = "decoder_input_ids" if encodes(model) else "input_ids"
    adjust = _adjustments(settings)
    forced = getattr(model.generation_config, "forced_bos_token_id", None)  # a language, in many-language translators
    past, fresh = None, so_far
    for step in range(settings.max_new_tokens):
        with answering(model), torch.inference_mode():
            out = model(**{name: fresh}, past_key_values=past, use_cache=True, **fixed)
            past = out.past_key_values
            scores = adjust(so_far, out.logits[:, -1].float())
            if step == 0 and forced is not None:
                fresh = torch.full_like(so_far[:, -1:], forced)
            elif settings.way == "sampling":
                fresh = torch.multinomial(torch.softmax(scores, dim=-1), 1, generator=chance)
            else:
                fresh = scores.argmax(dim=-1, keepdim=True)
            so_far = torch.cat([so_far, fresh], dim=1)
        token = int(fresh)
        if token in ends:
            return
        yield token


def _adjustments(settings: Settings) -> Any:
    """What is done to the scores before one token is chosen, in the order transformers does it."""
    from transformers.generation import logits_process as steps

    chosen = steps.LogitsProcessorList()
    if settings.repetition_penalty != 1.0:
        chosen.append(steps.RepetitionPenaltyLogitsProcessor(settings.repetition_penalty))
    if settings.way == "sampling":
        chosen.append(steps.TemperatureLogitsWarper(settings.temperature))
        if settings.top_k:
            chosen.append(steps.TopKLogitsWarper(settings.top_k))
        if settings.top_p < 1.0:
            chosen.append(steps.TopPLogitsWarper(settings.top_p))
    return chosen


class _Held:
    """Turns tokens into text that never changes again: what may still become another character or a stop is held back.

    Only the latest tokens are decoded, with a few said ones before them (a tokenizer may join a space to what stands before).
    """

    def __init__(self, tokenizer: Any, stops: Sequence[str]):
        self.tokenizer, self.stops = tokenizer, [stop for stop in stops if stop]
        self.ids: list[int] = []
        self.base, self.read = 0, 0  # tokens before `read` are text already; decoding begins at `base`
        self.waiting = ""  # text that could be the beginning of a stop
        self.stopped = False

    def add(self, token: int) -> str:
        self.ids.append(token)
        new = self._new()
        if not new or new.endswith(BROKEN):
            return ""
        return self._past_stops(new)

    def rest(self) -> str:
        """What was held back, when nothing comes any more."""
        if self.stopped:
            return ""
        text, stopped = before(self.waiting + self._new(), self.stops)
        self.waiting, self.stopped = "", stopped
        return text

    def _new(self) -> str:
        said = decoded(self.tokenizer, self.ids[self.base : self.read])
        return decoded(self.tokenizer, self.ids[self.base :])[len(said) :]

    def _past_stops(self, new: str) -> str:
        self.base, self.read = self.read, len(self.ids)
        text, self.stopped = before(self.waiting + new, self.stops)
        held = 0 if self.stopped else max((_overlap(text, stop) for stop in self.stops), default=0)
        self.waiting = text[len(text) - held :] if held else ""
        return text[: len(text) - held]


def _overlap(text: str, stop: str) -> int:
    """Characters at the end of `text` with which `stop` begins."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if stop.startswith(text[-n:])), 0)
