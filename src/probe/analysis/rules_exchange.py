"""Rules of protocols of their own: Tor's link, Telegram's, WhatsApp's, Signal through a proxy.

An answer counts only when it was made for our question. That a connection opens and the protocol
is not answered has many causes: another service at that port, a server that refuses, a filter.
"""

from functools import partial

from probe.analysis.endings import FailureClass, Layer
from probe.analysis.features import Features
from probe.analysis.rule import Need, Predicate, Rule, contrast, row
from probe.model.measurement import Proof
from probe.model.target import Kind
from probe.model.verdict import Confidence, Locus, State

__all__ = ["EXCHANGE", "EXCHANGE_PROVEN", "EXCHANGE_UNPROVEN"]

_PATH_NEEDS = (Need.REPRODUCED, Need.SAME_ADDRESS, Need.SPREAD, Need.NETWORK_UP)
_STRANGE = (Proof.FOREIGN, Proof.OTHER)


def _answered(proof: Proof) -> Predicate:
    return lambda f: f.ending.passed and f.exchange.proof is proof


def _failed(*proofs: Proof) -> Predicate:
    return lambda f: f.target and f.failed(Layer.EXCHANGE) and f.exchange.proof in proofs


def _cut(kind: FailureClass) -> Predicate:
    return lambda f: f.target and f.failed(Layer.EXCHANGE) and f.ending.kind is kind


_row = partial(row, layer=Layer.EXCHANGE)


EXCHANGE_PROVEN: tuple[Rule, ...] = (
    _row(
        "ok.exchange.identity",
        _answered(Proof.IDENTITY),
        State.OK,
        "none",
        Locus.UNKNOWN,
        Confidence.CONFIRMED,
        "{service} works here: it answers in its own protocol ({reply}), with the key that is "
        "known to be its own.",
        "A stolen key; a network that cuts what comes after the answer.",
    ),
)
"""Asked with what a certificate proves."""

EXCHANGE_UNPROVEN: tuple[Rule, ...] = (
    _row(
        "ok.exchange.echo",
        _answered(Proof.ECHO),
        State.OK,
        "none",
        Locus.UNKNOWN,
        Confidence.LIKELY,
        "{service} answers in its own protocol ({reply}) what was asked just now.",
        "Anybody can run a server that speaks this protocol; no key shows whose it is.",
    ),
    _row(
        "unproven.exchange",
        _answered(Proof.FORM),
        State.INCONCLUSIVE,
        "exchange.unproven",
        Locus.UNKNOWN,
        Confidence.WEAK,
        "Something answers in the protocol of {service} ({reply}), but not what was asked.",
        "Bytes that anybody may send to anybody; a server that refuses this line.",
    ),
)
"""Asked with what answered without proof of being the service."""

_IDENTITY = contrast(
    "exchange.identity",
    _failed(Proof.OTHER_IDENTITY),
    layer=Layer.EXCHANGE,
    mechanism="exchange.identity",
    locus=Locus.UNKNOWN,
    sentence="What answers for {service} ({reply}) has another key than the one that is known: "
    "somebody in between, or a key that was changed.",
    fooled_by="A key that the catalog does not have yet; a wrong clock.",
    needs=(Need.REPRODUCED, Need.SAME_ADDRESS),
)

_STRANGERS = contrast(
    "exchange.foreign",
    _failed(*_STRANGE),
    layer=Layer.EXCHANGE,
    mechanism="exchange.foreign",
    locus=Locus.UNKNOWN,
    sentence="What answers at {host} is not {service} ({reply}).",
    fooled_by="Another service at that port by now; a machine that is set up wrongly.",
    needs=(Need.REPRODUCED, Need.SAME_ADDRESS),
    live=Confidence.WEAK,
)

_FORM = "Asked in bytes that look like nothing known, the same address and port answer."
_FORM_PATH = "There a control is answered in the clear, too: it is cut on the way, by its looks."


def _same_place(f: Features) -> bool:
    return f.control.live and f.control.same_address is True


def _cut_rules(how: str, kind: FailureClass, sentence: str) -> tuple[Rule, ...]:
    """Return the rules of one way of being cut after a connection stood."""
    base = _cut(kind)
    return (
        *_by_form(how, base, sentence),
        *contrast(
            f"exchange.{how}.all",
            lambda f: base(f) and f.exchange.other_form is False,
            layer=Layer.EXCHANGE,
            mechanism=f"exchange.{how}.all",
            locus=Locus.UNKNOWN,
            sentence=f"{sentence} In another form the question fares no better.",
            fooled_by="A server that is switched off behind an open port.",
            needs=_PATH_NEEDS,
        ),
        *contrast(
            f"exchange.{how}",
            base,
            layer=Layer.EXCHANGE,
            mechanism=f"exchange.{how}",
            locus=Locus.UNKNOWN,
            sentence=sentence,
            fooled_by="Another service at that port; a server that refuses or is overloaded.",
            needs=_PATH_NEEDS,
        ),
    )


def _by_form(how: str, base: Predicate, sentence: str) -> tuple[Rule, ...]:
    """Return the rules where only the protocol's looks are cut: itself a comparison."""

    def looks_cut(f: Features) -> bool:
        return base(f) and f.exchange.other_form is True

    cites = ("main", "comparison", "control")
    return (
        _row(
            f"exchange.{how}.protocol.path",
            lambda f: looks_cut(f) and _same_place(f),
            State.BLOCKED,
            f"exchange.{how}.protocol",
            Locus.NETWORK,
            Confidence.LIKELY,
            f"{sentence} {_FORM} {_FORM_PATH}",
            "A server that refuses the clear form to this line alone.",
            needs=(Need.REPRODUCED,),
            cites=cites,
        ),
        _row(
            f"exchange.{how}.protocol.ab",
            looks_cut,
            State.BLOCKED,
            f"exchange.{how}.protocol",
            Locus.UNKNOWN,
            Confidence.LIKELY,
            f"{sentence} {_FORM} Who does it is not shown.",
            "A server that no longer answers the clear form.",
            needs=(Need.REPRODUCED,),
            cites=cites,
        ),
    )


_HELLO = "Another kind of hello, with another name, is answered at that address."


def _shape_rules(how: str, kind: FailureClass, sentence: str) -> tuple[Rule, ...]:
    """Return the rules of Tor's handshake, where a browser's passes at the same address."""

    def shaped(f: Features) -> bool:
        tor = f.target and f.endpoint.kind is Kind.TOR_OR and f.failed(Layer.TLS)
        return tor and f.ending.kind is kind and f.tls.neutral is True

    return (
        _row(
            f"tls.{how}.shape.path",
            lambda f: shaped(f) and _same_place(f),
            State.BLOCKED,
            f"tls.{how}.shape",
            Locus.NETWORK,
            Confidence.LIKELY,
            f"{sentence} {_HELLO} There a control gets through with Tor's, too.",
            "A relay that refuses this line alone.",
            layer=Layer.TLS,
            needs=(Need.REPRODUCED,),
            cites=("main", "comparison", "control"),
        ),
        _row(
            f"tls.{how}.shape.ab",
            shaped,
            State.BLOCKED,
            f"tls.{how}.shape",
            Locus.UNKNOWN,
            Confidence.LIKELY,
            f"{sentence} {_HELLO} Who does it is not shown.",
            "Another service at that address, which wants a name that it knows.",
            layer=Layer.TLS,
            needs=(Need.REPRODUCED,),
            cites=("main", "comparison"),
        ),
    )


_OPENS = "A connection to {service} opens, and what is said in its own protocol"

EXCHANGE: tuple[Rule, ...] = (
    *_IDENTITY,
    *_STRANGERS,
    *_cut_rules("reset", FailureClass.RESET, f"{_OPENS} is cut off."),
    *_cut_rules("timeout", FailureClass.TIMEOUT, f"{_OPENS} meets silence."),
    *_shape_rules("reset", FailureClass.RESET, "Tor's handshake with {service} is cut off."),
    *_shape_rules("timeout", FailureClass.TIMEOUT, "Tor's handshake with {service} meets silence."),
    _row(
        "exchange.failed",
        lambda f: f.target and f.failed(Layer.EXCHANGE),
        State.INCONCLUSIVE,
        "exchange.failed",
        Locus.UNKNOWN,
        Confidence.WEAK,
        "What was said to {service} in its own protocol failed ({failure}).",
        "Nothing is claimed.",
    ),
)
"""Asked before the rules of connections and handshakes; nothing of theirs is at this layer."""
