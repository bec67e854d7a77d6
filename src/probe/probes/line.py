"""What only a probe can find out about the line itself; nothing of it enters a step."""

import asyncio

from probe.model.address import is_public, parse_ip
from probe.model.measurement import TlsStep
from probe.model.target import Endpoint
from probe.probes.env import ProbeEnv
from probe.probes.http import fetch
from probe.probes.options import ProbeOptions
from probe.probes.recorder import Recorder
from probe.probes.session import Session
from probe.wire.pages import decode_body

__all__ = ["own_address"]

_MAX_LINES = 50


async def own_address(endpoint: Endpoint, env: ProbeEnv) -> str | None:
    """Return the line's public address as a control page says it, ``None`` without one.

    The page is of the kind that has a line ``ip=`` (Cloudflare's ``/cdn-cgi/trace``). It is
    believed only over TLS that is valid for its name. The caller uses the address to find the
    network and to scrub, and forgets it; the steps of this request are thrown away.
    """
    options = ProbeOptions(keep_listening=False)
    recorder = Recorder(endpoint, options, env.clock)
    async with asyncio.TaskGroup() as group:
        result = await fetch(Session(env, options, recorder, group))
    shaken = [step for step in recorder.steps if isinstance(step, TlsStep)]
    if result is None or not shaken or shaken[-1].failure is not None:
        return None
    page = decode_body(bytes(result.body), result.header("content-type"))
    return _address_in(page)


def _address_in(page: str) -> str | None:
    for line in page.splitlines()[:_MAX_LINES]:
        name, _, value = line.partition("=")
        if name.strip() == "ip":
            ip = parse_ip(value.strip())
            return str(ip) if ip is not None and is_public(str(ip)) else None
    return None
