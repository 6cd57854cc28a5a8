"""ROLE=VALUE on the line: columns of a file for a task's roles, and rows to answer. Knows tasks by their declared columns only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.data.templates import is_template
from core.data.values import kind
from core.errors import HoneError
from core.tasks.base import Column
from core.words import Message, listed


def pairs(given: Sequence[str] | None, first: str | None = None) -> list[tuple[str, str]]:
    """ROLE=VALUE as pairs, in their order. What names no role is for the role `first`, where there is one."""
    found = []
    for one in given or ():
        role, sign, value = one.partition("=")
        if not sign and first is None:
            raise HoneError(
                Message("“{given}” names no role.", given=one[:60]), fix=Message("Write ROLE=NAME, as in text=review.")
            )
        found.append((role.strip(), value) if sign else (str(first), one))
    return found


def columns_named(names: Sequence[str], wanted: str) -> str | list[str]:
    """The column called so, capital letters and spaces around it apart; several with commas between; or a template. Unknown ones as they
    are given."""
    if is_template(wanted, names):
        return wanted.replace("\\n", "\n")
    known = {name.strip().casefold(): name for name in reversed(names)}
    if wanted.strip().casefold() in known or "," not in wanted:
        return known.get(wanted.strip().casefold(), wanted)
    return [known.get(part.strip().casefold(), part.strip()) for part in wanted.split(",") if part.strip()]


def checked_role(role: str, roles: Iterable[str]) -> str:
    there = list(roles)
    if role not in there:
        raise HoneError(
            Message("There is no role “{role}”.", role=role[:40]),
            fix=Message("There are: {names}.", names=listed(there)),
        )
    return role


def rows_given(columns: Sequence[Column], texts: Sequence[str], inputs: Sequence[str] | None) -> list[dict[str, Any]]:
    """A row for each text. An input given once goes with every text; given as often as there are texts, each goes with its own."""
    given: dict[str, list[str]] = {columns[0].role: list(texts)} if texts else {}
    for role, value in pairs(inputs):
        given.setdefault(checked_role(role, [column.role for column in columns]), []).append(value)
    many = max((len(values) for values in given.values()), default=0)
    for role, values in given.items():
        if len(values) not in (1, many):
            raise HoneError(
                Message("{role} was given {n} times, for {m} rows.", role=role, n=len(values), m=many),
                fix=Message("Give it once for all of them, or once for each."),
            )
    return [
        _row(columns, {role: values[i if len(values) > 1 else 0] for role, values in given.items()})
        for i in range(many)
    ]


def _row(columns: Sequence[Column], given: Mapping[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for column in columns:
        if column.role not in given:
            if column.required:
                raise HoneError(
                    Message("“{role}” is missing.", role=column.role),
                    fix=Message("Give it with --input {role}=…", role=column.role),
                )
            continue
        row[column.role] = read(column, given[column.role], row)
    return row


def read(column: Column, value: str, row: Mapping[str, Any]) -> Any:
    """One value as a cell of a file would hold it; plain words are a conversation of one turn."""
    if column.kind in ("text", "image"):
        return value
    found = kind(column.kind).read({column.role: value}, row)
    if found is None and column.kind == "messages" and value.strip():
        return [{"role": "user", "content": value}]
    if found is None:
        raise HoneError(
            Message("“{value}” cannot be read as {role}.", value=value[:60], role=column.role),
            fix=Message("Write it as in a file: a list as JSON, or with | between."),
        )
    return found
