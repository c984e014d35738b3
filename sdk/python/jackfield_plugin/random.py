"""Randomness of the run's own: the same when an activation is taken up again. Local.

Python's own `random` gives every activation of a component the same numbers; seed one of your own
from here: `random.Random(jackfield_plugin.random.bytes(16))`.
"""

from __future__ import annotations

import builtins
from typing import cast

from . import _host

_random = _host.Interface("random")


def bytes(length: int) -> builtins.bytes:
    """So many bytes, at most 1,024."""
    return cast("builtins.bytes", _random.call("bytes", length))
