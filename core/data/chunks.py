"""Columns of Arrow chunks: cells taken, tested and replaced without gathering the chunks. Knows nothing of rows or data sets."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

GUESS_ROWS = 2_000


def take(column: pa.ChunkedArray, places: Any) -> list[str]:
    """Cells at some places; reads only those."""
    found: list[str] = take_array(column, places).to_pylist()
    return found


def take_array(column: pa.ChunkedArray, places: Any) -> pa.Array:
    """Cells at some places as one array, without gathering the column's chunks."""
    wanted = np.asarray(places, np.int64)
    order = np.argsort(wanted, kind="stable")
    starts = np.cumsum([0, *(len(c) for c in column.chunks)])
    which = np.searchsorted(starts, wanted[order], side="right") - 1
    edges = [0, *(np.flatnonzero(which[1:] != which[:-1]) + 1).tolist(), len(which)]
    parts = [pa.array([], pa.string())]
    for start, end in itertools.pairwise(edges if len(which) else [0]):
        chunk = int(which[start])
        parts.append(column.chunk(chunk).take(pa.array(wanted[order[start:end]] - starts[chunk])))
    taken = pa.concat_arrays(parts)
    if (order[1:] > order[:-1]).all():
        return taken
    return taken.take(pa.array(np.argsort(order)))


def sampled(table: pa.Table, columns: Sequence[str]) -> dict[str, list[str]]:
    """Cells of the first and of evenly spread rows, for guessing what columns are."""
    half = GUESS_ROWS // 2
    spread = np.linspace(0, table.num_rows - 1, half).astype(np.int64) if table.num_rows else np.zeros(0, np.int64)
    places = np.unique(np.r_[np.arange(min(table.num_rows, half)), spread])
    return {name: [c[:5000] for c in take(table.column(name), places)] for name in columns[:100]}


def flags(column: pa.ChunkedArray, test: Callable[[pa.Array], pa.Array]) -> NDArray[np.bool_]:
    """A test of every cell, chunks in parallel where there are many."""
    if len(column) < 100_000:
        parts = [test(chunk) for chunk in column.chunks]
    else:
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            parts = list(pool.map(test, column.chunks))
    return np.concatenate([np.zeros(0, np.bool_), *(p.to_numpy(zero_copy_only=False) for p in parts)])


def patched(column: pa.ChunkedArray, changed: Mapping[int, str]) -> pa.ChunkedArray:
    """The column with some cells replaced; chunks without any stay memory-mapped."""
    starts = np.cumsum([0, *(len(c) for c in column.chunks)])
    by_chunk: dict[int, list[tuple[int, str]]] = {}
    for place, cell in changed.items():
        which = int(np.searchsorted(starts, place, side="right")) - 1
        by_chunk.setdefault(which, []).append((place - int(starts[which]), cell))
    chunks = column.chunks
    for which, cells in by_chunk.items():
        values = chunks[which].to_pylist()
        for at, cell in cells:
            values[at] = cell
        chunks[which] = pa.array(values, pa.string())
    return pa.chunked_array(chunks, pa.string())


def rows_of(path: Path, columns: Sequence[str]) -> Iterator[dict[str, str]]:
    """The cells of a file on disk, row after row, in blocks; the file stays on disk."""
    with pa.memory_map(str(path)) as source:
        reader = pa.ipc.open_file(source)
        for i in range(reader.num_record_batches):
            batch = reader.get_batch(i)
            lists = [batch.column(name).to_pylist() for name in columns]
            for cells in zip(*lists, strict=True):
                yield {name: cell or "" for name, cell in zip(columns, cells, strict=True)}
