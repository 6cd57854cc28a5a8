"""Turns of a conversation: one cell (a list, or a transcript in words) into turns, turns into an order that a model can learn from, and what was odd about them in words.

A tool call is text here: ``<tool_call>{...}</tool_call>`` in the assistant's turn, as Qwen and Hermes write it. Knows nothing of columns; those
are `core.data.messages`.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.words import Message, plural

Turn = dict[str, str]
ROLES = ("system", "user", "assistant", "tool")
LONGEST = 4_000_000  # characters of a cell that is taken for JSON

SPEAKERS = {
    **dict.fromkeys(("system", "developer", "系统"), "system"),
    **dict.fromkeys(("user", "human", "prompter", "question", "instruction", "customer", "用户", "人类", "问"), "user"),
    **dict.fromkeys(
        ("assistant", "gpt", "chatgpt", "bot", "model", "ai", "answer", "bing", "bard", "agent", "助手", "答"),
        "assistant",
    ),
    **dict.fromkeys(("function_call", "tool_call", "tool_calls"), "call"),
    **dict.fromkeys(
        ("tool", "function", "observation", "ipython", "tool_response", "function_response", "function_result", "工具"),
        "tool",
    ),
}
HEADINGS = {"input": "user", "response": "assistant", "output": "assistant"}  # after ###, besides speakers
# Who speaks next, as transcripts say it. A conversation keeps to one of these forms, the strictest that fits.
CHATML = re.compile(r"<\|im_start\|>(?P<who>system|user|assistant|tool)\n")
HEADED = re.compile(
    r"(?i)###[ \t]*(?P<who>human|user|assistant|system|instruction|input|response|output)[ \t]*(?::|(?=\n))"
)
_SPEAKS = r"[ \t]*(?P<who>human|user|assistant|system|ai|bot|chatbot|用户|人类|助手|系统)[ \t]*[:：]"
APART = re.compile(r"(?i)(?:^|\n[ \t]*\n)" + _SPEAKS)  # an empty line before each turn, as Anthropic's HH has it
LINES = re.compile(r"(?i)(?:^|\n)" + _SPEAKS)
ALPACA = "Below is an instruction that describes a task"  # stands before every row of that data and tells nothing
WHO = ("role", "from", "speaker", "author")
WHAT = ("content", "value", "text", "message")

ODD: dict[str, Callable[[int], Message]] = {
    "no_shape": lambda n: plural(n, "{n} row holds no conversation that Hone knows.", "{n:,} rows hold no conversation that Hone knows."),
    "unreadable": lambda n: plural(
        n, "{n} conversation is no readable JSON and is left out.", "{n:,} conversations are no readable JSON and are left out."
    ),
    "role": lambda n: plural(
        n,
        "{n} conversation has a turn of a speaker Hone does not know, and is left out.",
        "{n:,} conversations have a turn of a speaker Hone does not know, and are left out.",
    ),
    "empty": lambda n: plural(
        n, "{n} conversation has an empty turn; that turn is left out.", "{n:,} conversations have empty turns; those turns are left out."
    ),
    "joined": lambda n: plural(
        n,
        "In {n} conversation one side speaks twice in a row; the two turns are joined.",
        "In {n:,} conversations one side speaks twice in a row; the two turns are joined.",
    ),
    "opening": lambda n: plural(
        n,
        "{n} conversation begins with an answer that nobody asked for; that turn is left out.",
        "{n:,} conversations begin with an answer that nobody asked for; that turn is left out.",
    ),
    "system": lambda n: plural(
        n,
        "In {n} conversation a system turn stands in the middle; it is moved to the beginning.",
        "In {n:,} conversations a system turn stands in the middle; it is moved to the beginning.",
    ),
    "no_end": lambda n: plural(
        n,
        "{n} conversation ends without an answer; what comes after the last answer is left out.",
        "{n:,} conversations end without an answer; what comes after the last answer is left out.",
    ),
    "no_answer": lambda n: plural(
        n, "{n} conversation has no answer at all and is left out.", "{n:,} conversations have no answer at all and are left out."
    ),
    "no_question": lambda n: plural(
        n, "{n} row has an answer but no question and is left out.", "{n:,} rows have an answer but no question and are left out."
    ),
    "media": lambda n: plural(
        n, "{n} conversation holds pictures or sounds; only its text is used.", "{n:,} conversations hold pictures or sounds; only their text is used."
    ),
    "same": lambda n: plural(
        n, "In {n} row both answers are the same; it is left out.", "In {n:,} rows both answers are the same; they are left out."
    ),
    "missing": lambda n: plural(
        n, "{n} row lacks one of the two answers and is left out.", "{n:,} rows lack one of the two answers and are left out."
    ),
    "longer": lambda n: plural(
        n,
        "In {n} row the two conversations go on after the first different answer; only that answer is compared.",
        "In {n:,} rows the two conversations go on after the first different answer; only that answer is compared.",
    ),
}  # fmt: skip


@dataclass
class Oddities:
    """Codes met in one row, each once, in order."""

    seen: dict[str, None] = field(default_factory=dict)

    def add(self, code: str) -> None:
        self.seen.setdefault(code)

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(self.seen)


def opened(cell: str, odd: Oddities) -> list[Turn] | None:
    """The turns in a cell, as they stand: a list, or a transcript; None when one cannot be understood."""
    found = listed(cell)
    if found is None and (turns := transcript(cell)):
        return turns
    if found is None:
        odd.add("unreadable" if cell.strip() else "no_answer")
        return None
    turns = []
    for one in found:
        turn = turn_of(one, odd)
        if turn is None:
            odd.add("role")
            return None
        turns.append(turn)
    return turns


def turn_of(one: Any, odd: Oddities) -> Turn | None:
    if not isinstance(one, Mapping):
        return None
    who = next((one[key] for key in WHO if one.get(key)), None)
    who = who.get("role") if isinstance(who, Mapping) else who  # an old export of ChatGPT: {"author": {"role": ..}}
    role = SPEAKERS.get(str(who).strip().lower())
    if role is None:
        return None
    said = _plain(next((one[key] for key in WHAT if one.get(key) is not None), ""), odd)
    if role == "call":
        return {"role": "assistant", "content": _call(said)}
    calls = one.get("tool_calls") or ([{"function": one["function_call"]}] if one.get("function_call") else [])
    if isinstance(calls, list) and calls:
        said = "\n".join([*([said] if said.strip() else []), *(_call(_openai(call)) for call in calls)])
    return {"role": role, "content": said}


def _plain(content: Any, odd: Oddities) -> str:
    """The text of a content: a string, or OpenAI's list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        content = content.get("parts", [content])
    if not isinstance(content, list):
        return json.dumps(content, ensure_ascii=False)
    texts = []
    for piece in content:
        if isinstance(piece, str):
            texts.append(piece)
        elif isinstance(piece, Mapping) and isinstance(piece.get("text"), str):
            texts.append(piece["text"])
        else:
            odd.add("media")
    return "\n".join(texts)


def _openai(call: Any) -> str:
    """OpenAI's tool call as {"name", "arguments"}; arguments that are JSON in a string are opened."""
    function = call.get("function", call) if isinstance(call, Mapping) else {"name": str(call)}
    if not isinstance(function, Mapping):
        return str(function)
    arguments = function.get("arguments", {})
    if isinstance(arguments, str):
        arguments = decoded(arguments) if arguments.strip()[:1] in ("{", "[") else arguments
    return json.dumps({"name": function.get("name", ""), "arguments": arguments}, ensure_ascii=False)


def _call(text: str) -> str:
    return text if "<tool_call>" in text else f"<tool_call>\n{text.strip()}\n</tool_call>"


def tidy(turns: list[Turn], odd: Oddities) -> list[Turn]:
    """System turns in front, empty ones gone, two of one side joined, an answer without a question dropped."""
    filled = [turn for turn in turns if turn["content"].strip()]
    if len(filled) < len(turns):
        odd.add("empty")
    system = [turn for turn in filled if turn["role"] == "system"]
    rest = [turn for turn in filled if turn["role"] != "system"]
    if system != filled[: len(system)]:
        odd.add("system")
    while rest and rest[0]["role"] != "user":
        odd.add("opening")
        rest = rest[1:]
    joined: list[Turn] = []
    for turn in rest:
        if joined and joined[-1]["role"] == turn["role"] and turn["role"] != "tool":
            odd.add("joined")
            joined[-1] = {"role": turn["role"], "content": joined[-1]["content"] + "\n\n" + turn["content"]}
        else:
            joined.append(dict(turn))
    first = [{"role": "system", "content": "\n\n".join(turn["content"] for turn in system)}] if system else []
    return first + joined


def ending(turns: list[Turn], odd: Oddities) -> list[Turn] | None:
    """Up to the last answer."""
    last = max((i for i, turn in enumerate(turns) if turn["role"] == "assistant"), default=None)
    if last is None:
        odd.add("no_question" if "opening" in odd.seen else "no_answer")
        return None
    if last < len(turns) - 1:
        odd.add("no_end")
    return turns[: last + 1]


def answered(cell: str, odd: Oddities) -> list[Turn] | None:
    """One of two answers: plain text, one turn, a list of turns, or a transcript (Anthropic HH)."""
    text = cell.strip()
    if not text:
        return None
    if text[0] in "[{":
        found = decoded(text)
        turns = [turn_of(one, odd) for one in (found if isinstance(found, list) else [found])] if found else []
        if turns and all(turns):
            return [turn for turn in turns if turn and turn["content"].strip()]
    return transcript(text) or [{"role": "assistant", "content": text}]


def transcript(cell: str) -> list[Turn] | None:
    """The turns of a conversation that is written as one text: "Human: … Assistant: …", headings as in "### Instruction:", or ChatML. None
    for a text that does not begin so, or in which not both sides speak. The last turn may be empty: a prompt ends there."""
    text = cell.strip()
    if len(text) > LONGEST:
        return None
    for form in (CHATML, HEADED, APART, LINES):
        marks = _marks(form, text)
        before = text[: marks[0].start()].strip() if marks else ""
        if {"user", "assistant"} <= {_speaker(mark) for mark in marks} and (form is HEADED or not before):
            return _between(marks, text, before)
    return None


def _marks(form: re.Pattern[str], text: str) -> list[re.Match[str]]:
    """Where turns begin. Each side goes by one name, so that a line like "AI: short for ..." begins none within the Assistant's turn."""
    found = list(form.finditer(text))
    if form is HEADED:
        return found
    names: dict[str, str] = {}
    for mark in found:
        names.setdefault(_speaker(mark), mark["who"].lower())
    return [mark for mark in found if mark["who"].lower() == names[_speaker(mark)]]


def _speaker(mark: re.Match[str]) -> str:
    who = mark["who"].lower()
    return HEADINGS.get(who) or SPEAKERS[who]


def _between(marks: Sequence[re.Match[str]], text: str, before: str) -> list[Turn]:
    turns: list[Turn] = []
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    for mark, end in zip(marks, ends, strict=True):
        said = text[mark.end() : end].strip().removesuffix("<|im_end|>").strip()
        if mark["who"].lower() == "input" and turns and turns[-1]["role"] == "user":
            turns[-1]["content"] = f"{turns[-1]['content']}\n{said}".strip()
        else:
            turns.append({"role": _speaker(mark), "content": said})
    told = before and not before.startswith(ALPACA)
    return [{"role": "system", "content": before}, *turns] if told else turns


def holds_turns(cells: Sequence[str]) -> bool:
    """Most of these cells are lists of turns."""
    return bool(cells) and sum(speaker_key(cell) is not None for cell in cells) * 2 > len(cells)


def speaker_key(cell: str) -> str | None:
    """Under which name a list of turns keeps its speaker; None for what is no such list."""
    turns = listed(cell)
    if not turns or not isinstance(turns[0], Mapping):
        return None
    keys = [key for key in WHO if key in turns[0]]
    return keys[0] if keys and any(key in turns[0] for key in (*WHAT, "tool_calls")) else None


# JSON in cells ---------------------------------------------------------------------------------------------------------


def listed(cell: str) -> list[Any] | None:
    """The list in a cell: JSON, or Python's own writing of it, which pandas leaves in csv files."""
    if not cell.lstrip().startswith("["):
        return None
    found = decoded(cell)
    return found if isinstance(found, list) else None


def decoded(cell: str) -> Any:
    """The value of JSON, or of a Python literal; None for neither."""
    if len(cell) > LONGEST:
        return None
    try:
        return json.loads(cell, strict=False)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(json.dumps(ast.literal_eval(cell.strip())))  # a set or bytes is nothing a turn holds
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None
