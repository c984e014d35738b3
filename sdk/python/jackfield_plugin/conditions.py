"""The one evaluator of conditions that triggers, `when:` and waits use too. Local."""

from __future__ import annotations

from typing import cast

from . import _host
from .codec import Json, dumps

_conditions = _host.Interface("conditions")


def evaluate(condition: Json) -> bool:
    """Whether a condition holds for the run, such as `{"field": "contact.city", "is": "Paris"}`.
    Errors: `invalid`."""
    return cast(bool, _conditions.call("evaluate", dumps(condition)))
