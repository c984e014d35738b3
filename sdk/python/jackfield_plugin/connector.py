"""A channel connector: what it says of itself, and the functions that the host calls. It speaks one
provider's API in both directions.

    connector = Connector(name="sms-gateway", ..., settings=Settings)

    @connector.send
    def send(channel: Channel[Settings], message: Message, key: str) -> Receipt: ...

A channel's secrets are not in its settings: write `{{secret:NAME}}` where the value belongs, and the
host puts it in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar
from urllib.parse import parse_qsl, urlsplit

from . import codec
from .codec import Json, Unreadable
from .crossing import crosses, hold
from .descriptor import (
    Address,
    DeliveryStatus,
    Limits,
    Media,
    MessageType,
    QuickReplies,
    Secret,
    TextLimit,
    written,
)
from .failure import CallError, Failure, SendError
from .message import Inbound, Message
from .step import from_host, read_settings

S = TypeVar("S")
_R = TypeVar("_R")


@dataclass(frozen=True)
class Channel(Generic[S]):
    """A channel: a connector with its settings."""

    id: str
    name: str
    kind: str
    """The connector's name."""
    settings: S


@crosses
@dataclass(frozen=True)
class Connected:
    """What `connect` did."""

    registered: bool
    """Whether the webhook is registered now."""
    instructions: str
    """For people: what was done, or what is left to do."""


@crosses
@dataclass(frozen=True)
class Receipt:
    """What the provider said of a message that it took."""

    provider_id: str
    """Delivery updates are matched with it."""
    status: str = "accepted"
    """`accepted`, or further already: `sent` or `delivered`."""
    detail: Json = None
    """More for people and reports: segments, price, rejected recipients."""


@dataclass(frozen=True)
class WebhookRequest:
    """A request as it came from the provider."""

    method: str
    url: str
    """The full public address with the query, as the provider was told it."""
    headers: list[tuple[str, str]]
    """In the order received, names in lower case."""
    body: bytes

    def header(self, name: str) -> str | None:
        """A header's first value, by its name in lower case."""
        return next((value for key, value in self.headers if key == name), None)

    def query(self) -> list[tuple[str, str]]:
        """The values of the query, in order."""
        return parse_qsl(urlsplit(self.url).query, keep_blank_values=True)

    def form(self) -> list[tuple[str, str]]:
        """The values of a form-encoded body, in order."""
        return parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True)


@crosses
@dataclass(frozen=True)
class Received:
    """What to answer the provider, and what its request said."""

    status: int = 200
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    events: Sequence[Inbound] = ()
    """At most 1,000; none for a request that could not be verified."""

    @classmethod
    def refused(cls, reason: str) -> Received:
        """The request could not be verified."""
        return cls(403).json({"error": {"message": reason}})

    def text(self, text: str) -> Received:
        """With a text."""
        return self._with("text/plain; charset=utf-8", text)

    def json(self, value: object) -> Received:
        """With JSON."""
        return self._with("application/json", codec.dumps(value))

    def _with(self, content_type: str, body: str) -> Received:
        headers = (*self.headers, ("content-type", content_type))
        return replace(self, headers=headers, body=body.encode("utf-8", "replace"))


Check = Callable[[Channel[S]], Json]
Connect = Callable[[Channel[S], str], Connected]
Send = Callable[[Channel[S], Message, str], Receipt]
Receive = Callable[[Channel[S], WebhookRequest], Received]

_MESSAGE = codec.shape(Message, strict=False)


class Connector(Generic[S]):
    """A connector. The arguments are those of `wit/schemas/connector-descriptor.schema.json`.

    `check` and `send` have to be there; without `receive` nothing comes in, and without `connect`
    there is nothing to register.
    """

    kind = "connector"

    def __init__(
        self,
        *,
        name: str,
        version: str,
        title: str,
        summary: str,
        settings: type[S],
        address: Address,
        message_types: Sequence[MessageType],
        secrets: Sequence[Secret] = (),
        hosts: Sequence[str] = (),
        icon: str | None = None,
        address_from: str | None = None,
        text_limit: TextLimit | None = None,
        media: Media | None = None,
        window: int | None = None,
        templates: bool = False,
        quick_replies: QuickReplies | None = None,
        idempotency: bool = False,
        statuses: Sequence[DeliveryStatus] = (),
        rate: float | None = None,
        inbound: bool = False,
        keywords: bool = False,
        limits: Limits | None = None,
    ) -> None:
        """`settings` is a dataclass; its hints and texts become the JSON Schema. `hosts` are what it
        must reach, with `{setting:NAME}` for a channel setting; `window` is the seconds after the
        contact's last message in which free messages are allowed; `rate` the messages a second that
        the provider takes; `idempotency` says that it honours the key of `send`; `inbound` that
        messages come in; `keywords` that STOP, START and HELP in them opt out and in."""
        self.name = name
        self.module: str = ""
        """Of the plugin's functions; the test host looks up its project."""
        self._settings = codec.shape(settings)
        self._check: Check[S] | None = None
        self._connect: Connect[S] | None = None
        self._send: Send[S] | None = None
        self._receive: Receive[S] | None = None
        self._descriptor = written(
            {
                "name": name,
                "version": version,
                "title": title,
                "summary": summary,
                "icon": icon,
                "settings": self._settings.schema(),
                "secrets": list(secrets),
                "hosts": list(hosts),
                "address": address,
                "address_from": address_from,
                "message_types": list(message_types),
                "text_limit": text_limit,
                "media": media,
                "window": window,
                "templates": templates,
                "quick_replies": quick_replies,
                "idempotency": idempotency,
                "statuses": list(statuses),
                "rate": rate,
                "inbound": inbound,
                "keywords": keywords,
                "limits": limits,
            }
        )

    def check(self, function: Check[S]) -> Check[S]:
        """Marks the function that says whether the settings and credentials are good. It answers
        with details for people, such as `{"account": "..."}`, and sends nothing to a contact."""
        self._check = function
        return function

    def connect(self, function: Connect[S]) -> Connect[S]:
        """Marks the function that registers the webhook at the provider, or says how to."""
        self._connect = function
        return function

    def send(self, function: Send[S]) -> Send[S]:
        """Marks the function that sends one message. The key is the same for every try of it."""
        self._send = function
        self.module = function.__module__
        return function

    def receive(self, function: Receive[S]) -> Receive[S]:
        """Marks the function that reads a provider's request: it checks the signature first, then
        answers with what the request said."""
        self._receive = function
        return function

    def descriptor(self) -> dict[str, Json]:
        """What the connector says of itself."""
        return self._descriptor

    def run_check(self, channel: str) -> Json:
        """Tests the connection of a channel as the host has it. Raises `Failure`."""
        check = _marked(self._check, "check")
        return _sending(lambda: check(self._channel(channel)))

    def run_connect(self, channel: str, public_url: str) -> Connected:
        """Registers the webhook of a channel as the host has it. Raises `Failure`."""
        connect = self._connect
        if connect is None:
            return Connected(
                False, "Nothing comes in through this channel, so there is nothing to register."
            )
        connected = _sending(lambda: connect(self._channel(channel), public_url))
        hold(Connected, connected, "the answer of `connect`")
        return connected

    def run_send(self, channel: str, message: str, key: str) -> Receipt:
        """Sends a message as the host has it. Raises `Failure`."""
        send = _marked(self._send, "send")
        on = self._channel(channel)
        try:
            what = _MESSAGE.read(from_host("the message", message), "")
        except Unreadable as error:
            raise Failure.permanent("contract", f"the message cannot be read: {error}") from None
        receipt = _sending(lambda: send(on, what, key))
        hold(Receipt, receipt, "the answer of `send`")
        return receipt

    def run_receive(self, channel: str, request: WebhookRequest) -> Received:
        """Reads a provider's request. Raises `Failure`."""
        if self._receive is None:
            return Received(404).text("Nothing comes in through this channel.")
        try:
            received = self._receive(self._channel(channel), request)
        except CallError as error:
            raise Failure.from_call(error) from error
        hold(Received, received, "the answer of `receive`")
        return received

    def _channel(self, text: str) -> Channel[S]:
        parts = from_host("the channel", text)
        settings = read_settings(self._settings, codec.dumps(parts.get("settings", {})))
        return Channel(parts.get("id", ""), parts.get("name", ""), parts.get("kind", ""), settings)


def _marked(function: Callable[..., _R] | None, name: str) -> Callable[..., _R]:
    if function is None:
        raise TypeError(f"a connector needs a function marked `@connector.{name}`")
    return function


def _sending(act: Callable[[], _R]) -> _R:
    try:
        return act()
    except CallError as error:
        raise SendError.from_call(error) from error
