"""Parquet into rows of strings: any type becomes text, nested ones JSON, class numbers of Hub data sets their names."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.data.how import MAX_CELL, MAX_COLUMNS
from core.errors import NotATable
from core.words import Message

LARGEST_GROUP = 1_000_000_000  # unpacked bytes of one row group
BLOCK = 8_192


def opened(path: Path, name: str) -> pq.ParquetFile:
    """The file, with its footer checked."""
    try:
        file = pq.ParquetFile(path, pre_buffer=False, memory_map=False, buffer_size=1 << 20)
        groups = [file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups)]
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(name) from error
    if max(groups, default=0) > LARGEST_GROUP or min(groups, default=0) < 0:
        raise NotATable(
            Message("{file} has a block of {n:,} MB, which is too large to read.", file=name, n=max(groups) >> 20),
            fix=Message("Save it with smaller row groups, or as CSV."),
        )
    return file


def names(file: pq.ParquetFile) -> list[str]:
    return [str(name) for name in file.schema_arrow.names][: MAX_COLUMNS + 1]


def batches(file: pq.ParquetFile, name: str, size: int = BLOCK) -> Iterator[pa.RecordBatch]:
    """Batches of plain strings."""
    classes = _class_names(file.schema_arrow)
    try:
        for batch in file.iter_batches(batch_size=size):
            columns = [
                strings(column, classes.get(field.name))
                for column, field in zip(batch.columns[:MAX_COLUMNS], batch.schema, strict=False)
            ]
            yield pa.record_batch(columns, names=[str(i) for i in range(len(columns))])
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise _damaged(name) from error


def strings(column: pa.Array, classes: list[str] | None) -> pa.Array:
    """Any column as text. Nulls are empty cells."""
    kind = column.type
    if classes and pa.types.is_integer(kind):
        return pa.array([_class(v, classes) for v in column.to_pylist()], pa.string())
    if pa.types.is_dictionary(kind):
        return strings(column.dictionary_decode(), None)
    simple = (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_date(kind)
        or pa.types.is_time(kind)
        or pa.types.is_timestamp(kind)
    )
    if simple:
        text = pc.fill_null(column.cast(pa.string()), "")
        return text if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)) else _cut(text)
    return pa.array([_value(scalar) for scalar in column], pa.string())


def _value(scalar: pa.Scalar) -> str:
    """One cell of an uncommon type; a value that Python has no word for (a date in the year 300,000) as Arrow writes it."""
    try:
        return _cell(scalar.as_py())
    except (OverflowError, ValueError, pa.ArrowException):
        return str(scalar.type)


def _cut(text: pa.Array) -> pa.Array:
    """Valid UTF-8 of bounded length, whatever the file claims."""
    text.validate(full=True)
    longest = pc.max(pc.binary_length(text)).as_py() or 0
    return text if longest <= MAX_CELL else pc.utf8_slice_codeunits(text, 0, MAX_CELL)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")[:MAX_CELL]
        except UnicodeDecodeError:
            return "base64:" + base64.b64encode(value[:120]).decode()
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return ",".join(value)[:MAX_CELL]
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, default=_other)[:MAX_CELL]
    return str(value)[:MAX_CELL]


def _other(value: Any) -> str:
    return _cell(value)


def _class_names(schema: pa.Schema) -> dict[str, list[str]]:
    """Names of class numbers, as the Hub's `datasets` leaves them in a file's metadata."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        return {
            column: [str(n) for n in told["names"]]
            for column, told in features.items()
            if isinstance(told, dict) and told.get("_type") == "ClassLabel" and told.get("names")
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _class(value: int | None, classes: list[str]) -> str:
    if value is None or value < 0:
        return ""
    return classes[value] if value < len(classes) else str(value)


def _damaged(name: str) -> NotATable:
    return NotATable(
        Message("{file} is damaged: it breaks off or cannot be unpacked.", file=name),
        fix=Message("Save it again and drop it here again. Nothing was changed."),
    )
