"""A workflow step: what it says of itself, and the functions that the host calls.

    step = Step(name="greet", ..., settings=Settings)

    @step.start
    def start(run: Invocation, settings: Settings) -> Outcome: ...

A step never sleeps and keeps nothing in memory: it returns `Wait` with the little state that it
wants back, and `@step.resume` is called with it in a fresh sandbox.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from . import codec
from .codec import Json, Shape, Unreadable
from .crossing import hold
from .descriptor import Branch, Category, FailureCode, Limits, Secret, schema_of, written
from .failure import CallError, Failure
from .outcome import Outcome

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True)
class Invocation:
    """What the step is asked to do, beside its settings. `..._text` are the JSON as it came."""

    run_id: str
    workflow: str
    """The workflow's name."""
    step_id: str
    """The step's id in the workflow."""
    visit: int
    """The n-th time that this run stands at this step, from 1."""
    attempt: int
    """The n-th try of this visit, from 1."""
    trigger_text: str
    variables_text: str
    contact_text: str | None

    @cached_property
    def trigger(self) -> dict[str, Any]:
        """The data of the event that started the run."""
        return typing.cast("dict[str, Any]", from_host("the trigger's data", self.trigger_text))

    @cached_property
    def variables(self) -> dict[str, Any]:
        """The run's variables: `{"vars": {...}, "steps": {"step-id": output}}`."""
        return typing.cast("dict[str, Any]", from_host("the run's variables", self.variables_text))

    @cached_property
    def contact(self) -> dict[str, Any] | None:
        """The contact that the run is about, if there is one."""
        if self.contact_text is None:
            return None
        return typing.cast("dict[str, Any]", from_host("the contact", self.contact_text))


@dataclass(frozen=True)
class Timer:
    """The time of the wait came."""


@dataclass(frozen=True)
class Event:
    """An event ended the wait."""

    id: str
    name: str
    data: Json
    at: int
    """When it was accepted, in milliseconds since 1970."""


Wake = Timer | Event
"""What ended a wait."""

Start = Callable[[Invocation, S], Outcome]
Resume = Callable[[Invocation, S, T, Wake], Outcome]


class Step(Generic[S]):
    """A step. The arguments are those of `wit/schemas/step-descriptor.schema.json`; that it waits
    follows from `@step.resume`."""

    kind = "step"

    def __init__(
        self,
        *,
        name: str,
        version: str,
        title: str,
        summary: str,
        settings: type[S],
        output: type | dict[str, Any] | None = None,
        category: Category = "other",
        icon: str | None = None,
        branches: Sequence[Branch] = (),
        branches_from: str | None = None,
        failures: Sequence[FailureCode] = (),
        bounds_loops: bool | None = None,
        hosts: Sequence[str] = (),
        secrets: Sequence[Secret] = (),
        limits: Limits | None = None,
    ) -> None:
        """`settings` and `output` are dataclasses; their hints and texts become the JSON Schemas
        (`output` may be one already). `branches_from` is where in the settings the names of more
        branches stand, such as `/branches/*/name`."""
        self.name = name
        self.module: str = ""
        """Of the plugin's functions; the test host looks up its project."""
        self._settings = codec.shape(settings)
        self._state: Shape = codec.Anything()
        self._start: Start[S] | None = None
        self._resume: Resume[S, Any] | None = None
        self._parts = {
            "name": name,
            "version": version,
            "title": title,
            "summary": summary,
            "icon": icon,
            "category": category,
            "settings": self._settings.schema(),
            "output": {"type": "object"} if output is None else schema_of(output),
            "branches": tuple(branches),
            "branches_from": branches_from,
            "failures": tuple(failures),
            "bounds_loops": bounds_loops,
            "hosts": tuple(hosts),
            "secrets": tuple(secrets),
            "limits": limits,
        }

    def start(self, function: Start[S]) -> Start[S]:
        """Marks the function that is called when a run arrives at the step."""
        self._start = function
        self.module = function.__module__
        return function

    def resume(self, function: Resume[S, T]) -> Resume[S, T]:
        """Marks the function that is called when a wait of this visit has ended. Its third parameter
        gets the state of the wait, as the type that it names. Variables in the settings are put in
        afresh."""
        self._resume = function
        self._state = codec.shape(_third_hint(function))
        return function

    def descriptor(self) -> dict[str, Json]:
        """What the step says of itself."""
        return written({**self._parts, "waits": self._resume is not None})

    def run(self, run: Invocation, settings: str) -> Outcome:
        """Starts the step with settings as the host has them. Raises `Failure`."""
        if self._start is None:
            raise TypeError("a step needs a function marked `@step.start`")
        try:
            outcome = self._start(run, read_settings(self._settings, settings))
        except CallError as error:
            raise Failure.from_call(error) from error
        hold(Outcome, outcome, "the answer of `start`")
        return outcome

    def wake(self, run: Invocation, settings: str, state: str, wake: Wake) -> Outcome:
        """Resumes the step with settings and state as the host has them. Raises `Failure`."""
        if self._resume is None:
            raise Failure.permanent(
                "contract", "this step never waits, so there is nothing to resume"
            )
        known = read_settings(self._settings, settings)
        try:
            kept = self._state.read(from_host("the step's state", state), "")
        except Unreadable as error:
            raise Failure.permanent("state", f"the step's state cannot be read: {error}") from None
        try:
            outcome = self._resume(run, known, kept, wake)
        except CallError as error:
            raise Failure.from_call(error) from error
        hold(Outcome, outcome, "the answer of `resume`")
        return outcome


def read_settings(shape: Shape, text: str) -> Any:
    """Settings as their type. A mistake is a failure `invalid-config` that names the setting."""
    try:
        return shape.read(json.loads(text), "")
    except Unreadable as error:
        raise Failure.invalid_config(error.path or "(all)", error.reason) from None
    except ValueError as error:
        raise Failure.invalid_config("(all)", f"no JSON: {error}") from None


def from_host(what: str, text: str) -> Json:
    """JSON that the host made: a mistake is the host's or a version's, not the operator's."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise Failure.permanent(
            "contract", f"{what} from the host cannot be read: {error}"
        ) from None


def _third_hint(function: Callable[..., Any]) -> Any:
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    if len(names) != 4:
        raise TypeError(
            "`resume` takes four parameters: the run, the settings, the state, the wake"
        )
    return typing.get_type_hints(function, include_extras=True).get(names[2], Any)
