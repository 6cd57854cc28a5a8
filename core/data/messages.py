"""Conversations in the shapes people bring become one: a list of {"role", "content"}, roles system, user, assistant, tool.

    columns(names, samples)    which convention a table follows, with the reason
    read(cells, shape)         one row: its turns (or its pair of answers), and what was odd about it
    parse, preference          the same without the oddities; `learnable` cuts what nobody answers
    told(odd)                  counted oddities as sentences

A tool call is text here: ``<tool_call>{...}</tool_call>`` in the assistant's turn (as Qwen and Hermes write it), and the tools themselves stand in
``<tools>`` at the end of the system turn. Knows nothing of chat templates, tokens or files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.data.turns import (
    ODD,
    WHAT,
    Oddities,
    Turn,
    answered,
    ending,
    holds_turns,
    listed,
    opened,
    speaker_key,
    tidy,
    transcript,
    turn_of,
)
from core.words import Message

# Column names, lower case, the commonest first -------------------------------------------------------------------------
TURNS = ("messages", "conversations", "conversation", "chat", "dialog", "dialogue", "dialogs", "turns", "对话")
SYSTEM = ("system", "system_prompt", "系统", "系统提示")
TOOLS = ("tools", "functions", "工具")
HISTORY = ("history", "历史")
INSTRUCTION = ("instruction", "instructions", "指令")
INPUT = ("input", "context", "输入")
QUESTIONS = (
    "prompt", "instruction", "instructions", "question", "query", "input", "user", "human", "problem", "source", "提问", "问题", "问", "指令", "输入",
)  # fmt: skip
ANSWERS = (
    "completion", "response", "output", "answer", "assistant", "reply", "target", "gpt", "bot", "solution", "回答", "答案", "答", "回复", "输出",
)  # fmt: skip
CHOSEN = ("chosen", "preferred", "accepted", "chosen_response", "response_chosen", "better", "win", "好的回答", "选中")
REJECTED = (
    "rejected", "dispreferred", "rejected_response", "response_rejected", "non_preferred", "worse", "lose", "差的回答", "拒绝",
)  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """How a table holds its conversations: the convention, and which column (as the file calls it) plays which part."""

    name: Literal["messages", "sharegpt", "alpaca", "pairs", "transcript", "preference"]
    parts: Mapping[str, str]
    reason: Message

    @property
    def kind(self) -> Literal["messages", "preferences"]:
        return "preferences" if self.name == "preference" else "messages"

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "parts": dict(self.parts), "reason": self.reason.as_json()}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Shape:
        return Shape(value["name"], dict(value["parts"]), Message.from_json(value["reason"]))


@dataclass(frozen=True)
class Parsed:
    """One row. `messages` is None where nothing can be learnt from it; `odd` says by code what was mended or is wrong.

    For a preference `messages` are the turns before the answers, the last one the user's.
    """

    messages: list[Turn] | None
    chosen: str | None = None
    rejected: str | None = None
    odd: tuple[str, ...] = ()


def columns(names: Sequence[str], samples: Sequence[Sequence[str]], want: str | None = None) -> Shape | None:
    """The convention of a table with these column names and first rows; None where it holds no conversations.

    `want` ("messages" or "preferences") leaves the other out: a file of preferences also holds conversations.
    """
    known = _Names(names, samples)
    found = _preference(known) if want != "messages" else None
    return found or (_conversation(known) if want != "preferences" else None)


def columns_of(columns_: Mapping[str, Sequence[str]]) -> tuple[list[str], Message] | None:
    """The columns that make a conversation together, from name -> cells, and why."""
    samples = list(zip(*columns_.values(), strict=False))
    found = columns(list(columns_), samples, "messages")
    return (list(found.parts.values()), found.reason) if found else None


def parse(cells: Mapping[str, str], shape: Shape | None = None) -> list[Turn] | None:
    """All turns of a row, mended, also what stands after the last answer (see `learnable`); None where there are none.

    Cells of a named column that hold plain text are a question; under the name "" only a list of turns counts.
    """
    shape = shape or columns(list(cells), [list(cells.values())], "messages")
    if shape is None:
        plain = "\n".join(cell for name, cell in cells.items() if name and cell.strip())
        return [{"role": "user", "content": plain}] if plain and listed(plain) is None else None
    return (
        _whole({role: cells.get(column, "") or "" for role, column in shape.parts.items()}, shape, Oddities()) or None
    )


def learnable(messages: list[Turn]) -> list[Turn] | None:
    """The turns up to the last answer, which a model can learn to give; None where nobody answers."""
    return ending(messages, Oddities())


def answer(cell: str) -> str | None:
    """The answer in a cell of `chosen` or `rejected`, however it is wrapped; None where there is none."""
    turns = answered(cell, Oddities()) or []
    return next((turn["content"] for turn in reversed(turns) if turn["role"] == "assistant"), None)


def preference(cells: Mapping[str, str], shape: Shape | None = None) -> dict[str, Any] | None:
    """{"messages", "chosen", "rejected"} of a row, or None."""
    found = read(cells, shape or columns(list(cells), [list(cells.values())], "preferences"))
    if found.messages is None or found.chosen is None or found.rejected is None:
        return None
    return {"messages": found.messages, "chosen": found.chosen, "rejected": found.rejected}


def compared(before: Sequence[Mapping[str, str]], chosen: str, rejected: str) -> Parsed:
    """Two answers to the turns `before`, from the cells that hold them. Where each cell is a whole conversation, what both begin with is what
    was asked, and the first turn in which they differ is the answer."""
    return _compared([dict(turn) for turn in before], {"chosen": chosen, "rejected": rejected}, Oddities())


def read(cells: Mapping[str, str], shape: Shape | None) -> Parsed:
    """One row in the shape of its table."""
    if shape is None:
        return Parsed(None, odd=("no_shape",))
    odd = Oddities()
    part = {role: cells.get(column, "") or "" for role, column in shape.parts.items()}
    if shape.name == "preference":
        return _pair(part, odd)
    turns = _whole(part, shape, odd)
    return Parsed(ending(turns, odd) if turns is not None else None, odd=odd.codes)


def told(odd: Mapping[str, int] | Iterable[str]) -> list[Message]:
    """Sentences for codes of `Parsed.odd`, counted over rows: ``told(Counter(code for row in rows for code in row.odd))``."""
    counts = odd if isinstance(odd, Mapping) else Counter(odd)
    return [ODD[code](int(n)) for code, n in counts.items() if n]


# Which convention ------------------------------------------------------------------------------------------------------


class _Names:
    """Column names by their lower-case form, and a few filled cells of each."""

    def __init__(self, names: Sequence[str], samples: Sequence[Sequence[str]]):
        self.by = {name.strip().lower(): name for name in reversed(names)}
        self.cells = {
            name: [row[i] for row in samples if i < len(row) and row[i].strip()][:50] for i, name in enumerate(names)
        }

    def first(self, wanted: Sequence[str], without: Iterable[str] = ()) -> str | None:
        """The first of `wanted` that is a column with something in it, or at least a column."""
        there = [self.by[name] for name in wanted if name in self.by and self.by[name] not in without]
        return next((name for name in there if self.cells[name]), there[0] if there else None)

    def some(self, **wanted: Sequence[str]) -> dict[str, str]:
        found = {part: self.first(names) for part, names in wanted.items()}
        return {part: name for part, name in found.items() if name}

    def said(self, stem: str) -> str | None:
        """The column of an answer: itself, or what a nested turn became (`chosen.value`)."""
        return self.by.get(stem) or next((self.by[f"{stem}.{w}"] for w in WHAT if f"{stem}.{w}" in self.by), None)


def _conversation(known: _Names) -> Shape | None:
    lists = [name for name in known.cells if holds_turns(known.cells[name])]
    extra = known.some(system=SYSTEM, tools=TOOLS)
    if lists:
        named = known.first(TURNS)
        best = named if named in lists else max(lists, key=lambda name: sum(map(len, known.cells[name])))
        if any(speaker_key(cell) == "role" for cell in known.cells[best]):
            return Shape(
                "messages",
                {"turns": best, **extra},
                Message("“{column}” holds lists of turns with role and content.", column=best),
            )
        return Shape("sharegpt", {"turns": best, **extra}, Message("“{column}” holds lists of turns as ShareGPT writes them.", column=best))  # fmt: skip
    return _alpaca(known, extra) or _pairs(known, extra) or _transcript(known)


def _alpaca(known: _Names, extra: dict[str, str]) -> Shape | None:
    instruction, more = known.first(INSTRUCTION), known.first(INPUT)
    answer = known.first(ANSWERS, without=(instruction or "", more or ""))
    if not instruction or not answer or not (more or known.first(HISTORY)):
        return None
    parts = {
        "question": instruction,
        **({"input": more} if more else {}),
        "answer": answer,
        **known.some(history=HISTORY),
        **extra,
    }
    reason = Message("The columns {columns} are those of instruction data (Alpaca).", columns=", ".join(parts.values()))
    return Shape("alpaca", parts, reason)


def _pairs(known: _Names, extra: dict[str, str]) -> Shape | None:
    question = known.first(QUESTIONS)
    answer = known.first(ANSWERS, without=(question or "",))
    if not question or not answer:
        return None
    reason = Message("“{question}” is asked and “{answer}” answers, by their names.", question=question, answer=answer)
    return Shape("pairs", {"question": question, "answer": answer, **known.some(history=HISTORY), **extra}, reason)


def _transcript(known: _Names) -> Shape | None:
    """Conversations that are texts; of several columns of them the one with most words."""
    there = [name for name, cells in known.cells.items() if cells and 2 * sum(map(bool, map(transcript, cells))) > len(cells)]  # fmt: skip
    if not there:
        return None
    best = max(there, key=lambda name: sum(map(len, known.cells[name])))
    reason = Message("“{column}” holds whole conversations as text, with who speaks before each turn.", column=best)
    return Shape("transcript", {"turns": best}, reason)


def _preference(known: _Names) -> Shape | None:
    chosen = next((name for stem in CHOSEN if (name := known.said(stem))), None)
    rejected = next((name for stem in REJECTED if (name := known.said(stem))), None)
    if not chosen or not rejected:
        return None
    parts = {"chosen": chosen, "rejected": rejected, **known.some(system=SYSTEM, tools=TOOLS, history=HISTORY)}
    turns = [name for name in known.cells if name not in (chosen, rejected) and holds_turns(known.cells[name])]
    question = known.first(QUESTIONS)
    if question:
        more = known.first(INPUT, without=(question,)) if question.strip().lower() in INSTRUCTION else None
        parts |= {"question": question, **({"input": more} if more else {})}
    elif turns:
        named = known.first(TURNS)
        parts["turns"] = named if named in turns else turns[0]
    if question in turns:
        parts["turns"] = parts.pop("question")
    reason = Message(
        "“{chosen}” is the better answer and “{rejected}” the worse one, by their names.",
        chosen=chosen,
        rejected=rejected,
    )
    return Shape("preference", parts, reason)


# One row ---------------------------------------------------------------------------------------------------------------


def _whole(part: Mapping[str, str], shape: Shape, odd: Oddities) -> list[Turn] | None:
    if "turns" in part:
        turns = opened(part["turns"], odd)
    else:
        turns = _asked(part, odd)
        turns = [*turns, {"role": "assistant", "content": part.get("answer", "")}] if turns is not None else None
    return tidy(_with_system(turns, part), odd) if turns is not None else None


def _asked(part: Mapping[str, str], odd: Oddities) -> list[Turn] | None:
    """What stands before the answer in a row of columns: the history and the question with its input."""
    history = _history(part.get("history", ""))
    if history is None:
        odd.add("unreadable")
        return None
    question = "\n".join(text for text in (part.get("question", ""), part.get("input", "")) if text.strip())
    if not question.strip():
        odd.add("no_question")
        return None
    if turns := transcript(question):
        return [*history, *(turn for turn in turns if turn["content"])]
    return [*history, {"role": "user", "content": question}]


def _history(cell: str) -> list[Turn] | None:
    """Earlier rounds: a list of pairs [question, answer], or of turns."""
    if not cell.strip():
        return []
    found = listed(cell)
    if found is None:
        return None
    turns: list[Turn] = []
    for one in found:
        if isinstance(one, list) and len(one) == 2:
            turns += [
                {"role": r, "content": str(said or "")} for r, said in zip(("user", "assistant"), one, strict=True)
            ]
        elif turn := turn_of(one, Oddities()):
            turns.append(turn)
        else:
            return None
    return turns


def _with_system(turns: list[Turn], part: Mapping[str, str]) -> list[Turn]:
    system, tools = part.get("system", "").strip(), part.get("tools", "").strip()
    own = "\n\n".join(
        text for text in (system, f"<tools>\n{tools}\n</tools>" if tools and tools != "[]" else "") if text
    )
    return [{"role": "system", "content": own}, *turns] if own else turns


def _pair(part: Mapping[str, str], odd: Oddities) -> Parsed:
    """Two answers to the same turns, which stand in columns of their own or at the beginning of both."""
    before: list[Turn] | None = []
    if "turns" in part:
        before = opened(part["turns"], odd)
    elif part.get("question", "").strip():
        before = _asked(part, odd)
    if before is None:
        return Parsed(None, odd=odd.codes)
    return _compared(before, part, odd)


def _compared(before: list[Turn], part: Mapping[str, str], odd: Oddities) -> Parsed:
    sides = [_side(part.get(name, ""), odd) for name in ("chosen", "rejected")]
    if not all(sides):
        odd.add("missing")
        return Parsed(None, odd=odd.codes)
    whole = [any(turn["role"] == "user" for turn in side) for side in sides]
    if any(whole) and not all(whole):  # one of them is the answer alone
        before = before or sides[whole.index(True)][:-1]
        sides = [side[-1:] for side in sides]
    chosen, rejected = sides
    shared = _shared(chosen, rejected)
    if chosen[: len(before)] == before or (before and shared and shared[-1] == before[-1]):
        before = []  # the conversations hold the question already
    tails = [side[len(shared) :] for side in (chosen, rejected)]
    if any(len(tail) > 1 for tail in tails):
        odd.add("longer")
    answers = [
        next((turn["content"].strip() for turn in tail[:1] if turn["role"] == "assistant"), "") for tail in tails
    ]
    messages = tidy(_with_system([*before, *shared], part), odd)
    return _judged(messages, answers[0], answers[1], odd)


def _side(cell: str, odd: Oddities) -> list[Turn]:
    """The turns in the cell of one answer; a whole conversation in order, as a column of questions is."""
    turns = answered(cell, odd) or []
    return tidy(turns, Oddities()) if any(turn["role"] == "user" for turn in turns) else turns


def _judged(messages: list[Turn], chosen: str, rejected: str, odd: Oddities) -> Parsed:
    while messages and messages[-1]["role"] == "assistant":  # a greeting after the question is no question
        messages = messages[:-1]
        odd.add("no_end")
    if chosen == rejected:
        odd.add("same" if chosen else "missing")
    elif not chosen or not rejected:
        odd.add("missing")
    elif not any(turn["role"] == "user" for turn in messages):
        odd.add("no_question")
    else:
        return Parsed(messages, chosen, rejected, odd.codes)
    return Parsed(None, odd=odd.codes)


def _shared(one: list[Turn], other: list[Turn]) -> list[Turn]:
    """What both begin with, up to the turn before their first different answer."""
    n = 0
    while n < min(len(one), len(other)) and one[n] == other[n]:
        n += 1
    if n == len(one) == len(other):
        n -= 1
    return one[:n]
