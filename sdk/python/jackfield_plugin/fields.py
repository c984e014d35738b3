"""What a field of a dataclass says beside its type, written with `Annotated`.

    @dataclass
    class Settings:
        base_url: Annotated[str, "Where the gateway is.", URI]
        tries: Annotated[int, "How often it is tried.", bounds(minimum=1, maximum=9)] = 3

A plain text is the description that people read. Bounds stand in the JSON Schema and are held when
the settings are read. In YAML the field is called `base-url`: hyphens for underscores, and without
the underscore at the end that keeps a name apart from one of Python's own words (`from_`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, eq=False)
class Keywords:
    """Keywords of JSON Schema (2020-12), added to those that follow from the type."""

    of: Mapping[str, Any]


@dataclass(frozen=True)
class Name:
    """The field's name in YAML and JSON, where it does not follow from the one in Python."""

    name: str


def bounds(
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
    pattern: str | None = None,
    min_items: int | None = None,
    max_items: int | None = None,
) -> Keywords:
    """What a value must keep to: a number's size, a text's length and form, how many items.

    `pattern` is found anywhere in the text unless it has `^` and `$`; write it so that Python's
    `re` and the host's engine read it alike (no look-around, no back-references).
    """
    given = {
        "minimum": minimum,
        "maximum": maximum,
        "minLength": min_length,
        "maxLength": max_length,
        "pattern": pattern,
        "minItems": min_items,
        "maxItems": max_items,
    }
    return Keywords({name: value for name, value in given.items() if value is not None})


def ref(kind: Literal["channel", "template", "contact-field", "step", "condition"]) -> Keywords:
    """The text names a channel, template, field or step of the workspace, or the value is a
    condition: publishing a workflow checks that it is there."""
    return Keywords({"x-jackfield-ref": kind})


#: Variables in the value stay as they are written; the host does not put them in.
RAW = Keywords({"x-jackfield-raw": True})
#: The text is HTML: variables are escaped where they land.
HTML = Keywords({"contentMediaType": "text/html"})
#: The text is a URI: variables are percent-encoded where they land.
URI = Keywords({"format": "uri"})
