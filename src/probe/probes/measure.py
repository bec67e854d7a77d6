"""Measuring one endpoint once: the one door to all probes."""

import asyncio
from collections.abc import Awaitable, Callable

from probe.errors import InputError
from probe.model.measurement import Measurement, Outcome
from probe.model.target import Endpoint, Kind
from probe.probes.env import ProbeEnv
from probe.probes.options import PLAIN, ProbeOptions
from probe.probes.recorder import Recorder
from probe.probes.session import Session

__all__ = ["MEASURED_KINDS", "measure"]

Probe = Callable[[Session], Awaitable[None]]

MEASURED_KINDS = frozenset(
    {Kind.DNS, Kind.RESOLVER, Kind.DOH, Kind.DOT, Kind.TCP, Kind.TLS, Kind.HTTP}
)
"""Kinds that have a probe; the others are reported as not measured yet."""


def _probe_of(kind: Kind) -> Probe:
    """Import and return the probe of a kind; what is not used is not loaded."""
    if kind is Kind.DNS:
        from probe.probes.dns import probe_dns as probe
    elif kind is Kind.RESOLVER:
        from probe.probes.resolver import probe_resolver as probe
    elif kind is Kind.DOH:
        from probe.probes.encrypted import probe_doh as probe
    elif kind is Kind.DOT:
        from probe.probes.encrypted import probe_dot as probe
    elif kind is Kind.TCP:
        from probe.probes.tcp import probe_tcp as probe
    elif kind is Kind.TLS:
        from probe.probes.tls import probe_tls as probe
    else:
        from probe.probes.http import probe_http as probe
    return probe


async def measure(
    endpoint: Endpoint,
    env: ProbeEnv,
    options: ProbeOptions = PLAIN,
    *,
    on_interrupt: Callable[[Measurement], None] | None = None,
) -> Measurement:
    """Measure ``endpoint`` once and return what was seen; a failure of the network is in it.

    A cancelled measurement raises ``CancelledError``; before that, ``on_interrupt`` is given
    what was measured until then, as ``interrupted``. An endpoint that cannot be measured (no
    probe for its kind, a name that no protocol can carry) is returned with the reason.

    Raises:
        ForbiddenNetwork: when the guard refuses an address: nothing may be measured here.

    """
    recorder = Recorder(endpoint, options, env.clock)
    if endpoint.kind not in MEASURED_KINDS:
        missing = f"no probe for {endpoint.kind} yet"
        return recorder.measurement(Outcome.NOT_MEASURED_YET, missing)
    try:
        reason = await _run(_probe_of(endpoint.kind), recorder, env, options)
    except asyncio.CancelledError:
        if on_interrupt is not None:
            on_interrupt(recorder.measurement(Outcome.INTERRUPTED, "cancelled"))
        raise
    except InputError as exc:
        return recorder.measurement(Outcome.NOT_RUN, str(exc))
    if reason is not None and not recorder.steps:
        return recorder.measurement(Outcome.NOT_RUN, reason)
    return recorder.measurement(Outcome.MEASURED, reason)


async def _run(
    probe: Probe, recorder: Recorder, env: ProbeEnv, options: ProbeOptions
) -> str | None:
    """Run a probe with the task group of its listeners; return why it stopped early, if so."""
    try:
        async with asyncio.TaskGroup() as listeners:
            session = Session(env, options, recorder, listeners)
            await probe(session)
    except BaseExceptionGroup as group:  # the group wraps what the probe raised
        raise group.exceptions[0] from None
    return session.reason
