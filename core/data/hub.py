"""A data set from the Hugging Face hub by its name, through `datasets`; in clear words when there is no network."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa

from core.data.how import MAX_COLUMNS, How, Progress, Read, Stop, Trouble, never, nothing
from core.data.parquet import strings
from core.data.writing import Writer
from core.errors import DataError
from core.words import Message

NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
BLOCK = 4_096


def from_hub(
    name: str,
    config: str | None,
    split: str,
    out: Path,
    progress: Progress = nothing,
    cancelled: Stop = never,
) -> Read:
    """One split of a hub data set into an Arrow file. No code of the data set is run."""
    if not NAME.fullmatch(name):
        raise DataError(
            Message("“{name}” is no name of a hub data set.", name=name[:80]),
            fix=Message("Names look like owner/name, for example cornell-movie-review-data/rotten_tomatoes."),
        )
    progress(0, 0)
    data = _loaded(name, config, split)
    classes = {
        column: list(kind.names) for column, kind in data.features.items() if type(kind).__name__ == "ClassLabel"
    }
    trouble = Trouble()
    with Writer(out, trouble, progress, cancelled) as writer:
        names = data.column_names[:MAX_COLUMNS]
        writer.columns(names)
        writer.expected = len(data)
        for batch in data.with_format("arrow").iter(batch_size=BLOCK):
            columns = [strings(_whole(batch.column(n)), classes.get(n)) for n in names]
            writer.block(pa.record_batch(columns, names=names))
        shown = writer.finish()
        return Read(shown, writer.rows, How(kind="parquet"), trouble.messages())


def _loaded(name: str, config: str | None, split: str):  # type: ignore[no-untyped-def]
    import datasets

    try:
        return datasets.load_dataset(name, config or None, split=split or "train")
    except (ConnectionError, TimeoutError) as error:
        raise _offline() from error
    except Exception as error:  # the library raises whatever its many back ends raise
        text = f"{type(error).__name__}: {error}"
        if re.search(r"(?i)connect|offline|resolve|timed? ?out|max retries|network|reach", text):
            raise _offline() from error
        raise DataError(
            Message(
                "The hub has no data set “{name}” that can be read: {why}", name=name, why=text.splitlines()[0][:200]
            ),
            fix=Message("Check the name, the configuration and the split, or drop a file instead."),
        ) from error


def _offline() -> DataError:
    return DataError(
        Message("There is no network here, so the hub cannot be reached."), fix=Message("Drop a file instead.")
    )


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
