"""Where a network reacts: the hop, never too near; the server, never the network in its place."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from traced_paths import SERVER_TTL, Path, answer, shots_on

from probe.analysis.locate import flooded, locate
from probe.model.trace import (
    Answer,
    AnswerKind,
    Arm,
    Effect,
    Finding,
    Fingerprint,
    Placement,
    Shot,
    Trigger,
)
from probe.model.verdict import Confidence


@pytest.mark.parametrize("hop", [1, 2, 4, 6])
@pytest.mark.parametrize("beside", [True, False])
def test_resets_are_located(hop: int, beside: bool) -> None:
    """The first hop that answers, and whether the trigger still gets behind it."""
    found = locate(shots_on(Path(machine=hop, beside=beside)), Trigger.TLS)
    assert (found.finding, found.first, found.last) == (Finding.NETWORK, hop, hop)
    assert found.effect is Effect.RESET
    assert found.placement is (Placement.ON_PATH if beside else Placement.IN_PATH)
    assert found.specific
    assert (found.rounds, found.of, found.confidence) == (3, 3, Confidence.LIKELY)
    assert found.server_at == 7


@pytest.mark.parametrize("kind", [AnswerKind.FIN, AnswerKind.DATA])
def test_the_effect_is_what_came_back(kind: AnswerKind) -> None:
    """An end, or bytes, in the server's name."""
    found = locate(shots_on(Path(machine=3, kind=kind)), Trigger.HTTP)
    effect = {AnswerKind.FIN: Effect.FIN, AnswerKind.DATA: Effect.ANSWER}[kind]
    assert (found.finding, found.first, found.effect) == (Finding.NETWORK, 3, effect)


@pytest.mark.parametrize("hop", [2, 4, 6])
def test_silence_is_located(hop: int) -> None:
    """The first hop that hears neutral shots and no trigger."""
    found = locate(shots_on(Path(machine=hop, kind=None)), Trigger.TLS)
    assert (found.finding, found.first, found.last) == (Finding.NETWORK, hop, hop)
    assert (found.effect, found.placement) == (Effect.SILENCE, Placement.IN_PATH)
    assert found.confidence is Confidence.LIKELY


def test_silence_behind_silent_routers_is_a_range() -> None:
    """Where routers say nothing nobody can tell which of them it is, and that is said."""
    found = locate(shots_on(Path(machine=4, kind=None, silent=(4, 5))), Trigger.TLS)
    assert (found.finding, found.first, found.last) == (Finding.NETWORK, 4, 6)
    assert found.confidence is Confidence.WEAK
    assert found.notes


def test_an_injector_behind_silent_routers_is_exact() -> None:
    """Its own packets tell where it is; no router has to."""
    found = locate(shots_on(Path(machine=4, beside=True, silent=(3, 4, 5))), Trigger.TLS)
    assert (found.first, found.last, found.placement) == (4, 4, Placement.ON_PATH)


def test_all_routers_silent() -> None:
    """The neutral shots that met no server at that hop are enough."""
    every = tuple(range(1, 7))
    found = locate(shots_on(Path(machine=4, silent=every)), Trigger.TLS)
    assert (found.finding, found.first, found.last) == (Finding.NETWORK, 4, 4)


@pytest.mark.parametrize("seed", range(20))
def test_a_server_that_resets_is_no_hop(seed: int) -> None:
    """Also with loss: what comes from where the server is is the server's."""
    found = locate(shots_on(Path(resets=True, loss=0.1), seed=seed), Trigger.TLS)
    assert found.finding is Finding.SERVER
    assert found.effect is Effect.RESET
    assert found.server_at == found.last


def test_a_reset_at_the_server_that_looks_otherwise_is_weak() -> None:
    """A machine directly in front of the server, perhaps: a note says so."""
    shots = tuple(
        msgspec.structs.replace(shot, answers=(answer(AnswerKind.RESET, 61),))
        if shot.arm is Arm.TARGET and shot.ttl >= 7
        else shot
        for shot in shots_on(Path(resets=True))
    )
    found = locate(shots, Trigger.TLS)
    assert (found.finding, found.confidence) == (Finding.SERVER, Confidence.WEAK)
    assert any("in front" in note for note in found.notes)


def test_nobody_reacts() -> None:
    """The trigger is answered as its neutral twin is."""
    found = locate(shots_on(Path()), Trigger.TLS)
    assert (found.finding, found.first, found.notes) == (Finding.NONE, None, ())
    assert found.confidence is Confidence.LIKELY


def test_one_round_is_weak() -> None:
    """A single contrast makes no headline."""
    found = locate(shots_on(Path(machine=4), rounds=1), Trigger.TLS)
    assert (found.finding, found.last, found.confidence) == (Finding.NETWORK, 4, Confidence.WEAK)


def test_a_machine_that_spares_nobody_is_not_about_the_name() -> None:
    """The neutral shots are answered on the way as well."""
    found = locate(shots_on(Path(machine=4, beside=True, spares_neutral=False)), Trigger.TLS)
    assert (found.finding, found.first, found.specific) == (Finding.NETWORK, 4, False)


def test_a_dead_path_says_nothing() -> None:
    """Where neutral shots get no further there is nothing to conclude from."""
    found = locate(
        shots_on(Path(machine=4, kind=None, spares_neutral=False, connections=False)), Trigger.DNS
    )
    assert (found.finding, found.first, found.last) == (Finding.INCONCLUSIVE, 4, None)


def test_no_connection_no_trace() -> None:
    """Shots that never left say nothing about any hop."""
    shots = tuple(
        msgspec.structs.replace(shot, failure="generic_timeout_error", router=None, answers=())
        if shot.arm is Arm.TARGET
        else shot
        for shot in shots_on(Path())
    )
    found = locate(shots, Trigger.TLS)
    assert (found.finding, found.of) == (Finding.INCONCLUSIVE, 0)
    assert "connection" in found.notes[0]


def test_a_trace_that_was_broken_off_early() -> None:
    """Without a shot at the target nothing is said of its connection."""
    shots = [shot for shot in shots_on(Path()) if shot.arm is not Arm.TARGET]
    found = locate(shots, Trigger.TLS)
    assert found.finding is Finding.INCONCLUSIVE
    assert "ended before" in found.notes[0]


def test_spoilt_rounds_are_left_out() -> None:
    """A round in which residual blocking holds the neutral name up counts for nothing."""
    good = shots_on(Path(machine=5), rounds=2)
    spoilt = tuple(
        msgspec.structs.replace(
            shot, round=3, router=None, taken=None, answers=(answer(AnswerKind.RESET, 91),)
        )
        for shot in good
        if shot.round == 1 and shot.arm is Arm.TARGET
    )
    held_up = tuple(
        msgspec.structs.replace(shot, round=3, router=None, taken=None, answers=())
        for shot in good
        if shot.round == 1 and shot.arm is Arm.NEUTRAL
    )
    found = locate(good + held_up + spoilt, Trigger.TLS)
    assert (found.first, found.of) == (5, 2)
    assert "left out" in found.notes[0]


def test_ways_of_different_length_make_no_false_hop() -> None:
    """Some flows meet the server at hop 6, others a router: its own TTL tells its resets."""
    longer = shots_on(Path(server=7, resets=True))
    shorter = tuple(
        msgspec.structs.replace(shot, round=shot.round + 3)
        for shot in shots_on(Path(server=6, resets=True))
    )
    found = locate(longer + shorter, Trigger.TLS)
    assert found.finding is Finding.SERVER


def test_a_prohibiting_router_names_itself() -> None:
    """ICMP 'prohibited' from the way is an answer that was made there."""
    shots = tuple(
        msgspec.structs.replace(
            shot, router=None, taken=None, answers=(answer(AnswerKind.UNREACHABLE, 62),)
        )
        if shot.arm is Arm.TARGET and shot.ttl >= 4
        else shot
        for shot in shots_on(Path())
    )
    found = locate(shots, Trigger.TLS)
    assert (found.finding, found.effect, found.first) == (Finding.NETWORK, Effect.PROHIBITED, 4)


@pytest.mark.parametrize(
    ("answers", "note"),
    [((), "no answer came"), ((answer(AnswerKind.UNREACHABLE, SERVER_TTL),), "nobody listens")],
)
def test_a_server_that_says_nothing_is_not_judged(answers: tuple[Answer, ...], note: str) -> None:
    """It took the trigger, or has its port closed: neither is the network's doing, nor nobody's."""
    shots = tuple(
        msgspec.structs.replace(shot, answers=answers)
        if shot.arm is Arm.TARGET and shot.ttl >= 7
        else shot
        for shot in shots_on(Path())
    )
    found = locate(shots, Trigger.TLS)
    assert found.finding is Finding.INCONCLUSIVE
    assert note in found.notes[0]


# --- SYNs -----------------------------------------------------------------------------------------


def syn_shots(*, machine: int, heard_behind: bool, path_behind: bool) -> tuple[Shot, ...]:
    """Return SYNs that are reset from a hop on, and datagrams along the same way."""
    shots: list[Shot] = []
    for number in (1, 2, 3):
        for ttl in range(1, 9):
            reset = (answer(AnswerKind.RESET, 60),) if ttl >= machine else ()
            speaks = ttl < 7 and (ttl < machine or heard_behind)
            shots.append(
                Shot(
                    round=number,
                    arm=Arm.TARGET,
                    ttl=ttl,
                    router=f"203.0.113.{ttl}" if speaks else None,
                    answers=reset,
                )
            )
    for ttl in range(1, 9):
        goes = ttl < 7 and (ttl < machine or path_behind)
        router = f"203.0.113.{ttl}" if goes else None
        shots.append(Shot(round=1, arm=Arm.PATH, ttl=ttl, router=router))
    return tuple(shots)


def test_a_reset_syn_beside_the_path_is_located() -> None:
    """Routers behind it have heard the SYN."""
    found = locate(syn_shots(machine=4, heard_behind=True, path_behind=True), Trigger.SYN)
    assert (found.finding, found.first, found.placement) == (
        Finding.NETWORK,
        4,
        Placement.ON_PATH,
    )


def test_a_reset_syn_in_the_path_is_located_when_the_way_goes_on() -> None:
    """Datagrams to the same address came further than the hop that resets."""
    found = locate(syn_shots(machine=4, heard_behind=False, path_behind=True), Trigger.SYN)
    assert (found.finding, found.first, found.placement) == (
        Finding.NETWORK,
        4,
        Placement.IN_PATH,
    )


def test_a_reset_syn_with_nothing_behind_cannot_be_told() -> None:
    """The server may stand there: no hop of the network is named."""
    found = locate(syn_shots(machine=4, heard_behind=False, path_behind=False), Trigger.SYN)
    assert found.finding is Finding.INCONCLUSIVE
    assert "server may stand there" in found.notes[0]


@pytest.mark.parametrize("same", [True, False])
def test_a_neutral_address_counts_on_the_same_way_only(same: bool) -> None:
    """Silence of a SYN is measured against another host only behind the same router."""
    shots = [
        Shot(round=number, arm=arm, ttl=ttl, router=router)
        for number in (1, 2, 3)
        for ttl in range(1, 7)
        for arm, router in (
            (Arm.TARGET, f"203.0.113.{ttl}" if ttl < 4 else None),
            (Arm.NEUTRAL, f"{'203.0.113' if same else '198.51.100'}.{ttl}"),
        )
    ]
    found = locate(shots, Trigger.SYN)
    expected = (Finding.NETWORK, 4) if same else (Finding.INCONCLUSIVE, None)
    assert (found.finding, found.last) == expected


# --- loss, and bytes of anybody -------------------------------------------------------------------


@given(
    seed=st.integers(0, 10_000),
    hop=st.integers(1, 6),
    beside=st.booleans(),
    kind=st.sampled_from([AnswerKind.RESET, AnswerKind.DATA, AnswerKind.FIN]),
    loss=st.floats(0, 0.6),
)
def test_no_loss_brings_an_injector_nearer(
    seed: int, hop: int, beside: bool, kind: AnswerKind, loss: float
) -> None:
    """Whatever is lost, the farthest hop that is named is the true one or behind it."""
    path = Path(machine=hop, beside=beside, kind=kind, loss=loss)
    found = locate(shots_on(path, seed=seed), Trigger.TLS)
    if found.finding is Finding.NETWORK and found.effect is not Effect.SILENCE:
        assert found.last is not None
        assert found.last >= hop


@given(seed=st.integers(0, 10_000), resets=st.booleans(), loss=st.floats(0, 0.3))
def test_no_loss_makes_a_network_of_a_server(seed: int, resets: bool, loss: float) -> None:
    """Where no machine stands on the way none is found by its answers."""
    found = locate(shots_on(Path(resets=resets, loss=loss), seed=seed), Trigger.TLS)
    assert found.finding is not Finding.NETWORK or found.effect is Effect.SILENCE


FINGERPRINTS = st.builds(Fingerprint, ttl=st.sampled_from([SERVER_TTL, 61, 255]))
ANSWERS = st.builds(
    answer, kind=st.sampled_from(AnswerKind), ttl=st.sampled_from([SERVER_TTL, 61, 255])
)
SHOTS = st.builds(
    Shot,
    round=st.integers(1, 3),
    arm=st.sampled_from(Arm),
    ttl=st.integers(1, 10),
    failure=st.sampled_from([None, None, "connection_reset"]),
    router=st.sampled_from([None, "203.0.113.1", "203.0.113.2"]),
    taken=st.sampled_from([None, SERVER_TTL, 61]),
    server=st.none() | FINGERPRINTS,
    answers=st.lists(ANSWERS, max_size=3).map(tuple),
)


@given(shots=st.lists(SHOTS, max_size=40), trigger=st.sampled_from(Trigger))
def test_any_shots_are_judged(shots: list[Shot], trigger: Trigger) -> None:
    """A network that contradicts itself gets a finding, with hops in their order, and no error."""
    found = locate(shots, trigger)
    if found.first is not None and found.last is not None:
        assert 1 <= found.first <= found.last
    assert found.finding is not Finding.NETWORK or found.last is not None


@pytest.mark.parametrize("hop", [3, 5])
@pytest.mark.parametrize("beside", [True, False])
def test_the_range_holds_the_hop(hop: int, beside: bool) -> None:
    """With 10 % loss each way and nothing sent again it does in 95 of 100 traces and more."""
    path = Path(machine=hop, beside=beside, loss=0.1, tries=1)
    found = [locate(shots_on(path, seed=seed), Trigger.TLS) for seed in range(100)]
    within = [one for one in found if one.first and one.last and one.first <= hop <= one.last]
    assert len(within) >= 95
    assert sum(one.exact for one in within) >= 80


def test_silence_after_the_first_reset_is_residual() -> None:
    """A machine that cuts the pair of addresses off after it saw the name missed nothing."""
    shots = tuple(
        msgspec.structs.replace(shot, router=None, taken=None, answers=())
        if shot.arm is Arm.TARGET and shot.ttl > 4
        else shot
        for shot in shots_on(Path(machine=4), rounds=2)
    )
    found = locate(shots, Trigger.TLS)
    assert (found.finding, found.first, found.last) == (Finding.NETWORK, 4, 4)


def test_a_range_is_said_where_loss_may_have_hidden_a_nearer_hop() -> None:
    """A machine that reacts seldom may have missed its chance nearer by; the note says so."""
    shots = tuple(
        msgspec.structs.replace(shot, answers=())
        if shot.arm is Arm.TARGET and (shot.round, shot.ttl) not in {(1, 5), (2, 8)}
        else shot
        for shot in shots_on(Path(machine=5, beside=True))
    )
    found = locate(shots, Trigger.TLS)
    assert found.last == 5
    assert found.first is not None
    assert found.first < 5
    assert found.confidence is Confidence.WEAK
    assert any("loss" in note for note in found.notes)


def test_where_packets_could_not_be_read_no_silence_is_told() -> None:
    """Whoever floods a line hides answers; what was seen of others stands, and is weak."""
    silent = locate(shots_on(Path(machine=4, kind=None)), Trigger.TLS)
    assert (silent.finding, silent.effect) == (Finding.NETWORK, Effect.SILENCE)
    assert flooded(silent, 0) == silent
    assert flooded(silent, 3).finding is Finding.INCONCLUSIVE
    reset = flooded(locate(shots_on(Path(machine=4)), Trigger.TLS), 3)
    assert (reset.finding, reset.first, reset.confidence) == (Finding.NETWORK, 4, Confidence.WEAK)
    assert "3 packets" in reset.notes[-1]
