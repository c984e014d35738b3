"""Mail to the outside over SMTP (RFC 5321), under the plugin's grant `smtp://host:port`.

Effect class: external-once. Refusals are those of HTTP, and `smtp` with the detail `{"code",
"enhanced", "stage", "text", "rejected"}`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import cast

from . import _host
from .crossing import crosses

_email = _host.Interface("email")


class Tls(Enum):
    """How the connection is kept private. The numbers are the contract's order."""

    IMPLICIT = 0
    """TLS from the first byte (port 465)."""
    STARTTLS = 1
    """STARTTLS, required (port 587)."""
    NONE = 2
    """No TLS. Refused together with credentials, but for loopback addresses."""


@crosses
@dataclass(frozen=True)
class Credentials:
    """A login; the password is a placeholder `{{secret:NAME}}`."""

    username: str
    password: str


@crosses
@dataclass(frozen=True)
class Server:
    """A mail server."""

    host: str
    port: int
    tls: Tls
    auth: Credentials | None = None
    timeout: int | None = None
    """Milliseconds for the whole conversation; none is 30,000, at most 120,000."""


@crosses
@dataclass(frozen=True)
class Attachment:
    """A file."""

    name: str
    content_type: str
    content: bytes


@crosses
@dataclass(frozen=True)
class Mail:
    """A mail. Addresses are mailboxes: `Ann <ann@example.com>` or `ann@example.com`."""

    from_: str
    to: list[str]
    subject: str
    text: str | None = None
    html: str | None = None
    cc: list[str] = field(default_factory=list)
    bcc: list[str] = field(default_factory=list)
    reply_to: str | None = None
    attachments: list[Attachment] = field(default_factory=list)
    """At most 25 MB together."""
    message_id: str | None = None
    """Without the angle brackets; none lets the host make one."""
    in_reply_to: str | None = None
    references: list[str] = field(default_factory=list)
    headers: list[tuple[str, str]] = field(default_factory=list)
    """Such as `List-Unsubscribe`; line breaks are refused."""


@crosses
@dataclass(frozen=True)
class Rejection:
    """A recipient that the server refused."""

    address: str
    code: int
    """The reply code, such as 550."""
    enhanced: str | None
    """The enhanced status code (RFC 3463), such as `5.1.1`."""
    text: str


@crosses
@dataclass(frozen=True)
class Accepted:
    """What the server said of a mail that it took."""

    message_id: str
    response: str
    rejected: list[Rejection] = field(default_factory=list)


def send(server: Server, mail: Mail) -> Accepted:
    """Hands a mail to a server. Succeeds when at least one recipient was accepted."""
    answer = _email.call("send", server, mail)
    rejected = [Rejection(no.address, no.code, no.enhanced, no.text) for no in answer.rejected]
    return Accepted(answer.message_id, answer.response, rejected)


def check(server: Server) -> str:
    """Connects, logs in and leaves, without a mail. Answers with the server's greeting.
    External-safe."""
    return cast(str, _email.call("check", server))
