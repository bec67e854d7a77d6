"""What the tests of the lab's internet have in common: a page over TLS, a query, a plain lab."""

import asyncio
import ssl
from dataclasses import dataclass

import dns.asyncquery
import dns.edns
import dns.message

from probe.lab.netns.attached import AttachedLab
from probe.model.address import parse_ip
from probe.model.measurement import DnsStep, Measurement

__all__ = ["Fetched", "ask", "fetch", "resolved", "trusting"]

PATIENCE_S = 10.0


@dataclass(frozen=True)
class Fetched:
    """An answer over HTTP/1.1; ``names`` are those of the certificate, if there was one."""

    status: int
    headers: dict[str, str]
    body: bytes
    names: frozenset[str] = frozenset()


def trusting(lab: AttachedLab, *alpn: str) -> ssl.SSLContext:
    """Return a context that believes the lab's public authority and nobody else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=lab.roots.packaged_pem.decode())
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


async def fetch(
    lab: AttachedLab, address: str, name: str, path: str = "/", *, port: int = 443
) -> Fetched:
    """Ask ``address`` for a page of ``name``, over TLS unless it is port 80."""
    sealed = port == 443
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection(
            address,
            port,
            ssl=trusting(lab) if sealed else None,
            server_hostname=name if sealed else None,
        )
        peer = writer.get_extra_info("peercert") or {}
        request = f"GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        body = await reader.read()
        writer.close()
    first, *lines = head.split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
    names = frozenset(str(parse_ip(v) or v) for _, v in peer.get("subjectAltName", ()))
    return Fetched(int(first.split()[1]), headers, body, names)


async def ask(
    server: str, name: str, kind: str = "A", *, subnet: str | None = None, tcp: bool = False
) -> dns.message.Message:
    """Ask a resolver of the lab, over UDP or TCP."""
    options: list[dns.edns.Option] = []
    if subnet is not None:
        options = [dns.edns.ECSOption(subnet, 24)]
    query = dns.message.make_query(name, kind, use_edns=0, options=options)
    if tcp:
        return await dns.asyncquery.tcp(query, server, timeout=PATIENCE_S)
    return await dns.asyncquery.udp(query, server, timeout=PATIENCE_S)


def resolved(measurement: Measurement) -> list[set[str]]:
    """Return the addresses of each lookup of a measurement."""
    steps = [step for step in measurement.steps if isinstance(step, DnsStep)]
    return [{answer.address for answer in step.answers} for step in steps]
