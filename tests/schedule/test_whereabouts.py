"""Whose the hops are, and that what is near oneself is in no result."""

import ipaddress
from pathlib import Path

import msgspec
import pytest

from probe.model.trace import Answer, AnswerKind, Arm, Fingerprint, Shot
from probe.schedule.mmdb import AddressRange, mmdb_bytes
from probe.schedule.network import NetworkLookup
from probe.schedule.whereabouts import hop_rows, near_hops, scrubbed

ROUTERS = {
    1: "192.168.1.1",
    2: "100.64.0.1",
    3: "29.1.1.3",
    4: "29.1.1.4",
    5: "33.1.1.5",
    6: "10.9.9.9",
}
OWN = "29.7.7.7"


def shots(routers: dict[int, str] = ROUTERS) -> tuple[Shot, ...]:
    """Return a neutral shot and a trigger a hop."""
    return tuple(
        Shot(round=1, arm=arm, ttl=ttl, router=router)
        for ttl, router in routers.items()
        for arm in (Arm.NEUTRAL, Arm.TARGET)
    )


@pytest.fixture
def lookup(tmp_path: Path) -> NetworkLookup:
    """Return a database in which 29/8 is AS64500 in XX, 33/8 AS64510 in XA."""
    files: list[Path] = []
    tables: tuple[tuple[str, list[dict[str, str | int]]], ...] = (
        ("asn", [{"autonomous_system_number": n} for n in (64500, 64510)]),
        ("country", [{"country_code": code} for code in ("XX", "XA")]),
    )
    for name, rows in tables:
        blocks = (ipaddress.IPv4Network("29.0.0.0/8"), ipaddress.IPv4Network("33.0.0.0/8"))
        ranges = [
            AddressRange(int(block[0]), int(block[-1]), row)
            for block, row in zip(blocks, rows, strict=True)
        ]
        files.append(tmp_path / f"{name}.mmdb")
        files[-1].write_bytes(mmdb_bytes(ranges, kind=name, built_epoch=1))
    return NetworkLookup(*files)


def test_near_addresses_are_in_no_result(lookup: NetworkLookup) -> None:
    """Neither in the rows nor in the evidence: the first three hops, and what is not public."""
    rows = hop_rows(shots(), lookup, country="XX")
    kept = msgspec.json.encode((rows, scrubbed(shots()))).decode()
    assert [router for router in ROUTERS.values() if router in kept] == ["29.1.1.4", "33.1.1.5"]
    assert [row.scrubbed for row in rows] == [True, True, True, False, False, True]


def test_up_to_the_first_public_router_all_is_near() -> None:
    """Behind four private hops the fifth is the one that knows the line."""
    far = {1: "10.0.0.1", 2: "10.0.0.2", 3: "10.0.0.3", 4: "10.0.0.4", 5: "29.1.1.5", 6: "29.1.1.6"}
    assert near_hops(shots(far)) == 5
    assert {s.router for s in scrubbed(shots(far)) if s.router} == {"29.1.1.6"}


def test_a_scrubbed_shot_was_still_heard() -> None:
    """What is not kept is not lost for who judges again."""
    first = scrubbed(shots())[0]
    assert (first.router, first.scrubbed, first.heard) == (None, True, True)


def test_network_and_country_stay(lookup: NetworkLookup) -> None:
    """They are looked up before the address goes."""
    rows = hop_rows(shots(), lookup, country="XX")
    assert [(row.asn, row.country, row.inside) for row in rows] == [
        (None, None, None),
        (None, None, None),
        (64500, "XX", True),
        (64500, "XX", True),
        (64510, "XA", False),
        (None, None, None),
    ]


def test_without_a_country_nothing_is_inside(lookup: NetworkLookup) -> None:
    """A vantage that does not say where it is cannot say what is abroad."""
    assert {row.inside for row in hop_rows(shots(), lookup, country="ZZ")} == {None}


def test_a_router_that_refuses_is_no_answer_of_the_server(lookup: NetworkLookup) -> None:
    """What a router calls unreachable shows how far the shot came, and is not in its name."""
    refused = Answer(kind=AnswerKind.UNREACHABLE, after_ms=1.0, looks=Fingerprint(ttl=60))
    reset = Answer(kind=AnswerKind.RESET, after_ms=1.0, looks=Fingerprint(ttl=60))
    fired = tuple(
        Shot(round=1, arm=Arm.TARGET, ttl=ttl, answers=answers)
        for ttl, answers in ((1, (reset,)), (2, (refused,)), (3, ()), (4, ()))
    )
    rows = hop_rows(fired, lookup, country="XX")
    assert [row.target_answered for row in rows] == [1, 0, 0]


def test_own_addresses_go_from_answers_as_well() -> None:
    """An answer that names us, or a router that is near, is not repeated."""

    def answered(ttl: int, says: str) -> Shot:
        looks = Fingerprint(ttl=60)
        answer = Answer(kind=AnswerKind.DATA, after_ms=1, looks=looks, says=says)
        return Shot(round=1, arm=Arm.TARGET, ttl=ttl, answers=(answer,))

    near = answered(2, "29.1.1.2 code 13")
    me = answered(5, f"33.143.13.28 {OWN}")
    far = answered(5, "33.1.1.5 code 13")
    forged = answered(2, "33.143.13.28")
    said = [s.answers[0].says for s in scrubbed((*shots(), near, me, far, forged), (OWN,))[-4:]]
    assert said == ["scrubbed", "scrubbed", "33.1.1.5 code 13", "33.143.13.28"]


def test_counts_are_of_shots_that_left(lookup: NetworkLookup) -> None:
    """What never left is in no denominator."""
    failed = Shot(round=1, arm=Arm.TARGET, ttl=4, failure="connection_reset")
    row = hop_rows((*shots(), failed), lookup, country="XX")[3]
    assert (row.target_sent, row.target_heard, row.neutral_sent, row.neutral_heard) == (1, 1, 1, 1)
