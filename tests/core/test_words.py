"""Every sentence has its Chinese, with the same holes."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from core import tasks
from core.words import LANGUAGES, TEXTS, Message, about_rows, exchanges, listed, plural, said, translations

ROOT = Path(__file__).resolve().parent.parent.parent
ZH = json.loads((ROOT / "assets/zh.json").read_text(encoding="utf-8"))
HOLE = re.compile(r"\{(\w*)[^}]*\}")


def literal(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def python_templates(path: Path) -> set[str]:
    """The templates of Message(..), plural(..) and knob(..) calls; and of dictionaries marked with a `# words` comment."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    found: set[str | None] = set()
    for node in ast.walk(ast.parse(text)):
        assigned = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
        if isinstance(assigned, ast.Dict) and "# words" in lines[node.lineno - 1]:
            found |= {literal(value) for value in assigned.values}
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name == "Message" and node.args:
            known = literal(node.args[0]) or "# words" in lines[node.lineno - 1]
            if not known and path.name not in ("words.py", "settings.py"):
                pytest.fail(f"{path.relative_to(ROOT)}:{node.lineno}: a Message's template must stand there literally")
            found.add(literal(node.args[0]))
        elif name == "plural" and len(node.args) >= 3:
            found |= {literal(node.args[1]), literal(node.args[2])}
        elif name == "knob":
            found |= {literal(argument) for argument in node.args[1:3]}
            for keyword in node.keywords:
                if keyword.arg == "term":
                    found.add(literal(keyword.value))
                if keyword.arg == "choices" and isinstance(keyword.value, ast.Dict):
                    found |= {literal(value) for value in keyword.value.values}
    return {template for template in found if template}


JS_CALL = re.compile(r"""(?<![\w.])t\(\s*("(?:[^"\\]|\\.)*")""")
JS_PLURAL = re.compile(r"""(?<![\w.])t\.plural\(\s*[^,]+,\s*("(?:[^"\\]|\\.)*")\s*,\s*("(?:[^"\\]|\\.)*")""")


def page_templates(path: Path) -> set[str]:
    text = path.read_text(encoding="utf-8")
    found = set(JS_CALL.findall(text))
    for pair in JS_PLURAL.findall(text):
        found |= set(pair)
    return {json.loads(template) for template in found}


def all_templates() -> dict[str, str]:
    found: dict[str, str] = {}
    for folder in ("core", "webui"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            found |= dict.fromkeys(python_templates(path), str(path.relative_to(ROOT)))
    for path in sorted((ROOT / "assets/js").rglob("*.js")):
        found |= dict.fromkeys(page_templates(path), str(path.relative_to(ROOT)))
    return found


def test_every_template_has_a_chinese_translation():
    missing = {template: place for template, place in all_templates().items() if template not in ZH}
    assert not missing, json.dumps(missing, ensure_ascii=False, indent=1)


def test_translations_have_the_same_holes():
    for template, chinese in ZH.items():
        assert set(HOLE.findall(template)) >= set(HOLE.findall(chinese)), template


def test_no_translation_is_left_over():
    assert not set(ZH) - set(all_templates())


def test_sentences_about_rows_are_known_ones():
    assert not set(about_rows()) - set(ZH)


@pytest.mark.parametrize("things", exchanges())
@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_about_other_rows_than_texts(things: str, language: str):
    usual, others = translations(language), translations(language, things)
    for template in about_rows():
        assert set(HOLE.findall(others[template])) == set(HOLE.findall(usual.get(template, template))), template
        assert not re.search(r"\btexts?\b|文本|条文", HOLE.sub("", others[template]), re.IGNORECASE), template


def test_tasks_call_their_rows_by_a_known_name():
    called = {task.name: task.things for task in tasks.TASKS.values()}
    assert called["images"] == "pictures" and called["classification"] == TEXTS
    assert set(called.values()) <= {TEXTS, *exchanges()}


def test_a_message_about_pictures():
    inside = Message("{texts}, {labels}", texts=plural(3, "{n:,} text", "{n:,} texts"), labels="2")
    assert inside.said("en", "pictures") == "3 pictures, 2"
    assert inside.said("zh", "pictures").startswith("3 张图片")
    assert said([inside.as_json()], "en", "pictures") == ["3 pictures, 2"]


def test_a_message_travels_through_json_with_messages_inside():
    message = Message("Read as {enc}. {more}", enc="UTF-8", more=Message("{n:,} rows.", n=1200))
    again = Message.from_json(json.loads(json.dumps(message.as_json())))
    assert str(again) == str(message) == "Read as UTF-8. 1,200 rows."


def test_said_puts_messages_into_words_wherever_they_hide():
    value = {"rows": [Message("{n} rows", n=2)], "plain": 3, "json": Message("{n} rows", n=1).as_json()}
    assert said(value, "en") == {"rows": ["2 rows"], "plain": 3, "json": "1 rows"}


def test_plural_and_listed():
    assert str(plural(1, "{n} row", "{n} rows")) == "1 row"
    assert str(plural(0, "{n} row", "{n} rows")) == "0 rows"
    assert listed(["a", "b", "c"], most=2) == "a, b, … (3)"
