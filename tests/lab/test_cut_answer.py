"""A server that is cut in the middle of its answer to a hello: the wire, and real sockets."""

from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio
from test_lab_actions import PATIENT, QUICK, WEB, endpoint_of, env_of

from probe.lab.actions import ACTIONS, Action
from probe.lab.cut_answer import CutAnswer
from probe.lab.process import Lab
from probe.lab.rules import Rule, What, Who
from probe.lab.scenario import load_scenario
from probe.model.measurement import TlsStep
from probe.probes.measure import measure


class Written:
    """A wire that keeps what is done with it."""

    def __init__(self) -> None:
        self.data = b""
        self.ended: list[str] = []

    def write(self, data: bytes) -> None:
        """Keep bytes."""
        self.data += data

    def close(self) -> None:
        """Keep the end."""
        self.ended.append("close")

    def cut(self) -> None:
        """Keep the end."""
        self.ended.append("cut")

    def reset(self) -> None:
        """Keep the end."""
        self.ended.append("reset")


def test_what_is_behind_the_cut_is_not_sent() -> None:
    """The first bytes pass, in whatever pieces; the next one is the censor's moment, once."""
    wire, cuts = Written(), []
    answer = CutAnswer(wire, 5, lambda: cuts.append(wire.data))
    answer.write(b"abc")
    answer.write(b"de")
    assert (wire.data, cuts) == (b"abcde", [])
    answer.write(b"f")
    answer.write(b"g")
    assert (wire.data, cuts) == (b"abcde", [b"abcde"])


@pytest.mark.parametrize("end", ["close", "cut", "reset"])
def test_the_servers_own_end_comes_through_only_before_the_cut(end: str) -> None:
    """Behind it the server's end is one more thing that does not pass."""
    wire = Written()
    answer = CutAnswer(wire, 1, lambda: None)
    getattr(answer, end)()
    answer.write(b"ab")
    getattr(answer, end)()
    assert (wire.data, wire.ended) == (b"a", [end])


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def lab() -> AsyncIterator[Lab]:
    """Return a lab in the small world."""
    async with Lab(load_scenario("none"), http2=False) as running:
        yield running


def cut_by(action: Action, answered: int) -> Rule:
    spec = ACTIONS[action]
    return Rule(
        id="r",
        who=Who(sni=("web.messenger.example",)),
        what=What(action=action, answered=answered),
        layers=spec.layers,
    )


@pytest.mark.parametrize(
    ("action", "failure"),
    [
        (Action.SNI_RESET, "connection_reset"),
        (Action.SNI_DROP, "generic_timeout_error"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_handshake_is_cut_after_the_server_began(
    lab: Lab, action: Action, failure: str
) -> None:
    """So many bytes came back and no more; the control has its whole handshake."""
    rules = (cut_by(action, 300),)
    await lab.play(msgspec.structs.replace(load_scenario("none"), rules=rules))
    for control in (False, True):
        env = env_of(lab, control=control, timeouts=PATIENT if control else QUICK)
        done = await measure(endpoint_of(lab, WEB), env)
        step = next(s for s in done.steps if isinstance(s, TlsStep))
        if control:
            assert step.failure is None
        else:
            assert (step.failure, step.bytes_received) == (failure, 300)
