"""Write a Jackfield plugin in Python.

A plugin is a workflow step or a channel connector, built into one WebAssembly component. The
contract is `wit/` of the project; this package makes it pleasant and adds nothing to it: a `Step` or
a `Connector` with the functions that the host calls, `Failure` and the outcomes as values, and a
test host (`jackfield_plugin.testing`) so that a plugin is tested with `python3 -m unittest`.

What the host offers is one module for each capability, imported where it is used:

    from jackfield_plugin import clock, contacts, http

`needs` in the project's `jackfield.toml` has to name each of them; importing one that it does not
name ends the build. Nothing in this package imports one by itself.
"""

from .connector import Channel, Connected, Connector, Receipt, Received, WebhookRequest
from .descriptor import (
    Branch,
    FailureCode,
    Limits,
    Media,
    QuickReplies,
    Secret,
    TextLimit,
    secret,
)
from .failure import CallError, Failure, FailureClass, SendError
from .fields import HTML, RAW, URI, Keywords, Name, bounds, ref
from .outcome import Done, End, Goto, Outcome, Subscription, Wait
from .step import Event, Invocation, Step, Timer, Wake

__all__ = [
    "HTML",
    "RAW",
    "URI",
    "Branch",
    "CallError",
    "Channel",
    "Connected",
    "Connector",
    "Done",
    "End",
    "Event",
    "Failure",
    "FailureClass",
    "FailureCode",
    "Goto",
    "Invocation",
    "Keywords",
    "Limits",
    "Media",
    "Name",
    "Outcome",
    "QuickReplies",
    "Receipt",
    "Received",
    "Secret",
    "SendError",
    "Step",
    "Subscription",
    "TextLimit",
    "Timer",
    "Wait",
    "Wake",
    "WebhookRequest",
    "bounds",
    "ref",
    "secret",
]
