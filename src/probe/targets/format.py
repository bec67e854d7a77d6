"""The shape of a target file: what a person writes, before defaults are filled in.

The JSON Schema for editors is generated from these classes, so their docstrings and
descriptions are what an editor shows.
"""

from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from probe.model.target import (
    Category,
    Expect,
    Kind,
    PartOf,
    Plan,
    Purpose,
    Risk,
    Role,
    Trust,
    Whole,
    Wrap,
)

__all__ = [
    "CatalogFile",
    "CatalogHead",
    "Country",
    "EndpointEntry",
    "Host",
    "Id",
    "Path",
    "ServiceEntry",
    "ServiceHead",
    "Text",
]

Id = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*$",
        max_length=64,
        description="Lower case, unique over all files; part of every stored result.",
    ),
]
Text = Annotated[str, Meta(min_length=1, max_length=600)]
Host = Annotated[
    str, Meta(min_length=1, max_length=253, description="A name or an address, no brackets.")
]
Port = Annotated[int, Meta(ge=1, le=65535)]
Path = Annotated[str, Meta(pattern=r"^/[!-~]*$", max_length=1024)]
Identity = Annotated[
    str,
    Meta(pattern=r"^[0-9A-F]{40}$", description="Of a Tor relay: SHA-1 of its RSA identity key."),
]
Baseline = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=1500,
        description="The id of an endpoint of the same company, to compare with.",
    ),
]
MAX_RANGE = 65_536
MAX_READ = 262_144
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}$", description="ISO 3166 alpha-2.")]


class EndpointEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing to measure; what is left out is derived (see README.md)."""

    kind: Kind
    host: Host
    tls: bool
    port: Port | UnsetType = UNSET
    sni: Host | UnsetType | None = UNSET
    alpn: Annotated[tuple[str, ...], Meta(max_length=8)] | UnsetType = UNSET
    path: Path | UnsetType = UNSET
    method: Literal["GET", "HEAD", "POST"] = "GET"
    transport: Annotated[
        Literal["udp", "tcp"], Meta(description="Of openvpn: what carries its packets.")
    ] = "udp"
    wrap: Annotated[
        Wrap | None, Meta(description="Of openvpn: how control packets are wrapped, if known.")
    ] = None
    digest: Annotated[
        Literal["sha1", "sha256", "sha512"], Meta(description="Of openvpn with tls-auth.")
    ] = "sha1"
    key: Annotated[
        Text | None,
        Meta(
            description="Published by the operator: openvpn, 512 hexadecimal digits of the static "
            "key; wireguard, the server's public key in base64. Never a secret."
        ),
    ] = None
    host_header: Host | None = None
    expect: Expect | None = None
    range_bytes: Annotated[int, Meta(ge=1024, le=MAX_RANGE)] | None = None
    read_bytes: Annotated[int, Meta(ge=1024, le=MAX_READ)] | None = None
    trust: Trust = Trust.PUBLIC
    purpose: Purpose | UnsetType = UNSET
    role: Role = Role.OTHER
    risk: Risk | UnsetType = UNSET
    plan: Plan = Plan.ALL
    country: Country | UnsetType = UNSET
    anchor: bool = False
    operator: Text | None = None
    expected: Annotated[tuple[str, ...], Meta(max_length=64)] = ()
    identity: Identity | None = None
    baseline: Baseline | None = None
    source: Text | UnsetType = UNSET
    checked_on: date | UnsetType = UNSET
    off: Text | None = None
    note: Text | None = None


class ServiceHead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service without its endpoints.

    Source, risk, purpose, country and baseline are theirs by default.
    """

    id: Id
    name: Annotated[str, Meta(min_length=1, max_length=80, description="What people call it.")]
    retired_on: date | None = None
    note: Text | None = None
    source: Text | None = None
    risk: Risk | None = None
    purpose: Purpose | None = None
    country: Country | None = None
    checked_on: date | None = None
    part_of: PartOf | None = None
    baseline: Baseline | None = None


class ServiceEntry(ServiceHead, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person names, with the endpoints that make it work."""

    endpoints: Annotated[tuple[EndpointEntry, ...], Meta(min_length=1)]


class CatalogHead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A target file without its services."""

    category: Category
    checked_on: Annotated[date, Meta(description="When the sources were last looked at.")]
    wholes: Annotated[
        tuple[Whole, ...],
        Meta(description="What people call one thing though it is several services."),
    ] = ()


class CatalogFile(CatalogHead, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One category of services."""

    services: Annotated[tuple[ServiceEntry, ...], Meta(min_length=1)]
