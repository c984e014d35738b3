"""The step `crm-lookup` against the test host: `python3 -m unittest`."""

import json
import unittest
from typing import Any

from jackfield_plugin import Done, Failure, FailureClass, http
from jackfield_plugin.testing import Host, Response, Run, call_error

from plugin import at, step

SETTINGS = {
    "url": "https://crm.example/people?email=ann@example.com",
    "record": "results.0",
    "fields": [
        {"field": "lastname", "from": "name.last"},
        {"field": "company", "from": "company"},
        {"field": "birthday", "from": "birthday"},
    ],
}
ANN = {"name": {"last": "Lee"}, "company": "Acme", "birthday": "soon", "score": 9}


def answer(status: int, value: Any = None, **headers: str) -> Response:
    pairs = [(name.replace("_", "-"), text) for name, text in headers.items()]
    return Response(status, pairs, b"" if value is None else json.dumps(value).encode())


def failure(response: Response) -> Failure:
    with Host(contact={}, http=response):
        try:
            Run(step, SETTINGS).start()
        except Failure as failure:
            return failure
    raise AssertionError("no failure")


class TheStep(unittest.TestCase):
    def test_what_the_crm_knows_is_taken_over(self) -> None:
        with Host(contact={}, http=answer(200, {"results": [ANN]})) as host:
            outcome = Run(step, SETTINGS).start()
        self.assertEqual(
            outcome, Done({"found": True, "updated": ["lastname", "company", "birthday"]})
        )
        self.assertEqual(host.updates[0], ("lastname", "set", "Lee"))
        self.assertEqual(host.variables, {"crm": ANN})
        self.assertEqual(host.requests[0].method, "GET")
        self.assertEqual(host.requests[0].header("authorization"), "Bearer {{secret:crm-token}}")

    def test_a_field_that_refuses_its_value_is_left_and_logged(self) -> None:
        def update(field: str, operation: str, value: Any) -> Any:
            if field == "birthday":
                raise call_error("invalid", "`soon` is no date")
            return value

        with Host(contact={}, http=answer(200, {"results": [ANN]}), update=update) as host:
            outcome = Run(step, SETTINGS).start()
        self.assertEqual(outcome, Done({"found": True, "updated": ["lastname", "company"]}))
        self.assertIn("`birthday` is left as it is: `soon` is no date", host.logs[0])

    def test_who_is_not_known_goes_by_a_branch_and_changes_nothing(self) -> None:
        for response in (answer(404), answer(200, {"results": []}), answer(200, []), answer(204)):
            with Host(contact={}, http=response) as host:
                outcome = Run(step, SETTINGS).start()
            assert isinstance(outcome, Done)
            self.assertEqual((outcome.branch, outcome.output["found"]), ("not-found", False))
            self.assertEqual((host.updates, host.variables), ([], {}))

    def test_answers_say_what_happens_next(self) -> None:
        self.assertEqual(failure(answer(401)).class_, FailureClass.BLOCKED)
        self.assertEqual(failure(answer(400)).class_, FailureClass.INVALID_CONFIG)
        self.assertEqual(failure(Response(200, [], b"<html>")).code, "no-json")
        busy = failure(answer(429, retry_after="7"))
        self.assertEqual((busy.class_, busy.retry_after), (FailureClass.TRANSIENT, 7_000))

    def test_a_crm_that_does_not_answer_is_tried_again(self) -> None:
        def late(_: http.Request) -> Response:
            raise call_error("timeout", "no answer in 10 s")

        with Host(contact={}, http=late), self.assertRaises(Failure) as slow:
            Run(step, SETTINGS).start()
        self.assertEqual(slow.exception.class_, FailureClass.TRANSIENT)

    def test_a_path_that_leads_nowhere_has_nothing(self) -> None:
        for path in ("results.1", "results.x", "results.0.name.last.x", "none", "results.-1"):
            self.assertIsNone(at(path, {"results": [ANN]}), path)
        self.assertEqual(at("", [1]), [1])
