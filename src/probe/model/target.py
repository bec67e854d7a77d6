"""What is measured: services, and the endpoints that make them work."""

from datetime import date
from enum import StrEnum
from typing import Literal

import msgspec

from probe.model.address import authority

__all__ = [
    "Absence",
    "Catalog",
    "Category",
    "Endpoint",
    "Expect",
    "Kind",
    "PartOf",
    "Plan",
    "Purpose",
    "Risk",
    "Role",
    "Service",
    "Trust",
    "Whole",
    "Wrap",
]


class Kind(StrEnum):
    """How an endpoint is measured; a kind without a probe is reported as not measured yet."""

    DNS = "dns"  # resolve this name
    RESOLVER = "resolver"  # ask this resolver
    DOH = "doh"
    DOT = "dot"
    TCP = "tcp"
    TLS = "tls"
    HTTP = "http"
    QUIC = "quic"
    STUN = "udp-stun"
    OPENVPN = "openvpn"
    WIREGUARD = "wireguard"
    IKEV2 = "ikev2"
    TOR_OR = "tor-or"
    TOR_DIR = "tor-dir"
    OBFS4 = "obfs4"
    SIGNAL_PROXY = "signal-proxy"
    MTPROTO = "mtproto"  # Telegram's own protocol, up to the server's answer to the first question
    WHATSAPP = "whatsapp"  # WhatsApp's handshake over its web socket, up to the server's hello


class Purpose(StrEnum):
    """Why an endpoint is measured; only targets can be blocked."""

    TARGET = "target"
    CONTROL = "control"
    DOMESTIC = "domestic"


class Role(StrEnum):
    """What of a service an endpoint carries."""

    SIGN_IN = "sign_in"
    SIGN_UP = "sign_up"
    MESSAGES = "messages"
    MEDIA = "media"
    CALL = "call"
    DOWNLOAD = "download"
    UPDATE = "update"
    WEB = "web"
    API = "api"  # what a store's or a provider's program asks for its catalogue
    TUNNEL = "tunnel"  # what a way out carries its traffic through
    LISTING = "listing"  # whether a store offers an app; each store stands for itself
    OTHER = "other"


class Risk(StrEnum):
    """What it may mean for a volunteer to be seen contacting it."""

    BASELINE = "baseline"
    MEDIUM = "medium"
    HIGH = "high"


class Plan(StrEnum):
    """Which rounds an endpoint takes part in."""

    CORE = "core"  # frequent rounds, at most 20
    DEFAULT = "default"  # the daily plan, at most 150 with the core
    ALL = "all"  # only with --all or when selected by name


class Category(StrEnum):
    """The shelf a service stands on."""

    MESSAGING = "messaging"
    APP_STORE = "app-store"
    VPN = "vpn"
    TOR = "tor"
    CIRCUMVENTION = "circumvention"
    SOCIAL = "social"
    NEWS = "news"
    HUMAN_RIGHTS = "human-rights"
    CODE_HOSTING = "code-hosting"
    EMAIL = "email"
    SANCTIONS = "sanctions"
    DNS_RESOLVER = "dns-resolver"
    PUSH = "push"
    LISTING = "listing"
    CONTROL = "control"
    DOMESTIC = "domestic"


class Trust(StrEnum):
    """Whose certificates an endpoint is verified against."""

    PUBLIC = "public"  # packaged Mozilla roots
    SIGNAL = "signal"  # Signal's own root
    NONE = "none"  # the protocol's certificates are self-signed by design (Tor, Session)


class Wrap(StrEnum):
    """How an OpenVPN server wants control packets wrapped; without its key it answers nothing."""

    NONE = "none"
    TLS_AUTH = "tls-auth"
    TLS_CRYPT = "tls-crypt"


class Absence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a store says that it does not have an app: by a status, or in so many words."""

    status: tuple[int, ...] = ()
    body_contains: str | None = None


class Expect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an uncensored answer looks like; a control page's 204 or its exact text.

    ``absent`` is of listings: the answer of a store that does not have the app. ``storefront``
    is the country (ISO 3166 alpha-2) whose storefront is asked for comparison where the path
    has ``{country}``.
    """

    status: tuple[int, ...] = ()
    body_contains: str | None = None
    location_contains: str | None = None  # of a redirect, which is not followed
    absent: Absence | None = None
    storefront: str | None = None


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing to measure of a service.

    ``key`` is what the operator gives to everybody: of kind openvpn the 512 hexadecimal digits
    of the static key of tls-auth or tls-crypt, of kind wireguard the server's public key in
    base64. A key that somebody keeps secret has no place here.
    """

    service: str
    kind: Kind
    host: str
    port: int | None = None
    tls: bool = False
    sni: str | None = None
    alpn: tuple[str, ...] = ()
    path: str | None = None
    method: Literal["GET", "HEAD", "POST"] = "GET"
    transport: Literal["udp", "tcp"] = "udp"  # of kind openvpn
    wrap: Wrap | None = None  # of kind openvpn; None: not known
    digest: Literal["sha1", "sha256", "sha512"] = "sha1"  # of the HMAC of tls-auth
    key: str | None = None  # published: an OpenVPN static key, a WireGuard public key
    host_header: str | None = None
    expect: Expect | None = None
    range_bytes: int | None = None  # ask for this many first bytes of a file, and read no more
    read_bytes: int | None = None  # how much of a page is read, where the usual is too little
    trust: Trust = Trust.PUBLIC
    purpose: Purpose = Purpose.TARGET
    role: Role = Role.OTHER
    risk: Risk = Risk.MEDIUM
    plan: Plan = Plan.ALL
    country: str | None = None  # ISO 3166 alpha-2 of a domestic control
    anchor: bool = False  # a neutral host by which the line itself is judged
    operator: str | None = None  # of an anchor: whose network, to count distinct ones
    expected: tuple[str, ...] = ()  # addresses, networks or AS numbers that the source states
    identity: str | None = None  # of a Tor relay: the fingerprint of its RSA key, 40 digits
    baseline: str | None = None  # id of an endpoint of the same company, to compare with
    store: str | None = None  # of a listing: what people call the store
    source: str
    checked_on: date
    off: str | None = None  # why it is never measured; None when it may be
    note: str | None = None
    private: str | None = None  # of the user's own bridge or proxy: what it is called in results

    @property
    def id(self) -> str:
        """Stable and unique in a catalog: ``service/kind/host:port[+tcp]/path[#sni][@front]``.

        What is private has its label in the place of all that tells where it is.
        """
        if self.private is not None:
            return f"{self.service}/{self.kind}/{self.private}"
        where = authority(self.host, self.port)
        where += "+tcp" if self.transport == "tcp" else ""
        sni = f"#{self.sni}" if self.sni not in (None, self.host) else ""
        front = f"@{self.host_header}" if self.host_header else ""
        return f"{self.service}/{self.kind}/{where}{self.path or ''}{sni}{front}"

    def __repr__(self) -> str:
        """Return the id alone: a value may be printed in an error, and a bridge's may not."""
        return f"Endpoint({self.id!r})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        """Show the same in a traceback that is printed in colours."""
        return [("id", self.id)]


class Whole(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What people call one thing though the catalog holds it as several services: Tor."""

    id: str
    name: str


class PartOf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which part of a whole a service is; services of one part stand in for each other."""

    whole: str  # id of a whole
    part: str  # what people call the part: Snowflake, directory authorities


class Service(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person names: WhatsApp, Google Play, Tor."""

    id: str
    name: str
    category: Category
    retired_on: date | None = None
    note: str | None = None
    part_of: PartOf | None = None
    endpoints: tuple[Endpoint, ...]


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """All services, in the order of their files; ``digest`` names this exact content."""

    services: tuple[Service, ...]
    digest: str
    untrusted: bool = False  # came from a file of the user's, not from the package
    wholes: tuple[Whole, ...] = ()

    def service(self, service_id: str) -> Service | None:
        """Return the service with that id."""
        return next((s for s in self.services if s.id == service_id), None)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Return every endpoint of every service."""
        return tuple(e for s in self.services for e in s.endpoints)
