"""What a data set is probably for: every task with the columns it would take, the likeliest first, each with its reason.

One text and one label a row stays the usual case; another task comes first only where its sign is there (marked places, a chosen and a
rejected answer, several labels in a cell). Reads a sample of the first file. Knows nothing of files, models or the page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from core.data import gathering, labelled_sets, lists, messages, relations, roles, state
from core.data.dataset import Dataset
from core.data.exchange import answered
from core.data.looks import fitting
from core.data.roles import LABEL_NAMES, Role
from core.data.shape import SORTING, Shape
from core.data.values import kind
from core.tasks import TASKS, task
from core.tasks.base import Task
from core.words import Message, listed

LONG = 600  # mean characters of a text from which a lone column is plain text to read rather than texts to label
CHOSEN = Message("You chose it.")
USUAL = Message("One text and one label a row is the usual case.")
PICTURE = re.compile(r"(?i)\.(jpe?g|png|gif|webp|bmp|tiff?)$")
ALIKE = re.compile(r"(?i)^(similarity|relatedness|(similarity|relatedness|sim)[_ ]?score|相似度)$")
REPLY = re.compile(r"(?i)^(response|answer|completion|reply|output|generation|generated|回答|回复)([_ ]?text)?$")
CANDIDATE = re.compile(
    r"(?i)^(response|answer|completion|reply|output|generation|candidate|assistant|回答|回复)[\s_.-]*(?:text)?[\s_.-]*([a-z]|\d)$"
)
CODE = re.compile(r"(?i)^(en|de|fr|es|it|pt|nl|pl|ru|zh|ja|ko|ar|tr|cs|sv|uk|vi|hi)([-_][a-z]{2,4})?$")  # languages
LAST_SIGN = re.compile(
    r"(?i)^(.*?)([12ab])(\D*)$"
)  # sentence1 and sentence2, text_a and text_b, #1 String and #2 String


class Guess(NamedTuple):
    """`fit` is 0 where a required role stays empty. `seen`: its sign is there."""

    task: str
    roles: dict[str, Role]
    fit: float
    reason: Message
    seen: bool = False


def guess(dataset: Dataset) -> list[Guess]:
    """Every task for this data set, the likeliest first."""
    cells = dataset.samples()
    usual = roles.guess(cells)
    flat = gathering.found(dataset.rows, cells)
    found: dict[str, Guess] = {}
    for name, one in TASKS.items():
        if flat and shape_of(one).listed:
            found[name] = _gathered(name, flat, usual)
            continue
        look = _look(one, cells, usual)
        taken, fit = look.roles, look.fit
        reason = SIGNS[name](look) if name in SIGNS and fit > 0 else None
        hint = HINTS[name](look) if name in HINTS and fit > 0 else None
        found[name] = Guess(name, taken, fit, reason or hint or _otherwise(one, taken, fit), reason is not None)
    order = [*SIGNS, *(name for name in TASKS if name not in SIGNS)]
    seen = [found[name] for name in order if name in found and found[name].seen]
    default = found[SORTING.task]
    rest = sorted((g for g in found.values() if not g.seen and g is not default), key=lambda g: -g.fit)
    likeliest = [*seen, default, *rest]
    best = _answered(likeliest, cells, answered.hint(dataset))
    return [best, *(g for g in likeliest if g.task != best.task)] if best else likeliest


def _answered(
    guesses: list[Guess], cells: Mapping[str, Sequence[str]], hint: tuple[str | None, str | None] | None
) -> Guess | None:
    """With answers of people that came with the file: the task they were given for, else the first whose answers are of this kind. A column
    is that of the answers only by its name."""
    name, values = hint or (None, None)
    for one in guesses if hint else ():
        columns = (*task(one.task).columns, *task(one.task).told_by)
        target = next((c for c in columns if c.target), None)
        if target is None or (one.task != name if name else target.kind != values):
            continue
        named = [
            c for c in cells if c.casefold() in target.names or (target.kind == "category" and LABEL_NAMES.match(c))
        ]
        column = next((c for c in named if fitting(target.kind, cells[c]) > 0), None)
        inputs = [c for c in columns if not c.target]
        taken, fit = roles.guess_for(inputs, {c: found for c, found in cells.items() if c != column})
        if fit > 0:
            reason = Message("The answers that came with the file are of this kind.")
            return Guess(one.task, {**taken, target.role: Role(column, reason)}, fit, reason, True)
    return None


def settle(dataset: Dataset, name: str | None = None) -> str:
    """Give the data set a shape: that of the task a person named, else of the likeliest; returns the task's name.

    What a person chose stays against every guess, and so does a guess where there are several files. Columns a person gave to a role
    that the new task has too, with the same kind of values, stay as well.
    """
    if name is None and (_said(dataset).get("by") == "person" or len(dataset.imports) != 1):
        return dataset.task
    guesses = guess(dataset)
    best = guesses[0] if name is None else next(g for g in guesses if g.task == task(name).name)
    shape = shape_of(task(best.task))
    if shape != dataset.shape:
        dataset.set_shape(shape, {**best.roles, **_kept(dataset, shape)})
    with dataset.log.change("roles") as (db, _):
        reason = best.reason if name is None else CHOSEN
        state.store(db, "task", {"by": "hone" if name is None else "person", "reason": reason.as_json()})
    return best.task


def shape_of(one: Task) -> Shape:
    """What a data set of this task is: its columns, and what says how they are to be read."""
    return Shape.of(one.name, (*one.columns, *one.told_by))


def reason_of(dataset: Dataset) -> Message:
    """Why the data set has its task."""
    told = _said(dataset).get("reason")
    return Message.from_json(told) if told else USUAL


def _said(dataset: Dataset) -> dict[str, Any]:
    return state.setting(dataset.log.read(), "task") or {}


def _kept(dataset: Dataset, shape: Shape) -> dict[str, Role]:
    """Roles whose columns a person chose, as far as the new task has them."""
    now = {part.role: part.kind for part in dataset.shape.parts}
    chosen = {role: one for role, one in dataset.roles.items() if one.reason == CHOSEN}
    same = {part.role for part in shape.parts if now.get(part.role) == part.kind} | {"split"}
    return {role: one for role, one in chosen.items() if role in same}


def _look(one: Task, cells: Mapping[str, Sequence[str]], usual: dict[str, Role]) -> _Look:
    if one.name == SORTING.task:
        return _Look(cells, usual, usual, 0.5)
    taken, fit = roles.guess_for(one.columns, cells)
    look = _Look(cells, taken, usual, fit)
    if one.told_by and (found := _judged(look, one)):
        return found
    texts = [c for c in one.columns if c.kind == "text" and isinstance(taken[c.role].column, str)]
    told = [c for c in texts if not look.named(one, c.role)]
    if len(told) < 2:
        return look
    order = list(cells)
    names = sorted((str(taken[c.role].column) for c in told), key=order.index)
    reason = Message("Texts, in the order of the columns.")
    again = {c.role: Role(name, reason) for c, name in zip(told, names, strict=True)}
    if look.twins and {"text", "text_b"} <= set(again):
        again |= {"text": Role(look.twins[0], reason), "text_b": Role(look.twins[1], reason)}
    return _Look(cells, {**taken, **again}, usual, fit)


def _gathered(name: str, flat: lists.Flat, usual: Mapping[str, Role]) -> Guess:
    """Where each row has one candidate of a list."""
    reason = Message("Each row has what was asked, a candidate, and whether it was clicked; such rows become lists.")
    asked: str | list[str] = list(flat.asked) if len(flat.asked) > 1 else flat.asked[0]
    columns = {"text": asked, "choices": flat.candidate, "label": flat.grade}
    taken = {role: Role(column, reason) for role, column in columns.items()}
    return Guess(name, {**taken, "split": usual["split"]}, 1.0 if flat.sure else 0.4, reason, flat.sure)


def _judged(look: _Look, one: Task) -> _Look | None:
    """Two answers to compare: their columns' names say which is better, or a column or a person does; None where the names tell nothing."""
    telling = {column.role: Role(None, Message("No column looks like it.")) for column in one.told_by}
    if found := _turns(look, "preferences"):
        return _Look(look.cells, {**look.roles, **_compared(found), **telling}, look.usual, 1.0)
    if there := _candidates(look.cells):
        return _Look(look.cells, {**look.roles, **telling, **there}, look.usual, 1.0)
    return None


def _candidates(cells: Mapping[str, Sequence[str]]) -> dict[str, Role] | None:
    """A question and exactly two answers to it that nobody has judged, or with a column that says which is better. With an answer key
    beside them they are options."""
    one = task("preferences")
    columns = {column.role: column for column in (*one.columns, *one.told_by)}
    marks = {
        name: (found[1].casefold(), found[2].casefold()) for name in cells if (found := CANDIDATE.match(name.strip()))
    }
    asking = next((name for name in cells if name.strip().casefold() in columns["messages"].names), None)
    if len(marks) != 2 or asking is None or asking in marks:
        return None
    (first, (head, a)), (second, (again, b)) = sorted(marks.items(), key=lambda pair: pair[1])
    key = any(name.strip().casefold() in c.names for c in task("choice").columns if c.target for name in cells)
    telling = next((name for name in cells if name.strip().casefold() in columns["better"].names), None)
    if head != again or (a, b) not in (("a", "b"), ("1", "2")) or (key and telling is None):
        return None
    reason = Message("There are two answers a row to compare, “{a}” and “{b}”.", a=first, b=second)
    there = {"messages": Role(asking, reason), "chosen": Role(first, reason), "rejected": Role(second, reason)}
    return {**there, "better": Role(telling, Message("Its name says so."))} if telling else there


def _compared(found: messages.Shape) -> dict[str, Role]:
    """Roles of a table with a better and a worse answer. Where no column asks, the question stands before the answers themselves."""
    asking = [name for part, name in found.parts.items() if part not in ("chosen", "rejected")]
    asking = asking or [found.parts["chosen"]]
    first = Role(asking if len(asking) > 1 else asking[0], found.reason)
    return {"messages": first, **{part: Role(found.parts[part], found.reason) for part in ("chosen", "rejected")}}


def _otherwise(one: Task, taken: Mapping[str, Role], fit: float) -> Message:
    """The reason of a task whose sign is not there."""
    if one.name == SORTING.task:
        return USUAL
    missing = [column.title for column in one.columns if column.required and taken[column.role].column is None]
    if missing:
        return Message("Nothing here looks like this: {what}.", what=missing[0])
    return Message("The columns would do for it.") if fit > 0 else Message("The columns do not look like it.")


# --- signs -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Look:
    """Samples of the columns, the roles a task would give them, and those of one text with one label."""

    cells: Mapping[str, Sequence[str]]
    roles: dict[str, Role]
    usual: Mapping[str, Role]
    fit: float

    def names(self, role: str) -> list[str]:
        column = self.roles[role].column if role in self.roles else None
        return [column] if isinstance(column, str) else list(column or [])

    def filled(self, role: str) -> list[str]:
        return [cell for name in self.names(role)[:1] for cell in self.cells[name] if cell.strip()]

    def share(self, role: str, fits: Callable[[str], Any]) -> float:
        filled = self.filled(role)
        return sum(bool(fits(cell)) for cell in filled) / max(1, len(filled))

    @property
    def labels(self) -> str | None:
        """The column that would be the labels of single texts."""
        column = self.usual["label"].column
        return column if isinstance(column, str) else None

    def free(self, role: str) -> bool:
        """Are no labels there, or do they stand in the column of this role?"""
        return self.labels is None or self.labels in self.names(role)

    def prose(self, name: str) -> bool:
        """Is this a column of texts that differ?"""
        filled = [cell for cell in self.cells[name] if cell.strip()]
        words = sum(any(c.isalpha() for c in cell) and len(cell) > 8 for cell in filled)
        return bool(filled) and words > 0.6 * len(filled) and len(set(filled)) > 0.3 * len(filled)

    @cached_property
    def twins(self) -> tuple[str, str] | None:
        """Two columns of texts whose names differ in a 1 and a 2 or an a and a b."""
        parts = {name: match.groups() for name in self.cells if (match := LAST_SIGN.match(name.strip()))}
        for one, (head, sign, tail) in parts.items():
            for other, (again, next_sign, rest) in parts.items():
                follows = (sign.lower(), next_sign.lower()) in (("1", "2"), ("a", "b"))
                if follows and (head, tail) == (again, rest) and self.prose(one) and self.prose(other):
                    return one, other
        return None

    def named(self, one: Task, role: str) -> bool:
        """Do the columns of this role have it by their names?"""
        declared = {name for c in one.columns if c.role == role for name in c.names}
        return any(name.strip().casefold() in declared for name in self.names(role))


def _pictures(look: _Look) -> Message | None:
    if look.share("image", lambda cell: PICTURE.search(cell.strip())) < 0.8:
        return None
    return Message("The column “{column}” names pictures.", column=look.names("image")[0])


def _questions(look: _Look) -> Message | None:
    if not look.names("question") or not look.names("label") or look.labels in look.names("label"):
        return None
    context, asked, answers = (look.names(role)[0] for role in ("text", "question", "label"))
    found = there = 0
    for text, cell in zip(look.cells[context], look.cells[answers], strict=True):
        value = kind("answers").read({answers: cell}, {"text": text}) if cell.strip() else None
        found += cell.strip() != ""
        there += bool(value) and all(a["text"] in text for a in value or ())
    if not look.prose(asked) or there < 0.5 * found or not found:
        return None
    return Message("Each row has a question and a text that holds the answer.")


def _clicks(look: _Look) -> Message | None:
    clicked = any(lists.GRADE.match(name.strip()) for name in look.names("label"))
    listed_so = look.named(task("ranking"), "choices") or look.share("choices", lambda c: c.lstrip().startswith("["))
    if not clicked or not (len(look.names("choices")) > 1 or listed_so):
        return None
    return Message("Each row has candidates and what was clicked of them.")


def _options(look: _Look) -> Message | None:
    if _candidates(look.cells):
        return None
    several = len(look.names("choices")) > 1
    listed_so = (
        look.named(task("choice"), "choices")
        and look.share("choices", lambda c: c.lstrip().startswith(("[", "{"))) > 0.8
    )
    if not look.names("label") or not (several or listed_so):
        return None
    return Message("Each row has a question and its options.")


def _preferences(look: _Look) -> Message | None:
    if "chosen" in look.roles and (there := _candidates(look.cells)):
        return there["chosen"].reason
    found = _turns(look, "preferences")
    return None if found is None else Message("Each row has an answer that was chosen and one that was rejected.")


def _judgements(look: _Look) -> Message | None:
    if look.named(task("reward"), "grade") and look.named(task("reward"), "prompt") and look.names("text"):
        text, asked, grade = (look.names(role)[0] for role in ("text", "prompt", "grade"))
        if REPLY.match(text.strip()) and look.prose(text) and len(set(look.filled("grade"))) > 1:
            return Message(
                "“{text}” answers “{asked}”, and “{grade}” says how well.", text=text, asked=asked, grade=grade
            )
    if not all(look.named(task("reward"), role) and look.prose(look.names(role)[0]) for role in ("text", "rejected")):
        return None
    return Message("Each row has a text that was chosen and one that was rejected.")


def _grades(look: _Look) -> Message | None:
    if not look.named(task("reward"), "grade") or len(set(look.filled("grade"))) < 2:
        return None
    return Message("“{column}” may be a grade: then it learns which texts are better.", column=look.names("grade")[0])


def _chat(look: _Look) -> Message | None:
    found = _turns(look, "messages")
    if found is None:
        return None
    answers = [name for name in found.parts.values() if name == look.labels]
    if answers or (found.name == "pairs" and not all(look.prose(name) for name in found.parts.values())):
        return None  # what is said again and again is a label
    return Message("Each row is a conversation: {columns}.", columns=listed(found.parts.values(), 4))


def _turns(look: _Look, want: str) -> messages.Shape | None:
    names = list(look.cells)
    found = messages.columns(names, list(zip(*look.cells.values(), strict=False)), want)
    return found if found is not None and found.kind == want else None


def _places(look: _Look) -> Message | None:
    names = look.names("label")
    if not names or (look.labels in names and look.share("label", lambda cell: cell.lstrip()[0] in "[{") < 0.8):
        return None
    if not any(cell.strip(" []{}") for cell in look.cells[names[0]]):
        return None
    return Message("The column “{column}” marks places of the text.", column=names[-1])


def _relations(look: _Look) -> Message | None:
    def marked(cell: str) -> bool:
        found = relations.parse({"": cell})
        return found is not None and relations.unmark(found) is not None

    if look.share("text", marked) < 0.8:
        return None
    return Message("Two places are marked in each text.")


def _retrieval(look: _Look) -> Message | None:
    if look.labels or not (look.named(task("retrieval"), "text") and look.named(task("retrieval"), "text_b")):
        return None
    one, other = look.names("text")[0], look.names("text_b")[0]
    return Message("“{a}” and “{b}” belong together, a question and what answers it.", a=one, b=other)


def _pairs(look: _Look) -> Message | None:
    if not _two(look, "pairs") or _decimal(look, look.labels):
        return None
    one, other = look.twins or (look.names("text")[0], look.names("text_b")[0])
    return Message("There are two texts a row: “{a}” and “{b}”.", a=one, b=other)


def _similarity(look: _Look) -> Message | None:
    if not _two(look, "similarity") or not look.names("label"):
        return None
    name = look.names("label")[0]
    if not _decimal(look, name) and not (ALIKE.match(name.strip()) and len(set(look.filled("label"))) > 2):
        return None
    one, other = look.twins or (look.names("text")[0], look.names("text_b")[0])
    return Message("There are two texts a row, “{a}” and “{b}”, and a number.", a=one, b=other)


def _two(look: _Look, name: str) -> bool:
    there = bool(look.names("text") and look.names("text_b"))
    return there and (look.twins is not None or look.named(task(name), "text_b")) and all(look.names("label"))


def _sets(look: _Look) -> Message | None:
    found = labelled_sets.columns_of(look.cells)
    names = look.names("label")
    if found is None or names != found[0] or (look.labels is not None and look.labels not in names):
        return None
    return found[1]


def _rewriting(look: _Look) -> Message | None:
    names = [*look.names("text"), *look.names("label")]
    if look.labels or len(names) != 2 or not all(look.prose(name) for name in names):
        return None
    by_name = look.named(task("text2text"), "label") or all(CODE.match(name.strip()) for name in names)
    return (
        Message("There are two texts a row, “{a}” and “{b}”, and no label.", a=names[0], b=names[1])
        if by_name
        else None
    )


def _numbers(look: _Look) -> Message | None:
    names = look.names("label")
    if not names or not look.free("label") or not _decimal(look, names[0]):
        return None
    return Message("The column “{column}” holds numbers that measure something.", column=names[0])


def _decimal(look: _Look, name: str | None) -> bool:
    """Numbers, some of them with decimals that are not nought: a measure, not a name."""
    cells = [cell for cell in look.cells[name] if cell.strip()] if name else []
    values = [v for cell in cells if (v := kind("number").read({"": cell}, {})) is not None]
    return len(values) >= 0.95 * max(1, len(cells)) > 0 and sum(v % 1 != 0 for v in values) >= 0.05 * len(cells)


def _plain(look: _Look) -> Message | None:
    filled = [name for name, cells in look.cells.items() if any(cell.strip() for cell in cells)]
    if len(filled) != 1 or look.labels or not look.filled("text"):
        return None
    length = sum(map(len, look.filled("text"))) / len(look.filled("text"))
    return Message("There is only plain text, {n:,.0f} characters a row.", n=length) if length >= LONG else None


# task -> its sign: the reason why a data set is for it, or None. The first of several signs decides.
SIGNS: dict[str, Callable[[_Look], Message | None]] = {
    "images": _pictures,
    "answers": _questions,
    "ranking": _clicks,
    "choice": _options,
    "preferences": _preferences,
    "reward": _judgements,
    "chat": _chat,
    "tokens": _places,
    "relations": _relations,
    "retrieval": _retrieval,
    "similarity": _similarity,
    "pairs": _pairs,
    "multilabel": _sets,
    "text2text": _rewriting,
    "regression": _numbers,
    "language": _plain,
}

# task -> why it may be meant too, though nothing says so.
HINTS: dict[str, Callable[[_Look], Message | None]] = {"reward": _grades}
