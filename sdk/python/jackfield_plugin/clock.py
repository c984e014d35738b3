"""The run's own clock. Times are milliseconds since 1970-01-01T00:00:00Z. Local.

Python's own clocks (`time`, `datetime.now`) are not there in the sandbox: they end the activation.
"""

from __future__ import annotations

from typing import cast

from . import _host
from .codec import Json, dumps

_clock = _host.Interface("clock")


def now() -> int:
    """The time now."""
    return cast(int, _clock.call("now"))


def parse(text: str) -> int:
    """The instant of a date and time as people write it; without an offset in the workspace's time
    zone. Errors: `invalid`."""
    return cast(int, _clock.call("parse", text))


def duration(text: str) -> int:
    """The length in milliseconds of a duration such as `15m` or `1d12h`. Errors: `invalid`."""
    return cast(int, _clock.call("duration", text))


def next_open(hours: Json, after: int) -> int:
    """The first instant, not before `after`, at which these business hours are open:
    `{"time-zone": "Europe/Paris", "monday": ["09:00-12:00"], "holidays": ["2026-12-25"]}`. Errors:
    `invalid`; `not-found` when they are never open within 365 days."""
    return cast(int, _clock.call("next_open", dumps(hours), after))
