"""The conversations with the contact: at most one of them is open or snoozed at a time."""

from __future__ import annotations

from typing import Any, cast

from . import _host
from .codec import dumps

_conversations = _host.Interface("conversations")


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
