"""Holds what crosses into the host against its hints.

A record with a number where the contract has a text ends a component at the boundary, where nobody
can say any more what was wrong. So it is said here, before: as a `TypeError` that names the field,
in tests and in components alike.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Sequence
from typing import Any, Literal, TypeVar, Union

_C = TypeVar("_C", bound=type)

_HINTS: dict[type, dict[str, Any]] = {}


def crosses(record: _C) -> _C:
    """Marks a dataclass that crosses as a record of the contract."""
    _HINTS[record] = typing.get_type_hints(record)
    return record


def hold(hint: Any, value: object, place: str) -> None:
    """Raises `TypeError` for a value that does not fit its hint; `place` is what it is called."""
    if not _fits(hint, value):
        wanted = hint.__name__ if isinstance(hint, type) else re.sub(r"\b[a-z_]+\.", "", str(hint))
        raise TypeError(f"{place} must be {wanted}, is {value!r}")
    if type(value) in _HINTS:
        hold_record(value)
    elif isinstance(value, (list, tuple)):
        for item in value:
            if type(item) in _HINTS:
                hold_record(item)


def hold_record(value: object) -> None:
    """Holds every field of a record."""
    for name, hint in _HINTS.get(type(value), {}).items():
        hold(hint, getattr(value, name), f"{type(value).__name__}.{name}")


def _fits(hint: Any, value: object) -> bool:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin in (Union, types.UnionType):
        return any(_fits(argument, value) for argument in arguments)
    if origin is Literal:
        return value in arguments
    if origin is tuple and arguments[-1:] != (Ellipsis,):
        same = isinstance(value, tuple) and len(value) == len(arguments)
        return same and all(map(_fits, arguments, typing.cast("tuple[Any, ...]", value)))
    if origin in (list, tuple, Sequence):
        return isinstance(value, (list, tuple)) and all(_fits(arguments[0], one) for one in value)
    if hint is int:
        # Every number of the contract is one without a sign.
        return isinstance(value, int) and value >= 0
    if hint is bytes:
        return isinstance(value, (bytes, bytearray))
    return isinstance(value, origin or hint)
