"""The conversations with the contact: at most one of them is open or snoozed at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

from . import _host, codec
from .codec import dumps

_conversations = _host.Interface("conversations")

Strategy = Literal[
    "round-robin",
    "least-open",
    "least-recent",
    "fewest-completed",
    "linear",
    "random",
    "weighted-random",
    "ring-all",
]
"""How one of a team or the workspace is chosen. With `ring-all` whoever takes the contact first."""


@dataclass(frozen=True)
class User:
    """A user of the workspace."""

    id: str
    name: str
    email: str


@dataclass(frozen=True)
class Assigned:
    """What became of an assignment."""

    assignee: User | None = None
    """Who has the contact; none for nobody, and where somebody is still to be chosen."""
    queued: str | None = None
    """The id of the place in the queue, where somebody is still to be chosen."""
    full: int | None = None
    """How many wait, where no more may: the contact gets no place."""


_ASSIGNED: Any = codec.shape(Assigned, strict=False)


def get() -> dict[str, Any] | None:
    """The conversation that is open or snoozed, else the last one, as it stands with what this run
    has changed: `{"id", "state", "source", "opened_at", ...}`; none where there never was one.
    Local."""
    return cast("dict[str, Any] | None", _host.read(_conversations.call("get")))


def open() -> dict[str, Any]:
    """Opens a conversation. One that is open already is left alone, one that is snoozed is open
    again. Answers with it as `get` does. Internal. Errors: `not-found` (no contact)."""
    return cast("dict[str, Any]", _host.read(_conversations.call("open")))


def close(*, category: str | None = None, summary: str | None = None) -> dict[str, Any] | None:
    """Closes the conversation, with a closing note where one is given: one of the workspace's
    categories, and a summary for people. Answers with it as `get` does; none where none was open,
    and then nothing happens. Internal. Errors: `not-found` (no contact), `invalid` (no such
    category, a note that the workspace wants and does not get, a summary of more than 2,000
    characters)."""
    parts = {"category": category, "summary": summary}
    note = {name: text for name, text in parts.items() if text is not None}
    answer = _conversations.call("close", dumps(note) if note else None)
    return cast("dict[str, Any] | None", _host.read(answer))


def comment(text: str) -> str:
    """Adds a comment to the conversation that is open or was last, for people of the workspace: it
    is never sent to the contact. Users are mentioned by `@` and their mail address or name. Answers
    with the comment's id. Internal. Errors: `not-found` (no contact), `invalid` (an empty text),
    `too-large` (more than 5,000 characters)."""
    return cast(str, _conversations.call("comment", text))


def assign(
    *,
    user: str | None = None,
    team: str | None = None,
    workspace: bool = False,
    nobody: bool = False,
    by: Strategy | None = None,
    only_online: bool = False,
    not_on_call: bool = False,
    fewer_than: int | None = None,
    priority: int | None = None,
    service_level: str | None = None,
) -> Assigned:
    """Gives the contact to a user, or takes it from the one who has it. Exactly one is named: a
    `user` (mail address, name or id), a `team`, the `workspace` or `nobody`. To choose, with a team
    or the workspace: `by` (left out: `round-robin`), only users who are online, who are not on a
    call, who have `fewer_than` so many open contacts (at least 1), and before those with a lower
    `priority` (-100 to 100), with the event `queue.overdue` after the `service_level` in the queue,
    such as `60s`. Internal: one of them is chosen when the outcome is committed, at once
    if somebody is free; who it is, arrives as the event `queue.finished` about the id `queued`, with
    the data `{"queue": {"id", "outcome", "assignee"?, ...}}`. Where as many wait as may, the contact
    gets no place: `full` says how many. Errors: `not-found` (no contact, no such user or team),
    `no-members` (a team without users, a workspace without any), `invalid`."""
    given = {
        "user": user,
        "team": team,
        "workspace": workspace,
        "nobody": nobody,
        "by": by,
        "only-online": only_online,
        "not-on-call": not_on_call,
        "fewer-than": fewer_than,
        "priority": priority,
        "service-level": service_level,
    }
    # By identity: a 0 is not left out.
    request = {
        name: value for name, value in given.items() if value is not None and value is not False
    }
    answer = _host.read(_conversations.call("assign", dumps(request)))
    return cast(Assigned, _ASSIGNED.read(answer, ""))


def leave_queue(id: str) -> bool:
    """Gives up a place in the queue. Answers whether the contact was still waiting in it: if not, it
    has somebody by now. Internal. Errors: `not-found` (no contact)."""
    return cast(bool, _conversations.call("leave_queue", id))
