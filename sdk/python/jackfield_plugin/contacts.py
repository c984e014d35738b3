"""The contact that the run is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

from . import _host, codec
from .codec import Json, dumps

_contacts = _host.Interface("contacts")


class Operation(Enum):
    """How a field changes. The numbers are the contract's order."""

    SET = 0
    """Replaces the value."""
    CLEAR = 1
    """Removes the value."""
    APPEND = 2
    """Adds to the end of a text, or to a list."""
    INCREMENT = 3
    """Adds to a number."""


@dataclass(frozen=True)
class Retagged:
    """What a change of tags came to."""

    added: Sequence[str] = ()
    """The tags that were not there yet."""
    removed: Sequence[str] = ()
    """The tags that were there."""


class Scope(Enum):
    """How far an opt-out reaches."""

    ACCOUNT = "account"
    """Nobody of the workspace sends to the address any more."""
    SENDER = "sender"
    """Nothing is sent over this channel."""


@dataclass(frozen=True)
class OptedOut:
    """What an opt-out came to."""

    address: str = ""
    """The contact's address of which it was said."""
    scope: Scope = Scope.ACCOUNT
    """How far it reaches."""
    changed: bool = False
    """Whether it is new."""


_RETAGGED: Any = codec.shape(Retagged, strict=False)


def get() -> dict[str, Any] | None:
    """The contact as it stands, with what this run has changed; none where the run has no contact.
    Local."""
    return cast("dict[str, Any] | None", _host.read(_contacts.call("get")))


def update(field: str, value: Json, operation: Operation = Operation.SET) -> Json:
    """Changes one field, standard (`firstname`, `email`, ...) or custom. Answers with the new value
    as the field's type stores it. Internal. Errors: `not-found` (no contact, or no such field),
    `invalid` (the value does not fit the field's type)."""
    return _host.read(_contacts.call("update", field, operation, dumps(value)))


def add_tags(tags: Sequence[str]) -> None:
    """Adds tags to the contact. Internal. Errors: `not-found` (no contact), `invalid`."""
    _contacts.call("add_tags", list(tags))


def retag(*, add: Sequence[str] = (), remove: Sequence[str] = (), silent: bool = False) -> Retagged:
    """Adds and removes tags in one: a tag that is there already is not added again, one that is not
    there not removed. `silent` raises no event `tag.updated`, so no workflow starts by it. Answers
    with what changed. Internal. Errors: `not-found` (no contact), `invalid`."""
    change: dict[str, Json] = {"add": list(add), "remove": list(remove)}
    if silent:
        change["silent"] = True
    answer = _host.read(_contacts.call("retag", dumps(change)))
    return cast(Retagged, _RETAGGED.read(answer, ""))


def opt_out(
    *, scope: Scope = Scope.ACCOUNT, channel: str | None = None, back_in: bool = False
) -> OptedOut:
    """Records that the contact wants nothing more on the address that it has on this channel; on that
    of its last message where none is named. `back_in` takes that back. Internal. Errors: `not-found`
    (no contact, or no such channel), `no-channel`, `no-address`."""
    request: dict[str, Json] = {"scope": scope.value}
    if channel is not None:
        request["channel"] = channel
    if back_in:
        request["in"] = True
    answer = cast("dict[str, Any]", _host.read(_contacts.call("opt_out", dumps(request))))
    return OptedOut(
        address=str(answer["address"]),
        scope=Scope(answer["scope"]),
        changed=bool(answer["changed"]),
    )
