"""How a step ends an activation: done, waiting, going elsewhere, or ending the run.

return Done({"answer": 42})
return Done(branch="timeout")
return Wait({"asked": 2}, until=clock.now() + 60_000, on=[Subscription("message.received")])
return Goto("ask-again")
return End("the contact has left")
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .crossing import crosses


@crosses
@dataclass(frozen=True)
class Done:
    """The run goes on with a branch of this step."""

    output: Any = None
    """A dataclass or a dict under the descriptor's `output`; later steps read it as
    `steps.ID.NAME`."""
    branch: str | None = None
    """None is `success`."""


@crosses
@dataclass(frozen=True)
class Subscription:
    """An event that ends a wait."""

    event: str
    """Its name, such as `message.received`, `message.status`, or a custom one."""
    about: str | None = None
    """What it must be about (a message's id, a run's id); none is the run's contact."""
    when: Any = None
    """A condition on its data, such as `{"field": "status", "is": "failed"}`."""
    claim: bool = False
    """Takes the event from older waits that claim it too, so that a reply answers the newest
    question."""


@crosses
@dataclass(frozen=True)
class Wait:
    """The run waits, and comes back to `resume` in a fresh sandbox."""

    state: Any = None
    """A dataclass or any JSON, given back on `resume`."""
    until: int | None = None
    """Woken at this time (milliseconds since 1970) at the latest; none is 365 days ahead."""
    on: Sequence[Subscription] = ()
    """Woken by the first of these; at most 16."""


@crosses
@dataclass(frozen=True)
class Goto:
    """The run goes on at the step with this id."""

    step: str


@crosses
@dataclass(frozen=True)
class End:
    """The run ends as completed."""

    reason: str
    """For people."""


Outcome = Done | Wait | Goto | End
