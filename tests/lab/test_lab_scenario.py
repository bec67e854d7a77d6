"""The scenario language: what it accepts, and how it says what is wrong."""

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from probe.errors import InputError
from probe.lab.actions import ACTIONS, Action, By, Limit, Position, Reach, Stage
from probe.lab.line_spec import LineSpec
from probe.lab.round_spec import RoundSpec
from probe.lab.scenario import load_scenario, scenario_names
from probe.model.target import Trust

HEAD = "name: t\ndescription: d\nstarts: 2026-03-02\nzone: Asia/Tehran\ncountry: XX\n"
WORLD = (
    "services:\n  - id: a\n    name: A\n    category: messaging\n"
    "    endpoints:\n      - {kind: tls, host: a.example}\n"
)


def write(folder: Path, text: str) -> Path:
    file = folder / "scenario.yaml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("name", scenario_names())
def test_every_shipped_scenario_is_valid(name: str) -> None:
    """What is shipped loads, is called like its file, and plays somewhere."""
    scenario = load_scenario(name)
    assert scenario.name == name
    assert scenario.stages
    assert scenario.services
    assert scenario.description.strip()


def test_every_action_is_played_by_a_shipped_scenario() -> None:
    """No action of the language is without a scenario that uses it."""
    played = {rule.action for name in scenario_names() for rule in load_scenario(name).rules}
    assert played == set(Action)


def test_shorthands_mean_what_they_abbreviate(tmp_path: Path) -> None:
    """One host, ``what: drop`` and one window stand for lists and mappings."""
    short = HEAD + WORLD + (
        "rules:\n"
        "  - id: r\n"
        "    who: {host: a.example, port: 443}\n"
        "    what: drop\n"
        '    when: {daily: "16:00-24:00", days: fri}\n'
    )  # fmt: skip
    long = HEAD + WORLD + (
        "rules:\n"
        "  - id: r\n"
        "    who: {host: [a.example], port: [443]}\n"
        "    what: {action: drop}\n"
        '    when: [{daily: "16:00-24:00", days: [fri]}]\n'
    )  # fmt: skip
    assert load_scenario(write(tmp_path, short)).rules == load_scenario(write(tmp_path, long)).rules


def test_defaults_come_from_the_action(tmp_path: Path) -> None:
    """A status is the server's doing here; a service that is down is down everywhere."""
    text = HEAD + WORLD + "rules:\n  - {id: s, what: status}\n  - {id: d, what: down}\n"
    status, down = load_scenario(write(tmp_path, text)).rules
    assert (status.by, status.reach) == (By.SERVER, Reach.HERE)
    assert (down.by, down.reach) == (By.SERVER, Reach.EVERYWHERE)


def test_a_line_is_healthy_unless_it_is_said(tmp_path: Path) -> None:
    """Nothing said is a line with IPv4 only, at home, whose clock is right."""
    assert load_scenario(write(tmp_path, HEAD + WORLD)).line == LineSpec()


def test_a_tunnel_has_its_hours(tmp_path: Path) -> None:
    """``tunnel: true`` is always on; with windows it is on inside them."""
    text = HEAD + WORLD + 'line: {tunnel: {when: {daily: "18:00-24:00"}}}\n'
    line = load_scenario(write(tmp_path, text)).line
    noon = datetime(2026, 3, 2, 12, tzinfo=ZoneInfo("Asia/Tehran"))
    assert not line.tunnelled(noon)
    assert line.tunnelled(noon + timedelta(hours=7))
    always = load_scenario(write(tmp_path, HEAD + WORLD + "line: {tunnel: true}\n")).line
    assert always.tunnelled(noon)


def test_a_line_moves_to_another_network_at_its_hours(tmp_path: Path) -> None:
    """A label is always; with windows it is there inside them, and at home otherwise."""
    text = HEAD + WORLD + 'line: {network: {name: cafe, when: {daily: "18:00-24:00"}}}\n'
    line = load_scenario(write(tmp_path, text)).line
    noon = datetime(2026, 3, 2, 12, tzinfo=ZoneInfo("Asia/Tehran"))
    assert (line.at(noon).network, line.at(noon + timedelta(hours=7)).network) == ("home", "cafe")
    always = load_scenario(write(tmp_path, HEAD + WORLD + "line: {network: cafe}\n")).line
    assert always.at(noon).network == "cafe"


def test_a_round_has_time_and_a_database_unless_it_is_said(tmp_path: Path) -> None:
    """Nothing said is a round that nobody hurries or stops, on a machine that knows networks."""
    assert load_scenario(write(tmp_path, HEAD + WORLD)).round == RoundSpec()
    text = HEAD + WORLD + (
        "round: {seconds: 300, interrupted_at: a.example, database: false}\n"
        "line: {firewall: a.example}\n"
    )  # fmt: skip
    scenario = load_scenario(write(tmp_path, text))
    wanted = RoundSpec(seconds=300, interrupted_at="a.example", database=False)
    assert (scenario.round, scenario.line.firewall) == (wanted, ("a.example",))


def test_packets_can_be_asked_for_where_there_are_some(tmp_path: Path) -> None:
    """What loopback has not is accepted in a scenario for namespaces only."""
    text = HEAD + WORLD + (
        "stages: netns\n"
        "line: {loss: 0.08, latency_ms: 700, down_kbit: 256, queue_ms: 800, mtu: 700, hours:"
        " [{when: {daily: '16:00-23:59'}, down_kbit: 140, limit: policed}]}\n"
        "rules:\n"
        "  - {id: r, what: {action: sni_reset, residual: 120, position: on_path, hop: 2}}\n"
        "  - {id: f, what: {action: freeze, packets: 25}}\n"
        "  - {id: t, what: {action: throttle, rate: 8000, limit: policed}}\n"
        "  - {id: p, what: prohibited}\n"
    )  # fmt: skip
    scenario = load_scenario(write(tmp_path, text))
    reset, freeze, throttle, _ = (rule.what for rule in scenario.rules)
    assert (reset.residual, reset.position, reset.hop) == (120.0, Position.ON_PATH, 2)
    assert (freeze.packets, throttle.limit) == (25, Limit.POLICED)
    assert (scenario.line.loss, scenario.line.mtu) == (0.08, 700)
    evening = scenario.line.at(datetime(2026, 3, 2, 18, tzinfo=ZoneInfo("Asia/Tehran")))
    assert (evening.down_kbit, evening.limit, evening.loss) == (140, Limit.POLICED, 0.0)
    assert (evening.mtu, scenario.line.down_kbit) == (700, 256)


def test_services_carry_the_fields_of_endpoints(tmp_path: Path) -> None:
    """An endpoint in a scenario is an endpoint of the catalog's kind, with its service's id."""
    text = HEAD + WORLD.replace("host: a.example", "host: a.example, trust: signal, port: 8443")
    services = load_scenario(write(tmp_path, text)).services
    assert services is not None
    endpoint = services[0].endpoints[0]
    assert (endpoint.service, endpoint.trust, endpoint.port) == ("a", Trust.SIGNAL, 8443)


def test_an_interceptor_may_have_a_name_of_many_labels(tmp_path: Path) -> None:
    """As long as a name may be (RFC 1035 2.3.4)."""
    for name in ("proxy.branch.city.provider.example", LONG[2:]):
        text = HEAD + WORLD + RULE + f"what: {{action: mitm, name: {name}}}\n"
        assert load_scenario(write(tmp_path, text)).rules[0].what.name == name


def test_a_scenario_without_a_world_plays_in_a_catalog(tmp_path: Path) -> None:
    """``services`` is ``None`` when the caller brings the catalog."""
    assert load_scenario(write(tmp_path, HEAD)).services is None


RULE = "rules:\n  - id: r\n    "
DROP = RULE + "what: drop\n    "
LINE = "line: "
NETNS = "stages: netns\n"
LONG = "a." * 127 + "a"
SERVICE = "services:\n  - id: a\n    name: A\n    category: messaging\n    endpoints: "


@pytest.mark.parametrize(
    ("tail", "line", "field", "said"),
    [
        ("rules:\n  - {id: r, what: nuke}\n", 7, "rules[0].what.action", "nuke"),
        (DROP + "whom: {}\n", 7, "rules[0]", "whom"),
        (DROP + "who: {port: abc}\n", 9, "rules[0].who.port[0]", "int"),
        (RULE + "what: {action: drop, status: 403}\n", 8, "rules[0].what.status", "takes no"),
        (RULE + "what: {action: mitm, ca: acme}\n", 8, "rules[0].what.ca", "acme"),
        (RULE + 'what: {action: mitm, name: "a b"}\n', 8, "rules[0].what.name", "no host name"),
        (RULE + 'what: {action: mitm, name: ""}\n', 8, "rules[0].what.name", "no host name"),
        (RULE + f"what: {{action: mitm, name: {LONG}}}\n", 8, "rules[0].what.name", "no host"),
        (RULE + "what: {action: bogon, answers: x}\n", 8, "rules[0].what.answers[0]", "'x'"),
        (RULE + "what: {action: bogon, types: MX}\n", 8, "rules[0].what.types[0]", "MX"),
        (RULE + "what: {action: drop, share: 0.5}\n", 8, "rules[0].what.share", "takes no"),
        (RULE + "what: {action: throttle, way: up}\n", 8, "rules[0].what.way", "single packets"),
        (RULE + "what: {action: status, status: 99}\n", 8, "rules[0].what.status", "99"),
        (DROP + "when: {daily: 16-23}\n", 9, "rules[0].when[0]", "16-23"),
        (DROP + "who: {address: nowhere}\n", 9, "rules[0].who.address[0]", "nowhere"),
        (DROP + "who: {protocol: ftp}\n", 9, "rules[0].who.protocol[0]", "ftp"),
        (DROP + "chance: 2\n", 9, "rules[0].chance", "chance"),
        ("rules:\n  - {id: r, what: drop}\n  - {id: r, what: rst}\n", 8, "rules[1].id", "twice"),
        ("world: atlantis\n", 6, "world", "atlantis"),
        ("days: 0\n", 6, "days", "1 to 366"),
        ("stages: [orbit]\n", 6, "stages[0]", "orbit"),
        (SERVICE + "[]\n", 7, "services[0]", "at least one"),
        (SERVICE + "[tls]\n", 10, "services[0].endpoints[0]", "mapping"),
        (SERVICE + "[{kind: fog, host: a}]\n", 10, "services[0].endpoints[0].kind", "fog"),
        (WORLD + DROP + "who: {service: b}\n", 15, "rules[0].who.service[0]", "'b'"),
        ("days: 1\ndays: 2\n", 7, "days", "twice"),
        ("rules: [\n", 7, None, ""),
        (DROP + "who: {keyword: x}\n", 9, "rules[0].who.keyword", "only a request"),
        (DROP + "who: {message: initiation}\n", 9, "rules[0].who", "only a datagram"),
        (DROP + "who: {size: [1, 2]}\n", 9, "rules[0].who", "only a datagram"),
        (
            RULE + "what: datagram_drop\n    who: {message: hallo}\n",
            9,
            "rules[0].who.message[0]",
            "'hallo'",
        ),
        (
            RULE + "what: datagram_drop\n    who: {size: [9, 3]}\n",
            9,
            "rules[0].who.size",
            "least",
        ),
        (RULE + 'what: http_reset\n    who: {keyword: ""}\n', 9, "rules[0].who.keyword", "empty"),
        (DROP + "after: -1\n", 7, "rules[0]", "after"),
        (DROP + "times: 0\n", 7, "rules[0]", "times"),
        (RULE + "what: prohibited\n", 8, "rules[0].what", "loopback"),
        (RULE + "what: dns_prohibited\n", 8, "rules[0].what", "loopback"),
        (RULE + "what: syn_reset\n", 8, "rules[0].what", "loopback"),
        (RULE + "what: {action: rst, residual: 60}\n", 8, "rules[0].what.residual", "packets"),
        (RULE + "what: {action: rst, hop: 2}\n", 8, "rules[0].what.hop", "netns"),
        (RULE + "what: {action: freeze, packets: 9}\n", 8, "rules[0].what.packets", "netns"),
        (RULE + "what: {action: throttle, limit: policed}\n", 8, "rules[0].what.limit", "netns"),
        (RULE + "what: {action: drop, position: on_path}\n", 8, "rules[0].what.position", "takes"),
        (NETNS + RULE + "what: {action: rst, hop: 7}\n", 9, "rules[0].what.hop", "1 to 6"),
        (NETNS + RULE + "what: {action: rst, residual: -1}\n", 9, "rules[0].what.residual", "0 to"),
        (
            NETNS + RULE + "what: {action: freeze, packets: 0}\n",
            9,
            "rules[0].what.packets",
            "from 1",
        ),
        (RULE + "what: {action: rst, answered: 9}\n", 8, "rules[0].what.answered", "takes no"),
        (RULE + "what: {action: sni_drop, answered: -1}\n", 8, "rules[0].what.answered", "0 to"),
        (
            NETNS + RULE + "what: {action: sni_reset, answered: 9, position: on_path}\n",
            9,
            "rules[0].what.answered",
            "in the path",
        ),
        (LINE + "{loss: 0.1}\n", 6, "line.loss", "netns"),
        (LINE + "{latency_ms: 10}\n", 6, "line.latency_ms", "netns"),
        (LINE + "{ipv6: sometimes}\n", 6, "line.ipv6", "sometimes"),
        (LINE + "{aioquic: perhaps}\n", 6, "line.aioquic", "bool"),
        (LINE + "{speed: 1}\n", 6, "line", "speed"),
        (LINE + '{network: ""}\n', 6, "line.network", "name"),
        (LINE + '{tunnel: {when: {daily: "16-23"}}}\n', 6, "line.tunnel.when[0]", "16-23"),
        (LINE + '{network: {name: cafe, when: {daily: "9"}}}\n', 6, "line.network.when[0]", "'9'"),
        (LINE + "{network: {when: always}}\n", 6, "line.network", "name"),
        (LINE + "{network: {name: cafe, when: always}}\n", 6, "line.network.when", "window"),
        (WORLD + LINE + "{firewall: b.example}\n", 12, "line.firewall[0]", "'b.example'"),
        ("round: {seconds: 0}\n", 6, "round.seconds", "1 to"),
        ("round: {hours: 1}\n", 6, "round", "hours"),
        (WORLD + "round: {interrupted_at: b}\n", 12, "round.interrupted_at", "'b'"),
        (NETNS + LINE + "{loss: 2}\n", 7, "line.loss", "0 to 1"),
        (LINE + "{silent_hops: [3]}\n", 6, "line.silent_hops", "netns"),
        (NETNS + LINE + "{silent_hops: [7]}\n", 7, "line.silent_hops", "2 to 6"),
        (NETNS + LINE + "{mtu: 10}\n", 7, "line.mtu", "68 to"),
        (NETNS + LINE + "{ipv4: false}\n", 7, "line.ipv4", "loopback"),
        ("controls: both\n", 6, "controls", "both"),
        ("expect:\n  - {service: a}\n", 7, "expect[0]", "says nothing"),
        ("expect:\n  - {gate: clock, service: a, state: ok}\n", 7, "expect[0]", "two"),
        ("expect:\n  - {service: a, state: ok, not: blocked}\n", 7, "expect[0]", "two"),
        ("expect:\n  - {service: a, state: ok, may: true}\n", 7, "expect[0]", "gate"),
        ("expect:\n  - {gate: fog}\n", 7, "expect[0].gate", "fog"),
    ],
)
def test_a_mistake_is_said_with_line_and_field(
    tmp_path: Path, tail: str, line: int, field: str | None, said: str
) -> None:
    """Each error names the file, the line, the field, and what is wrong there."""
    file = write(tmp_path, HEAD + tail)
    with pytest.raises(InputError) as caught:
        load_scenario(file)
    assert (caught.value.file, caught.value.line) == (str(file), line)
    assert caught.value.field == field
    assert said in str(caught.value)


def test_a_loss_has_a_share(tmp_path: Path) -> None:
    """None at all, and more than all, are no rules."""
    for share in ("0", "1.5", "-1"):
        rule = f"rules:\n  - {{id: r, what: {{action: lose, share: {share}}}}}\n"
        with pytest.raises(InputError, match="share is above 0"):
            load_scenario(write(tmp_path, HEAD + WORLD + "stages: netns\n" + rule))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"- a list\n",
        b"\xff\xfe\x00",
        b"a: &x [1]\nb: *x\n",
        b"a: " + b"[" * 5000,
        b"a: !!python/object:os.system x\n",
        b"x" * 1_000_001,
        b"a: {b: {c: {d: {e: {f: {g: {h: {i: {j: {k: {l: {m: {n: 1}}}}}}}}}}}}}}\n",
    ],
    ids=["empty", "list", "utf8", "alias", "brackets", "tag", "long", "deep"],
)
def test_hostile_yaml_is_refused(tmp_path: Path, raw: bytes) -> None:
    """Nothing but a plain, small mapping is read; no object is ever built from a tag."""
    file = tmp_path / "scenario.yaml"
    file.write_bytes(raw)
    with pytest.raises(InputError):
        load_scenario(file)


def test_an_unknown_name_suggests_what_is_close(tmp_path: Path) -> None:
    """Neither a shipped name nor a file: the error says what is like it, and where all are."""
    with pytest.raises(InputError, match=r"did you mean dns-nxdomain.*probe lab scenarios"):
        load_scenario("dns-nxdomian")
    with pytest.raises(InputError, match=r"missing\.yaml"):
        load_scenario(tmp_path / "missing.yaml")


def test_an_action_is_refused_where_its_stage_cannot_play_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scenario may declare only stages that can express all of its actions."""
    row = ACTIONS[Action.DROP]
    only = type(row)(row.layers, stages=frozenset({Stage.NETNS}))
    monkeypatch.setitem(ACTIONS, Action.DROP, only)
    file = write(tmp_path, HEAD + "stages: [loopback]\nrules:\n  - {id: r, what: drop}\n")
    with pytest.raises(InputError, match="cannot be played in loopback"):
        load_scenario(file)


@pytest.mark.parametrize(
    ("hours", "problem"),
    [
        ("[{when: always, down_kbit: 5}]", "hours have a window"),
        ("[{when: {daily: '16:00-24:00'}, loss: 2}]", "loss is 0 to 1"),
        ("[{when: {daily: '16:00-24:00'}, rate: 5}]", "unknown field"),
    ],
)
def test_hours_that_cannot_be_are_refused(tmp_path: Path, hours: str, problem: str) -> None:
    """With the place of what is wrong: its number in the list."""
    text = HEAD + WORLD + f"stages: netns\nline: {{hours: {hours}}}\n"
    with pytest.raises(InputError, match=problem) as refused:
        load_scenario(write(tmp_path, text))
    assert "hours" in str(refused.value)
