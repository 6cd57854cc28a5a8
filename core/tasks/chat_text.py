"""From a conversation to token ids, with a mark on every token the model should learn to say.

The text around the turns comes from a chat template: the tokenizer's own, or one of the table below. A template is jinja, rendered
in the sandbox of transformers. Knows nothing of tensors, models or batches. Importing it brings no torch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from core.errors import DataError, ModelError
from core.words import Message, plural

Turn = Mapping[str, str]  # {"role": "system" | "user" | "assistant" | "tool", "content": ...}
Span = tuple[int, int]  # of characters, end exclusive
OWN = "own"
ROLES = ("system", "user", "assistant", "tool")
MARKS = re.compile(r"\{%-?\s*generation\s*-?%\}")


@dataclass(frozen=True)
class Template:
    """A chat template. `stops`: what the model writes when its turn is over, besides the tokenizer's end."""

    name: str
    title: Message
    help: Message
    source: str
    stops: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rendered:
    """A conversation as the model sees it. `answers[i]`: token i belongs to an answer and is learnt.

    `dropped` counts the turns left out at the front, `cut` says that the end is missing as well.
    `found` tells how answers were found: the template's marks, prefixes, only the last answer, or that all is learnt.
    """

    input_ids: list[int]
    answers: list[bool]
    dropped: int = 0
    cut: bool = False
    found: Literal["marks", "prefixes", "last", "all"] = "prefixes"

    @property
    def usable(self) -> bool:
        """Whether anything is left to learn."""
        return any(self.answers)


def render(
    tokenizer: Any,
    messages: Sequence[Turn],
    template: str = OWN,
    max_length: int = 512,
    learn: Literal["answers", "all"] = "answers",
    tools: Sequence[Mapping[str, Any]] | None = None,
) -> Rendered:
    """Token ids of a conversation and which of them are learnt: the assistant's turns with their ends, or everything.

    A conversation longer than `max_length` tokens loses its oldest turns (the system's words stay); a last exchange that is still too
    long loses its end. Raises DataError for a conversation no template could take, ModelError where the template is at fault.
    """
    source = source_of(tokenizer, template)
    turns = taken(tokenizer, source, checked(messages))
    whole = _tokens(tokenizer, source, turns, learn, tools)
    if len(whole.input_ids) <= max_length:
        return whole
    starts = [i for i in restarts(turns) if any(turn["role"] == "assistant" for turn in turns[i:])]
    shorter, dropped = whole, 0
    low, high = 0, len(starts) - 1  # the first restart short enough lies between; a later one is never longer
    while low <= high:
        middle = (low + high) // 2
        attempt = _tokens(tokenizer, source, without(turns, starts[middle]), learn, tools)
        if len(attempt.input_ids) <= max_length or middle == len(starts) - 1:
            shorter, dropped = attempt, len(turns) - len(without(turns, starts[middle]))
        if len(attempt.input_ids) <= max_length:
            high = middle - 1
        else:
            low = middle + 1
    too_long = len(shorter.input_ids) > max_length
    return replace(
        shorter,
        input_ids=shorter.input_ids[:max_length],
        answers=shorter.answers[:max_length],
        dropped=dropped,
        cut=too_long,
    )


def prompt(
    tokenizer: Any,
    messages: Sequence[Turn],
    template: str = OWN,
    max_length: int = 512,
    tools: Sequence[Mapping[str, Any]] | None = None,
) -> list[int]:
    """Token ids up to the place where the assistant begins to speak. `messages` end with somebody else's turn.

    Too long a conversation loses its oldest turns; a single turn that is too long loses its beginning.
    """
    source = source_of(tokenizer, template)
    turns = taken(tokenizer, source, checked(messages, answered=False))
    ids: list[int] = []
    for start in (0, *restarts(turns)):
        text = _said(tokenizer, source, without(turns, start), tools, ask=True)
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        if len(ids) <= max_length:
            return ids
    return ids[-max_length:]


def stops(tokenizer: Any, template: str = OWN) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """How the end of a turn is noticed: token ids that end it, and texts that end it where no single token does."""
    texts = TEMPLATES[template].stops if template in TEMPLATES else _stops_of(tokenizer, source_of(tokenizer, template))
    ids = {tokenizer.eos_token_id} - {None}
    open_texts = []
    for text in texts:
        number = tokenizer.convert_tokens_to_ids(text)
        if number is not None and number != tokenizer.unk_token_id:
            ids.add(number)
        else:
            open_texts.append(text)
    return tuple(sorted(ids)), tuple(open_texts)


def told(rendered: Iterable[Rendered], max_length: int) -> list[Message]:
    """What was done to conversations that did not fit, as sentences."""
    all_of_them = list(rendered)
    dropped = sum(1 for r in all_of_them if r.dropped)
    cut = sum(1 for r in all_of_them if r.cut and r.usable)
    lost = sum(1 for r in all_of_them if not r.usable)
    last = sum(1 for r in all_of_them if r.found == "last")
    notes = []
    if dropped:
        notes.append(
            plural(
                dropped,
                "One conversation is longer than {most:,} tokens: its oldest turns were left out.",
                "{n:,} conversations are longer than {most:,} tokens: their oldest turns were left out.",
                most=max_length,
            )
        )
    if cut:
        notes.append(
            plural(
                cut,
                "One conversation's last exchange alone is longer than {most:,} tokens: its end was cut off.",
                "The last exchange of {n:,} conversations alone is longer than {most:,} tokens: its end was cut off.",
                most=max_length,
            )
        )
    if lost:
        notes.append(
            plural(
                lost,
                "One conversation has no answer within {most:,} tokens, so there is nothing to learn from it.",
                "{n:,} conversations have no answer within {most:,} tokens, so there is nothing to learn from them.",
                most=max_length,
            )
        )
    if last:
        notes.append(
            plural(
                last,
                "The template rewrites earlier turns, so in one conversation only the last answer is learnt.",
                "The template rewrites earlier turns, so in {n:,} conversations only the last answer is learnt.",
            )
        )
    return notes


# The templates -------------------------------------------------------------------------------------------------------

CHATML = """\
{%- for message in messages -%}
{{- '<|im_start|>' + message['role'] + '\\n' -}}
{%- if message['role'] == 'assistant' -%}
{% generation %}{{- message['content'] | trim + '<|im_end|>' -}}{% endgeneration %}
{%- else -%}
{{- message['content'] | trim + '<|im_end|>' -}}
{%- endif -%}
{{- '\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
"""

PLAIN = """\
{{- bos_token or '' -}}
{%- set names = {'system': 'Instructions', 'user': 'User', 'assistant': 'Assistant', 'tool': 'Result'} -%}
{%- for message in messages -%}
{{- names[message['role']] + ':\\n' -}}
{%- if message['role'] == 'assistant' -%}
{% generation %}{{- message['content'] | trim + (eos_token or '') -}}{% endgeneration %}
{%- else -%}
{{- message['content'] | trim -}}
{%- endif -%}
{{- '\\n\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- 'Assistant:\\n' -}}{%- endif -%}
"""

BARE = """\
{{- bos_token or '' -}}
{%- for message in messages -%}
{%- if message['role'] == 'assistant' -%}
{% generation %}{{- message['content'] | trim + (eos_token or '') -}}{% endgeneration %}
{%- else -%}
{{- message['content'] | trim -}}
{%- endif -%}
{%- if not loop.last -%}{{- '\\n' -}}{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '\\n' -}}{%- endif -%}
"""

TEMPLATES: dict[str, Template] = {
    t.name: t
    for t in (
        Template(
            "chatml",
            Message("ChatML"),
            Message("Each turn between two marks. The most common form; best where the tokenizer knows the marks as whole tokens."),
            CHATML,
            ("<|im_end|>",),
        ),
        Template(
            "plain",
            Message("Plain headings"),
            Message("A line with “User:” or “Assistant:” before each turn. For base models whose tokenizer knows no marks."),
            PLAIN,
            ("\n\nUser:", "\n\nAssistant:"),
        ),
        Template(
            "bare",
            Message("Prompt and continuation"),
            Message("Only the words, one turn a line. For prompts that the answer simply continues."),
            BARE,
        ),
    )
}  # fmt: skip


def source_of(tokenizer: Any, template: str = OWN) -> str:
    """The jinja of a template by name. Raises ModelError where the tokenizer has none of its own, or the name is unknown."""
    if template in TEMPLATES:
        return TEMPLATES[template].source
    if template != OWN:
        raise ModelError(
            Message("There is no chat template called “{name}”.", name=template),
            fix=Message("Choose one of {names}.", names=", ".join((OWN, *TEMPLATES))),
        )
    own = tokenizer.chat_template
    if isinstance(own, Mapping):  # several under names, as some tool-using models have
        own = own.get("default") or next(iter(own.values()), None)
    if not own:
        raise ModelError(
            Message("This model brings no chat template."),
            fix=Message("Choose a template: {names}.", names=", ".join(str(t.title) for t in TEMPLATES.values())),
        )
    return str(own)


def proposed(tokenizer: Any) -> str:
    """The template that suits a tokenizer: its own; ChatML where its marks are tokens; else plain headings."""
    if tokenizer.chat_template:
        return OWN
    known = tokenizer.get_vocab()
    return "chatml" if "<|im_start|>" in known and "<|im_end|>" in known else "plain"


# Turns ---------------------------------------------------------------------------------------------------------------


def checked(messages: Sequence[Turn], answered: bool = True) -> list[dict[str, str]]:
    """The turns as plain dicts. Raises DataError for an unknown role, or where nobody answers (or, for a prompt, asks)."""
    turns = [{"role": str(m["role"]), "content": str(m.get("content") or "")} for m in messages]
    for turn in turns:
        if turn["role"] not in ROLES:
            raise DataError(
                Message("A turn is spoken by “{role}”.", role=turn["role"][:40]),
                fix=Message("Roles are {names}.", names=", ".join(ROLES)),
            )
    spoken = [turn for turn in turns if turn["role"] != "system"]
    if not spoken:
        raise DataError(Message("A conversation has no turns."))
    if answered and not any(turn["role"] == "assistant" for turn in spoken):
        raise DataError(Message("In a conversation nobody answers: it has no assistant turn."))
    return turns


def restarts(turns: Sequence[Turn]) -> list[int]:
    """Places where a shortened conversation may begin: every user turn but the first."""
    users = [i for i, turn in enumerate(turns) if turn["role"] == "user"]
    return users[1:]


def without(turns: Sequence[Turn], start: int) -> list[dict[str, str]]:
    """The system's words, and the turns from `start` on."""
    return [dict(t) for t in turns[:start] if t["role"] == "system"] + [dict(t) for t in turns[start:]]


def taken(tokenizer: Any, source: str, turns: list[dict[str, str]]) -> list[dict[str, str]]:
    """The turns, with the system's words at the head of the first user turn where the template takes no system turn."""
    if turns[0]["role"] != "system" or len(turns) < 2 or turns[1]["role"] != "user":
        return turns
    try:
        _said(tokenizer, source, turns[:2], None, ask=True)
    except DataError:
        return [{"role": "user", "content": f"{turns[0]['content']}\n\n{turns[1]['content']}"}, *turns[2:]]
    return turns


# Finding the answers -------------------------------------------------------------------------------------------------


def _tokens(
    tokenizer: Any,
    source: str,
    turns: Sequence[Turn],
    learn: Literal["answers", "all"],
    tools: Sequence[Mapping[str, Any]] | None,
) -> Rendered:
    if learn == "all":
        ids = tokenizer(_said(tokenizer, source, turns, tools), add_special_tokens=False)["input_ids"]
        return Rendered(ids, [True] * len(ids), found="all")
    if MARKS.search(source):
        encoded = _guarded(
            lambda: tokenizer.apply_chat_template(
                turns,
                tools=tools,
                chat_template=source,
                tokenize=True,
                return_dict=True,
                return_assistant_tokens_mask=True,
            )
        )
        return Rendered(list(encoded["input_ids"]), [bool(m) for m in encoded["assistant_masks"]], found="marks")
    return _by_prefixes(tokenizer, source, turns, tools)


def _by_prefixes(
    tokenizer: Any, source: str, turns: Sequence[Turn], tools: Sequence[Mapping[str, Any]] | None
) -> Rendered:
    """Answers lie between the conversation rendered up to the moment the assistant is asked, and rendered with its answer.

    Both must be beginnings of the whole. A template that rewrites earlier turns (some leave out what was thought) breaks that; then
    only the last answer is learnt.
    """
    whole = _said(tokenizer, source, turns, tools)
    places = [i for i, turn in enumerate(turns) if turn["role"] == "assistant"]
    spans: list[Span] = []
    found: Literal["prefixes", "last"] = "prefixes"
    for place in places:
        before = _said(tokenizer, source, turns[:place], tools, ask=True) if place else ""
        after = _said(tokenizer, source, turns[: place + 1], tools)
        if whole.startswith(before) and whole.startswith(after) and len(before) <= len(after):
            spans.append((len(before), len(after)))
        else:
            found = "last"
    if found == "last":
        before = _said(tokenizer, source, turns[: places[-1]], tools, ask=True) if places[-1] else ""
        if not whole.startswith(before):
            raise ModelError(
                Message("This chat template does not show where an answer begins."),
                fix=Message("Choose another template, or let the model learn every turn."),
            )
        end = len(_said(tokenizer, source, turns[: places[-1] + 1], tools))
        spans = [(len(before), end)]
    encoded = tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
    return Rendered(list(encoded["input_ids"]), inside(encoded["offset_mapping"], spans), found=found)


def inside(offsets: Sequence[Span], spans: Sequence[Span]) -> list[bool]:
    """Which tokens begin within one of `spans` (in order, apart from each other). A token across the border is the prompt's."""
    marks, at = [], 0
    for start, end in offsets:
        while at < len(spans) and start >= spans[at][1]:
            at += 1
        marks.append(at < len(spans) and end > start >= spans[at][0])
    return marks


def _said(
    tokenizer: Any,
    source: str,
    turns: Sequence[Turn],
    tools: Sequence[Mapping[str, Any]] | None,
    ask: bool = False,
) -> str:
    return _guarded(
        lambda: tokenizer.apply_chat_template(
            turns, tools=tools, chat_template=source, tokenize=False, add_generation_prompt=ask
        )
    )


def _guarded(rendering: Callable[[], Any]) -> Any:
    """Templates refuse what they cannot say (a system turn, two users in a row): their words, with a repair."""
    from jinja2.exceptions import TemplateError, TemplateSyntaxError

    try:
        return rendering()
    except TemplateSyntaxError as error:
        raise ModelError(
            Message("The model's chat template is damaged: {words}", words=str(error)[:200]),
            fix=Message("Choose another template."),
        ) from error
    except TemplateError as error:
        raise DataError(
            Message("The chat template refuses a conversation: {words}", words=str(error)[:200]),
            fix=Message("Choose another template, or change the turns it does not take."),
        ) from error


def _stops_of(tokenizer: Any, source: str) -> tuple[str, ...]:
    """Special tokens that end an answer under the tokenizer's own template: the one right after a sentinel answer."""
    sentinel = "Zqx"
    turns = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": sentinel}]
    text = _said(tokenizer, source, turns, None)
    rest = text[text.rindex(sentinel) + len(sentinel) :].lstrip() if sentinel in text else ""
    return tuple(t for t in tokenizer.all_special_tokens if t and rest.startswith(t))
