"""The imports as functions, and the test host behind them."""

import re
import unittest
from pathlib import Path

from jackfield_plugin import (
    CallError,
    clock,
    conditions,
    contacts,
    crypto,
    email,
    log,
    messages,
    random,
    templates,
    variables,
)
from jackfield_plugin.message import OutgoingMessage, Text, Unsubscribe
from jackfield_plugin.testing import Host, call_error

WIT = (Path(__file__).resolve().parents[3] / "wit" / "imports.wit").read_text("utf-8")
CHANNEL = {
    "id": "c1",
    "name": "sms",
    "kind": "gateway",
    "address-kind": "phone",
    "text-limit": {"max": 160, "unit": "utf16"},
    "newer": 1,
}


class Imports(unittest.TestCase):
    def test_the_test_host_answers_every_function_of_the_contract(self) -> None:
        count = 0
        for interface, body in re.findall(r"(?ms)^interface (\S+) \{(.*?)^\}", WIT):
            for function in re.findall(r"(?m)^  (\S+): func", body):
                name = f"_{interface}_{function.replace('-', '_')}"
                self.assertTrue(callable(getattr(Host, name, None)), name)
                count += 1
        self.assertGreater(count, 20)

    def test_the_numbers_of_enums_are_the_contracts_order(self) -> None:
        for enum in (log.Level, crypto.Algorithm, contacts.Operation, email.Tls):
            name = enum.__name__.lower()
            found = re.search(rf"enum {name} \{{(.*?)\}}", WIT, re.DOTALL)
            assert found is not None
            cases = re.sub("///.*", "", found[1]).replace(",", " ").split()
            self.assertEqual([member.name.lower() for member in enum], cases)
            self.assertEqual([member.value for member in enum], list(range(len(cases))))

    def test_time(self) -> None:
        with Host(next_open=1_767_258_000_000) as host:
            self.assertEqual(clock.parse("2026-01-01"), clock.now())
            self.assertEqual(clock.parse("2026-01-01T09:00:05Z") - clock.now(), 32_405_000)
            self.assertEqual(clock.duration("1d12h"), 129_600_000)
            self.assertEqual(clock.next_open({"monday": ["09:00-12:00"]}, 0), 1_767_258_000_000)
            host.advance(5)
            self.assertEqual(clock.now(), 1_767_225_600_005)
            for wrong in ("tomorrow", "2026-13-01"):
                with self.assertRaisesRegex(CallError, "invalid"):
                    clock.parse(wrong)
            with self.assertRaisesRegex(CallError, "invalid"):
                clock.duration("1 fortnight")

    def test_secrets_are_used_by_name(self) -> None:
        with Host(secrets={"key": "k"}):
            self.assertEqual(crypto.hash(crypto.Algorithm.MD5, b"").hex()[:8], "d41d8cd9")
            signature = crypto.hmac(crypto.Algorithm.SHA256, "key", b"data")
            self.assertTrue(crypto.verify(crypto.Algorithm.SHA256, "key", b"data", signature))
            self.assertFalse(crypto.verify(crypto.Algorithm.SHA1, "key", b"data", signature))
            self.assertTrue(crypto.equal("key", b"k"))
            with self.assertRaisesRegex(CallError, "secret-missing"):
                crypto.hmac(crypto.Algorithm.SHA256, "other", b"")

    def test_variables_and_the_contact(self) -> None:
        with Host(contact={"firstname": "Ann"}, variables={"old": 1}) as host:
            variables.set("answer", {"n": [1, None]})
            variables.set("old", None)
            self.assertEqual(variables.get("vars.answer"), {"n": [1, None]})
            self.assertEqual(variables.get("contact.firstname"), "Ann")
            self.assertIsNone(variables.get("vars.none.at.all"))
            self.assertEqual(host.variables, {"answer": {"n": [1, None]}})
            with self.assertRaisesRegex(CallError, "invalid"):
                variables.set("Answer", 1)
            self.assertEqual(contacts.update("visits", 1, contacts.Operation.INCREMENT), 1)
            contacts.add_tags(["new"])
            self.assertEqual(host.updates, [("visits", "increment", 1)])
            self.assertEqual((host.tags, contacts.get()), (["new"], {"firstname": "Ann"}))
        with Host(), self.assertRaisesRegex(CallError, "not-found"):
            contacts.update("firstname", "Bo")

    def test_messages_are_held_against_their_schema(self) -> None:
        with Host(channels=[CHANNEL]) as host:
            said = OutgoingMessage("sms", Text("Hi"), class_="internal", unsubscribe=Unsubscribe())
            self.assertEqual(messages.send(said), "message-1")
            self.assertEqual(host.messages[0]["class"], "internal")
            info = messages.channel("last-interacted")
            self.assertEqual((info.name, info.quick_replies), ("sms", None))
            assert info.text_limit is not None
            self.assertEqual(info.text_limit.max, 160)
            with self.assertRaisesRegex(CallError, "not-found"):
                messages.send(OutgoingMessage("fax", Text("Hi")))
            with self.assertRaisesRegex(AssertionError, "an outgoing message breaks its schema"):
                messages.send(OutgoingMessage("sms", Text("Hi"), to=["x"] * 51))

    def test_templates_conditions_randomness_and_the_log(self) -> None:
        rendered = {"html": "<p>", "text": "t", "subject": "s"}
        with Host(templates={"a": rendered}, condition=lambda c: c == {"x": 1}) as host:
            self.assertEqual(templates.render("a", {"v": 1}).subject, "s")
            self.assertTrue(conditions.evaluate({"x": 1}))
            self.assertEqual(len(random.bytes(5_000)), 1_024)
            log.warn("half a \ud800 character")
            self.assertEqual(host.logs, ["warn: half a ? character"])

    def test_mail(self) -> None:
        server = email.Server("mail.example", 587, email.Tls.STARTTLS)
        mail = email.Mail("a@example.com", ["b@example.com"], "Hello", text="Hi")

        def refuse(_: email.Mail) -> email.Accepted:
            raise call_error("smtp", "no such user", detail={"code": 550})

        with Host(email=lambda _: email.Accepted("id", "ok"), email_check=lambda _: "hi") as host:
            self.assertEqual(email.send(server, mail).message_id, "id")
            self.assertEqual(email.check(server), "hi")
            self.assertEqual(host.mails, [(server, mail)])
        with Host(email=refuse), self.assertRaises(CallError) as refused:
            email.send(server, mail)
        self.assertEqual(refused.exception.detail, {"code": 550})
