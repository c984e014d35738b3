"""Connectors through the test host."""

import unittest
from dataclasses import dataclass
from typing import Any

from jackfield_plugin import (
    Channel,
    Connected,
    Connector,
    Failure,
    Limits,
    Media,
    QuickReplies,
    Receipt,
    Received,
    Secret,
    SendError,
    TextLimit,
    WebhookRequest,
    http,
)
from jackfield_plugin.message import (
    Files,
    Inbound,
    InboundMessage,
    Message,
    Other,
    Profile,
    Status,
    StatusError,
    Text,
)
from jackfield_plugin.testing import Host, Plugged, Response, call_error, describe


@dataclass
class Settings:
    base_url: str


connector = Connector(
    name="gateway",
    version="1.0.0",
    title="Gateway",
    summary="Everything.",
    icon="📨",
    settings=Settings,
    address="phone",
    address_from="kind",
    message_types=["text", "attachment"],
    secrets=[Secret("token", "Token", places=["header"], hosts=["https://sms.example"])],
    hosts=["{setting:base-url}"],
    text_limit=TextLimit(160, "utf16"),
    media=Media(max_bytes=5, max_count=1, types=["image/*"]),
    window=86_400,
    templates=True,
    quick_replies=QuickReplies(3, 20),
    idempotency=True,
    statuses=["delivered", "failed"],
    rate=0.5,
    inbound=True,
    keywords=True,
    limits=Limits(host_calls=5),
)


@connector.check
def check(channel: Channel[Settings]) -> dict[str, Any]:
    return {"url": http.get(channel.settings.base_url).url, "channel": channel.name}


@connector.connect
def connect(channel: Channel[Settings], public_url: str) -> Connected:
    return Connected(False, f"Enter {public_url} at the provider.")


@connector.send
def send(channel: Channel[Settings], message: Message, key: str) -> Receipt:
    to = message.recipient()
    if isinstance(message.content, Files):
        raise SendError.UNSUPPORTED.failure("only texts")
    assert isinstance(message.content, Text)
    form = {"to": to, "text": message.content.text, "token": "{{secret:token}}"}
    answer = http.post(channel.settings.base_url, form=form, idempotency_header="idempotency-key")
    if answer.status == 429:
        raise SendError.RATE_LIMITED.failure("slower", retry_after=answer.retry_after(0))
    if to == "bug":
        raise ZeroDivisionError
    return Receipt("id", "sent", {"key": key})


@connector.receive
def receive(channel: Channel[Settings], request: WebhookRequest) -> Received:
    if ("ok", "") not in request.query():
        return Received.refused("not verified")
    said = dict(request.form())
    events: list[Inbound] = [
        InboundMessage("p1", "+33", Text(said["text"]), profile=Profile(firstname="Ann"), at=5),
        InboundMessage("p2", "+33", Text("mine"), type="echo"),
        Status("failed", provider_id="p3", error=StatusError("quota", "no balance")),
        Other("custom.left", {"why": None}),
    ]
    return Received(events=events).json({"ok": True})


SETTINGS = {"base-url": "https://sms.example/send"}
TEXT = {"id": "m", "to": ["+33"], "content": {"type": "text", "text": "a & b"}}


class Connectors(unittest.TestCase):
    def failure(self, message: dict[str, Any], **host: Any) -> Failure:
        with Host(**host), self.assertRaises(Failure) as failure:
            Plugged(connector, SETTINGS).send(message)
        return failure.exception

    def test_the_descriptor_says_all_that_was_declared(self) -> None:
        said = describe(connector)
        self.assertEqual(said["text-limit"], {"max": 160, "unit": "utf16"})
        self.assertEqual(said["quick-replies"], {"max": 3, "title-max": 20})
        self.assertEqual(said["secrets"][0]["hosts"], ["https://sms.example"])
        self.assertEqual(said["rate"], 0.5)

    def test_a_message_goes_out_as_a_form_that_keeps_the_secrets_place(self) -> None:
        with Host(http=Response(200, [], b"")) as host:
            receipt = Plugged(connector, SETTINGS).send(TEXT, key="k")
        self.assertEqual(receipt, Receipt("id", "sent", {"key": "k"}))
        request = host.requests[0]
        self.assertEqual(request.text(), "to=%2B33&text=a+%26+b&token={{secret:token}}")
        self.assertEqual(request.header("Content-Type"), "application/x-www-form-urlencoded")
        self.assertEqual(request.idempotency_header, "idempotency-key")

    def test_what_may_have_been_sent_stays_marked(self) -> None:
        def answer(code: str) -> Any:
            def raises(_: http.Request) -> Response:
                raise call_error(code, "no")

            return raises

        for code, becomes, maybe in (
            ("timeout", "transient", True),
            ("connect", "transient", False),
            ("secret-missing", "auth", False),
            ("too-large", "content-rejected", False),
            ("denied", "denied", False),
        ):
            failure = self.failure(TEXT, http=answer(code))
            self.assertEqual((failure.code, failure.maybe_sent), (becomes, maybe), code)

    def test_a_provider_that_wants_fewer_messages_says_when(self) -> None:
        failure = self.failure(TEXT, http=Response(429, [("retry-after", "2")], b""))
        self.assertEqual((failure.code, failure.retry_after), ("rate-limited", 2_000))

    def test_what_the_channel_cannot_send_is_unsupported(self) -> None:
        files = {"type": "attachment", "attachments": [{"url": "https://x"}]}
        self.assertEqual(self.failure({**TEXT, "content": files}).code, "unsupported")
        self.assertEqual(self.failure({**TEXT, "to": ["a", "b"]}).code, "unsupported")

    def test_a_request_comes_in_with_its_events(self) -> None:
        request = WebhookRequest("POST", "https://x/?ok", [("a", "b")], b"text=H%C3%A9")
        with Host():
            received, events = Plugged(connector, SETTINGS).receive(request)
        self.assertEqual(
            [event["type"] for event in events], ["message", "echo", "status", "other"]
        )
        self.assertEqual(events[0]["content"]["text"], "Hé")
        self.assertEqual((received.status, received.body), (200, b'{"ok":true}'))
        self.assertEqual(received.headers[0], ("content-type", "application/json"))

    def test_a_request_that_is_not_verified_yields_no_event(self) -> None:
        request = WebhookRequest("POST", "https://x/", [], b"")
        with Host():
            received, events = Plugged(connector, SETTINGS).receive(request)
        self.assertEqual((received.status, events), (403, []))

    def test_a_channel_is_checked_and_connected(self) -> None:
        with Host(http=Response(200, [], b"", url="https://moved")):
            channel = Plugged(connector, SETTINGS)
            self.assertEqual(channel.check(), {"url": "https://moved", "channel": "test"})
            self.assertIn("https://hooks", channel.connect("https://hooks").instructions)

    def test_settings_of_a_channel_that_cannot_be_read_are_named_without_their_place(self) -> None:
        with Host(), self.assertRaises(Failure) as failure:
            Plugged(connector, {"base-url": 5}, checked=False).send(TEXT)
        self.assertTrue(failure.exception.message.startswith("setting `base-url`:"))

    def test_without_receive_and_connect_nothing_comes_in(self) -> None:
        silent = Connector(
            name="silent",
            version="1.0.0",
            title="Silent",
            summary="Silent.",
            settings=Settings,
            address="id",
            message_types=["text"],
        )
        silent.send(send)
        with Host():
            channel = Plugged(silent, SETTINGS)
            self.assertFalse(channel.connect("https://hooks").registered)
            request = WebhookRequest("POST", "https://x/", [], b"")
            self.assertEqual(channel.receive(request)[0].status, 404)
