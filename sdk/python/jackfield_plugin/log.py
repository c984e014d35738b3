"""Lines for the run's timeline and the operator's log. Local. What `print` writes becomes such
lines too, where `needs` names `log`; else it is dropped."""

from __future__ import annotations

from enum import Enum

from . import _host

_log = _host.Interface("log")


class Level(Enum):
    """How much a line matters. The numbers are the contract's order."""

    DEBUG = 0
    INFO = 1
    WARN = 2
    ERROR = 3


def write(level: Level, message: str) -> None:
    """Writes one line."""
    _log.call("write", level, message)


def debug(message: str) -> None:
    """What helps to find a mistake."""
    write(Level.DEBUG, message)


def info(message: str) -> None:
    """What an operator wants to read."""
    write(Level.INFO, message)


def warn(message: str) -> None:
    """What went differently than it should."""
    write(Level.WARN, message)


def error(message: str) -> None:
    """What went wrong."""
    write(Level.ERROR, message)
