"""Between Python's types and JSON: one declaration gives the JSON Schema, the reading and the
writing.

A type with hints becomes a `Shape` once, when the plugin is built; what an activation does with it
is only `Shape.read`. The libraries that do this fit the sandbox, but each would be one more thing
that an author has to install before the first test runs, and none of them names the wrong setting
by its path in YAML; the part of them that settings need is small.

What must hold: whatever `read` takes is valid under `schema`, and what is valid under `schema` is
read, except where a dataclass's own `__post_init__` refuses more. A schema has no `$defs`: every
type stands where it is used, so a type cannot hold itself.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, Union

from .fields import Keywords, Name

Json = Any
"""A value as `json.loads` gives it."""


class Unreadable(ValueError):
    """A value does not fit its type: where, and why."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.path = path
        self.reason = reason


def dumps(value: object) -> str:
    """JSON text of a value, dataclasses among them. Raises `TypeError` for what is no JSON."""
    text = json.dumps(to_json(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return as_utf8(text)


def as_utf8(text: str) -> str:
    """The text, with `?` for halves of surrogate pairs, which no UTF-8 has and no host takes."""
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


def to_json(value: object) -> Json:
    """What `dumps` writes, as lists, dicts and scalars. A field that has a default and is `None` is
    left out."""
    if (
        value is None
        or isinstance(value, (bool, int, float, str))
        and not isinstance(value, enum.Enum)
    ):
        return value
    if isinstance(value, enum.Enum):
        return to_json(value.value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        out = {}
        for part, name in _names(type(value)):
            item = getattr(value, part.name)
            if item is not None or not _has_default(part):
                out[name] = to_json(item)
        return out
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"a key of JSON is a text, not {key!r}")
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    raise TypeError(f"{value!r} of the type {type(value).__name__} is no JSON")


#: How each bound is held, and what it says to whoever went past it.
BOUNDS: dict[str, tuple[type | tuple[type, ...], Callable[[Any, Any], bool], str]] = {
    "minimum": ((int, float), lambda value, limit: value >= limit, "must be at least {}"),
    "maximum": ((int, float), lambda value, limit: value <= limit, "must be at most {}"),
    "minLength": (
        str,
        lambda value, limit: len(value) >= limit,
        "must have at least {} characters",
    ),
    "maxLength": (str, lambda value, limit: len(value) <= limit, "must have at most {} characters"),
    "pattern": (str, lambda value, limit: re.search(limit, value) is not None, "must match `{}`"),
    "minItems": (list, lambda value, limit: len(value) >= limit, "must have at least {} items"),
    "maxItems": (list, lambda value, limit: len(value) <= limit, "must have at most {} items"),
}


def past_bound(keywords: Mapping[str, Any], value: Json) -> str | None:
    """The first bound that a JSON value breaks, in words."""
    for keyword, limit in keywords.items():
        bound = BOUNDS.get(keyword)
        if bound is None or isinstance(value, bool) or not isinstance(value, bound[0]):
            continue
        if not bound[1](value, limit):
            return bound[2].format(limit)
    return None


class Shape:
    """How values of one type look in JSON."""

    def schema(self) -> dict[str, Json]:
        """The JSON Schema."""
        raise NotImplementedError

    def read(self, value: Json, path: str) -> Any:
        """The value of the type. Raises `Unreadable`."""
        raise NotImplementedError


@dataclass(frozen=True)
class Anything(Shape):
    """Any JSON."""

    def schema(self) -> dict[str, Json]:
        return {}

    def read(self, value: Json, path: str) -> Any:
        return value


@dataclass(frozen=True)
class Scalar(Shape):
    """A text, a number, a truth value, or nothing."""

    name: Literal["string", "integer", "number", "boolean", "null"]

    def schema(self) -> dict[str, Json]:
        return {"type": self.name}

    def read(self, value: Json, path: str) -> Any:
        if self.name == "string" and isinstance(value, str):
            return value
        if self.name == "boolean" and isinstance(value, bool):
            return value
        if self.name == "null" and value is None:
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if self.name == "number":
                return float(value)
            # 3.0 is an integer in JSON Schema.
            if self.name == "integer" and value == int(value):
                return int(value)
        raise Unreadable(path, f"must be {_WORDS[self.name]}, is {_kind(value)}")


@dataclass(frozen=True)
class Choice(Shape):
    """One of a few values: `Literal[...]`, or an `Enum`."""

    values: Mapping[Json, Any]

    def schema(self) -> dict[str, Json]:
        return {"enum": list(self.values)}

    def read(self, value: Json, path: str) -> Any:
        for said, meant in self.values.items():
            # `True == 1` in Python, but not in JSON.
            if said == value and isinstance(said, bool) == isinstance(value, bool):
                return meant
        wanted = ", ".join(f"`{said}`" for said in self.values)
        raise Unreadable(path, f"must be one of {wanted}, is {_kind(value)}")


@dataclass(frozen=True)
class Items(Shape):
    """A list; `tuple[T, ...]` keeps its items from being changed."""

    item: Shape
    into: Callable[[list[Any]], Sequence[Any]]

    def schema(self) -> dict[str, Json]:
        return {"type": "array", "items": self.item.schema()}

    def read(self, value: Json, path: str) -> Any:
        if not isinstance(value, list):
            raise Unreadable(path, f"must be a list, is {_kind(value)}")
        return self.into([self.item.read(item, f"{path}[{n}]") for n, item in enumerate(value)])


@dataclass(frozen=True)
class Table(Shape):
    """Names of the workflow author's own choice, with values of one type."""

    item: Shape

    def schema(self) -> dict[str, Json]:
        return {"type": "object", "additionalProperties": self.item.schema()}

    def read(self, value: Json, path: str) -> Any:
        if not isinstance(value, dict):
            raise Unreadable(path, f"must be an object, is {_kind(value)}")
        return {name: self.item.read(item, _under(path, name)) for name, item in value.items()}


@dataclass(frozen=True)
class Field:
    """A field of a dataclass."""

    attribute: str
    required: bool
    default: Json
    shape: Shape


@dataclass(frozen=True)
class Fields(Shape):
    """A dataclass. `strict` ones refuse names that they do not have."""

    of: type
    strict: bool
    fields: Mapping[str, Field]

    def schema(self) -> dict[str, Json]:
        properties = {}
        for name, part in self.fields.items():
            properties[name] = part.shape.schema()
            if part.default is not None:
                properties[name]["default"] = part.default
        out: dict[str, Json] = {"type": "object", "properties": properties}
        required = [name for name, part in self.fields.items() if part.required]
        if required:
            out["required"] = required
        if self.strict:
            out["additionalProperties"] = False
        return out

    def read(self, value: Json, path: str) -> Any:
        if not isinstance(value, dict):
            raise Unreadable(path, f"must be an object, is {_kind(value)}")
        if self.strict:
            for name in value:
                if name not in self.fields:
                    known = ", ".join(f"`{known}`" for known in self.fields) or "none"
                    raise Unreadable(_under(path, name), f"is not known; there are {known}")
        parts = {}
        for name, part in self.fields.items():
            if name in value:
                parts[part.attribute] = part.shape.read(value[name], _under(path, name))
            elif part.required:
                raise Unreadable(_under(path, name), "is missing")
        try:
            return self.of(**parts)
        except Unreadable as error:
            raise Unreadable(_under(path, error.path), error.reason) from None
        except ValueError as error:
            raise Unreadable(path, str(error)) from None


@dataclass(frozen=True)
class OneOf(Shape):
    """A union. Of dataclasses, the one whose field `Literal["..."]` has the value that is there."""

    options: Sequence[Shape]
    tag: str | None

    def schema(self) -> dict[str, Json]:
        schemas = [option.schema() for option in self.options]
        if all(list(schema) == ["type"] for schema in schemas):
            return {"type": [schema["type"] for schema in schemas]}
        return {"oneOf" if self.tag else "anyOf": schemas}

    def read(self, value: Json, path: str) -> Any:
        if self.tag is not None:
            return self._tagged(self.tag, value, path)
        problems = []
        for option in self.options:
            try:
                return option.read(value, path)
            except Unreadable as error:
                problems.append(error)
        # The one that went furthest in knows best what was meant.
        furthest = max(problems, key=lambda error: len(error.path))
        if furthest.path != path or not all(isinstance(one, Scalar) for one in self.options):
            raise furthest
        wanted = " or ".join(_WORDS[one.name] for one in self.options if isinstance(one, Scalar))
        raise Unreadable(path, f"must be {wanted}, is {_kind(value)}")

    def _tagged(self, tag: str, value: Json, path: str) -> Any:
        if not isinstance(value, dict):
            raise Unreadable(path, f"must be an object, is {_kind(value)}")
        if tag not in value:
            raise Unreadable(_under(path, tag), "is missing")
        tags = {}
        for option in self.options:
            assert isinstance(option, Fields)
            choice = _unmarked(option.fields[tag].shape)
            assert isinstance(choice, Choice)
            tags.update(dict.fromkeys(choice.values, option))
        if isinstance(value[tag], str) and value[tag] in tags:
            return tags[value[tag]].read(value, path)
        wanted = ", ".join(f"`{name}`" for name in tags)
        raise Unreadable(_under(path, tag), f"must be one of {wanted}, is {_kind(value[tag])}")


@dataclass(frozen=True)
class Marked(Shape):
    """A type with what its field says beside it."""

    shape: Shape
    keywords: Mapping[str, Json] = field(default_factory=dict)

    def schema(self) -> dict[str, Json]:
        return {**self.shape.schema(), **self.keywords}

    def read(self, value: Json, path: str) -> Any:
        out = self.shape.read(value, path)
        broken = past_bound(self.keywords, value)
        if broken is not None:
            raise Unreadable(path, broken)
        return out


def shape(hint: Any, strict: bool = True) -> Shape:
    """The shape of a type. Raises `TypeError` for one that JSON does not have.

    `strict`: dataclasses refuse names that they do not have, as settings do. What the host makes is
    read without, so that a plugin built today reads what a later minor version adds.
    """
    return _shape(hint, strict, ())


def _shape(hint: Any, strict: bool, inside: tuple[type, ...]) -> Shape:
    if hint is Any or hint is object:
        return Anything()
    if isinstance(hint, type) and hint in _SCALARS:
        return Scalar(_SCALARS[hint])
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _marked(_shape(arguments[0], strict, inside), arguments[1:])
    if origin is Literal:
        return Choice({value: value for value in arguments})
    if origin is Union or origin is types.UnionType:
        return _union([_shape(argument, strict, inside) for argument in arguments])
    if origin in (list, Sequence) and len(arguments) == 1:
        return Items(_shape(arguments[0], strict, inside), list)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return Items(_shape(arguments[0], strict, inside), tuple)
    if origin in (dict, Mapping) and arguments[0] is str:
        return Table(_shape(arguments[1], strict, inside))
    if hint in (dict, Mapping):
        return Table(Anything())
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return Choice({member.value: member for member in hint})
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        if hint in inside:
            raise TypeError(
                f"{hint.__name__} holds itself, which no settings form can show; use Any"
            )
        return _fields(hint, strict, (*inside, hint))
    raise TypeError(
        f"{hint!r} has no form in JSON here: use str, int, float, bool, None, Any, Literal, Enum, "
        "list[...], tuple[..., ...], dict[str, ...], a dataclass, or a union of these"
    )


def _fields(hint: type, strict: bool, inside: tuple[type, ...]) -> Fields:
    hints = typing.get_type_hints(hint, include_extras=True)
    fields = {}
    for part, name in _names(hint):
        if not part.init:
            continue
        default = None
        if part.default is not dataclasses.MISSING:
            default = to_json(part.default)
        elif part.default_factory is not dataclasses.MISSING:
            default = to_json(part.default_factory())
        of = _shape(hints[part.name], strict, inside)
        fields[name] = Field(part.name, not _has_default(part), default, of)
    return Fields(hint, strict, fields)


def _union(options: list[Shape]) -> Shape:
    nothing = Scalar("null")
    if nothing in options and len(options) > 2:
        return OneOf([_union([option for option in options if option != nothing]), nothing], None)
    tag = None
    if all(isinstance(option, Fields) for option in options):
        shared = [option.fields for option in options if isinstance(option, Fields)]
        for name in shared[0]:
            if all(
                name in fields and isinstance(_unmarked(fields[name].shape), Choice)
                for fields in shared
            ):
                tag = name
                break
        if tag is None:
            raise TypeError(
                "a union of dataclasses needs a field that tells them apart, such as "
                '`type: Literal["text"]`'
            )
    if tag is not None:
        # Whoever writes one has to say which it is, whatever its default in Python.
        options = [_with_tag(option, tag) for option in options if isinstance(option, Fields)]
    return OneOf(options, tag)


def _with_tag(option: Fields, tag: str) -> Fields:
    told = dataclasses.replace(option.fields[tag], required=True, default=None)
    return dataclasses.replace(option, fields={**option.fields, tag: told})


def _marked(of: Shape, marks: Sequence[Any]) -> Shape:
    keywords: dict[str, Json] = {}
    for mark in marks:
        if isinstance(mark, str):
            keywords["description"] = mark
        elif isinstance(mark, Keywords):
            keywords.update(mark.of)
    return Marked(of, keywords) if keywords else of


def _unmarked(of: Shape) -> Shape:
    return of.shape if isinstance(of, Marked) else of


@cache
def _names(hint: type) -> list[tuple[dataclasses.Field[Any], str]]:
    """The fields of a dataclass, each with its name in JSON."""
    hints = typing.get_type_hints(hint, include_extras=True)
    out = []
    for part in dataclasses.fields(hint):
        name = part.name.rstrip("_").replace("_", "-")
        for mark in getattr(hints[part.name], "__metadata__", ()):
            if isinstance(mark, Name):
                name = mark.name
        out.append((part, name))
    return out


def _has_default(part: dataclasses.Field[Any]) -> bool:
    return (
        part.default is not dataclasses.MISSING or part.default_factory is not dataclasses.MISSING
    )


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name


_SCALARS: dict[Any, Literal["string", "integer", "number", "boolean", "null"]] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
}
_WORDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "`true` or `false`",
    "null": "nothing",
}


def _kind(value: Json) -> str:
    """A value in words, short: what it is, and it itself where that helps."""
    if value is None:
        return "nothing"
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value, ensure_ascii=False)
    return f"`{text}`" if len(text) <= 40 else f"`{text[:40]}…`"
