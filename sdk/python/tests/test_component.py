"""The bridge of `component` against the bindings that the tool generates of the contract: the same
records and variants as in a component, with an ordinary interpreter around them."""

import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
SDK = HERE.parent
WIT = HERE.parents[2] / "wit"
OWN = Path(sys.executable).parent / "componentize-py"
TOOL = str(OWN) if OWN.is_file() else shutil.which("componentize-py")

STEP = """
import json, sys
from jackfield_plugin import component
from jackfield_plugin.testing import Host
from tests import test_step
Step = component.step(test_step)
from wit_world.exports import step as contract
from componentize_py_types import Err

def invocation(settings):
    return contract.Invocation("r", "w", "s", 1, 1, settings, "{}", '{"vars": {}, "steps": {}}', None)

def failed(settings):
    try:
        Step().start(invocation(settings))
    except Err as error:
        return error.value
    raise AssertionError("no failure")

with Host() as host:
    assert json.loads(Step().describe())["name"] == "every-way"
    wait = Step().start(invocation('{"way": "wait"}')).value
    assert json.loads(wait.state) == {"asked-at": host.now, "left": 2}, wait
    assert json.loads(wait.events[0].when) == {"field": "n", "is": 3}
    event = contract.Wake_Event(contract.Event("e", "ping", '{"n": 3}', 5))
    done = Step().resume(invocation('{"way": "wait"}'), wait.state, event).value
    assert (done.branch, done.output) == ("late", '{"how-long":0}'), done
    again = Step().resume(invocation('{"way": "wait"}'), wait.state, contract.Wake_Timer())
    assert isinstance(again, contract.Outcome_Wait)
    assert Step().start(invocation('{"way": "goto"}')) == contract.Outcome_Goto("other")
    assert Step().start(invocation('{"way": "end"}')) == contract.Outcome_End("enough")
    assert failed('{"way": 5}').class_.name == "INVALID_CONFIG"
    assert failed('{"way": "http"}').code == "denied"
    bug = failed('{"way": "bug"}')
    assert (bug.class_.name, bug.code, bug.message) == ("PERMANENT", "exception", "KeyError: 'way'")
    try:
        import antigravity
        raise AssertionError("a component can import nothing")
    except ModuleNotFoundError:
        pass
    print("a line")
    assert host.logs[-1] == "info: a line", host.logs
"""

CONNECTOR = """
import json, sys
from jackfield_plugin import component
from jackfield_plugin.testing import Host, Response
from tests import test_connector
Connector = component.connector(test_connector)
from wit_world.exports import connector as contract
from componentize_py_types import Err

channel = json.dumps({"id": "c", "name": "n", "kind": "k", "settings": test_connector.SETTINGS})
with Host(http=Response(200, [], b"", "https://x")):
    assert json.loads(Connector().describe())["address"] == "phone"
    assert json.loads(Connector().check(channel)) == {"url": "https://x", "channel": "n"}
    assert json.loads(Connector().connect(channel, "https://h"))["registered"] is False
    receipt = Connector().send(channel, json.dumps(test_connector.TEXT), "k")
    assert receipt == contract.Receipt("id", "sent", '{"key":"k"}'), receipt
    request = contract.Request("POST", "https://x/?ok", [("a", "b")], b"text=Hi")
    received = Connector().receive(channel, request)
    assert json.loads(received.events)[0]["provider-id"] == "p1"
    assert received.headers == [("content-type", "application/json")]
    try:
        Connector().send(channel, json.dumps({**test_connector.TEXT, "to": ["bug"]}), "k")
        raise AssertionError("no failure")
    except Err as error:
        assert (error.value.code, error.value.maybe_sent) == ("unknown", True), error.value
    try:
        Connector().check('{"settings": {}}')
        raise AssertionError("no failure")
    except Err as error:
        assert error.value.message == "setting `base-url`: is missing", error.value
"""


@unittest.skipIf(TOOL is None, "needs componentize-py, which check.py brings")
class TheBridge(unittest.TestCase):
    def run_with_bindings(self, world: str, program: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            assert TOOL is not None
            bindings = [TOOL, "-d", str(WIT), "-w", world, "bindings", folder]
            subprocess.run(bindings, check=True, capture_output=True)
            paths = f"import sys; sys.path[:0] = [{str(SDK)!r}, {folder!r}]\n"
            done = subprocess.run(
                [sys.executable, "-c", paths + program], capture_output=True, text=True, cwd=SDK
            )
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_step_crosses_as_the_contract_has_it(self) -> None:
        self.run_with_bindings("step-plugin", STEP)

    def test_a_connector_crosses_as_the_contract_has_it(self) -> None:
        self.run_with_bindings("connector-plugin", CONNECTOR)
