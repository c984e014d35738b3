"""The workspace's lists of contacts."""

from __future__ import annotations

from typing import cast

from . import _host

_lists = _host.Interface("lists")


def add(name: str) -> bool:
    """Puts the contact on a list. Answers whether it was not on it yet. Internal. Errors:
    `not-found` (no contact, or no such list: the message says which lists there are)."""
    return cast(bool, _lists.call("add", name))


def remove(name: str) -> bool:
    """Takes the contact off a list. Answers whether it was on it. Internal. Errors as of `add`."""
    return cast(bool, _lists.call("remove", name))
