"""What is seen of protocols of their own, in short words, and the scenes that an expert judged."""

from typing import Any

from verdict_bundles import (
    GOOD,
    OTHER,
    STRANGE,
    Scene,
    control,
    endpoint,
    http,
    look,
    neutral,
    snapshot,
    tcp,
    thrice,
    tls,
)

from probe.model.measurement import ExchangeStep, HttpStep, Measurement, Proof, TlsStep, Variant
from probe.model.target import Kind, Trust

__all__ = [
    "ALL_CUT",
    "ANSWERED_HIDDEN",
    "CHAT",
    "CLEAR",
    "EXCHANGE_SCENES",
    "RELAY",
    "RESET",
    "STRANGE_BYTES",
    "TOR_HELLO_ONLY",
    "exchange",
    "hidden",
    "silent",
    "unsigned",
]

TIMEOUT, RESET = "generic_timeout_error", "connection_reset"
STRANGE_BYTES = "unknown_failure: an answer in another protocol"
CLEAR = endpoint(Kind.MTPROTO)
RELAY = endpoint(Kind.TOR_OR, host=GOOD, tls=True, trust=Trust.NONE)
CHAT = endpoint(Kind.WHATSAPP, tls=True, path="/ws/chat")
PROXY = endpoint(Kind.SIGNAL_PROXY, tls=True)
FRONT = endpoint(host_header="behind.example.net")
HERE: dict[str, Any] = control(addresses=(GOOD, OTHER), address=GOOD)


def exchange(
    failure: str | None = None,
    proof: Proof | None = None,
    *,
    reply: str | None = None,
    address: str = GOOD,
    protocol: str = "mtproto",
) -> ExchangeStep:
    """Return a question, and what came: ``reply`` stands beside a ``proof``."""
    return ExchangeStep(
        t0_s=0.2,
        t_s=0.3,
        failure=failure,
        address=address,
        port=443,
        protocol=protocol,
        proof=proof,
        reply=reply or (None if proof is None else f"a reply ({proof})"),
    )


def hidden(step: ExchangeStep) -> Measurement:
    """Return the same question in another form."""
    return look(tcp(), step, variant=Variant.COMPARISON)


def unsigned(**more: Any) -> TlsStep:
    """Return a relay's handshake, whose certificate nobody signs for."""
    return tls(sni="www.abcdefgh.com", **more)


ANSWERED_HIDDEN = hidden(exchange(proof=Proof.ECHO))
ALL_CUT = hidden(exchange(TIMEOUT))
TOR_HELLO_ONLY = neutral(tcp(), unsigned(bytes_received=900))
SWITCHED = HttpStep(
    t0_s=0.3, t_s=0.4, method="GET", host="chat.example.org", path="/ws/chat", address=GOOD,
    port=443, tls=True, status=101,
)  # fmt: skip


def silent(failure: str | None = None) -> Measurement:
    """Return a connection in which nothing was said."""
    return look(tcp(failure=failure), variant=Variant.CONNECT)


def _cut(how: str, failure: str) -> tuple[Scene, ...]:
    steps = (tcp(), exchange(failure))
    hello = (tcp(), unsigned(failure=failure))
    return (
        Scene(
            f"the clear form is cut ({how}), a hidden one is answered, and a control in the clear",
            f"exchange.{how}.protocol.path",
            f"blocked exchange.{how}.protocol network likely",
            (*thrice(*steps), ANSWERED_HIDDEN, silent()),
            endpoint=CLEAR,
            controls=(HERE,),
        ),
        Scene(
            f"the clear form is cut ({how}), a hidden one is answered, and nobody else looked",
            f"exchange.{how}.protocol.ab",
            f"blocked exchange.{how}.protocol unknown likely",
            (*thrice(*steps), ANSWERED_HIDDEN),
            endpoint=CLEAR,
        ),
        Scene(
            f"Tor's hello is cut ({how}), another passes, and a control's is answered",
            f"tls.{how}.shape.path",
            f"blocked tls.{how}.shape network likely",
            (*thrice(*hello), TOR_HELLO_ONLY),
            endpoint=RELAY,
            controls=(HERE,),
        ),
        Scene(
            f"Tor's hello is cut ({how}) and another passes",
            f"tls.{how}.shape.ab",
            f"blocked tls.{how}.shape unknown likely",
            (*thrice(*hello), TOR_HELLO_ONLY),
            endpoint=RELAY,
        ),
        Scene(
            f"a control gets through elsewhere, which does not weigh more than the form ({how})",
            f"exchange.{how}.protocol.ab",
            f"blocked exchange.{how}.protocol unknown likely",
            (*thrice(*steps), ANSWERED_HIDDEN),
            endpoint=CLEAR,
            controls=(control(addresses=(STRANGE,), address=STRANGE),),
        ),
        Scene(
            f"what was seen before does not weigh more than another hello ({how})",
            f"tls.{how}.shape.ab",
            f"blocked tls.{how}.shape unknown likely",
            (*thrice(*hello), TOR_HELLO_ONLY),
            endpoint=RELAY,
            controls=(snapshot(addresses=(GOOD,)),),
        ),
        Scene(
            f"another kind's handshake is cut ({how}) while a neutral name passes",
            f"tls.{how}.sni.alone",
            f"inconclusive tls.{how}.sni unknown weak",
            (*thrice(tcp(), tls(failure=failure)), TOR_HELLO_ONLY),
            endpoint=endpoint(Kind.TLS),
        ),
    )


EXCHANGE_SCENES: tuple[Scene, ...] = (
    Scene(
        "WhatsApp's hello with WhatsApp's key",
        "ok.exchange.identity",
        "ok none unknown confirmed",
        (look(tcp(), tls(), SWITCHED, exchange(proof=Proof.IDENTITY, protocol="whatsapp")),),
        endpoint=CHAT,
    ),
    Scene(
        "a data centre brings our bytes back",
        "ok.exchange.echo",
        "ok none unknown likely",
        (look(tcp(), exchange(proof=Proof.ECHO)),),
        endpoint=CLEAR,
    ),
    Scene(
        "a few bytes that anybody may send",
        "unproven.exchange",
        "inconclusive exchange.unproven unknown weak",
        (look(tcp(), exchange(proof=Proof.FORM, reply="transport error 404")),),
        endpoint=CLEAR,
    ),
    Scene(
        "a relay's handshake alone, as OONI leaves it",
        "ok.unpinned",
        "ok none unknown weak",
        (look(tcp(), unsigned()),),
        endpoint=RELAY,
    ),
    Scene(
        "a front without a sign of what is behind it",
        "unproven.front_only",
        "inconclusive front_only unknown weak",
        (look(tcp(), tls(), http()),),
        endpoint=FRONT,
    ),
    Scene(
        "a front that answers a control alike, which is the front's own doing",
        "unproven.front_only",
        "inconclusive front_only unknown weak",
        (look(tcp(), tls(), http(title="A front")),),
        endpoint=FRONT,
        controls=(control(status=200, title="A front", body_length=5000),),
    ),
    Scene(
        "a front behind which the sentence is known that comes",
        "ok.answer",
        "ok none unknown confirmed",
        (look(tcp(), tls(), http(expected=True)),),
        endpoint=FRONT,
    ),
    *_cut("reset", RESET),
    *_cut("timeout", TIMEOUT),
    Scene(
        "a protocol that is answered with no way there",
        "exchange.failed",
        "inconclusive exchange.failed unknown weak",
        thrice(tcp(), exchange("host_unreachable")),
        endpoint=CLEAR,
    ),
    Scene(
        "a proxy whose inner handshake is another authority's, and a control that gets Signal's",
        "exchange.identity.live",
        "blocked exchange.identity unknown likely",
        thrice(
            tcp(),
            tls(),
            exchange("ssl_unknown_authority", Proof.OTHER_IDENTITY, protocol="signal"),
        ),
        endpoint=PROXY,
        controls=(HERE,),
    ),
    Scene(
        "a relay that answers is no valid certificate's handshake",
        "ok.exchange.echo",
        "ok none unknown likely",
        (look(tcp(), unsigned(), exchange(proof=Proof.ECHO, protocol="tor")),),
        endpoint=RELAY,
    ),
    Scene(
        "a web socket that the service refuses",
        "server.refusal.stated",
        "blocked server.geoblock server confirmed",
        (look(tcp(), tls(), http(451, fingerprints=("legal",))),),
        endpoint=CHAT,
    ),
)
