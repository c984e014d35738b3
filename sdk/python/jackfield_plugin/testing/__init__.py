"""A host for tests: the imports lead here when a plugin runs natively.

    with Host(contact={"firstname": "Ann"}):
        outcome = Run(step, {"greeting": "Good morning"}).start()
    assert outcome == Done({"text": "Good morning Ann"})

Everything that crosses the boundary is held against the published schemas, so that a plugin that
passes its tests speaks the contract: descriptors, settings, outputs, outgoing messages and inbound
events; and a plugin may call only what `needs` in its project's `jackfield.toml` names. What breaks
one of these ends the test with an `AssertionError` that says where.

What it does not show: a component can import modules only while it is built, and has no clock, no
randomness and no files but through the imports. So import at the top of a module, and use `clock`
and `random` of this package.
"""

from ..http import Response
from .host import Host, call_error
from .plugin import Plugged, Run, describe

__all__ = ["Host", "Plugged", "Response", "Run", "call_error", "describe"]
