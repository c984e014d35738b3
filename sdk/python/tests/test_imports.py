"""The imports as functions, and the test host behind them."""

import re
import unittest
from collections.abc import Callable
from pathlib import Path

from jackfield_plugin import (
    CallError,
    clock,
    conditions,
    contacts,
    conversations,
    crypto,
    email,
    files,
    lists,
    log,
    messages,
    random,
    tables,
    templates,
    variables,
    workflows,
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
            self.assertEqual(len(crypto.sign("rs256", "key", b"data")), 32)
            with self.assertRaisesRegex(CallError, "invalid"):
                crypto.sign("es256", "key", b"data")

    def test_files_are_read_by_their_names(self) -> None:
        with Host(files={"hours.txt": b"9 to 6"}):
            self.assertEqual(files.read("hours.txt"), b"9 to 6")
            with self.assertRaisesRegex(CallError, "not-found"):
                files.read("none.txt")

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
            self.assertEqual(host.tags, ["new"])
            self.assertEqual(contacts.get(), {"firstname": "Ann", "tags": ["new"]})
        with Host(), self.assertRaisesRegex(CallError, "not-found"):
            contacts.update("firstname", "Bo")

    def test_tags_are_changed_in_one_and_the_answer_says_what_was_new(self) -> None:
        given = {"firstname": "Ann", "tags": ["lead", "fr"]}
        with Host(contact=given) as host:
            changed = contacts.retag(add=["vip", "fr", "vip"], remove=["lead", "old"])
            self.assertEqual((changed.added, changed.removed), (["vip"], ["lead"]))
            contacts.add_tags(["new"])
            self.assertEqual(contacts.retag(add=["new"], silent=True).added, [])
            self.assertEqual(variables.get("contact.tags"), ["fr", "vip", "new"])
            self.assertEqual(host.contact, {"firstname": "Ann", "tags": ["fr", "vip", "new"]})
            self.assertEqual(host.retags[1], {"add": ["new"], "remove": [], "silent": True})
            self.assertEqual((host.tags, given["tags"]), (["new"], ["lead", "fr"]))

    def test_an_opt_out_is_recorded_once_and_taken_back(self) -> None:
        with Host(contact={"phone": "+33600000001"}) as host:
            out = contacts.opt_out()
            self.assertEqual((out.address, out.changed), ("+33600000001", True))
            again = contacts.opt_out(scope=contacts.Scope.SENDER, channel="chat")
            self.assertEqual((again.scope, again.changed), (contacts.Scope.SENDER, False))
            self.assertTrue(contacts.opt_out(back_in=True).changed)
            self.assertEqual(host.opt_outs[1], {"scope": "sender", "channel": "chat"})
            self.assertEqual(host.opt_outs[2], {"scope": "account", "in": True})

    def test_a_conversation_is_opened_once_and_closed_with_its_note(self) -> None:
        with Host(contact={}) as host:
            self.assertEqual((conversations.get(), conversations.close()), (None, None))
            opened = conversations.open()
            self.assertEqual(
                opened,
                {
                    "id": "conversation-1",
                    "state": "open",
                    "source": "workflow",
                    "opened_at": "2026-01-01T00:00:00Z",
                },
            )
            self.assertEqual(conversations.open(), opened)
            with self.assertRaisesRegex(CallError, "2,000"):
                conversations.close(summary="é" * 2_001)
            host.advance(86_400_007)
            end = {
                "state": "closed",
                "category": "solved",
                "closed_at": "2026-01-02T00:00:00.007Z",
                "closed_by": "workflow",
            }
            self.assertEqual(conversations.close(category="solved"), {**opened, **end})
            self.assertEqual(host.conversation, {**opened, **end})
            self.assertIsNone(conversations.close())
            self.assertEqual(conversations.open()["id"], "conversation-2")
            self.assertEqual(conversations.comment("@ann: see above"), "comment-1")
            for wrong, code in [(" ", "invalid"), ("é" * 5_001, "too-large")]:
                with self.assertRaisesRegex(CallError, code):
                    conversations.comment(wrong)
            self.assertEqual(host.comments, ["@ann: see above"])
        with Host(contact={}, conversation={"id": "k", "state": "snoozed"}) as host:
            self.assertEqual(conversations.open(), {"id": "k", "state": "open"})

    def test_an_assignment_is_a_user_nobody_or_a_place_in_the_queue(self) -> None:
        with Host(contact={}) as host:
            ann = conversations.assign(user="ann@example.com")
            assert ann.assignee is not None
            self.assertEqual((ann.assignee.email, ann.queued), ("ann@example.com", None))
            self.assertEqual(conversations.assign(nobody=True), conversations.Assigned())
            place = conversations.assign(
                team="sales", by="least-open", only_online=True, fewer_than=5, priority=0
            )
            self.assertEqual(place, conversations.Assigned(queued="place-1"))
            place = conversations.assign(workspace=True, not_on_call=True)
            self.assertEqual(place.queued, "place-2")
            for id, waits in [("place-1", True), ("place-1", False), ("place-3", False)]:
                self.assertEqual(conversations.leave_queue(id), waits)
            with self.assertRaisesRegex(CallError, "invalid"):
                conversations.assign()
            with self.assertRaisesRegex(CallError, "invalid"):
                conversations.assign(team="sales", nobody=True)
            sales = {
                "team": "sales",
                "by": "least-open",
                "only-online": True,
                "fewer-than": 5,
                "priority": 0,
            }
            anybody = {"workspace": True, "not-on-call": True}
            self.assertEqual(host.assigned[1:], [{"nobody": True}, sales, anybody])

    def test_a_row_is_added_to_a_table_and_an_empty_one_refused(self) -> None:
        with Host() as host:
            self.assertEqual(tables.append("answers", {"name": "Ann", "stars": 5}), "row-1")
            with self.assertRaisesRegex(CallError, "invalid"):
                tables.append("answers", {})
            self.assertEqual(host.rows, [("answers", {"name": "Ann", "stars": 5})])

    def test_lists_say_whether_something_changed_and_which_there_are(self) -> None:
        with Host(contact={}, on_lists=["news"]) as host:
            self.assertEqual((lists.add("vip"), lists.add("vip")), (True, False))
            self.assertEqual((lists.remove("news"), lists.remove("news")), (True, False))
            self.assertEqual(host.on_lists, ["vip"])
        with Host(contact={}, lists=["vip", "news"]):
            self.assertTrue(lists.add("vip"))
            for call in (lists.add, lists.remove):
                with self.assertRaisesRegex(CallError, "vip, news"):
                    call("fax")

    def test_a_workflow_starts_with_what_it_is_given_unless_the_test_refuses_it(self) -> None:
        def start(workflow: str, _: object) -> None:
            if workflow == "busy":
                raise call_error("already-enrolled", "the contact is in it")

        with Host(contact={}, start=start) as host:
            self.assertEqual(workflows.start("plain"), "run-1")
            with self.assertRaisesRegex(CallError, "already-enrolled"):
                workflows.start("busy")
            values, data = {"plan": "pro"}, {"order": {"id": 7}}
            run = workflows.start("onboarding", from_="welcome", variables=values, data=data)
            self.assertEqual(run, "run-2")
            options = {"from": "welcome", "variables": values, "data": data}
            self.assertEqual(host.started, [("plain", {}), ("onboarding", options)])

    def test_what_is_about_a_contact_is_refused_without_one(self) -> None:
        calls: list[Callable[[], object]] = [
            lambda: contacts.add_tags(["vip"]),
            lambda: contacts.retag(add=["vip"]),
            contacts.opt_out,
            conversations.open,
            conversations.close,
            lambda: conversations.comment("Hi"),
            lambda: conversations.assign(nobody=True),
            lambda: conversations.leave_queue("place-1"),
            lambda: lists.add("vip"),
            lambda: lists.remove("vip"),
        ]
        with Host():
            for call in calls:
                with self.assertRaisesRegex(CallError, "not-found"):
                    call()
            self.assertIsNone(conversations.get())

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
