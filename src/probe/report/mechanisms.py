"""Words for mechanisms, and the layer that each belongs to.

They say how something failed, as far as that was seen, and never who wanted it.
"""

from probe.report.tongue import N_, Said, _

__all__ = ["how", "layer_name", "layer_of", "mechanisms"]

_HOW: Said[str] = Said(
    {
        "none": N_("no interference was seen"),
        "dns": N_("the name's address is withheld or wrong (DNS)"),
        "dns.consistent": N_("DNS gives an address that is known to be right"),
        "dns.diff": N_("DNS answers differ, but the address given is genuine"),
        "dns.failure.everywhere": N_(
            "no resolver finds the name: the name itself seems to be at fault"
        ),
        "dns.injection": N_("DNS answers are forged"),
        "dns.injection.blockpage": N_("DNS answers point to a known block page"),
        "dns.injection.bogon": N_("DNS answers point to an address that cannot be the service's"),
        "dns.injection.other": N_("DNS answers point to somebody else's machine"),
        "dns.injection.race": N_("a forged DNS answer arrives beside another one"),
        "dns.intercept": N_("DNS questions to other resolvers are answered by somebody on the way"),
        "dns.no_answer": N_("DNS gives no address for this name"),
        "dns.nxdomain": N_("DNS says that the name does not exist"),
        "dns.refused": N_("DNS refuses to answer for this name"),
        "dns.resolver_down": N_("the line's resolver failed for every name"),
        "dns.servfail": N_("DNS fails for this name"),
        "dns.timeout": N_("DNS stays silent for this name"),
        "dns.unreachable": N_("the resolver cannot be reached for this name"),
        "dns.unverified": N_("the name has an address, and nothing to compare it with"),
        "tcp": N_("connections to its addresses fail"),
        "tcp.refused": N_("connections to its addresses are refused"),
        "tcp.reset": N_("connections to its addresses are reset"),
        "tcp.timeout": N_("connections to its addresses get no answer"),
        "tcp.unreachable": N_("the network knows no way to its addresses"),
        "tcp_only": N_("a connection opens, which proves nothing"),
        "tls": N_("the encrypted connection fails"),
        "tls.alert": N_("the encrypted connection is turned away with an alert"),
        "tls.alert.sni": N_("connections are turned away when they name the service (SNI)"),
        "tls.failed": N_("the encrypted connection fails in an unusual way"),
        "tls.mitm": N_("the encrypted connection is opened on the way, under a false certificate"),
        "tls.mitm.trusted_ca": N_(
            "the encrypted connection is opened on the way, under a certificate that only "
            "this machine's own store trusts"
        ),
        "tls.reset": N_("the encrypted connection is reset as it begins"),
        "tls.reset.all": N_("any encrypted connection to its address is reset"),
        "tls.reset.late": N_("the encrypted connection is reset after the server began to answer"),
        "tls.reset.shape": N_("Tor's kind of handshake is reset, and another kind is not"),
        "tls.reset.sni": N_("connections are reset when they name the service (SNI)"),
        "tls.stall": N_("transfers freeze after they begin"),
        "tls.timeout": N_("the encrypted connection falls silent as it begins"),
        "tls.timeout.all": N_("any encrypted connection to its address falls silent"),
        "tls.timeout.late": N_(
            "the encrypted connection falls silent after the server began to answer"
        ),
        "tls.timeout.shape": N_("Tor's kind of handshake falls silent, and another kind does not"),
        "tls.timeout.sni": N_("connections fall silent when they name the service (SNI)"),
        "tls.unverified": N_("an encrypted connection opens, with nobody's certificate to check"),
        "exchange": N_("a connection opens, and its own protocol is not answered"),
        "exchange.failed": N_("its own protocol fails in an unusual way"),
        "exchange.foreign": N_("something else answers in its place"),
        "exchange.identity": N_("what answers has another key than the known one"),
        "exchange.reset": N_("its own protocol is cut off after the connection opened"),
        "exchange.reset.all": N_("whatever is said after the connection opened is cut off"),
        "exchange.reset.protocol": N_("its own protocol is cut off by its looks"),
        "exchange.timeout": N_("its own protocol meets silence after the connection opened"),
        "exchange.timeout.all": N_("whatever is said after the connection opened meets silence"),
        "exchange.timeout.protocol": N_("its own protocol meets silence, by its looks"),
        "exchange.unproven": N_("something answers in its protocol, and not what was asked"),
        "front_only": N_("the host in front answers, which proves nothing of the one behind"),
        "http": N_("the web request fails"),
        "http.blockpage": N_("a block page is shown in its place"),
        "http.diff": N_("another page than elsewhere, not enough to say more"),
        "http.failed": N_("the web request fails in an unusual way"),
        "http.redirect": N_("the web request is sent away to another site"),
        "http.reset": N_("the web request is reset"),
        "http.timeout": N_("the web request falls silent"),
        "http.stall": N_("the page starts to come and then stops"),
        "http.truncated": N_(
            "the page starts to come and the connection ends before all of it is there"
        ),
        "http.unexpected": N_("an answer that is not the expected one"),
        "http.unverified": N_("something answers, and nothing shows that it is the service"),
        "server": N_("the service answers, and does not serve"),
        "server.blockpage": N_("its own servers carry a page that looks like a block page"),
        "server.certificate": N_("its own certificate does not verify"),
        "server.certificate_expired": N_("its own certificate has run out"),
        "server.challenge": N_("its own servers ask for proof of being human"),
        "server.error": N_("its own servers answer with an error"),
        "server.geoblock": N_("its own servers refuse this country, over a genuine connection"),
        "listing": N_("what the stores say of the app"),
        "listing.absent": N_("the store does not have the app here; elsewhere was not seen"),
        "listing.gone": N_("the store has the app neither here nor elsewhere"),
        "listing.removed": N_("the store itself leaves the app out here, and has it elsewhere"),
        "listing.unclear": N_(
            "the store answers, and says neither that it has the app nor that not"
        ),
        "service.retired": N_("the service was shut by its owner"),
        "udp": N_("packets over UDP fail"),
        "udp.all": N_("nothing but names passes over UDP on this line"),
        "udp.protocol": N_("packets of this protocol are dropped, others of the same size are not"),
        "udp.protocol.quic": N_("packets of QUIC are dropped, others of the same size are not"),
        "udp.protocol.udp-stun": N_(
            "packets of STUN, which calls begin with, are dropped, others of the same size are not"
        ),
        "udp.protocol.openvpn": N_(
            "packets of OpenVPN are dropped, others of the same size are not"
        ),
        "udp.protocol.wireguard": N_(
            "packets of WireGuard are dropped, others of the same size are not"
        ),
        "udp.protocol.ikev2": N_("packets of IKEv2 are dropped, others of the same size are not"),
        "udp.refused": N_("packets over UDP are refused: nobody seems to listen there"),
        "udp.silence": N_("no reply over UDP, which has many causes"),
        "udp.unexpected": N_("what comes back over UDP is not of its protocol"),
        "udp.unreachable": N_("the network knows no way to it over UDP"),
        "quic": N_("connections over QUIC fail"),
        "quic.alert": N_("a connection over QUIC is turned away with an alert"),
        "quic.timeout": N_("connections over QUIC get no answer"),
        "quic.timeout.after": N_("connections over QUIC fall silent once they stand"),
        "quic.timeout.handshake": N_(
            "QUIC answers, and connections over it fall silent as they begin"
        ),
        "quic.timeout.port": N_("QUIC gets no answer, while TCP to the same place does"),
        "quic.timeout.sni": N_(
            "connections over QUIC fall silent when they name the service (SNI)"
        ),
        "quic.versions_only": N_("a server of QUIC answers, and no connection to it was tried"),
        "no_reply_expected": N_("it answers nobody it does not know, so its silence says nothing"),
        "degraded": N_("it works only in part"),
        "degraded.freeze": N_("transfers stop each time after about as many bytes"),
        "degraded.throttle": N_("it is slowed down"),
        "down": N_("it fails from other places too"),
        "family": N_("it works over one family of addresses (IPv4, IPv6) and not over the other"),
        "family.ipv4": N_("it works over IPv6 and not over IPv4"),
        "family.ipv6": N_("it works over IPv4 and not over IPv6"),
        "address.partial": N_("one of its addresses fails, another works"),
        "transient": N_("it failed once and then worked"),
        "control.disagree": N_("comparisons elsewhere disagree"),
        "control.failed": N_("a neutral host failed"),
        "line": N_("the line itself was at fault"),
        "line.abroad": N_("hardly anything abroad answered"),
        "line.local_fault": N_("this machine itself refused the connection"),
        "line.broke": N_("neutral hosts, asked at the same time, failed as well"),
        "line.slow": N_("this line is too slow to tell"),
        "line.lossy": N_("neutral hosts were silent in the same round"),
        "line.portal": N_("a sign-in page answered for some sites"),
        "path_changed": N_("this machine moved to another network meanwhile"),
        "vpn_on": N_("a VPN or tunnel was on"),
        "clock": N_("this machine's clock was wrong"),
        "captive_portal": N_("a sign-in page stood in the way"),
        "offline": N_("the line was offline"),
        "offline.local": N_("the home connection was down"),
        "offline.upstream": N_("nothing beyond the router answered"),
        "domestic_only": N_("only sites of the line's own country answered"),
        "ipv6_broken": N_("IPv6 does not work on this line"),
        "interrupted": N_("the measurement was interrupted"),
        "not_run": N_("it was not measured"),
        "not_measured": N_("there is no probe for it yet"),
        "unexplained": N_("what was seen fits no rule"),
    }
)
"""Mechanism -> words that follow a colon or fill a cell; a test asks one of every rule."""


_LAYERS: Said[str] = Said(
    {
        "dns": N_("names (DNS)"),
        "tcp": N_("connections (TCP)"),
        "tls": N_("encryption (TLS)"),
        "exchange": N_("protocols of their own"),
        "udp": N_("packets (UDP, QUIC)"),
        "http": N_("web requests (HTTP)"),
        "server": N_("the service's own refusal"),
        "other": N_("something else"),
    }
)


_ELSEWHERE = {"quic": "udp", "listing": "server"}
"""What is counted with another layer: what a store leaves out is a refusal of its own."""


def layer_of(mechanism: str | None) -> str:
    """Return the layer that a mechanism belongs to, ``other`` for what has none."""
    first = (mechanism or "").split(".")[0]
    layer = _ELSEWHERE.get(first, first)
    return layer if layer in _LAYERS else "other"


def layer_name(layer: str) -> str:
    """Return what a layer is called."""
    return _LAYERS[layer]


def how(mechanism: str | None) -> str:
    """Return words for a mechanism, by the deepest of its parts that has any."""
    parts = (mechanism or "").split(".")
    for depth in range(len(parts), 0, -1):
        known = ".".join(parts[:depth])
        if known in _HOW:
            return _HOW[known]
    return _("how was not shown")


def mechanisms() -> frozenset[str]:
    """Return the mechanisms that have words of their own."""
    return frozenset(_HOW)
