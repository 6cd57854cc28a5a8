"""Conversations as token ids: the marks stand on the answers and nowhere else, whatever the template and the tokenizer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import DataError, ModelError
from core.tasks import chat_text

TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hello! 你好 🙂"},
    {"role": "assistant", "content": "Hi there, 朋友."},
    {"role": "user", "content": "What is two and two?"},
    {"role": "assistant", "content": "Four."},
]

# Forms that real models have, written for these tests: no marks for answers, and a few habits.
UNMARKED = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
FORGETFUL = (  # only the last answer keeps its thoughts, before "|"
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{{ m['content'].split('|')[-1] if not loop.last else m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
STRICT = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate') }}{% endif %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)


@pytest.fixture
def bytewise():
    """A byte-level tokenizer that knows ChatML's marks."""
    from core.models.blank import learn_tokenizer

    return learn_tokenizer([m["content"] for m in TALK] * 5, "causal", 512)[0]


@pytest.fixture(scope="module")
def stories(data_dir: Path):
    """A tokenizer with spaces as ▁ and single bytes for what it does not know; no marks, no template."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(data_dir / "stories260k")


@pytest.fixture(params=["bytewise", "stories"])
def tokenizer(request: pytest.FixtureRequest):
    return request.getfixturevalue(request.param)


def learnt(tokenizer, rendered: chat_text.Rendered) -> list[str]:
    """The texts of the marked stretches."""
    stretches: list[list[int]] = []
    before = False
    for token, yes in zip(rendered.input_ids, rendered.answers, strict=True):
        if yes and not before:
            stretches.append([])
        if yes:
            stretches[-1].append(token)
        before = yes
    return [tokenizer.decode(s).strip() for s in stretches]


@pytest.mark.parametrize("template", chat_text.TEMPLATES)
def test_the_answers_and_their_ends_are_learnt_and_nothing_else(tokenizer, template: str):
    rendered = chat_text.render(tokenizer, TALK, template)
    end = "<|im_end|>" if template == "chatml" else tokenizer.eos_token
    assert learnt(tokenizer, rendered) == [f"Hi there, 朋友.{end}", f"Four.{end}"]
    assert rendered.found == "marks" and rendered.usable and not rendered.cut


@pytest.mark.parametrize("template", chat_text.TEMPLATES)
def test_what_is_asked_later_begins_as_what_was_learnt(tokenizer, template: str):
    """The prompt's tokens are the beginning of the training tokens, up to the first answer and up to the last."""
    rendered = chat_text.render(tokenizer, TALK, template)
    for turns in (TALK[:2], TALK[:4]):
        ids = chat_text.prompt(tokenizer, turns, template)
        assert rendered.input_ids[: len(ids)] == ids
        assert not rendered.answers[len(ids) - 1] and rendered.answers[len(ids)]


def test_a_template_without_marks_gives_the_answers_by_its_prefixes(bytewise):
    bytewise.chat_template = UNMARKED
    rendered = chat_text.render(bytewise, TALK)
    assert rendered.found == "prefixes"
    assert learnt(bytewise, rendered) == ["Hi there, 朋友.<|im_end|>", "Four.<|im_end|>"]
    marked = chat_text.render(bytewise, TALK, "chatml")
    assert rendered.input_ids == marked.input_ids  # the same words either way


def test_a_template_that_rewrites_earlier_turns_teaches_the_last_answer(bytewise):
    bytewise.chat_template = FORGETFUL
    turns = [
        *TALK[:2],
        {"role": "assistant", "content": "hm|Hi."},
        TALK[3],
        {"role": "assistant", "content": "2+2|Four."},
    ]
    rendered = chat_text.render(bytewise, turns)
    assert rendered.found == "last"
    assert learnt(bytewise, rendered) == ["2+2|Four.<|im_end|>"]
    assert "only the last answer is learnt" in str(chat_text.told([rendered], 512)[0])


def test_a_template_without_system_turns_hears_them_from_the_user(bytewise):
    bytewise.chat_template = STRICT
    text = bytewise.decode(chat_text.render(bytewise, TALK).input_ids)
    assert text.startswith("[user]Be brief.\n\nHello! 你好 🙂[assistant]Hi there")
    with pytest.raises(DataError, match="refuses a conversation: Roles must alternate") as error:
        chat_text.render(bytewise, [TALK[1], TALK[3], TALK[4]])
    assert "another template" in str(error.value.fix)


def test_everything_is_learnt_where_that_is_asked(tokenizer):
    rendered = chat_text.render(tokenizer, TALK, "plain", learn="all")
    assert all(rendered.answers) and rendered.found == "all"
    assert rendered.input_ids == chat_text.render(tokenizer, TALK, "plain").input_ids


def test_a_blank_model_speaks_chatml_by_itself(bytewise):
    assert chat_text.render(bytewise, TALK).input_ids == chat_text.render(bytewise, TALK, "chatml").input_ids


def test_tool_turns_are_read_but_not_learnt(tokenizer):
    turns = [TALK[1], {"role": "assistant", "content": "add(2, 2)"}, {"role": "tool", "content": "4"}, TALK[4]]
    for template in chat_text.TEMPLATES:
        end = "<|im_end|>" if template == "chatml" else tokenizer.eos_token
        rendered = chat_text.render(tokenizer, turns, template)
        assert learnt(tokenizer, rendered) == [f"add(2, 2){end}", f"Four.{end}"]


def test_a_long_conversation_loses_its_oldest_turns_but_not_the_system(tokenizer):
    turns = [TALK[0]]
    for i in range(30):
        turns += [{"role": "user", "content": f"Question {i}?"}, {"role": "assistant", "content": f"Answer {i}."}]
    whole = chat_text.render(tokenizer, turns, "plain", max_length=100_000)
    most = len(whole.input_ids) // 3
    rendered = chat_text.render(tokenizer, turns, "plain", max_length=most)
    text = tokenizer.decode(rendered.input_ids)
    assert len(rendered.input_ids) <= most and not rendered.cut
    assert "Be brief." in text and "Answer 29." in text and "Question 0?" not in text
    assert rendered.dropped % 2 == 0
    one_more = [turns[0], *turns[1 + rendered.dropped - 2 :]]
    assert len(chat_text.render(tokenizer, one_more, "plain", max_length=100_000).input_ids) > most  # no turn too few
    assert learnt(tokenizer, rendered)[0].startswith(f"Answer {rendered.dropped // 2}.")
    asked = chat_text.prompt(tokenizer, turns[:-1], "plain", max_length=most)
    assert len(asked) <= most and "Be brief." in tokenizer.decode(asked)


def test_a_last_exchange_that_is_too_long_loses_its_end(tokenizer):
    turns = [*TALK[:4], {"role": "assistant", "content": "Four. " * 200}]
    rendered = chat_text.render(tokenizer, turns, "plain", max_length=100)
    assert len(rendered.input_ids) == 100 and rendered.cut and rendered.dropped == 2 and rendered.usable
    lost = chat_text.render(tokenizer, [{"role": "user", "content": "So " * 200}, TALK[4]], "plain", max_length=100)
    assert lost.cut and not lost.usable
    asked = chat_text.prompt(tokenizer, [{"role": "user", "content": "So " * 200}], "plain", max_length=50)
    assert len(asked) == 50 and tokenizer.decode(asked).endswith("Assistant:\n")


def test_what_was_left_out_is_told():
    kept = chat_text.Rendered([1, 2], [False, True])
    rendered = [kept, *[chat_text.Rendered([1], [True], dropped=2)] * 2, chat_text.Rendered([1], [False], cut=True)]
    assert [str(m) for m in chat_text.told(rendered, 100)] == [
        "2 conversations are longer than 100 tokens: their oldest turns were left out.",
        "One conversation has no answer within 100 tokens, so there is nothing to learn from it.",
    ]
    assert chat_text.told([kept], 100) == []


def test_where_an_answer_ends_is_known_as_a_token_or_as_a_text(bytewise, stories):
    ids, texts = chat_text.stops(bytewise, "chatml")
    assert set(ids) == {bytewise.eos_token_id, bytewise.convert_tokens_to_ids("<|im_end|>")} and texts == ()
    assert chat_text.stops(stories, "chatml") == ((stories.eos_token_id,), ("<|im_end|>",))
    assert chat_text.stops(stories, "plain")[1] == ("\n\nUser:", "\n\nAssistant:")
    bytewise.chat_template = UNMARKED
    assert bytewise.convert_tokens_to_ids("<|im_end|>") in chat_text.stops(bytewise)[0]


def test_the_template_that_suits_is_proposed(bytewise, stories):
    assert chat_text.proposed(stories) == "plain"
    assert chat_text.proposed(bytewise) == "own"  # a blank model brings ChatML
    bytewise.chat_template = None
    assert chat_text.proposed(bytewise) == "chatml"


def test_what_cannot_be_rendered_says_so_with_a_repair(stories):
    with pytest.raises(ModelError, match="brings no chat template") as error:
        chat_text.render(stories, TALK)
    assert "ChatML" in str(error.value.fix)
    with pytest.raises(ModelError, match="no chat template called “alpaca”"):
        chat_text.render(stories, TALK, "alpaca")
    with pytest.raises(DataError, match="spoken by “narrator”"):
        chat_text.render(stories, [{"role": "narrator", "content": "x"}], "plain")
    with pytest.raises(DataError, match="nobody answers"):
        chat_text.render(stories, TALK[:2], "plain")
    with pytest.raises(DataError, match="no turns"):
        chat_text.prompt(stories, [TALK[0]], "plain")


def test_a_template_cannot_reach_out_of_its_sandbox(bytewise):
    bytewise.chat_template = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
    with pytest.raises(DataError, match="refuses"):
        chat_text.render(bytewise, TALK)


def test_real_conversations_of_several_turns(data_dir: Path, tokenizer):
    """In each of 60 Chinese conversations the learnt stretches are exactly the assistant's words."""
    with (data_dir / "oasst_zh_multiturn" / "messages.jsonl").open(encoding="utf-8") as lines:
        talks = [json.loads(line)["messages"] for _, line in zip(range(60), lines, strict=False)]
    for talk in talks:
        turns = talk[: max(i for i, m in enumerate(talk) if m["role"] == "assistant") + 1]
        rendered = chat_text.render(tokenizer, turns, "chatml", max_length=1_000_000)
        wanted = [m["content"].strip() + "<|im_end|>" for m in turns if m["role"] == "assistant"]
        assert learnt(tokenizer, rendered) == wanted


def test_importing_it_brings_no_torch():
    code = "import sys, core.tasks.chat_text; print('torch' in sys.modules or 'transformers' in sys.modules)"
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "False"
