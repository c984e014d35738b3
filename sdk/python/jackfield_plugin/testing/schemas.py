"""The published schemas, and the check that a value is valid under one.

The check knows the keywords of JSON Schema 2020-12 that the contract and the shapes of this package
use, and refuses a schema with any other, so that nothing passes because it was not looked at. It is
here so that an author's tests need nothing but Python; this package's own tests hold it against the
library `jsonschema`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from ..codec import Json, past_bound

#: In a project and in Jackfield's own repository alike.
_FOLDER = Path(__file__).parents[4] / "wit" / "schemas"


@cache
def published(name: str) -> dict[str, Any]:
    """One of the contract's schemas, such as `message`."""
    text = (_FOLDER / f"{name}.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def hold(what: str, schema: Json, value: Json) -> None:
    """Ends the test when a value is not valid under a schema."""
    problem = check(schema, value)
    if problem is not None:
        shown = json.dumps(value, indent=2, ensure_ascii=False)
        raise AssertionError(f"{what} breaks its schema: {problem}\n{shown}")


def check(schema: Json, value: Json) -> str | None:
    """The first mistake, with the place where it stands."""
    return _check(schema, value, "", schema)


def _check(schema: Json, value: Json, path: str, root: Json) -> str | None:
    if isinstance(schema, bool):
        return None if schema else f"{path or '/'}: nothing is allowed here"
    for keyword, wanted in schema.items():
        if keyword.startswith("x-") or keyword in _SILENT:
            continue
        if keyword in _BOUNDS:
            problem = past_bound({keyword: wanted}, value)
            if problem is not None:
                return f"{path or '/'}: {problem}"
            continue
        if keyword not in _KEYWORDS:
            raise AssertionError(f"the keyword `{keyword}` is not known to this check")
        problem = _KEYWORDS[keyword](schema, value, path, root)
        if problem is not None:
            return problem
    return None


_SILENT = {
    "$schema",
    "$defs",
    "title",
    "description",
    "default",
    "examples",
    "format",
    "contentMediaType",
    "contentEncoding",
}
_BOUNDS = {"minimum", "maximum", "minLength", "maxLength", "pattern", "minItems", "maxItems"}


def _type(schema: Json, value: Json, path: str, root: Json) -> str | None:
    names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if any(_is(name, value) for name in names):
        return None
    return f"{path or '/'}: {json.dumps(value)} is not of the type {' or '.join(names)}"


def _is(name: str, value: Json) -> bool:
    if name == "integer":
        return _is("number", value) and value == int(value)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    python = {"string": str, "boolean": bool, "null": type(None), "array": list, "object": dict}
    return isinstance(value, python[name])


def _same(one: Json, other: Json) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _enum(schema: Json, value: Json, path: str, root: Json) -> str | None:
    if any(_same(value, one) for one in schema["enum"]):
        return None
    return f"{path or '/'}: {json.dumps(value)} is not one of {json.dumps(schema['enum'])}"


def _const(schema: Json, value: Json, path: str, root: Json) -> str | None:
    if _same(value, schema["const"]):
        return None
    return f"{path or '/'}: {json.dumps(value)} is not {json.dumps(schema['const'])}"


def _exclusive_minimum(schema: Json, value: Json, path: str, root: Json) -> str | None:
    if not _is("number", value) or value > schema["exclusiveMinimum"]:
        return None
    return f"{path or '/'}: must be more than {schema['exclusiveMinimum']}"


def _required(schema: Json, value: Json, path: str, root: Json) -> str | None:
    for name in schema["required"]:
        if isinstance(value, dict) and name not in value:
            return f"{path or '/'}: `{name}` is missing"
    return None


def _properties(schema: Json, value: Json, path: str, root: Json) -> str | None:
    for name, part in schema["properties"].items():
        if isinstance(value, dict) and name in value:
            problem = _check(part, value[name], f"{path}/{name}", root)
            if problem is not None:
                return problem
    return None


def _additional(schema: Json, value: Json, path: str, root: Json) -> str | None:
    if not isinstance(value, dict):
        return None
    for name in value:
        if name in schema.get("properties", {}):
            continue
        if schema["additionalProperties"] is False:
            return f"{path or '/'}: `{name}` is not known"
        problem = _check(schema["additionalProperties"], value[name], f"{path}/{name}", root)
        if problem is not None:
            return problem
    return None


def _items(schema: Json, value: Json, path: str, root: Json) -> str | None:
    for index, item in enumerate(value if isinstance(value, list) else []):
        problem = _check(schema["items"], item, f"{path}/{index}", root)
        if problem is not None:
            return problem
    return None


def _one_of(schema: Json, value: Json, path: str, root: Json) -> str | None:
    problems = [_check(option, value, path, root) for option in schema["oneOf"]]
    if problems.count(None) == 1:
        return None
    if None in problems:
        return f"{path or '/'}: fits more than one of the forms"
    return _nearest(problems)


def _any_of(schema: Json, value: Json, path: str, root: Json) -> str | None:
    problems = [_check(option, value, path, root) for option in schema["anyOf"]]
    return None if None in problems else _nearest(problems)


def _nearest(problems: list[str | None]) -> str:
    """The mistake of the form that was nearest: a wrong `type` field means another form."""
    told = [problem for problem in problems if problem is not None]
    return next((one for one in told if "/type:" not in one), told[0])


def _ref(schema: Json, value: Json, path: str, root: Json) -> str | None:
    target = root
    for name in schema["$ref"].removeprefix("#/").split("/"):
        target = target[name]
    return _check(target, value, path, root)


_KEYWORDS: dict[str, Callable[[Json, Json, str, Json], str | None]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "exclusiveMinimum": _exclusive_minimum,
    "required": _required,
    "properties": _properties,
    "additionalProperties": _additional,
    "items": _items,
    "oneOf": _one_of,
    "anyOf": _any_of,
    "$ref": _ref,
}
