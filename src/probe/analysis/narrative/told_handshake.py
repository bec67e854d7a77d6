"""The steps of encryption: the handshake by the service's name, and by a neutral one."""

from collections.abc import Sequence

from probe.analysis.endings import FailureClass, Layer, class_of
from probe.analysis.features import Features
from probe.analysis.narrative.phrases import (
    clean,
    failed,
    minutes,
    quoted,
    took,
    where,
)
from probe.analysis.narrative.scene import Scene
from probe.analysis.narrative.values import Chapter, Explained, Finding, Meaning
from probe.model.measurement import Measurement, TlsStep, Variant
from probe.model.target import Kind, Trust

__all__ = ["encryption_step", "issuer_name", "neutral_step"]


def encryption_step(scene: Scene) -> Explained | None:
    """Return the step about the encrypted handshake with the service's own name."""
    steps = [s for s in (scene.main.steps if scene.main else ()) if isinstance(s, TlsStep)]
    if not steps:
        return None
    last = steps[-1]
    shown = f"with the name {clean(last.sni)}" if last.sni else "without naming anybody"
    means, rules_out, remains = _shaken(scene, last)
    good = last.failure is None
    proof = scene.features.tls.valid is True
    return Explained(
        chapter=Chapter.ENCRYPTION,
        finding=Finding.FINE if proof else Finding.OPEN if good else Finding.FAILED,
        title="The encrypted handshake (TLS, where the other side proves who it is)",
        did=f"Began an encrypted connection to {where(last.address)} {shown}. On the way this "
        "name can still be read by anybody; what comes after it cannot.",
        came=f"{_shown(last)}.",
        means=means,
        rules_out=rules_out,
        remains=remains,
    )


def issuer_name(issuer: str) -> str:
    """Return the part of an issuer's name that people know it by."""
    parts = dict(p.split("=", 1) for p in issuer.split(",") if "=" in p)
    return quoted(parts.get("CN") or parts.get("O") or issuer or "an unnamed issuer")


def _shown(step: TlsStep) -> str:
    if step.certificate is not None:
        by = f"a certificate by {issuer_name(step.certificate.issuer)}"
        holds = "which holds for this name" if step.failure is None else _why(step)
        return f"After {took(step)}, {by}, {holds}"
    if step.failure is None:
        return f"The handshake was completed after {took(step)}; no certificate was kept"
    answered = "; not one byte had come back" if step.bytes_received == 0 else ""
    if step.bytes_received > 0 and step.alert is None:
        answered = "; the other side had already begun to answer"
    words = failed(step.failure, Layer.TLS, step)
    return f"{words[:1].upper()}{words[1:]}{answered}"


def _why(step: TlsStep) -> str:
    return {
        "ssl_invalid_hostname": "which is made out to another name",
        "ssl_unknown_authority": "whom nobody outside vouches for",
        "ssl_invalid_certificate": "which does not hold (run out, or made wrongly)",
    }.get(step.failure or "", "which does not hold")


def _shaken(scene: Scene, last: TlsStep) -> Meaning:
    f = scene.features
    kind = class_of(last.failure)
    if last.failure is None:
        return _proved(scene)
    if kind is FailureClass.CERTIFICATE:
        return _foreign(scene)
    if last.alert is not None:
        return Meaning(
            "Whoever answers refuses in due form. Mostly that is the service itself; a machine "
            "on the way can send the same.",
            "That nothing answers there.",
            "Whether it is the name that is refused, and by whom.",
        )
    when = (
        "right after the name was sent" if f.tls.silent else "after the other side began to answer"
    )
    ended = "fell silent" if kind is FailureClass.TIMEOUT else "was cut"
    if kind not in (FailureClass.TIMEOUT, FailureClass.RESET):
        ended = "failed"
    what, tells = _READ[scene.endpoint.kind is Kind.TOR_OR]
    return Meaning(
        f"The connection had opened and {ended} {when}. What is read on the way at that moment "
        f"is {what}.",
        "That the address is out of reach as such.",
        tells,
    )


_READ = {
    False: (
        "the name",
        "Whether the name is the reason: a neutral name at the same address tells.",
    ),
    True: (
        "what kind of hello it is, for its name is made up",
        "Whether that kind is the reason: another one at the same address tells.",
    ),
}
"""What a hello shows, of Tor's relays and of all others; and which comparison tells more."""


def _proved(scene: Scene) -> Meaning:
    if scene.endpoint.trust is Trust.NONE or scene.features.tls.valid is None:
        return Meaning(
            "The handshake was completed, but with this kind of server it proves nothing about "
            "who answers.",
            "That the handshake is cut off.",
            "Who it is that answers.",
        )
    return Meaning(
        f"Only {scene.service.name}, or somebody who has its keys, can show that certificate: "
        "this is the real one. Nobody on the way can read or change what follows unseen.",
        "A false address, a stranger in its place, and somebody reading along.",
        None,
    )


def _foreign(scene: Scene) -> Meaning:
    f = scene.features
    name = scene.service.name
    if f.tls.interceptor is not None:
        return Meaning(
            f"That issuer is known for reading encrypted traffic on the way. {name} did not "
            "issue this certificate.",
            f"That this is {name}'s own machine answering unread.",
            "Nobody's name in a certificate is proof by itself: anybody can write it.",
        )
    if f.tls.local_interceptor is not None:
        return Meaning(
            "That issuer is a program or an appliance which opens encrypted traffic to look "
            "inside: an antivirus on this machine, or the proxy of a company or school.",
            f"That this is {name}'s own machine answering unread.",
            "Whose it is: the same makers sell to states and providers.",
        )
    if f.tls.expired:
        return Meaning(
            "The certificate has run out. Mostly its operator forgot to renew it, or the clock "
            "here is wrong.",
            None,
            "Whether it is the service's own.",
        )
    if f.tls.issuer_matches is True:
        return Meaning(
            "Elsewhere the same issuer is seen: the service itself seems to show it.",
            None,
            "Why it does not verify.",
        )
    if f.tls.issuer_on_neutral is True or f.line.neutral_tls_clean is False:
        return Meaning(
            "Neutral sites show a certificate by a stranger on this line, too: something here, "
            "such as a company's proxy or an antivirus, opens encrypted traffic.",
            "That this service was singled out.",
            "Whether it is on this machine, in this house, or further away.",
        )
    trusted = (
        " This machine's own list of trusted issuers has it, the public list does not."
        if f.tls.system_trusts is True
        else ""
    )
    return Meaning(
        f"Whoever answers could not prove to be {name}.{trusted} It can be somebody who reads "
        "along, a false address, or a machine that is set up wrongly.",
        f"That what came is certainly {name}.",
        "Which of these it is: the certificate seen elsewhere tells.",
    )


def neutral_step(scene: Scene) -> Explained | None:
    """Return the comparison with a neutral name, and at a host that agreed to be asked."""
    found = scene.of(Variant.NEUTRAL_SNI)
    others = scene.of(Variant.OTHER_HOST)
    if not found and not others:
        return None
    f = scene.features
    waited = _waited(scene, found[0][1]) if found else ""
    did = (
        f"{waited}egan the handshake at the same address again, with a neutral name "
        f"({clean(_sni(found[0][1]))})."
        if found
        else "Compared with another host."
    )
    if others:
        did += (
            " Sent the service's name to a host that has nothing to do with it and agreed to that."
        )
    made_up = scene.endpoint.kind is Kind.TOR_OR
    means, rules_out, remains = _another_hello(f) if made_up else _compared(f)
    return Explained(
        chapter=Chapter.NEUTRAL_NAME,
        finding=Finding.OPEN if f.tls.neutral is None else Finding.ODD,
        title="Is it the kind of hello?" if made_up else "Is it the name?",
        did=did,
        came=" ".join(_fared(f)),
        means=means,
        rules_out=rules_out,
        remains=remains,
    )


def _waited(scene: Scene, later: Measurement) -> str:
    main = scene.main
    gap = later.monotonic_s - (main.monotonic_s + main.duration_s) if main else 0.0
    if gap < 30:
        return "B"
    return (
        f"Waited {minutes(gap)}, since some networks cut everything for a while once they were "
        "set off, and b"
    )


def _sni(measurement: Measurement) -> str:
    return next((s.sni or "none" for s in measurement.steps if isinstance(s, TlsStep)), "none")


def _fared(f: Features) -> Sequence[str]:
    told = []
    if f.tls.neutral is not None:
        told.append(
            "With the neutral name it answered."
            if f.tls.neutral
            else "With the neutral name it failed as well."
        )
    else:
        told.append("The comparison did not come about: not even a connection opened.")
    if f.tls.other_host is True:
        told.append("At the other host, the service's name failed in the same way.")
    elif f.tls.other_host is False:
        told.append("At the other host, the service's name did no harm.")
    if f.tls.stateful is True:
        told.append(
            "Right after the service's name even the neutral one failed for a while: what cuts "
            "remembers."
        )
    return told


def _another_hello(f: Features) -> Meaning:
    """Return what the comparison means for a relay of Tor, whose hello names nobody."""
    if f.tls.neutral is True:
        return Meaning(
            "The machine can be reached, and it answers a browser's kind of hello: Tor's kind, "
            "with a name that is made up each time, makes the difference.",
            "That the address is blocked, or the machine is dead.",
            "Who looks at hellos: a control that gets through with Tor's would tell.",
        )
    if f.tls.neutral is False:
        return Meaning(
            "At that address another kind of hello fares no better.",
            "That only Tor's kind of hello is cut.",
            "Whether the address is cut off, or the machine is broken.",
        )
    return Meaning("It says nothing.", None, "Whether it is the kind of hello.")


def _compared(f: Features) -> Meaning:
    if f.tls.neutral is True and f.tls.other_host is True:
        return Meaning(
            "The name alone sets it off, at a machine that has nothing to do with the service, "
            "too: something on the way looks at names.",
            "That the service's own machine does it.",
            "Where on the way it stands.",
        )
    if f.tls.neutral is True:
        return Meaning(
            "The machine can be reached, and it answers when another name is given: the name "
            "makes the difference.",
            "That the address is blocked, or the machine is dead.",
            "Whether the network or the service's own machine turns that name away.",
        )
    if f.tls.neutral is False:
        return Meaning(
            "At that address it is not the name alone that makes it fail.",
            "That only the name is cut.",
            "Whether the address is cut off, or the machine is broken.",
        )
    return Meaning("It says nothing.", None, "Whether it is the name.")
