"""The check of `testing.schemas` against the library `jsonschema`, which knows all of JSON Schema."""

import importlib
import itertools
import json
import unittest
from pathlib import Path
from typing import Any

from jackfield_plugin import codec
from jackfield_plugin.testing import schemas

from .test_codec import SHAPE

try:
    jsonschema: Any = importlib.import_module("jsonschema")
except ImportError:
    jsonschema = None

CONTRACT = Path(__file__).resolve().parents[3] / "wit" / "schemas"

TEXT = {"type": "text", "text": "Hi"}
VALUES: dict[str, list[Any]] = {
    "message": [
        {"id": "m", "to": ["a"], "content": TEXT},
        {"id": "m", "to": [], "content": TEXT},
        {"id": "m", "to": ["a"], "content": {"type": "text"}},
        {"id": "m", "to": ["a"], "content": {"type": "fax", "text": "Hi"}},
        {"id": "m", "to": ["a"], "content": TEXT, "more": 1},
        {"id": 5, "to": ["a"], "content": TEXT},
        {"to": ["a"], "content": TEXT},
        {"id": "m", "to": ["a"], "content": {"type": "location", "latitude": 1, "longitude": "2"}},
        [],
        None,
    ],
    "outgoing-message": [
        {"channel": "c", "content": TEXT, "to": "x"},
        {"channel": "c", "content": TEXT, "to": ["x", "y"]},
        {"channel": "c", "content": TEXT, "to": 5},
        {"channel": "c", "content": TEXT, "class": "other"},
        {"channel": "c", "content": TEXT, "unsubscribe": {}},
    ],
    "inbound-events": [
        [],
        [{"type": "message", "provider-id": "p", "from": "f", "content": TEXT}],
        [{"type": "message", "provider-id": "", "from": "f", "content": TEXT}],
        [{"type": "status", "status": "sent"}, {"type": "other", "name": "n", "data": None}],
        [{"type": "status", "status": "lost"}],
        [{"type": "status"}],
        {},
    ],
    "step-descriptor": [
        {
            "name": "a-b",
            "version": "1.0.0",
            "title": "t",
            "summary": "s",
            "category": "other",
            "settings": {},
            "output": {},
            "limits": {"fuel": fuel},
        }
        for fuel in (1, 0, 1.5, True)
    ],
}


@unittest.skipIf(jsonschema is None, "needs jsonschema, which check.py brings")
class TheCheck(unittest.TestCase):
    def same(self, schema: Any, value: Any) -> None:
        library = jsonschema.Draft202012Validator(schema).is_valid(value)
        ours = schemas.check(schema, value)
        self.assertEqual(ours is None, library, f"{value!r}: {ours}")

    def test_it_says_what_the_library_says_of_the_contracts_schemas(self) -> None:
        for name, values in VALUES.items():
            for value in values:
                with self.subTest(name, value=value):
                    self.same(schemas.published(name), value)

    def test_it_says_what_the_library_says_of_settings_and_reading_agrees(self) -> None:
        # Each setting with good and bad values, alone and beside each other.
        choices: dict[str, list[Any]] = {
            "tries": [1, 9, 10, 3.0, 3.5, "3", True],
            "ratio": [None, 1, 0.5, "x"],
            "mode": ["fast", "quick", None],
            "headers": [[], [{"name": "a"}], [{}], {}],
            "by": [None, {"type": "sms", "number": "1"}, {"type": "sms"}, {"number": "1"}],
            "unknown": [1],
        }
        schema = SHAPE.schema()
        pairs = [(name, value) for name, values in choices.items() for value in values]
        for one, other in itertools.combinations_with_replacement(pairs, 2):
            value = {"base-url": "u", one[0]: one[1], other[0]: other[1]}
            self.same(schema, value)
            try:
                SHAPE.read(value, "")
                read = True
            except codec.Unreadable:
                read = False
            self.assertEqual(read, schemas.check(schema, value) is None, value)

    def test_the_schemas_made_of_types_are_schemas(self) -> None:
        jsonschema.Draft202012Validator.check_schema(SHAPE.schema())


class TheContract(unittest.TestCase):
    def test_every_keyword_of_the_contracts_schemas_is_known_to_the_check(self) -> None:
        known = schemas._KEYWORDS.keys() | schemas._SILENT | schemas._BOUNDS

        def walk(schema: Any) -> None:
            self.assertLessEqual(schema.keys(), known)
            for name in ("properties", "$defs"):
                for part in schema.get(name, {}).values():
                    walk(part)
            for name in ("items", "additionalProperties"):
                if isinstance(schema.get(name), dict):
                    walk(schema[name])
            for name in ("oneOf", "anyOf"):
                for part in schema.get(name, []):
                    walk(part)

        for file in sorted(CONTRACT.iterdir()):
            walk(json.loads(file.read_text("utf-8")))

    def test_a_keyword_that_is_not_known_is_not_passed_over(self) -> None:
        with self.assertRaisesRegex(AssertionError, "multipleOf"):
            schemas.check({"multipleOf": 2}, 3)
