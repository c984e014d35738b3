"""The run's variables. They live as long as the run."""

from __future__ import annotations

from . import _host
from .codec import Json, dumps

_variables = _host.Interface("variables")


def get(path: str) -> Json:
    """The value at a path, such as `contact.firstname` or `vars.answer`; none when it has none.
    Local."""
    return _host.read(_variables.call("get", path))


def set(name: str, value: Json) -> None:
    """Sets `vars.NAME`; `None` removes it. Internal. Errors: `invalid` (names are
    `[a-z][a-z0-9_]*`, at most 64 characters), `too-large` (64 KiB for one value)."""
    _variables.call("set", name, dumps(value))
