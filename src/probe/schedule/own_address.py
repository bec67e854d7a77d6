"""The line's own public address: asked for once a round, used, and never kept.

It serves to find the network in an offline database and to scrub the address from whatever
servers echo. It is returned to the caller's memory and to nothing else.
"""

from probe.model.address import is_public, parse_ip
from probe.model.target import Endpoint
from probe.net.base import NetFailure
from probe.probes.env import ProbeEnv
from probe.wire.stun import binding_request, mapped_address

__all__ = ["own_public_address"]

_TRIES = 2


async def own_public_address(stun: Endpoint, env: ProbeEnv) -> str | None:
    """Return the address that a STUN server sees, ``None`` when it does not say.

    Only a public address that came back with our own random transaction id is believed; who
    can see the question can still lie, so nothing but a network's name hangs on it.
    """
    address = await _server(stun, env)
    if address is None or not is_public(address):
        return None
    transaction = env.rng.randbytes(12)
    try:
        async with env.limits.destination(address):
            datagrams = await env.net.open_udp(address, stun.port or 3478)
        try:
            for _ in range(_TRIES):
                await datagrams.send(binding_request(transaction))
                reply = await datagrams.receive(timeout_s=env.timeouts.dns_s)
                found = mapped_address(reply, transaction)
                if found is not None:
                    return found if is_public(found) else None
        finally:
            await datagrams.aclose()
    except NetFailure:
        return None
    return None


async def _server(stun: Endpoint, env: ProbeEnv) -> str | None:
    if parse_ip(stun.host) is not None:
        return stun.host
    try:
        resolved = await env.net.system_resolve(stun.host, 4, timeout_s=env.timeouts.dns_s)
    except NetFailure:
        return None
    return resolved.addresses[0] if resolved.addresses else None
