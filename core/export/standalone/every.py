"""Ask this model. Needs Python 3.11 or later and the packages that README.md names.

python predict.py "a text" "another text"          one line an answer: the answer, how sure it is, what was asked
python predict.py "a text" --input question="..."  what else it reads, by role; once for all texts, or once for each
python predict.py --file in.csv --column question=Q --out answered.csv
python predict.py --json "a text"                  the whole answer, one JSON object a line
python predict.py --lines < texts.txt              one text a line from the standard input

In Python:   from predict import Model;  Model().predict([{"text": "...", "question": "..."}])

The folder `hone_parts` beside this file holds those parts of Hone (Apache-2.0) that answer: how this model's inputs become tokens,
and its outputs an answer.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.data.values import kind
from core.errors import HoneError
from core.inference import Predictor
from core.tasks import task
from core.tasks.base import asked

HERE = Path(__file__).resolve().parent
AT_ONCE = 256  # rows of a file answered together


class Model:
    """The tuned model in the folder `model` beside this file. `roles`: what it reads, role -> kind of value."""

    def __init__(self, folder: Path = HERE / "model", device: str | None = None):
        self.predictor = Predictor.open(folder, device=device)
        self.columns = asked(task(self.predictor.task))
        self.roles = {column.role: column.kind for column in self.columns}

    def predict(self, rows: Sequence[str | Mapping[str, Any]]) -> list[dict[str, Any]]:
        """An answer for each row; a row is a text, or a value for each role."""
        return [answer.as_json() for answer in self.predictor.predict(rows)]

    def read(self, cells: Mapping[str, str]) -> dict[str, Any]:
        """Words of the command line or of a file as values: role -> text, list of options, conversation, ..."""
        row: dict[str, Any] = {}
        for column in self.columns:
            cell = cells.get(column.role, "")
            if not cell and not column.required:
                continue
            plain = column.kind in ("text", "image")
            row[column.role] = cell if plain else kind(column.kind).read({column.role: cell}, row)
            if row[column.role] is None and column.kind == "messages" and cell.strip():
                row[column.role] = [{"role": "user", "content": cell}]
            if row[column.role] is None:
                sys.exit(f"{cell[:60]!r} cannot be read as {column.role}; lists are written as JSON.")
        return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="*", help="texts to answer")
    parser.add_argument("--input", action="append", default=[], metavar="ROLE=VALUE", help="what else it reads")
    parser.add_argument("--lines", action="store_true", help="read one text a line from the standard input")
    parser.add_argument("--json", action="store_true", help="the whole answer, one JSON object a line")
    parser.add_argument("--file", type=Path, help="a csv file (UTF-8) with names in its first row")
    parser.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="[ROLE=]NAME",
        help="the column that holds the texts, or a role",
    )
    parser.add_argument("--out", type=Path, help="where the answered csv file goes; default: beside the file")
    chosen = parser.parse_args()
    model = Model()
    first = next(iter(model.roles))
    if chosen.file:
        columns = {first: first, **{role: role for role in model.roles}, **dict(_pairs(chosen.column, first))}
        answer_file(model, chosen.file, columns, chosen.out or chosen.file.with_suffix(".answered.csv"))
        return
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    texts = chosen.texts + ([line.rstrip("\n") for line in sys.stdin] if chosen.lines else [])
    given: dict[str, list[str]] = {first: texts} if texts else {}
    for role, value in _pairs(chosen.input, first):
        given.setdefault(role, []).append(value)
    many = max((len(values) for values in given.values()), default=0)
    if not many or set(given) - set(model.roles) or any(len(values) not in (1, many) for values in given.values()):
        parser.error(f"give at least one text, or --file; each of {', '.join(model.roles)} once, or once for each text")
    rows = [model.read({role: values[i % len(values)] for role, values in given.items()}) for i in range(many)]
    for row, answer in zip(rows, model.predictor.predict(rows), strict=True):
        if chosen.json:
            sys.stdout.write(json.dumps({"inputs": row, **answer.as_json()}, ensure_ascii=False) + "\n")
            continue
        brief = answer.brief()
        sure = [] if brief["probability"] is None else [f"{brief['probability']:.3f}"]
        asked = [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in row.values()]
        cells = [" ".join(cell.split()) for cell in [str(brief["label"]), *sure, *asked]]
        sys.stdout.write("\t".join(cells) + "\n")


def answer_file(model: Model, path: Path, columns: Mapping[str, str], out: Path) -> None:
    """Write the csv file again, with the answers beside each row."""
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8-sig", newline="") as file, out.open("w", encoding="utf-8-sig", newline="") as target:
        reader = csv.DictReader(file)
        names = list(reader.fieldnames or [])
        for column in model.columns:
            if column.required and columns[column.role] not in names:
                found = ", ".join(names)
                sys.exit(
                    f"There is no column {columns[column.role]!r}; the file has: {found}. --column {column.role}=NAME"
                )
        writer = csv.writer(target)
        rows: list[dict[str, str]] = []
        started = False
        while True:
            row = next(reader, None)
            rows += [row] if row else []
            if rows and (row is None or len(rows) == AT_ONCE):
                asked = [model.read({role: row.get(name) or "" for role, name in columns.items()}) for row in rows]
                for row, answer in zip(rows, model.predictor.predict(asked), strict=True):
                    cells = answer.cells()
                    if not started:
                        writer.writerow([*names, *cells])
                        started = True
                    writer.writerow([*(_safe(row[name]) for name in names), *(_safe(str(c)) for c in cells.values())])
                rows = []
            if row is None:
                break
    sys.stderr.write(f"{out}\n")


def _pairs(given: Sequence[str], first: str) -> list[tuple[str, str]]:
    """ROLE=VALUE as pairs; what names no role is for the first."""
    parts = [(one.partition("="), one) for one in given]
    return [(role.strip(), value) if sign else (first, one) for (role, sign, value), one in parts]


def _safe(cell: str | None) -> str:
    """No cell that a spreadsheet would take for a formula."""
    text = cell or ""
    try:
        float(text)
        return text
    except ValueError:
        return "'" + text if text.lstrip(" ")[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") and text else text


if __name__ == "__main__":
    try:
        main()
    except HoneError as error:
        sys.exit(" ".join(str(part) for part in (error.message, error.fix) if part))
