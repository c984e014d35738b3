"""Steps through the test host."""

import unittest
from dataclasses import dataclass
from typing import Any

from jackfield_plugin import (
    Branch,
    CallError,
    Done,
    End,
    Event,
    Failure,
    FailureClass,
    FailureCode,
    Goto,
    Invocation,
    Limits,
    Outcome,
    Secret,
    Step,
    Subscription,
    Timer,
    Wait,
    Wake,
    clock,
    http,
    log,
)
from jackfield_plugin.testing import Host, Response, Run, call_error, describe


@dataclass
class Settings:
    way: str
    names: list[str] | None = None


@dataclass
class Route:
    name: str


@dataclass
class Routes:
    routes: list[Route]
    take: str


@dataclass
class State:
    asked_at: int
    left: int = 0


@dataclass
class Output:
    how_long: int


step = Step(
    name="every-way",
    version="1.2.3",
    title="Every way",
    summary="Takes every way out.",
    icon="🔀",
    category="logic",
    settings=Settings,
    output=Output,
    branches=[Branch("late", "Too late", otherwise="next")],
    failures=[FailureCode("http-*", "The server answered another status than 2xx")],
    bounds_loops=True,
    hosts=["https://api.example"],
    secrets=[Secret("token", "Token", places=["header"], summary="In the console.", optional=True)],
    limits=Limits(fuel=5, deadline_ms=100),
)


@step.start
def start(run: Invocation, settings: Settings) -> Outcome:
    if settings.way == "wait":
        state = State(asked_at=clock.now(), left=2)
        on = Subscription("custom.ping", about=run.run_id, when={"field": "n", "is": 3})
        return Wait(state, until=clock.now() + clock.duration("1m30s"), on=[on])
    if settings.way == "http":
        http.get("https://api.example/")
    if settings.way == "output":
        return Done({"how-long": "text"})
    if settings.way == "branch":
        return Done(branch="unknown")
    if settings.way == "bug":
        return Done(dict[str, str]()["way"])
    return Goto("other") if settings.way == "goto" else End("enough")


@step.resume
def resume(run: Invocation, settings: Settings, state: State, wake: Wake) -> Outcome:
    if wake == Timer() and state.left > 0:
        return Wait(State(state.asked_at, state.left - 1), until=clock.now() + 1_000)
    if isinstance(wake, Event):
        log.info(f"{wake.name} {wake.data}")
    return Done(Output(clock.now() - state.asked_at), branch="late")


def failure(way: str, **host: Any) -> Failure:
    with Host(**host):
        try:
            Run(step, {"way": way}).start()
        except Failure as failure:
            return failure
    raise AssertionError("no failure")


class Steps(unittest.TestCase):
    def test_the_descriptor_says_all_that_was_declared(self) -> None:
        said = describe(step)
        self.assertEqual(said["limits"], {"fuel": 5, "deadline-ms": 100})
        self.assertEqual(
            said["branches"], [{"name": "late", "title": "Too late", "otherwise": "next"}]
        )
        self.assertEqual(said["failures"][0]["code"], "http-*")
        self.assertTrue(said["waits"])
        self.assertTrue(said["bounds-loops"])
        self.assertEqual(said["output"]["properties"], {"how-long": {"type": "integer"}})
        self.assertNotIn("branches-from", said)

    def test_a_wait_keeps_its_state_until_it_ends(self) -> None:
        with Host() as host:
            run = Run(step, {"way": "wait"})
            wait = run.start()
            assert isinstance(wait, Wait)
            self.assertEqual(wait.state, {"asked-at": host.now, "left": 2})
            self.assertEqual(wait.until, host.now + 90_000)
            self.assertEqual(wait.on[0].about, "run-1")
            host.advance(5)
            self.assertIsInstance(run.timer(), Wait)
            done = run.event("custom.ping", {"n": 3})
            self.assertEqual(done, Done({"how-long": 5}, branch="late"))
            self.assertEqual(host.logs, ["info: custom.ping {'n': 3}"])
            with self.assertRaisesRegex(AssertionError, "does not wait"):
                run.timer()

    def test_a_run_goes_elsewhere_or_ends(self) -> None:
        with Host():
            self.assertEqual(Run(step, {"way": "goto"}).start(), Goto("other"))
            self.assertEqual(Run(step, {"way": "end"}).start(), End("enough"))

    def test_a_refused_call_that_nobody_catches_is_a_failure(self) -> None:
        denied = failure("http")
        self.assertEqual((denied.class_, denied.code), (FailureClass.BLOCKED, "denied"))
        self.assertIn("https://api.example/", denied.message)

        def late(_: http.Request) -> Response:
            raise call_error("timeout", "no answer in time")

        slow = failure("http", http=late)
        self.assertEqual((slow.class_, slow.maybe_sent), (FailureClass.TRANSIENT, True))

    def test_settings_that_break_their_schema_are_refused_before_the_plugin_runs(self) -> None:
        with Host(), self.assertRaises(Failure) as refused:
            Run(step, {"way": "goto", "names": [5]}).start()
        self.assertEqual(refused.exception.class_, FailureClass.INVALID_CONFIG)

    def test_an_output_or_a_branch_that_was_not_declared_ends_the_test(self) -> None:
        with Host():
            with self.assertRaisesRegex(AssertionError, "output breaks its schema"):
                Run(step, {"way": "output"}).start()
            with self.assertRaisesRegex(AssertionError, "names no branch `unknown`"):
                Run(step, {"way": "branch"}).start()

    def test_branches_may_come_from_the_settings(self) -> None:
        router = Step(
            name="router",
            version="1.0.0",
            title="Router",
            summary="Routes.",
            settings=Routes,
            branches_from="/routes/*/name",
        )
        router.start(lambda run, settings: Done(branch=settings.take))
        routes = [{"name": "one"}, {"name": "two"}]
        with Host():
            for name in ("two", "failure"):
                done = Run(router, {"routes": routes, "take": name}).start()
                self.assertEqual(done, Done(branch=name))
            with self.assertRaisesRegex(AssertionError, "names no branch `three`"):
                Run(router, {"routes": routes, "take": "three"}).start()

    def test_a_wait_without_a_way_back_ends_the_test(self) -> None:
        stuck = Step(
            name="stuck", version="1.0.0", title="Stuck", summary="Stuck.", settings=Settings
        )
        stuck.start(lambda run, settings: Wait())
        with Host(), self.assertRaisesRegex(AssertionError, "@step.resume"):
            Run(stuck, {"way": ""}).start()

    def test_what_cannot_cross_is_named_before_it_does(self) -> None:
        def answer(outcome: Any) -> Step[Settings]:
            odd = Step(name="odd", version="1.0.0", title="Odd", summary="Odd.", settings=Settings)
            odd.start(lambda run, settings: outcome)
            odd.resume(lambda run, settings, state, wake: Done())
            return odd

        for outcome, named in (
            (None, "the answer of `start` must be Done | Wait | Goto | End, is None"),
            (Wait(until=1.5), "Wait.until must be int | None, is 1.5"),  # type: ignore[arg-type]
            (Wait(until=-1), "Wait.until"),
            (Wait(on=[Subscription(5)]), "Subscription.event must be str"),  # type: ignore[arg-type]
            (Done(branch=7), "Done.branch"),  # type: ignore[arg-type]
        ):
            with Host(), self.assertRaises(TypeError) as error:
                Run(answer(outcome), {"way": ""}).start()
            self.assertIn(named, str(error.exception))
        with Host(), self.assertRaisesRegex(TypeError, "Request.headers must be"):
            http.get("https://x", headers={"x-count": 5})  # type: ignore[arg-type]
        with Host(), self.assertRaisesRegex(TypeError, "clock.next_open: after must be int"):
            clock.next_open({}, "now")  # type: ignore[arg-type]

    def test_a_bug_shows_as_itself_in_a_test(self) -> None:
        with Host(), self.assertRaises(KeyError):
            Run(step, {"way": "bug"}).start()

    def test_a_call_without_a_host_says_how_to_have_one(self) -> None:
        with self.assertRaisesRegex(RuntimeError, r"with Host\("):
            clock.now()

    def test_a_retry_is_asked_for_in_milliseconds(self) -> None:
        response = Response(429, [("Retry-After", "120")], b"")
        self.assertEqual(response.retry_after(0), 120_000)
        date = "Wed, 21 Oct 2015 07:28:00 GMT"
        dated = Response(429, [("retry-after", date)], b"")
        self.assertEqual(dated.retry_after(1_445_412_470_000), 10_000)
        self.assertEqual(dated.retry_after(1_745_412_470_000), 0)
        self.assertIsNone(Response(429, [("retry-after", "soon")], b"").retry_after(0))

    def test_a_denied_call_names_the_grant(self) -> None:
        error = CallError("denied", "no", grant="https://a.example")
        self.assertIn("https://a.example", Failure.from_call(error).message)
