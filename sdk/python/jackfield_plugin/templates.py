"""The workspace's templates. Local."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from . import _host, codec
from .codec import Json

_templates = _host.Interface("templates")


@dataclass(frozen=True)
class Rendered:
    """A template with the run's variables put in."""

    html: str = ""
    text: str = ""
    subject: str | None = None
    """Of templates that have one."""


_RENDERED = codec.shape(Rendered, strict=False)


def render(name: str, values: Mapping[str, Json] | None = None) -> Rendered:
    """Puts the run's variables into a template, HTML-escaped where they land in HTML. `values`
    stand under the namespace `values`. Errors: `not-found`, `invalid`, `unset-variable`."""
    text = None if values is None else codec.dumps(values)
    return cast(Rendered, _RENDERED.read(_host.read(_templates.call("render", name, text)), ""))
