"""Conversations in every shape that people bring become the same turns; what is odd is mended and said."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from core.data import reading
from core.data.messages import Shape, answer, columns, columns_of, learnable, parse, preference, read, told


def table(path: Path, tmp_path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """All rows of a shared file as the import brings them."""
    done = reading.read(path, None, tmp_path / "rows.arrow")
    with pa.memory_map(str(tmp_path / "rows.arrow")) as source:
        rows = pa.ipc.open_file(source).read_all().to_pylist()
    return list(done.columns), [{name: row[name] or "" for name in done.columns} for row in rows]


def shaped(names: list[str], rows: list[dict[str, str]], want: str | None = None) -> Shape:
    found = columns(names, [[row[name] for name in names] for row in rows[:50]], want)
    assert found is not None
    return found


def one(want: str | None = None, /, **cells: object):
    """A single row given as Python values, read in the shape its own columns have."""
    plain = {name.replace("__", "."): v if isinstance(v, str) else json.dumps(v) for name, v in cells.items()}
    return read(plain, columns(list(plain), [list(plain.values())], want))


def said(parsed) -> list[tuple[str, str]]:
    return [(turn["role"], turn["content"]) for turn in parsed.messages]


U, A = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}


# The shared files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "name", "rows"),
    [
        ("alpaca_zh/alpaca_zh_demo.json", "alpaca", 1000),
        ("oasst_zh_multiturn/messages.jsonl", "messages", 766),
        ("oasst_zh_multiturn/oaast_sft_zh.json", "alpaca", 766),
    ],
)
def test_every_row_of_the_shared_conversations_parses(data_dir, tmp_path, file: str, name: str, rows: int):
    names, cells = table(data_dir / file, tmp_path)
    shape = shaped(names, cells)
    parsed = [read(row, shape) for row in cells]
    assert (shape.name, len(parsed)) == (name, rows)
    assert all(p.messages and p.messages[-1]["role"] == "assistant" for p in parsed)
    assert not Counter(code for p in parsed for code in p.odd)


def test_both_writings_of_the_same_conversations_give_the_same_turns(data_dir, tmp_path):
    names, cells = table(data_dir / "oasst_zh_multiturn/messages.jsonl", tmp_path)
    others, rows = table(data_dir / "oasst_zh_multiturn/oaast_sft_zh.json", tmp_path)
    one, other = shaped(names, cells), shaped(others, rows)
    both = [(parse(a, one), parse(b, other)) for a, b in zip(cells, rows, strict=True)]
    assert all(a == b for a, b in both)
    assert sum(len(a) > 2 for a, _ in both) == 524


@pytest.mark.parametrize("file", ["dpo_en_demo.json", "dpo_zh_demo.json"])
def test_every_row_of_the_shared_preferences_parses(data_dir, tmp_path, file: str):
    names, cells = table(data_dir / "dpo_pref" / file, tmp_path)
    shape = shaped(names, cells)
    found = [preference(row, shape) for row in cells]
    assert shape.kind == "preferences" and len(found) == 300
    assert all(p and p["messages"][-1]["role"] == "user" and p["chosen"] != p["rejected"] for p in found)


def test_a_table_of_labels_is_no_conversation(data_dir, tmp_path):
    names, cells = table(data_dir / "goemotions/test.csv", tmp_path)
    assert columns(names, [list(row.values()) for row in cells[:50]]) is None


# Shapes ------------------------------------------------------------------------------------------------------------


def test_an_instruction_and_its_input_are_one_question():
    found = one(instruction="Translate.", input="Hello", output="Hallo")
    assert said(found) == [("user", "Translate.\nHello"), ("assistant", "Hallo")]


@pytest.mark.parametrize(
    ("question", "answer"),
    [("prompt", "completion"), ("question", "answer"), ("input", "output"), ("Prompt", "Response"), ("问题", "回答")],
)
def test_two_columns_of_question_and_answer_are_a_conversation(question: str, answer: str):
    assert said(one(**{question: "q", answer: "a"})) == [("user", "q"), ("assistant", "a")]


def test_dollys_context_belongs_to_the_question():
    assert said(one(instruction="Who?", context="Ada wrote it.", response="Ada", category="qa"))[0] == (
        "user",
        "Who?\nAda wrote it.",
    )


def test_sharegpt_with_a_system_and_tools_becomes_roles():
    turns = [
        {"from": "human", "value": "Weather?"},
        {"from": "function_call", "value": '{"name": "weather", "arguments": {}}'},
        {"from": "observation", "value": "sunny"},
        {"from": "gpt", "value": "Sunny."},
    ]
    found = one(conversations=turns, system="Be short.", tools='[{"name": "weather"}]')
    assert said(found) == [
        ("system", 'Be short.\n\n<tools>\n[{"name": "weather"}]\n</tools>'),
        ("user", "Weather?"),
        ("assistant", '<tool_call>\n{"name": "weather", "arguments": {}}\n</tool_call>'),
        ("tool", "sunny"),
        ("assistant", "Sunny."),
    ]
    assert not found.odd


def test_openai_tool_calls_and_parts_become_text():
    calls = [{"id": "1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}]
    turns = [
        {"role": "user", "content": [{"type": "text", "text": "1+1?"}, {"type": "image_url", "image_url": "x"}]},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "content": "2", "tool_call_id": "1"},
        {"role": "assistant", "content": "2."},
    ]
    found = one(messages=turns)
    assert said(found)[1] == ("assistant", '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>')
    assert said(found)[0] == ("user", "1+1?") and found.odd == ("media",)


def test_a_list_as_pandas_writes_it_into_csv_is_read_and_is_never_run():
    assert said(one(messages="[{'role': 'user', 'content': \"it's\"}, {'role': 'assistant', 'content': 'a'}]"))[0] == (
        "user",
        "it's",
    )
    assert one(messages="[__import__('os').getcwd(), {'role': 'user', 'content': 'q'}]").messages is None


def test_the_column_of_turns_is_found_by_what_stands_in_it():
    shape = columns(["id", "log"], [["1", json.dumps([U, A])]])
    assert shape and shape.parts == {"turns": "log"} and "log" in str(shape.reason)


def test_a_shape_travels_as_json():
    shape = columns(["prompt", "completion"], [["q", "a"]])
    assert shape and Shape.from_json(json.loads(json.dumps(shape.as_json()))) == shape


# Transcripts -------------------------------------------------------------------------------------------------------

TWICE = [("user", "q"), ("assistant", "a"), ("user", "again?"), ("assistant", "yes: it\n\nis")]


@pytest.mark.parametrize(
    "text",
    [
        "\n\nHuman: q\n\nAssistant: a\n\nHuman: again?\n\nAssistant: yes: it\n\nis",
        "User: q\nAssistant: a\nUser: again?\nAssistant: yes: it\n\nis",
        "User: q\nAssistant: a\n\nUser: again?\nAssistant: yes: it\n\nis\n",
        "### Human: q### Assistant: a### Human: again?### Assistant: yes: it\n\nis",
        "### Instruction:\nq\n\n### Response:\na\n\n### Instruction:\nagain?\n\n### Response:\nyes: it\n\nis",
        "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\na<|im_end|>\n<|im_start|>user\nagain?<|im_end|>\n<|im_start|>assistant\nyes: it\n\nis<|im_end|>",
        "用户：q\n助手：a\n用户：again?\n助手：yes: it\n\nis",
        "human: q\nAI: a\nhuman: again?\nAI: yes: it\n\nis",
    ],
)  # fmt: skip
def test_a_conversation_in_one_text_is_split_where_somebody_else_speaks(text: str):
    found = one(text=text, id="7")
    assert said(found) == TWICE and not found.odd
    assert parse({"": text}) == found.messages


def test_instruction_data_in_one_text_loses_only_the_words_that_stand_before_all_of_it():
    rest = "### Instruction:\nTranslate.\n\n### Input:\nHello\n\n### Response:\nHallo"
    plain = [("user", "Translate.\nHello"), ("assistant", "Hallo")]
    assert said(one(text=f"Below is an instruction that describes a task. Write a response.\n\n{rest}")) == plain
    assert said(one(text=f"Be short.\n\n{rest}")) == [("system", "Be short."), *plain]
    assert said(one(instruction="Translate.", input="Hello", output="Hallo", text=rest)) == plain


def test_a_name_with_a_colon_within_a_turn_begins_none():
    text = "User: what is it\nAssistant: short for:\nAI: artificial intelligence\nBot: robot"
    assert said(one(text=text)) == [("user", "what is it"), ("assistant", "short for:\nAI: artificial intelligence\nBot: robot")]  # fmt: skip


@pytest.mark.parametrize("text", ["Human: only a question", "They said:\nUser: q\nAssistant: a", "# Title\ntext", "User: a\nUser: b"])  # fmt: skip
def test_other_texts_are_no_transcripts(text: str):
    assert columns(["text"], [[text]]) is None and parse({"": text}) is None


def test_a_prompt_that_ends_where_the_assistant_begins_is_a_question():
    prompt = "\n\nHuman: q\n\nAssistant: a\n\nHuman: again?\n\nAssistant:"
    assert said(one(prompt=prompt, completion=" yes: it\n\nis")) == [*TWICE[:3], ("assistant", " yes: it\n\nis")]
    assert parse({"prompt": prompt})[-1] == {"role": "user", "content": "again?"}
    assert pair(prompt=prompt, chosen="a", rejected="b") == {"n": 3, "c": "a", "r": "b"}


def test_most_rows_decide_whether_a_column_holds_transcripts():
    assert columns(["text"], [["User: q\nAssistant: a"]] * 3 + [["plain"]] * 2).name == "transcript"
    assert columns(["text"], [["User: q\nAssistant: a"]] * 2 + [["plain"]] * 3) is None


# Odd turns ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("turns", "left", "code"),
    [
        ([U, U, A], [("user", "q\n\nq"), ("assistant", "a")], "joined"),
        ([U, A, U], [("user", "q"), ("assistant", "a")], "no_end"),
        ([A, U, A], [("user", "q"), ("assistant", "a")], "opening"),
        ([U, {"role": "assistant", "content": " "}, A], [("user", "q"), ("assistant", "a")], "empty"),
        ([U, {"role": "system", "content": "s"}, A], [("system", "s"), ("user", "q"), ("assistant", "a")], "system"),
    ],
)
def test_odd_turns_are_mended_and_said(turns, left, code: str):
    found = one(messages=turns)
    assert said(found) == left and found.odd == (code,)
    assert "1 conversation" in str(told(found.odd)[0])


@pytest.mark.parametrize(
    ("turns", "code"),
    [([U], "no_answer"), ([A], "no_question"), ([U, {"role": "narrator", "content": "x"}], "role"), ("[{broken", "unreadable")],
)  # fmt: skip
def test_what_cannot_be_mended_is_left_out_and_said(turns, code: str):
    shape = Shape("messages", {"turns": "messages"}, told(["empty"])[0])
    found = read({"messages": turns if isinstance(turns, str) else json.dumps(turns)}, shape)
    assert found.messages is None and code in found.odd


def test_oddities_are_counted_over_rows():
    assert [str(m) for m in told({"no_end": 1200})] == [
        "1,200 conversations end without an answer; what comes after the last answer is left out."
    ]


# Preferences -------------------------------------------------------------------------------------------------------


def pair(**cells: object) -> dict | None:
    found = one("preferences", **cells)
    return None if found.messages is None else {"n": len(found.messages), "c": found.chosen, "r": found.rejected}


B = {"role": "assistant", "content": "b"}


@pytest.mark.parametrize(
    "cells",
    [
        {"prompt": "q", "chosen": "a", "rejected": "b"},
        {"instruction": "q", "input": "", "chosen": "a", "rejected": "b"},
        {"prompt": "q", "chosen": [U, A], "rejected": [U, B]},
        {"chosen": [U, A], "rejected": [U, B]},
        {"prompt": [U], "chosen": [A], "rejected": [B]},
        {"messages": [U, A], "chosen": [U, A], "rejected": [U, B]},
        {"conversations": [{"from": "human", "value": "q"}], "chosen__value": "a", "rejected__value": "b"},
        {"conversations": [{"from": "human", "value": "q"}], "chosen": {"from": "gpt", "value": "a"}, "rejected": {"from": "gpt", "value": "b"}},
        {"chosen": "\n\nHuman: q\n\nAssistant: a", "rejected": "\n\nHuman: q\n\nAssistant: b"},
    ],
)  # fmt: skip
def test_a_preference_in_each_usual_shape(cells: dict):
    assert pair(**cells) == {"n": 1, "c": "a", "r": "b"}


def test_a_common_beginning_of_several_turns_is_the_question():
    begin = [U, A, U]
    assert pair(chosen=[*begin, A], rejected=[*begin, B]) == {"n": 3, "c": "a", "r": "b"}


def test_conversations_that_go_on_are_compared_at_the_first_difference():
    found = one("preferences", chosen=[U, A, U, A], rejected=[U, B, U, B])
    assert (found.chosen, found.rejected, found.odd) == ("a", "b", ("longer",))


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"prompt": "q", "chosen": "a", "rejected": "a"}, "same"),
        ({"prompt": "q", "chosen": "a", "rejected": ""}, "missing"),
        ({"prompt": "", "chosen": "a", "rejected": "b"}, "no_question"),
    ],
)
def test_a_row_that_compares_nothing_is_left_out_and_said(cells: dict, code: str):
    found = one("preferences", **cells)
    assert found.messages is None and found.odd == (code,)


# One role at a time ------------------------------------------------------------------------------------------------


def test_turns_after_the_last_answer_stay_for_those_who_ask_and_go_for_those_who_learn():
    turns = parse({"log": json.dumps([U, A, U])})
    assert turns == [U, A, U] and learnable(turns) == [U, A] and learnable([U]) is None


def test_a_plain_prompt_is_a_question_but_a_nameless_cell_must_be_a_list_of_turns():
    assert parse({"foo": "q"}) == [U] and parse({"prompt": "q"}) == [U]
    assert parse({"": "q"}) is None and parse({"": json.dumps([U, A])}) == [U, A] and parse({"foo": " "}) is None


def test_columns_that_make_a_conversation_together_are_named():
    found = columns_of({"id": ["1"], "instruction": ["q"], "input": [""], "output": ["a"]})
    assert found and found[0] == ["instruction", "input", "output"]


@pytest.mark.parametrize(
    "cell", ["a", json.dumps(A), json.dumps([U, A]), json.dumps([{"from": "gpt", "value": "a"}]), "\n\nHuman: q\n\nAssistant: a"]
)  # fmt: skip
def test_an_answer_is_found_however_it_is_wrapped(cell: str):
    assert answer(cell) == "a" and answer(" ") is None
