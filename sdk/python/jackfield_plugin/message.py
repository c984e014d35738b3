"""Messages under the published schemas: what a step puts into the outbox, what a connector gets to
send, and what a provider's request said.

What comes in is read without the fields that are not known here, so that a connector built today
still reads the messages of a later minor version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .descriptor import DeliveryStatus
from .failure import SendError


@dataclass(frozen=True)
class Attachment:
    """A file: an address to fetch it from, or its content."""

    url: str | None = None
    content: str | None = None
    """The file itself in base64, instead of `url`."""
    kind: Literal["image", "video", "audio", "file"] | None = None
    file_name: str | None = None
    content_type: str | None = None
    caption: str | None = None


@dataclass(frozen=True)
class Text:
    """Plain text."""

    text: str
    type: Literal["text"] = "text"


@dataclass(frozen=True)
class Files:
    """One to ten files, with an optional text."""

    attachments: list[Attachment]
    text: str | None = None
    type: Literal["attachment"] = "attachment"


@dataclass(frozen=True)
class Reply:
    """A button."""

    title: str
    payload: str | None = None
    """What comes back when it is pressed; none is the title."""


@dataclass(frozen=True)
class QuickReply:
    """A text with buttons."""

    text: str
    replies: list[Reply]
    type: Literal["quick-reply"] = "quick-reply"


@dataclass(frozen=True)
class Location:
    """A place, in degrees; north and east are positive."""

    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None
    type: Literal["location"] = "location"


@dataclass(frozen=True)
class Email:
    """A mail's content. The channel's settings fill what is left out."""

    subject: str | None = None
    html: str | None = None
    text: str | None = None
    from_name: str | None = None
    from_address: str | None = None
    reply_to: str | None = None
    cc: list[str] | None = None
    bcc: list[str] | None = None
    attachments: list[Attachment] | None = None
    type: Literal["email"] = "email"


@dataclass(frozen=True)
class Template:
    """A template that the provider keeps."""

    name: str
    language: str | None = None
    variables: dict[str, Any] | None = None
    type: Literal["template"] = "template"


@dataclass(frozen=True)
class Custom:
    """A payload that the connector understands."""

    payload: Any
    type: Literal["custom"] = "custom"


Content = Text | Files | QuickReply | Location | Email | Template | Custom
"""What a message says."""


@dataclass(frozen=True)
class Unsubscribe:
    """The unsubscribe line of a message."""

    text: str | None = None
    """Stands before the link; none is `Unsubscribe here: `."""


@dataclass(frozen=True)
class OutgoingMessage:
    """A message as a step puts it into the outbox."""

    channel: str
    """A channel's name or id, or `last-interacted`."""
    content: Content
    to: str | Sequence[str] | None = None
    """One address, or several for a mail; none is the contact's address on that channel."""
    sender: str | None = None
    """The name or number shown as the sender, where the channel allows it."""
    unsubscribe: Unsubscribe | None = None
    """Adds the unsubscribe line."""
    class_: Literal["transactional", "marketing", "internal"] | None = None
    """`marketing` obeys opt-outs, quiet hours and caps; `transactional` obeys opt-outs; `internal`
    (to one's own staff) none."""
    when_paused: Literal["wait", "fail"] | None = None
    """Where the channel is paused: it waits until it is active again, or fails."""


@dataclass(frozen=True)
class Thread:
    """Earlier provider ids of the same thread."""

    id: str | None = None
    in_reply_to: str | None = None
    references: list[str] | None = None


@dataclass(frozen=True)
class Message:
    """A message as a connector gets it to send."""

    id: str
    """Jackfield's own id."""
    to: list[str]
    """At least one address."""
    content: Content
    sender: str | None = None
    status_url: str | None = None
    """The public address at which the provider may report on this message."""
    unsubscribe_url: str | None = None
    """One-click unsubscribe (RFC 8058)."""
    automated: bool = False
    """Sent by a workflow, not by a person."""
    thread: Thread | None = None

    def recipient(self) -> str:
        """The only recipient, for a channel that sends to one at a time. Raises `unsupported`."""
        if len(self.to) != 1:
            raise SendError.UNSUPPORTED.failure(
                f"a message on this channel goes to one recipient, not to {len(self.to)}"
            )
        return self.to[0]


@dataclass(frozen=True)
class Profile:
    """What a provider knows of a contact."""

    firstname: str | None = None
    lastname: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    language: str | None = None
    country: str | None = None
    profile_pic: str | None = None


@dataclass(frozen=True)
class Ad:
    """An advertisement."""

    id: str
    """The provider's id of it."""
    title: str | None = None
    source: str | None = None
    """Where it stood, such as `facebook`."""
    url: str | None = None


@dataclass(frozen=True)
class InboundMessage:
    """A contact wrote; or, with the type `echo`, somebody wrote to a contact outside of
    Jackfield."""

    provider_id: str
    """The provider's id: a repeated one is dropped."""
    from_: str
    """The other side's address (for an echo: the contact it went to)."""
    content: Content
    to: str | None = None
    """Our own address."""
    at: int | None = None
    """Milliseconds since 1970."""
    payload: str | None = None
    """Of the button that the contact pressed."""
    in_reply_to: str | None = None
    """The provider's id of the message that it answers."""
    keyword: Literal["stop", "start", "help"] | None = None
    """Where the provider itself has recognised it."""
    ad: Ad | None = None
    """The advertisement that led to the message (since 1.1)."""
    profile: Profile | None = None
    raw: Mapping[str, Any] | None = None
    """The request as it came, for those who need more."""
    type: Literal["message", "echo"] = "message"


@dataclass(frozen=True)
class StatusError:
    """Why a message failed after the provider took it."""

    code: str
    """One of `SendError`'s values."""
    message: str
    """For people."""
    provider_code: str | None = None


@dataclass(frozen=True)
class Status:
    """What became of a message."""

    status: DeliveryStatus
    provider_id: str | None = None
    """The provider's id of the message."""
    message_id: str | None = None
    """Our own id, where the provider echoes it."""
    at: int | None = None
    """Milliseconds since 1970."""
    error: StatusError | None = None
    type: Literal["status"] = "status"


@dataclass(frozen=True)
class Other:
    """Anything else that a workflow may want to know."""

    name: str
    """A custom event's name."""
    data: Any = None
    provider_id: str | None = None
    """The provider's id, if it has one: a repeated one is dropped."""
    type: Literal["other"] = "other"


Inbound = InboundMessage | Status | Other
"""Something that a provider's request said."""
