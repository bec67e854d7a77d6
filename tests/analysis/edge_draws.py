"""Drawing worlds of broken edges from a seed, without a censor and with one."""

from collections.abc import Sequence
from random import Random

from edge_worlds import TIMEOUT, Censor, Lie, Machine, World
from verdict_bundles import HOST, around, endpoint

from probe.model.context import Anchor, AnchorGroup
from probe.model.target import Endpoint, Kind

__all__ = ["censored", "drawn"]

HOW_BROKEN = (
    ("dead", 35),
    ("refused", 8),
    ("mute", 8),
    ("resets", 9),
    ("foreign", 16),
    ("fake", 7),
    ("untrusted", 2),
    ("error", 6),
    ("closes", 5),
    ("stalls", 4),
)


def _broken(rng: Random) -> str:
    names, weights = zip(*HOW_BROKEN, strict=True)
    return str(rng.choices(names, weights)[0])


def _endpoint(rng: Random, literal: str | None) -> Endpoint:
    kind = rng.choices((Kind.HTTP, Kind.TLS, Kind.TCP, Kind.STUN), (70, 15, 8, 7))[0]
    host = {} if literal is None else {"host": literal}
    if kind is Kind.HTTP and rng.random() < 0.2:
        return endpoint(kind, tls=False, port=80, **host)
    return endpoint(kind, **host)


def _machines(rng: Random, share: float) -> list[Machine]:
    """Return machines on one to three networks, each broken by itself, some for this line only."""
    networks = [(13335, 4)]
    if rng.random() < 0.25:
        networks.append((20940, 3))
    if rng.random() < 0.15:
        networks.append((64500, 2))  # caches inside the provider's network
    found: list[Machine] = []
    for asn, most in networks:
        anycast = rng.random() < 0.15
        for number in range(rng.randint(1, most)):
            machine = Machine(f"151.{asn % 200}.{number}.{len(found) + 1}", asn)
            if rng.random() < share:
                machine.here = _broken(rng)
                machine.there = "good" if anycast and rng.random() < 0.2 else machine.here
            found.append(machine)
    return found


def _some(rng: Random, of: Sequence[int]) -> list[int]:
    return rng.sample(list(of), min(len(of), rng.randint(1, 3)))


def _anchors(rng: Random, loss: float, *, portal: bool) -> tuple[Anchor, ...]:
    def one(group: AnchorGroup, number: int) -> Anchor:
        ok = rng.random() < (1 - loss) ** 3 * 0.98 and not portal
        return Anchor(
            endpoint=f"{group}{number}",
            group=group,
            network=f"{group}-{number}",
            ok=ok,
            tcp_ok=ok,
            failure=None if ok else TIMEOUT,
        )

    return tuple(one(g, n) for g in AnchorGroup for n in range(5))


def drawn(seed: int, *, share: float = 0.1) -> World:
    """Return a world without a censor, in which ``share`` of the machines are broken."""
    rng = Random(seed)
    machines = _machines(rng, share)
    literal = machines[0].address if rng.random() < 0.07 else None
    if literal is not None:
        machines = machines[:1]
    near = [i for i, m in enumerate(machines) if m.asn == 64500] or list(range(len(machines)))
    far = [i for i, m in enumerate(machines) if m.asn != 64500]
    regional = rng.random() < 0.015
    if regional:
        state, asn = _broken(rng), machines[near[0]].asn
        for machine in machines:
            machine.here = state if machine.asn == asn else machine.here
    if rng.random() < 0.03:
        state = _broken(rng)
        for machine in machines:
            machine.here = machine.there = state
    loss = rng.choice((0.02, 0.08, 0.2)) if rng.random() < 0.08 else 0.0
    portal = rng.random() < 0.02
    six = Machine("2606:4700::5", 13335) if rng.random() < 0.5 else None
    if six is not None and rng.random() < 2 * share:
        six.here = _broken(rng)
    shared = rng.random() < 0.5  # public resolvers tell a name's servers where the asker is
    abroad = [_some(rng, far) for _ in range(rng.choice((0, 0, 1, 1, 2)))]
    world = World(
        rng=rng,
        endpoint=_endpoint(rng, literal),
        machines=machines,
        here=_some(rng, near),
        other=_some(rng, near if shared else far),
        encrypted=_some(rng, near if shared and rng.random() < 0.5 else far),
        abroad=abroad,
        flaky=[rng.random() < 0.06 for _ in abroad],
        context=around(
            anchors=_anchors(rng, loss, portal=portal),
            ipv6_ok=rng.random() < 0.3,
            captive_status=200 if portal else 204,
        ),
        loss=loss,
        past=rng.random() < 0.3,
        snapshot=rng.random() < 0.3,
        six=six,
        neighbour=None if rng.random() < 0.4 else (rng.random() < 0.97) != regional,
        consenting=rng.random() < 0.3,
        blip=rng.random() < 0.02,
        doh_works=rng.random() < 0.9,
    )
    if rng.random() < 0.08 and literal is None:
        world.lie = _home_filter(rng)
    return world


def _home_filter(rng: Random) -> Lie:
    """Return what a filter at home says of the name; rarely it takes all port 53 for itself."""
    says = rng.choice(("nxdomain", "refused", "servfail", "empty", "null", "bogon", "forged"))
    address = {"null": "0.0.0.0", "bogon": "192.168.1.2", "forged": "185.2.3.4"}.get(says, "")
    return Lie(says, "home", rng.random() < 0.01, address)


HOW_CENSORED = (
    "sni reset", "sni reset", "sni drop", "sni mitm", "ip drop", "ip reset", "ip refuse",
    "dns nxdomain", "dns refused", "dns servfail", "dns timeout", "dns null", "dns bogon",
    "dns forged", "http reset", "http page",
)  # fmt: skip


def censored(seed: int) -> World:
    """Return a world in which few machines are broken, the service is up, and a censor stands.

    At least one live control is there, and the line is a sound one.
    """
    rng = Random(seed)
    world = drawn(rng.randrange(1 << 40), share=0.03)
    while not _fit(world):
        world = drawn(rng.randrange(1 << 40), share=0.03)
    world.rng = rng
    does = rng.choice([d for d in HOW_CENSORED if _applies(d, world.endpoint)])
    world.lie = None
    residual = rng.choice((0.0, 0.0, 120.0)) if does in ("sni reset", "sni drop") else 0.0
    world.censor = Censor(does, rng.choice((1.0, 1.0, 1.0, 0.9)), residual)
    if does.startswith("dns "):
        says = does.partition(" ")[2]
        address = {"null": "0.0.0.0", "bogon": "10.10.34.36"}.get(says, "")
        if says == "forged":
            address = rng.choice(("185.2.3.4", "185.2.3.1"))
        world.lie = Lie(says, "network", rng.random() < 0.5, address)
    return world


def _fit(world: World) -> bool:
    good = all(m.there == "good" for which in world.abroad for m in (world.machines[which[0]],))
    sound = world.loss == 0 and world.context.inputs.captive_status == 204
    up = any(m.here == "good" for m in world.machines)
    measured = world.endpoint.kind is not Kind.TCP
    return bool(world.abroad) and good and not any(world.flaky) and sound and up and measured


def _applies(does: str, ep: Endpoint) -> bool:
    layer = does.partition(" ")[0]
    if layer == "sni":
        return ep.tls
    if layer == "http":
        return ep.kind is Kind.HTTP and not ep.tls
    if layer == "dns":
        return ep.host == HOST
    return ep.kind is not Kind.STUN or does == "ip drop"
