"""Messages to contacts and others, through the workspace's channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from . import _host, codec
from .descriptor import QuickReplies, TextLimit
from .message import OutgoingMessage

_messages = _host.Interface("messages")


@dataclass(frozen=True)
class ChannelInfo:
    """A channel, with what a step may want to know of it."""

    id: str = ""
    name: str = ""
    kind: str = ""
    """Its connector's name."""
    address_kind: str = ""
    """`phone`, `email` or `id`."""
    quick_replies: QuickReplies | None = None
    """None: no buttons."""
    templates: bool = False
    """The provider has templates of its own."""
    text_limit: TextLimit | None = None
    """None: no limit."""


_CHANNEL: Any = codec.shape(ChannelInfo, strict=False)


def channel(name: str) -> ChannelInfo:
    """The channel that a name or an id stands for; `last-interacted` is the channel of the contact's
    last message. Local. Errors: `not-found` (the message says which channels there are);
    `no-channel` for `last-interacted` where the contact has none."""
    return cast(ChannelInfo, _CHANNEL.read(_host.read(_messages.call("channel", name)), ""))


def send(message: OutgoingMessage) -> str:
    """Puts a message into the outbox and answers with its id. Internal: it leaves when the outcome
    is committed. What becomes of it arrives as events `message.status` about that id. Errors:
    `invalid`, `not-found`, `too-large`, `no-channel` as of `channel`; `no-address` where `to` is
    left out and the contact cannot be reached on the channel."""
    return cast(str, _messages.call("send", codec.dumps(message)))
