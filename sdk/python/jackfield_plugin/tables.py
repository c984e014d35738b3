"""The workspace's tables: rows that workflows write, and that people download."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from . import _host
from .codec import Json, dumps

_tables = _host.Interface("tables")


def append(table: str, row: Mapping[str, Json]) -> str:
    """Adds a row to a table: values by column; a column that is left out is empty. Answers with the
    row's id; ids sort by time. Internal. Errors: `not-found` (no such table: the message says which
    tables there are), `invalid` (no column, one that the table has not, a value that is a list or an
    object), `too-large` (more than 5,000 characters in a cell), `full` (the table has 100,000 rows)."""
    return cast(str, _tables.call("append", table, dumps(row)))
