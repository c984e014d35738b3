"""Types as JSON Schema, and values as types."""

import json
import unittest
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Literal

from jackfield_plugin import HTML, RAW, Failure, Keywords, Name, bounds, codec, ref
from jackfield_plugin.codec import Unreadable
from jackfield_plugin.message import InboundMessage, Message, Text
from jackfield_plugin.step import read_settings


class Unit(Enum):
    METRIC = "metric"
    OTHER = "other"


@dataclass
class Header:
    name: str
    value: str = ""


@dataclass
class Sms:
    number: str
    type: Literal["sms"] = "sms"


@dataclass
class Mail:
    address: str
    type: Literal["mail"] = "mail"


@dataclass
class Settings:
    """Not a description: a class's text is for whoever reads the source."""

    base_url: Annotated[str, "Where it is.", bounds(min_length=1)]
    tries: Annotated[int, "How often.", bounds(minimum=1, maximum=9)] = 3
    ratio: float | None = None
    mode: Literal["fast", "slow"] = "fast"
    unit: Unit = Unit.METRIC
    headers: list[Header] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    by: Sms | Mail | None = None
    from_: str = ""
    when: Annotated[Any, RAW, ref("condition")] = None
    html: Annotated[str, HTML, Keywords({"examples": ["<p>"]})] = ""
    given: Annotated[str, Name("GivenName")] = ""

    def __post_init__(self) -> None:
        if self.base_url == "ftp":
            raise ValueError("must be a web address")


SHAPE = codec.shape(Settings)


class Schemas(unittest.TestCase):
    def test_a_dataclass_is_an_object_with_names_as_yaml_has_them(self) -> None:
        schema = SHAPE.schema()
        self.assertEqual(schema["required"], ["base-url"])
        self.assertIs(schema["additionalProperties"], False)
        self.assertNotIn("description", schema)
        properties = schema["properties"]
        self.assertEqual(
            properties["base-url"],
            {"type": "string", "description": "Where it is.", "minLength": 1},
        )
        self.assertEqual(properties["tries"]["default"], 3)
        self.assertEqual(properties["ratio"], {"type": ["number", "null"]})
        self.assertEqual(properties["mode"], {"enum": ["fast", "slow"], "default": "fast"})
        self.assertEqual(properties["unit"]["enum"], ["metric", "other"])
        self.assertEqual(properties["headers"]["items"]["required"], ["name"])
        self.assertEqual(properties["labels"]["additionalProperties"], {"type": "integer"})
        self.assertEqual(
            properties["when"], {"x-jackfield-raw": True, "x-jackfield-ref": "condition"}
        )
        self.assertEqual(properties["html"]["contentMediaType"], "text/html")
        self.assertIn("from", properties)
        self.assertIn("GivenName", properties)

    def test_a_union_of_dataclasses_is_told_apart_by_its_literal(self) -> None:
        union = codec.shape(Sms | Mail).schema()
        by = SHAPE.schema()["properties"]["by"]
        self.assertEqual(by, {"anyOf": [union, {"type": "null"}]})
        self.assertEqual(union["oneOf"][0]["required"], ["number", "type"])

    def test_types_that_json_does_not_have_are_refused_when_the_plugin_is_built(self) -> None:
        @dataclass
        class Odd:
            value: bytes

        @dataclass
        class Untold:
            either: Header | Settings

        for hint in (Odd, Untold, set[str], dict[int, str]):
            with self.assertRaises(TypeError, msg=str(hint)):
                codec.shape(hint)

    def test_a_type_that_holds_itself_is_refused(self) -> None:
        with self.assertRaisesRegex(TypeError, "holds itself"):
            codec.shape(Tree)


@dataclass
class Tree:
    branches: "list[Tree]"


class Reading(unittest.TestCase):
    def test_settings_are_read_as_their_types(self) -> None:
        read = SHAPE.read(
            {
                "base-url": "u",
                "tries": 4.0,
                "ratio": 1,
                "unit": "other",
                "headers": [{"name": "a"}],
                "by": {"type": "mail", "address": "x"},
                "from": "me",
                "GivenName": "Ann",
            },
            "",
        )
        self.assertEqual((read.tries, read.ratio, read.unit), (4, 1.0, Unit.OTHER))
        self.assertEqual(read.headers, [Header("a")])
        self.assertEqual(read.by, Mail("x"))
        self.assertEqual((read.from_, read.given), ("me", "Ann"))

    def test_the_wrong_setting_is_named_with_its_path_and_what_would_be_right(self) -> None:
        cases: list[tuple[Any, str, str]] = [
            ({}, "base-url", "is missing"),
            ({"base-url": 5}, "base-url", "must be a text, is `5`"),
            ({"base-url": ""}, "base-url", "must have at least 1 characters"),
            ({"base-url": "u", "tries": 0}, "tries", "must be at least 1"),
            ({"base-url": "u", "tries": 1.5}, "tries", "must be a whole number, is `1.5`"),
            ({"base-url": "u", "tries": True}, "tries", "must be a whole number, is `true`"),
            ({"base-url": "u", "mode": "quick"}, "mode", "must be one of `fast`, `slow`"),
            ({"base-url": "u", "headers": [{"name": 5}]}, "headers[0].name", "must be a text"),
            ({"base-url": "u", "headers": {}}, "headers", "must be a list, is an object"),
            ({"base-url": "u", "labels": {"a": "b"}}, "labels.a", "must be a whole number"),
            ({"base-url": "u", "ratio": "much"}, "ratio", "must be a number or nothing"),
            ({"base-url": "u", "by": {"number": "1"}}, "by.type", "is missing"),
            ({"base-url": "u", "base_url": "v"}, "base_url", "is not known; there are `base-url`"),
            ({"base-url": "ftp"}, "(all)", "must be a web address"),
            (5, "(all)", "must be an object, is `5`"),
        ]
        for value, setting, reason in cases:
            with self.subTest(value), self.assertRaises(Failure) as failure:
                read_settings(SHAPE, json.dumps(value))
            self.assertEqual(failure.exception.code, "invalid-config")
            said = failure.exception.message
            self.assertTrue(said.startswith(f"setting `{setting}`: "), said)
            self.assertIn(reason, said)

    def test_a_tagged_union_names_the_tag_that_is_wrong(self) -> None:
        shape = codec.shape(Sms | Mail)
        for value, path in (({"type": "fax"}, "type"), ({"type": "sms"}, "number"), ({}, "type")):
            with self.assertRaises(Unreadable) as error:
                shape.read(value, "")
            self.assertEqual(error.exception.path, path)

    def test_what_the_host_makes_may_have_more_than_is_known_here(self) -> None:
        message = codec.shape(Message, strict=False).read(
            {
                "id": "m",
                "to": ["a"],
                "content": {"type": "text", "text": "Hi", "new": 1},
                "newer": {},
            },
            "",
        )
        self.assertEqual(message.content, Text("Hi"))


class Writing(unittest.TestCase):
    def test_dataclasses_are_written_with_the_names_of_json_and_without_what_is_not_there(
        self,
    ) -> None:
        message = InboundMessage(provider_id="p", from_="+33", content=Text("Hi"))
        self.assertEqual(
            codec.to_json(message),
            {
                "provider-id": "p",
                "from": "+33",
                "content": {"text": "Hi", "type": "text"},
                "type": "message",
            },
        )

    def test_what_was_written_is_read_back(self) -> None:
        settings = Settings("u", headers=[Header("a", "b")], by=Sms("1"), unit=Unit.OTHER)
        self.assertEqual(SHAPE.read(json.loads(codec.dumps(settings)), ""), settings)

    def test_what_is_no_json_is_refused_and_half_a_character_is_replaced(self) -> None:
        for value in ({1: 2}, {"a": {1}}, float("nan"), b"x"):
            with self.assertRaises((TypeError, ValueError), msg=str(value)):
                codec.dumps(value)
        self.assertEqual(codec.dumps("a\ud800é"), '"a?é"')
