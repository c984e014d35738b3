"""The workspace's other workflows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from . import _host
from .codec import Json, dumps

_workflows = _host.Interface("workflows")


def start(
    workflow: str,
    *,
    from_: str | None = None,
    variables: Mapping[str, Json] | None = None,
    data: Mapping[str, Json] | None = None,
) -> str:
    """Starts a workflow that has the trigger `manual`, for the contact of this run, and answers with
    the run's id. `from_` is the id of the step to begin at, `variables` are those under `vars`,
    `data` is what its trigger brings. Internal: the run begins when the outcome is committed. Its
    end arrives as the event `run.ended` about that id, with the data `{"ended": {"id", "workflow",
    "state", "reason"?, "variables"}}`. Errors: `not-found` (no such workflow or step, or it has no
    trigger `manual`), `invalid`, `already-enrolled` (the contact is in it already), `loop-guard`
    (ten workflows have started one another)."""
    given = {"from": from_, "variables": variables, "data": data}
    options = {name: value for name, value in given.items() if value is not None}
    return cast(str, _workflows.call("start", workflow, dumps(options)))
