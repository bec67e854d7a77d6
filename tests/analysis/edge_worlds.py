"""Worlds of broken machines, home filters, loss and flaky controls, and what is seen in them.

A world is drawn from a seed; each look at it is made by the same plan of follow-ups as on a real
line, so that what the judge is given is what it would have been given there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

from verdict_bundles import HOST, NOW, cert, dns, http, tcp, tls, udp

from probe.analysis.followup import FollowUp, followups
from probe.model.context import RoundContext
from probe.model.control import ControlKind, ControlObservation
from probe.model.measurement import (
    Answer,
    DnsEngine,
    DnsStep,
    LateAnswer,
    Measurement,
    Step,
    Variant,
)
from probe.model.target import Endpoint, Kind

__all__ = ["RCODES", "TIMEOUT", "Censor", "Lie", "Machine", "World"]

TIMEOUT, RESET, REFUSED = "generic_timeout_error", "connection_reset", "connection_refused"
WRONG_NAME, UNKNOWN_CA = "ssl_invalid_hostname", "ssl_unknown_authority"
CONSENTING = "198.41.0.9"
RCODES = {"nxdomain": "dns_nxdomain_error", "refused": "dns_refused_error",
          "servfail": "dns_servfail_error", "empty": "dns_no_answer",
          "timeout": TIMEOUT}  # fmt: skip


@dataclass(slots=True)
class Machine:
    """A server's address; how it is for this line and for everybody else."""

    address: str
    asn: int
    here: str = "good"
    there: str = "good"


@dataclass(frozen=True, slots=True)
class Lie:
    """What is said of the name instead of the truth, by whom, and to which resolvers' clients."""

    says: str  # an answer code, "null", "bogon", or "forged"
    whose: str  # "home" or "network"
    everywhere: bool  # on the way, so that any plain resolver seems to say it
    address: str = ""


@dataclass(frozen=True, slots=True)
class Censor:
    """What a network does to the name or the addresses; ``fires`` is how often."""

    does: str
    fires: float = 1.0
    residual_s: float = 0.0


@dataclass
class World:
    """One endpoint, its machines, its line, and what stands between."""

    rng: Random
    endpoint: Endpoint
    machines: list[Machine]
    here: list[int]  # machines that the line's resolver names
    other: list[int]  # ... another plain resolver
    encrypted: list[int]  # ... an encrypted one
    abroad: list[list[int]]  # ... each live control's
    flaky: list[bool]
    context: RoundContext
    loss: float = 0.0
    past: bool = False
    snapshot: bool = False
    six: Machine | None = None
    neighbour: bool | None = None
    consenting: bool = False
    blip: bool = False  # the first look, and only it, meets a dead machine
    doh_works: bool = True
    lie: Lie | None = None
    censor: Censor | None = None
    until: dict[str, float] = field(default_factory=dict)  # residual blocking, by address

    # --- what a look sees

    def bundle(self) -> list[Measurement]:
        """Return the first look and all that is asked for after it."""
        main = self._see(Variant.MAIN, 0.0)
        seen, queue = [main], list(self._plan(main))
        while queue:
            wanted = queue.pop(0)
            found = self._follow(wanted)
            if found is None:
                continue
            seen.append(found)
            if wanted.variant is Variant.OTHER_FAMILY:
                queue += [w for w in self._plan(found) if w.variant is not wanted.variant]
                queue.sort(key=lambda w: w.delay_s)
        return seen

    def _plan(self, main: Measurement) -> Sequence[FollowUp]:
        known = [a for c in self.controls() if c.failure is None for a in c.addresses]
        return followups(
            self.endpoint,
            main,
            self.context,
            authentic=tuple(dict.fromkeys(known)),
            sni_host=f"{CONSENTING}:443" if self.consenting else None,
        )

    def _follow(self, wanted: FollowUp) -> Measurement | None:
        at = wanted.delay_s
        if wanted.variant is Variant.NEIGHBOUR:
            if self.neighbour is None:
                return None
            answer = (tcp("198.51.7.7"), tls("198.51.7.7"), http(address="198.51.7.7"))
            dead = (tcp("198.51.7.7", TIMEOUT),)
            return self._made(wanted.variant, at, answer if self.neighbour else dead)
        if str(wanted.variant) == "anchor":
            steps: list[Step] = [self._said(DnsEngine.SYSTEM, ["198.51.9.9"], None)]
            steps.append(self._said(DnsEngine.UDP, ["198.51.9.9"], None))
            lost = self._lost(3)
            more = [tcp("198.51.9.9", TIMEOUT)] if lost else [tcp("198.51.9.9"), tls("198.51.9.9")]
            return self._made(wanted.variant, at, (*steps, *more), kind=Kind.TLS)
        return self._see(wanted.variant, at, wanted)

    def _see(self, variant: Variant, at: float, wanted: FollowUp | None = None) -> Measurement:
        steps: list[Step] = []
        addresses = list(wanted.addresses) if wanted is not None else []
        six = wanted is not None and wanted.families == (6,)
        if not addresses:
            asked = self._ask(variant, six=six)
            steps.extend(asked)
            addresses = [a.address for s in asked if s.failure is None for a in s.answers]
        if addresses and self.endpoint.kind is not Kind.DNS:
            name = None if wanted is None or wanted.keep_sni else wanted.sni
            steps.extend(self._dial(addresses[0], name or HOST, at))
        return self._made(variant, at, steps)

    def _made(
        self, variant: Variant, at: float, steps: Sequence[Step], kind: Kind | None = None
    ) -> Measurement:
        return Measurement(
            endpoint=self.endpoint.id,
            service="chat",
            kind=kind or self.endpoint.kind,
            variant=variant,
            started=NOW + timedelta(seconds=at),
            monotonic_s=at,
            duration_s=10.0 if any(s.failure == TIMEOUT for s in steps) else 0.5,
            steps=tuple(steps),
        )

    # --- names

    def _ask(self, variant: Variant, *, six: bool) -> list[DnsStep]:
        if variant is Variant.DOH:
            if not self.doh_works or self._lost():
                return [dns(failure=TIMEOUT, engine=DnsEngine.DOH, resolver="doh")]
            return [self._said(DnsEngine.DOH, self._named(self.encrypted, six=six), None)]
        if variant is Variant.OTHER_RESOLVER:
            lie = self.lie if self.lie is not None and self.lie.everywhere else None
            lie = self._over_six() if six and lie is not None else lie
            return [self._said(DnsEngine.UDP, self._named(self.other, six=six), lie)]
        mine = self._named(self.here, six=six)
        lie = self._over_six() if six else self.lie
        return [self._said(engine, mine, lie) for engine in (DnsEngine.SYSTEM, DnsEngine.UDP)]

    def _over_six(self) -> Lie | None:
        """Return what is said of AAAA: a network lies for both, a filter at home for A."""
        if self.lie is None or self.lie.whose == "home":
            return None
        says = self.lie.says if self.lie.says in RCODES else "empty"
        return Lie(says, "network", self.lie.everywhere)

    def _named(self, which: list[int], *, six: bool) -> list[str]:
        if six:
            return [self.six.address] if self.six is not None else []
        return [self.machines[i].address for i in which]

    def _said(self, engine: DnsEngine, truth: list[str], lie: Lie | None) -> DnsStep:
        more: dict[str, Any] = {"engine": engine, "resolver": str(engine)}
        if lie is not None and (self.censor is None or self.rng.random() < self.censor.fires):
            if lie.says in RCODES:
                return dns(failure=RCODES[lie.says], **more)
            late: tuple[LateAnswer, ...] = ()
            if lie.everywhere and engine is DnsEngine.UDP and lie.whose == "network":
                late = (LateAnswer(t_s=0.2, rcode=0, addresses=tuple(truth)),)
            return dns(lie.address, late=late, **more)
        if self._lost():
            return dns(failure=TIMEOUT, **more)
        if not truth:
            return dns(failure="dns_no_answer", **more)
        answered = dns(*truth, **more)
        placed = tuple(Answer(address=a, asn=self._asn(a)) for a in truth)
        return type(answered)(**{**_fields(answered), "answers": placed})

    def _asn(self, address: str) -> int | None:
        return next((m.asn for m in self._all() if m.address == address), None)

    def _all(self) -> list[Machine]:
        return [*self.machines, *([self.six] if self.six is not None else [])]

    # --- connections

    def _lost(self, times: int = 1) -> bool:
        return self.rng.random() < 1 - (1 - self.loss) ** times

    def _state(self, address: str, at: float) -> str:
        if self.blip and at < 5:
            return "dead"
        for machine in self._all():
            if machine.address == address:
                return machine.here
        if address == CONSENTING:
            return "foreign"
        if self.lie is not None and address == self.lie.address:
            return "dead" if self.lie.address.endswith("1") else "fake"
        return "dead"

    def _dial(self, address: str, name: str, at: float) -> list[Step]:
        if self.endpoint.kind is Kind.STUN:
            good = self._state(address, at) == "good" and not self._cut("ip", address, at)
            if good and not self._lost():
                return [udp("stun", address=address)]
            return [udp(failure=TIMEOUT, address=address)]
        state = self._state(address, at)
        refusal = self._connect(address, state, at)
        if refusal is not None:
            return [tcp(address, refusal)]
        steps: list[Step] = [tcp(address)]
        if self.endpoint.kind is Kind.TCP:
            return steps
        if not self.endpoint.tls:
            return [*steps, self._page(address, state, at, plain=True)]
        shaken = self._shake(address, name, state, at)
        steps.append(shaken)
        if shaken.failure is None and self.endpoint.kind is Kind.HTTP:
            steps.append(self._page(address, state, at, plain=False))
        return steps

    def _connect(self, address: str, state: str, at: float) -> str | None:
        if self.until.get(address, -1.0) > at or state == "dead" or self._lost():
            return TIMEOUT
        if state == "refused":
            return REFUSED
        return self._cut("ip", address, at)

    def _shake(self, address: str, name: str, state: str, at: float) -> Any:
        more: dict[str, Any] = {"sni": name}
        cut = self._cut("sni", address, at) if name == HOST else None
        if cut == "mitm":
            return tls(address, certificate=cert(UNKNOWN_CA, issuer="CN=Box"), **more)
        failure = cut or {"mute": TIMEOUT, "resets": RESET}.get(state)
        if failure is not None or self._lost():
            return tls(address, failure or TIMEOUT, **more)
        wrong = {"foreign": (WRONG_NAME, "CN=Edge CA"), "fake": (WRONG_NAME, "CN=Fake"),
                 "untrusted": (UNKNOWN_CA, "CN=R11")}.get(state)  # fmt: skip
        if name != HOST:
            wrong = (WRONG_NAME, "CN=Honest CA,O=Honest")
        if wrong is not None:
            return tls(address, certificate=cert(wrong[0], issuer=wrong[1]), **more)
        return tls(address, **more)

    def _page(self, address: str, state: str, at: float, *, plain: bool) -> Step:
        more: dict[str, Any] = {"address": address, "tls": not plain}
        cut = self._cut("http", address, at) if plain else None
        if cut == "page":
            return http(200, title="Blocked", body_length=300, fingerprints=("page",), **more)
        if cut is not None or state == "closes":
            return http(None, failure=cut or RESET, **more)
        if state in ("mute", "resets"):
            return http(None, failure=TIMEOUT if state == "mute" else RESET, **more)
        if state == "stalls" or self._lost():
            return http(200 if state == "stalls" else None, failure=TIMEOUT, **more)
        if state in ("foreign", "fake"):
            return http(404, title="Not found", body_length=200, **more)
        return http(503 if state == "error" else 200, title="Chat", **more)

    def _cut(self, layer: str, address: str, at: float) -> str | None:
        censor = self.censor
        if censor is None or not censor.does.startswith(f"{layer} "):
            return None
        if layer == "ip" and self._asn(address) is None:
            return None
        if self.rng.random() >= censor.fires:
            return None
        self.until[address] = at + censor.residual_s
        word = censor.does.partition(" ")[2]
        return {"reset": RESET, "drop": TIMEOUT, "refuse": REFUSED}.get(word, word)

    # --- what others see

    def controls(self) -> list[ControlObservation]:
        """Return the live controls, and what was seen before."""
        live = [self._control(n, which) for n, which in enumerate(self.abroad)]
        good = [m for m in self.machines if m.there == "good"] or self.machines
        old: dict[str, Any] = {
            "endpoint": self.endpoint.id,
            "addresses": tuple(m.address for m in good),
            "asns": tuple({m.asn for m in good}),
            "issuer": "CN=Honest CA,O=Honest",
            **self._shown(),
        }
        if self.snapshot:
            at = NOW - timedelta(days=3)
            live.append(_seen(source="snap", kind=ControlKind.SNAPSHOT, observed=at, **old))
        if self.past:
            at = NOW - timedelta(hours=2)
            live.append(_seen(source="past", kind=ControlKind.OWN_PAST, observed=at, **old))
        return live

    def _shown(self) -> dict[str, Any]:
        if self.endpoint.kind is not Kind.HTTP:
            return {}
        return {"status": 200, "title": "Chat", "body_length": 5000}

    def _control(self, number: int, which: list[int]) -> ControlObservation:
        machine = self.machines[which[0]]
        state = "dead" if self.flaky[number] else machine.there
        broken = {"dead": ("tcp", TIMEOUT), "refused": ("tcp", REFUSED), "mute": ("tls", TIMEOUT),
                  "resets": ("tls", RESET), "foreign": ("tls", WRONG_NAME),
                  "fake": ("tls", WRONG_NAME), "untrusted": ("tls", UNKNOWN_CA),
                  "closes": ("http", RESET), "stalls": ("http", TIMEOUT)}.get(state)  # fmt: skip
        shown = self._shown()
        if state == "error" and shown:
            shown["status"] = 503
        return _seen(
            endpoint=self.endpoint.id,
            source=f"far{number}",
            kind=ControlKind.LIVE,
            observed=NOW + timedelta(minutes=4),
            failed_operation=broken[0] if broken else None,
            failure=broken[1] if broken else None,
            addresses=tuple(self.machines[i].address for i in which),
            address=machine.address,
            asns=tuple({self.machines[i].asn for i in which}),
            issuer="CN=Honest CA,O=Honest" if broken is None and self.endpoint.tls else None,
            **(shown if broken is None else {}),
        )


def _fields(step: DnsStep) -> dict[str, Any]:
    return {name: getattr(step, name) for name in step.__struct_fields__}


def _seen(**more: Any) -> ControlObservation:
    known = ControlObservation.__struct_fields__  # older judges know fewer fields
    return ControlObservation(**{k: v for k, v in more.items() if k in known})
