"""Runs a plugin's code as the host does: JSON in, JSON out, everything under its schema."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import _host
from ..codec import Json, dumps, to_json
from ..connector import Connected, Connector, Receipt, Received, WebhookRequest
from ..failure import Failure
from ..outcome import Done, Outcome, Subscription, Wait
from ..step import Event, Invocation, Step, Timer, Wake
from . import schemas
from .host import Host


def describe(plugin: Step[Any] | Connector[Any]) -> dict[str, Json]:
    """A plugin's descriptor, valid under the published schema."""
    descriptor: dict[str, Json] = _crossed(plugin.descriptor())
    schemas.hold("the descriptor", schemas.published(f"{plugin.kind}-descriptor"), descriptor)
    return descriptor


class Run:
    """A run that stands at a step. It keeps the state of the last wait."""

    def __init__(
        self,
        step: Step[Any],
        settings: Mapping[str, Json],
        *,
        attempt: int = 1,
        visit: int = 1,
        trigger: Mapping[str, Json] | None = None,
        steps: Mapping[str, Json] | None = None,
    ) -> None:
        """With these settings, as a workflow has them; `trigger` is the data of the event that
        started the run, `steps` the outputs of earlier steps."""
        self._step = step
        self._settings = to_json(settings)
        self._attempt = attempt
        self._visit = visit
        self._trigger = dict(trigger or {})
        self._steps = dict(steps or {})
        self._descriptor = describe(step)
        self._state: str | None = None

    def start(self) -> Outcome:
        """The run arrives at the step. Settings that break their schema are refused as the host
        refuses them: with the class `invalid-config`."""
        problem = schemas.check(self._descriptor["settings"], self._settings)
        if problem is not None:
            raise Failure.invalid_config("(schema)", problem)
        return self._held(self._step.run(self._invocation(), dumps(self._settings)))

    def timer(self) -> Outcome:
        """The time of the wait comes."""
        return self._wake(Timer())

    def event(self, name: str, data: Json = None) -> Outcome:
        """An event comes that the step waits for."""
        return self._wake(Event("event-1", name, _crossed(data), _installed(self._step).now))

    def _wake(self, wake: Wake) -> Outcome:
        if self._state is None:
            raise AssertionError("the step does not wait, so nothing can wake it")
        state, self._state = self._state, None
        return self._held(self._step.wake(self._invocation(), dumps(self._settings), state, wake))

    def _invocation(self) -> Invocation:
        host = _installed(self._step)
        contact = None if host.contact is None else dumps(host.contact)
        variables = {"vars": host.variables, "steps": self._steps}
        return Invocation(
            "run-1",
            "test",
            "step",
            self._visit,
            self._attempt,
            dumps(self._trigger),
            dumps(variables),
            contact,
        )

    def _branches(self) -> list[str]:
        """The branches that a workflow with these settings can name."""
        fixed = [branch["name"] for branch in self._descriptor.get("branches", [])]
        places = [self._settings]
        for name in self._descriptor.get("branches-from", "").split("/")[1:]:
            if name == "*":
                places = [item for place in places for item in place]
            else:
                places = [place[name] for place in places if name in place]
        told = places if "branches-from" in self._descriptor else []
        return [*fixed, *told, "success", "failure"]

    def _held(self, outcome: Outcome) -> Outcome:
        """The outcome as it crosses: what was dataclasses is JSON."""
        if isinstance(outcome, Done):
            output = _crossed(outcome.output)
            if output is not None:
                schemas.hold("the output", self._descriptor["output"], output)
            if outcome.branch is not None and outcome.branch not in self._branches():
                raise AssertionError(f"the descriptor names no branch `{outcome.branch}`")
            return Done(output, outcome.branch)
        if isinstance(outcome, Wait):
            if not self._descriptor["waits"]:
                raise AssertionError("a step that waits needs a function marked `@step.resume`")
            if len(outcome.on) > 16:
                raise AssertionError("a wait takes at most 16 events")
            self._state = dumps(outcome.state)
            on = [
                Subscription(to.event, to.about, _crossed(to.when), to.claim) for to in outcome.on
            ]
            return Wait(_crossed(outcome.state), outcome.until, on)
        return outcome


class Plugged:
    """A connector with a channel's settings."""

    def __init__(
        self, connector: Connector[Any], settings: Mapping[str, Json], *, checked: bool = True
    ) -> None:
        """A channel with these settings, valid under the connector's schema unless not `checked`."""
        self._connector = connector
        descriptor = describe(connector)
        if checked:
            schemas.hold("the settings", descriptor["settings"], to_json(settings))
        channel = {"id": "channel-1", "name": "test", "kind": "test", "settings": settings}
        self._channel = dumps(channel)

    def check(self) -> Json:
        """Tests the connection."""
        _installed(self._connector)
        return _crossed(self._connector.run_check(self._channel))

    def connect(self, public_url: str) -> Connected:
        """Registers the webhook."""
        _installed(self._connector)
        return self._connector.run_connect(self._channel, public_url)

    def send(self, message: Mapping[str, Json], key: str = "key-1") -> Receipt:
        """Sends a message, valid under the published schema."""
        _installed(self._connector)
        schemas.hold("the message", schemas.published("message"), to_json(message))
        receipt = self._connector.run_send(self._channel, dumps(message), key)
        return Receipt(receipt.provider_id, receipt.status, _crossed(receipt.detail))

    def receive(self, request: WebhookRequest) -> tuple[Received, list[dict[str, Json]]]:
        """A provider's request: the answer, and its events as JSON under the published schema."""
        _installed(self._connector)
        received = self._connector.run_receive(self._channel, request)
        events = _crossed(list(received.events))
        schemas.hold("the events", schemas.published("inbound-events"), events)
        return received, events


def _crossed(value: object) -> Any:
    """A value as the other side of the boundary has it."""
    return json.loads(dumps(value))


def _installed(plugin: Step[Any] | Connector[Any]) -> Host:
    """The test host in place, told what the plugin's project may call."""
    host = _host.test_host
    if not isinstance(host, Host):
        raise RuntimeError("there is no test host: run the plugin inside `with Host(...):`")
    host.needs = _needs(plugin)
    return host


def _needs(plugin: Step[Any] | Connector[Any]) -> list[str] | None:
    """What the manifest of the project allows in whose sources the plugin stands."""
    file = getattr(sys.modules.get(plugin.module), "__file__", None)
    for folder in Path(file).resolve().parents if file else ():
        manifest = folder / "jackfield.toml"
        if manifest.is_file():
            needs: list[str] = tomllib.loads(manifest.read_text("utf-8"))["plugin"].get("needs", [])
            return needs
    return None
