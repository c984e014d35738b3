"""The step `language-router` against the test host: `python3 -m unittest`."""

import unittest
from typing import Any

from jackfield_plugin import Done, Failure
from jackfield_plugin.testing import Host, Run, describe

from plugin import RESERVED, step

ROUTES = [{"name": "german", "languages": ["de"]}, {"name": "romance", "languages": ["fr", "it"]}]


def route(text: str, **more: Any) -> Done:
    with Host():
        done = Run(step, {"text": text, "routes": ROUTES, **more}).start()
    assert isinstance(done, Done)
    return done


class TheStep(unittest.TestCase):
    def test_the_language_takes_its_branch(self) -> None:
        done = route("Wo finde ich meine Rechnung?")
        self.assertEqual(done.branch, "german")
        self.assertEqual(done.output["language"], "de")
        self.assertEqual(route("Je voudrais changer mon rendez-vous").branch, "romance")

    def test_a_language_without_a_route_is_other(self) -> None:
        self.assertEqual(route("Where can I find my invoice?").branch, "other")

    def test_what_is_not_sure_enough_is_unknown(self) -> None:
        self.assertEqual(route("12345"), Done({"language": None, "confidence": 0.0}, "unknown"))
        done = route("Wo finde ich meine Rechnung?", confidence=0.99)
        self.assertEqual((done.branch, done.output["language"]), ("unknown", "de"))

    def test_a_name_and_a_language_belong_to_one_route(self) -> None:
        for routes, setting in (
            ([{"name": "other", "languages": ["de"]}], "routes[0].name"),
            ([ROUTES[0], {"name": "german", "languages": ["nl"]}], "routes[1].name"),
            ([ROUTES[0], {"name": "dutch", "languages": ["nl", "de"]}], "routes[1].languages"),
        ):
            with self.assertRaises(Failure) as failure:
                route("Hallo", routes=routes)
            self.assertTrue(failure.exception.message.startswith(f"setting `{setting}`:"))

    def test_the_reserved_names_are_those_of_the_descriptor(self) -> None:
        fixed = [branch["name"] for branch in describe(step)["branches"]]
        self.assertEqual(RESERVED, ("success", "failure", *fixed))
