"""Rules that guess labels: words or a pattern that stand in a text, and the label it then has. Kept in the data set's log, asked of all texts, made
one guess a row by the label model (core.labelling.labelmodel). A guess is never an answer.

    rule = Rule(any=("refund", "money back"), none=("card",), label=3)
    add(data, rule, "eva")            guesses of all rows are made anew
    told(data)                        each rule with what it covers, how often it is right, where it conflicts

Patterns are RE2 (through Arrow): linear in the length of the text, whatever somebody types. Where a data set takes several labels a row, each
label is guessed by itself.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from core.data import guesses
from core.data.chunks import flags
from core.data.dataset import Dataset
from core.data.how import clean
from core.data.state import State, setting, store
from core.errors import DataError, Missing
from core.evaluation.metrics import wilson
from core.labelling import labelmodel
from core.models.classic import UNSPACED
from core.words import Message

MOST = 200  # rules
MOST_WORDS = 200  # of one rule
LONGEST = 500  # characters of a pattern
PATIENCE = 10.0  # seconds that one pattern may take over all texts
AT_ONCE = 5_000  # texts between two looks at the clock
KEPT = 128  # rules whose rows are remembered
EXAMPLES = 3
BESIDE = r"[^\p{L}\p{N}_]"  # what may stand beside a whole word; RE2's \b knows ASCII alone

Places = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Rule:
    """A text with one of `any` (if there are some), each of `all` and none of `none`, whole words, whatever the case; or with `pattern`. Then it
    has `label` (an id). `id` is 0 before it is kept."""

    any: tuple[str, ...] = ()
    all: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    pattern: str = ""
    label: int = 0
    id: int = 0

    @staticmethod
    def from_json(told: Any) -> Rule:
        """From the page, checked; DataError with a sentence for what is no rule."""
        if not isinstance(told, dict):
            raise DataError(Message("This rule is not complete."))
        words = {name: _words(told.get(name)) for name in ("any", "all", "none")}
        pattern = clean(str(told.get("pattern") or ""))[: LONGEST + 1]
        if len(pattern) > LONGEST:
            raise DataError(Message("A pattern has at most {n} characters.", n=LONGEST))
        if not (words["any"] or words["all"] or pattern):
            raise DataError(
                Message("A rule needs something to look for."),
                fix=Message("Type a word, or several with commas between them."),
            )
        rule = Rule(words["any"], words["all"], words["none"], pattern, int(told.get("label") or 0))
        if pattern:
            matching(pa.chunked_array([[""]], pa.string()), pattern)
        return rule

    def looks(self) -> str:
        """What is looked for, as it is stored: the same for the same rule."""
        told = {name: value for name, value in asdict(self).items() if name not in ("label", "id") and value}
        return json.dumps(told, ensure_ascii=False, sort_keys=True)


def _words(told: Any) -> tuple[str, ...]:
    parts = told if isinstance(told, (list, tuple)) else re.split(r"[,，、;\n]", str(told or ""))
    found = dict.fromkeys(" ".join(clean(str(part)).split())[:100] for part in parts)
    return tuple(word for word in found if word)[:MOST_WORDS]


def matching(texts: pa.ChunkedArray, pattern: str, ignore_case: bool = True) -> Mask:
    """Which texts a pattern stands in. DataError where it is no pattern, or takes too long."""
    since = time.monotonic()
    found = [np.zeros(0, np.bool_)]
    try:
        for start in range(0, len(texts), AT_ONCE):
            if time.monotonic() - since > PATIENCE:
                raise DataError(
                    Message("This pattern takes too long over {n:,} texts.", n=len(texts)),
                    fix=Message("Make it shorter, or use words in the place of a pattern."),
                )
            some = texts.slice(start, AT_ONCE)
            found.append(flags(some, lambda chunk: pc.match_substring_regex(chunk, pattern, ignore_case=ignore_case)))
    except pa.ArrowInvalid as error:
        why = str(error).split(":", 1)[-1].strip()[:120]
        raise DataError(
            Message("This is no pattern that can be searched for: {why}", why=why),
            fix=Message("Put a \\ before signs that stand for themselves, such as ( ) [ ] + * ?"),
        ) from error
    return np.concatenate(found)


def whole(words: Sequence[str]) -> str:
    """The pattern for any of some words. Letters of scripts without spaces need no edge."""

    def edged(word: str) -> str:
        inner = r"\s+".join(re.escape(part) for part in word.split())
        left = "" if UNSPACED.match(word[0]) or not word[0].isalnum() else f"(?:^|{BESIDE})"
        right = "" if UNSPACED.match(word[-1]) or not word[-1].isalnum() else f"(?:$|{BESIDE})"
        return left + inner + right

    return "|".join(f"(?:{edged(word)})" for word in words)


def rows(state: State, rule: Rule) -> Places:
    """Places of the rows that take part and that a rule is about."""
    name = f"rule:{rule.looks()}"
    if name not in state.text_memory:
        remembered = [one for one in state.text_memory if one.startswith("rule:")]
        for one in remembered[: max(0, len(remembered) - KEPT)]:
            state.text_memory.pop(one, None)
        state.text_memory[name] = np.flatnonzero(_mask(texts(state), rule))
    found: Places = state.text_memory[name]
    return found[state.usable[found]]


def texts(state: State) -> list[pa.ChunkedArray]:
    """The texts of the rows, a column each; none where rows are something else."""
    first = state.shape.inputs[0] if state.shape.inputs else None
    found = [state.text] if first and first.kind in ("text", "marked") else []
    return found + [
        state.rows.role(part.role) for part in state.shape.inputs[1:] if part.kind == "text" and not part.several
    ]


def _mask(columns: Sequence[pa.ChunkedArray], rule: Rule) -> Mask:
    if not columns:
        return np.zeros(0, np.bool_)

    def stands(pattern: str) -> Mask:
        return np.logical_or.reduce([matching(column, pattern) for column in columns])

    found = stands(rule.pattern) if rule.pattern else np.ones(len(columns[0]), np.bool_)
    if rule.any:
        found &= stands(whole(rule.any))
    for word in rule.all:
        found &= stands(whole([word]))
    if rule.none:
        found &= ~stands(whole(rule.none))
    return found


# --- kept ------------------------------------------------------------------------------------------------------------


def fits(state: State) -> bool:
    """Whether rules can guess here: texts, and labels that are the same for all rows."""
    target = state.shape.target
    options = any(part.kind == "choices" for part in state.shape.inputs)
    return bool(texts(state)) and target is not None and target.kind in ("category", "categories") and not options


def kept(data: Dataset) -> list[Rule]:
    """The rules whose label is still there, oldest first, with the label that it is now."""
    state, found = data.state, []
    for r in data.log.read().execute("SELECT * FROM rules WHERE NOT removed ORDER BY id"):
        at = int(state.resolved(np.array([r["label"]], np.int32))[0])
        if at >= 0:
            found.append(Rule(**_tuples(json.loads(r["pattern"])), label=state.alive[at].id, id=r["id"]))
    return found


def add(data: Dataset, rule: Rule, who: str) -> int:
    """Keep a rule, and guess anew; its id. The same rule twice is one."""
    now = kept(data)
    same = next((one.id for one in now if one.looks() == rule.looks() and one.label == rule.label), None)
    if same is not None:
        return same
    if rule.label not in {label.id for label in data.state.alive}:
        raise Missing(Message("There is no label “{label}” any more.", label=str(rule.label)))
    if len(now) >= MOST:
        raise DataError(Message("There are {n} rules already.", n=MOST), fix=Message("Remove one that covers little."))
    with data.log.change("guesses") as (db, _):
        cursor = db.execute(
            "INSERT INTO rules (pattern, label, who, at) VALUES (?, ?, ?, ?)",
            (rule.looks(), rule.label, who, time.time()),
        )
        number = int(cursor.lastrowid or 0)
    refresh(data)
    return number


def remove(data: Dataset, rule: int, back: bool = False) -> None:
    """Take a rule out, or put it back, and guess anew."""
    with data.log.change("guesses") as (db, _):
        if not db.execute("UPDATE rules SET removed = ? WHERE id = ?", (int(not back), rule)).rowcount:
            raise Missing(Message("There is no such rule any more."))
    refresh(data)


def refresh(data: Dataset) -> None:
    """Guess anew where rules, labels, answers or rows have changed since."""
    state, rules = data.state, kept(data)
    parts = ("imports", "roles", "labels", "answers", "edits")
    mark = [[state.stamps[part] for part in parts], [[rule.id, rule.label] for rule in rules]]
    if setting(data.log.read(), "guessed from") == mark:
        return
    if rules and fits(state):
        places, labels, probabilities = combined(state, rules)
    else:
        places, labels, probabilities = np.zeros(0, np.int64), [], []
    if len(places) or len(state.guesses.places):
        guesses.replace(data, places, labels, probabilities)
    with data.log.change() as (db, _):
        store(db, "guessed from", mark)


def _tuples(told: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}


# --- what they say ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Votes:
    """`covered` (n,) places a rule is about; `fires` (n, rules); `says` (rules,) places of labels among those alive."""

    covered: Places
    fires: Mask
    says: Places


def votes(state: State, rules: Sequence[Rule]) -> Votes:
    where = [rows(state, rule) for rule in rules]
    covered = np.unique(np.concatenate([np.zeros(0, np.int64), *where]))
    fires = np.zeros((len(covered), len(rules)), np.bool_)
    for number, places in enumerate(where):
        fires[np.searchsorted(covered, places), number] = True
    at = {label.id: place for place, label in enumerate(state.alive)}
    return Votes(covered, fires, np.array([at[rule.label] for rule in rules], np.int64))


def combined(state: State, rules: Sequence[Rule]) -> tuple[Places, list[Any], list[float]]:
    """The guess of each row without an answer that a rule is about: (places, label ids or lists of them, probabilities)."""
    asked = votes(state, rules)
    open_ = state.label[asked.covered] < 0
    if not state.shape.by_label:
        return _sets(state, asked, open_)
    probability = _fitted(state, asked).probability[: len(asked.covered)]
    voted = asked.fires.astype(np.float64) @ np.eye(len(state.alive))[asked.says] > 0
    probability = np.where(voted, probability, 0.0)[open_]  # a rule fired for it, or it is no guess of rules
    best = probability.argmax(axis=1)
    ids = [state.alive[at].id for at in best.tolist()]
    return asked.covered[open_], ids, probability[np.arange(len(best)), best].tolist()


def _fitted(state: State, asked: Votes) -> labelmodel.Fitted:
    """Over all rows that take part: those on which no rule fires tell, too, how often a rule fires."""
    label = state.label.astype(np.int64)
    others = np.setdiff1d(np.flatnonzero(state.usable), asked.covered)
    counts = state.label_counts.astype(np.float64) + 1
    quiet = np.zeros((len(others), len(asked.says)), np.bool_)
    known = np.concatenate([label[asked.covered], label[others]])
    return labelmodel.fit(np.concatenate([asked.fires, quiet]), asked.says, known, counts / counts.sum())


def _sets(state: State, asked: Votes, open_: Mask) -> tuple[Places, list[Any], list[float]]:
    """Several labels a row: a label is guessed where any of its rules is right, each by itself (noisy or), at least as likely as not."""
    rate = 1 - np.array([_accuracy(*_right(state, asked, number)) for number in range(len(asked.says))])
    places, values, probabilities = [], [], []
    for place, fires in zip(asked.covered[open_].tolist(), asked.fires[open_], strict=True):
        sure = {int(at): 1 - float(np.prod(rate[fires & (asked.says == at)])) for at in set(asked.says[fires].tolist())}
        likely = {at: p for at, p in sure.items() if p >= 0.5}
        if likely:
            places.append(place)
            values.append([state.alive[at].id for at in sorted(likely)])
            probabilities.append(min(likely.values()))
    return np.array(places, np.int64), values, probabilities


def _accuracy(right: int, answered: int) -> float:
    return (right + labelmodel.WEIGHT * labelmodel.BELIEF) / (answered + labelmodel.WEIGHT)


def _right(state: State, asked: Votes, number: int) -> tuple[int, int]:
    """On how many of the labelled rows it is about a rule is right, and how many those are."""
    mine = asked.covered[asked.fires[:, number]]
    mine = mine[state.label[mine] >= 0]
    return int(state.carries(int(asked.says[number]))[mine].sum()), len(mine)


def told(data: Dataset) -> list[dict[str, Any]]:
    """Each rule: {id, any, all, none, pattern, label, covers, right, labelled, low, high, accuracy, alone, open, conflicts: [{rule, rows}],
    examples: places}. `accuracy` as the label model sees it; `low` and `high` by Wilson; `open` rows without an answer, `alone` those of
    them that no other rule is about."""
    state, rules = data.state, kept(data)
    if not rules or not fits(state):
        return []
    asked = votes(state, rules)
    accuracy = _fitted(state, asked).accuracy if state.shape.by_label else None
    return [_told(state, rules, asked, number, accuracy) for number in range(len(rules))]


def tried(state: State, rule: Rule) -> dict[str, Any]:
    """What a rule would say, before it is kept."""
    asked = votes(state, [rule])
    return _told(state, [rule], asked, 0, None)


def _told(
    state: State, rules: Sequence[Rule], asked: Votes, number: int, accuracy: NDArray[np.float64] | None
) -> dict[str, Any]:
    rule, fires = rules[number], asked.fires[:, number]
    mine = asked.covered[fires]
    right, labelled = _right(state, asked, number)
    low, high = wilson(right, labelled)
    open_ = state.label[mine] < 0
    both = asked.fires[fires].sum(axis=0)
    others = (asked.says != asked.says[number]) & (both > 0) if state.shape.by_label else np.zeros(len(rules), np.bool_)
    alone = open_ & (asked.fires[fires].sum(axis=1) == 1)
    return {
        **{
            name: value
            for name, value in asdict(rule).items()
            if name in ("id", "any", "all", "none", "pattern", "label")
        },
        "covers": len(mine),
        "right": right,
        "labelled": labelled,
        "low": low,
        "high": high,
        "accuracy": float(accuracy[number]) if accuracy is not None else _accuracy(right, labelled),
        "open": int(open_.sum()),
        "alone": int(alone.sum()),
        "conflicts": [{"rule": rules[at].id, "rows": int(both[at])} for at in np.flatnonzero(others).tolist()],
        "examples": [*mine[open_][:EXAMPLES].tolist(), *mine[~open_][:EXAMPLES].tolist()][:EXAMPLES],
    }
