"""The parts of what a plugin says of itself, under `wit/schemas/step-descriptor.schema.json` and
`wit/schemas/connector-descriptor.schema.json`. `Step(...)` and `Connector(...)` take them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from . import codec

Category = Literal["messages", "contacts", "conversations", "logic", "integrations", "other"]
"""Where a list of steps shows one."""

Place = Literal["header", "basic-auth", "query", "path", "body", "smtp-auth", "hmac", "sign"]
"""Where the host may put a secret's value."""

Address = Literal["phone", "email", "id"]
"""What the addresses of a channel are."""

MessageType = Literal[
    "text", "attachment", "quick-reply", "location", "email", "template", "custom"
]
"""A kind of message content."""

DeliveryStatus = Literal["sent", "delivered", "read", "failed"]
"""A delivery update that a provider sends after it took a message."""


@dataclass(frozen=True)
class Limits:
    """What a plugin proposes for one activation; what is left out is the host's default."""

    fuel: int | None = None
    """Units of work, about one a WebAssembly instruction."""
    memory: int | None = None
    """Bytes over all linear memories."""
    table_elements: int | None = None
    """Elements over all tables."""
    deadline_ms: int | None = None
    """Wall-clock milliseconds, host calls included."""
    bytes_in: int | None = None
    """Bytes from the host into the plugin."""
    bytes_out: int | None = None
    """Bytes from the plugin to the host."""
    host_calls: int | None = None
    """Number of host calls."""
    log_lines: int | None = None
    """Lines of log."""
    log_bytes: int | None = None
    """Bytes of log."""
    output: int | None = None
    """Bytes of output and state."""


@dataclass(frozen=True)
class Secret:
    """A secret that the plugin uses by name (`{{secret:NAME}}`); it never sees the value."""

    name: str
    title: str
    places: Sequence[Place]
    summary: str | None = None
    """Where to find it, for people."""
    optional: bool | None = None
    """The plugin works without it."""
    hosts: Sequence[str] | None = None
    """Where it may go; none is every granted host."""


@dataclass(frozen=True)
class Branch:
    """A branch beside `success` and `failure`."""

    name: str
    title: str | None = None
    otherwise: str | None = None
    """Where a run goes in a workflow that does not name it: `next`, `end`, `fail`, or another
    branch."""


@dataclass(frozen=True)
class FailureCode:
    """A code with which a step takes `failure`, beside those that every step can have."""

    code: str
    """Lower-case words with hyphens; `http-*` stands for all that begin so."""
    title: str
    """What has happened."""


@dataclass(frozen=True)
class TextLimit:
    """The longest text that a channel takes."""

    max: int
    unit: Literal["characters", "bytes", "utf16"]


@dataclass(frozen=True)
class Media:
    """What attachments a channel takes."""

    max_bytes: int | None = None
    """Bytes of all attachments of a message."""
    max_count: int | None = None
    """Attachments in one message."""
    types: Sequence[str] | None = None
    """Media types such as `image/png` or `image/*`; none is any."""


@dataclass(frozen=True)
class QuickReplies:
    """How many buttons a message may have, and how long a title may be."""

    max: int
    title_max: int


def secret(name: str) -> str:
    """The placeholder `{{secret:NAME}}`: the host puts the secret's value in its place."""
    return "{{secret:" + name + "}}"


def schema_of(hint: Any) -> dict[str, Any]:
    """The JSON Schema of a type; a dict is one already."""
    if isinstance(hint, dict):
        return hint
    return codec.shape(hint).schema()


def written(parts: dict[str, Any]) -> dict[str, Any]:
    """A descriptor's parts in JSON, without those that say nothing."""
    said = {
        name.replace("_", "-"): codec.to_json(part)
        for name, part in parts.items()
        if part is not None and part != ()
    }
    return said
