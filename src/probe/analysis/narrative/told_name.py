"""The step of the name: what each resolver answered, and whether they agree."""

from collections.abc import Iterator, Sequence

from probe.analysis.endings import ENCRYPTED, Layer, name_steps
from probe.analysis.features import Features
from probe.analysis.narrative.phrases import counted, failed, joined
from probe.analysis.narrative.scene import Scene
from probe.analysis.narrative.values import Chapter, Explained, Finding, Meaning
from probe.model.address import is_public, parse_ip
from probe.model.measurement import DnsEngine, DnsStep, Variant
from probe.model.target import Kind

__all__ = ["name_step"]

_LOOKS = (Variant.MAIN, Variant.DOH, Variant.OTHER_RESOLVER)
_ASKED = {
    DnsEngine.SYSTEM: "the resolver that every program on this machine uses",
    DnsEngine.UDP: "the resolver of this line, asked directly",
    DnsEngine.TCP: "the resolver of this line, asked directly over TCP",
    DnsEngine.DOT: "an encrypted resolver elsewhere",
    DnsEngine.DOH: "an encrypted resolver elsewhere",
}
_OTHER = "another open resolver, unencrypted"


def name_step(scene: Scene) -> Explained | None:
    """Return the step about the name, ``None`` where there is none to ask for."""
    asked = [(m.variant, s) for _, m in scene.of(*_LOOKS) for s in name_steps(m.kind, m.steps)]
    if scene.features.literal or not asked:
        return None
    f = scene.features
    means, rules_out, remains = _judged(scene)
    return Explained(
        chapter=Chapter.NAME,
        finding=_finding(f),
        title="The name (DNS, the internet's phone book)",
        did=f"Asked for the addresses of {scene.endpoint.private or scene.endpoint.host}: "
        f"{joined(_askers(asked))}.",
        came=" ".join(_answers(asked)),
        means=means,
        rules_out=rules_out,
        remains=remains,
    )


def _finding(f: Features) -> Finding:
    odd = bool(f.dns.bogons) or f.dns.race is True or f.dns.sinkhole is not None
    if f.failed(Layer.DNS):
        return Finding.ODD if odd else Finding.FAILED
    return Finding.ODD if odd else Finding.FINE


def _who(variant: Variant, step: DnsStep) -> str:
    if variant is Variant.OTHER_RESOLVER and step.engine not in ENCRYPTED:
        return _OTHER
    return _ASKED[step.engine]


def _askers(asked: Sequence[tuple[Variant, DnsStep]]) -> Iterator[str]:
    yield from dict.fromkeys(_who(variant, step) for variant, step in asked)


def _answers(asked: Sequence[tuple[Variant, DnsStep]]) -> Iterator[str]:
    """Yield one sentence for each resolver; what it said first of each kind of address stands."""
    said: dict[str, list[str]] = {}
    for variant, step in asked:
        words = said.setdefault(_who(variant, step), [])
        told = _answer(step)
        if told not in words:
            words.append(told)
    for who, words in said.items():
        yield f"{who[:1].upper()}{who[1:]}: {'; '.join(words)}."


def _answer(step: DnsStep) -> str:
    family = "IPv6: " if step.qtype == "AAAA" else ""
    if step.failure is not None and not step.answers:
        words = failed(step.failure, Layer.DNS)
        unasked = step.engine in ENCRYPTED and step.rcode is None
        return f"{family}{'it could not be asked: ' if unasked else ''}{words}"
    shown = counted([_address(a.address) for a in step.answers]) or "an answer without any address"
    if not step.late:
        return family + shown
    late = counted([_address(a) for one in step.late for a in one.addresses])
    return f"{family}{shown}, and then a second, different answer ({late or 'without any address'})"


def _address(address: str) -> str:
    if is_public(address):
        return address
    return f"{_veiled(address)}, where no public service can be"


def _veiled(address: str) -> str:
    """Return a private address without its end: it may be a machine of this house."""
    ip = parse_ip(address)
    if ip is None:
        return "a scrubbed address"
    if ip.version == 6 or ip.is_unspecified or ip.is_loopback:
        return "a private IPv6 address" if ip.version == 6 else "an address of no machine"
    one, two, *_ = str(ip).split(".")
    return f"{one}.{two}.x.x"


def _judged(scene: Scene) -> Meaning:
    f = scene.features
    if f.dns.sinkhole is not None or f.dns.bogons:
        return _lied(f)
    if f.dns.race:
        return Meaning(
            "One question got two different answers. Mostly that is because somebody on the way "
            "answered faster than the resolver; a proxy beside the resolver can look like it.",
            None,
            "Which of the two is the right one: the certificate tells, if the address shows one.",
        )
    if f.failed(Layer.DNS):
        return _failed(scene)
    return _resolved(scene)


def _lied(f: Features) -> Meaning:
    if f.dns.sinkhole is not None and not f.dns.null_answer:
        return Meaning(
            "That address is on a published list of addresses that answers about blocked names "
            "lead to in this country.",
            "That it is the service's own address.",
            None,
        )
    if f.dns.local:
        return Meaning(
            "That address lies in this line's own network: its router, or a filter at home, "
            "answers for the name.",
            "That the provider or anybody beyond it gave this answer.",
            "How the service fares without that router or filter.",
        )
    if f.dns.bogon_on_neutral is True:
        return Meaning(
            "Neutral names get the same kind of answer on this line: an ad-blocker or the router "
            "makes it, and it is not about this service.",
            "That this service was singled out.",
            "How it fares without that ad-blocker or router.",
        )
    if f.dns.resolves_elsewhere is True:
        return Meaning(
            "The service cannot be there. An encrypted resolver, whose answers nobody on the way "
            "can change, gives public addresses: so the name exists, and the answer on this line "
            "is not the one that others get.",
            "That the name is gone.",
            _by_whom(f),
        )
    return Meaning(
        "No public service can be at such an address. Blocking looks like this, and so do "
        "ad-blockers and routers.",
        None,
        "What the right answer would be: no other resolver could say.",
    )


def _by_whom(f: Features) -> str:
    if f.dns.second_lies is True:
        return "Who on the way does it: a second resolver, asked from here, says the same."
    if f.dns.null_answer:
        return "Who makes that answer: the provider, or an ad-blocker on this line."
    return "Whether a router or a company's resolver on this line makes that answer."


def _failed(scene: Scene) -> Meaning:
    f = scene.features
    if f.dns.denied_alike:
        return Meaning(
            "Neutral names fail on this line in the same way: whatever answers here does so for "
            "others, too, as a filter at home or a failing resolver does.",
            "That this name was singled out.",
            "How the service fares behind another resolver.",
        )
    if f.line.resolver_down is True:
        return Meaning(
            "The same resolver fails for neutral names as well: it is broken, or was broken, for "
            "everything.",
            "That this name was singled out.",
            "How the service fares behind a resolver that works."
            if f.dns.vetted is not True
            else None,
        )
    if f.dns.said_no_elsewhere is True:
        return Meaning(
            "Another resolver gets no address either: the name itself, or the service's own name "
            "servers, seem to be the trouble.",
            "That only this line's resolver withholds it.",
            "Whether its owner took the name away, or its name servers refuse some askers.",
        )
    if f.dns.vetted is True:
        return Meaning(
            "The name exists: an encrypted resolver gave an address, and the machine there showed "
            "the service's own certificate. So what this line's resolver said was wrong, by a "
            "fault or on purpose.",
            "That the name is gone, or the service is down.",
            "Who on the way does it: a second resolver, asked from here, says the same."
            if f.dns.second_lies is True
            else "Whether the resolver does so on purpose: asking again, and neutral names, tell.",
        )
    if f.dns.resolves_elsewhere is True:
        return Meaning(
            "An encrypted resolver knows the name, so it exists.",
            "That the name is gone.",
            "Whether the address from there works: that was not shown.",
        )
    return Meaning(
        "Programs on this machine do not find the service. Nothing was there to compare with: "
        "the name may be withheld, or it has trouble of its own.",
        None,
        "What other resolvers say.",
    )


def _resolved(scene: Scene) -> Meaning:
    f = scene.features
    agrees = True in (f.dns.matches_elsewhere, f.dns.matches_control, f.dns.expected)
    if agrees:
        return Meaning(
            "The name was found, with an address that is known from elsewhere as well.",
            "That the name is withheld or answered falsely.",
            None,
        )
    if False in (f.dns.matches_elsewhere, f.dns.matches_control):
        same = " They belong to the same network." if f.dns.same_network else ""
        return Meaning(
            "The name was found, with other addresses than elsewhere. Large services answer each "
            f"region with its own.{same} That alone proves nothing; the certificate tells.",
            "That the name is withheld.",
            None if f.tls.valid else "Whether the machine there is the service's.",
        )
    tells = scene.endpoint.kind is not Kind.DNS
    return Meaning(
        "The name was found. Whether the address is the right one"
        + (" shows in the steps after this." if tells else " was not compared with anything."),
        "That the name is withheld.",
        None if f.tls.valid else "Whether the address is the service's.",
    )
