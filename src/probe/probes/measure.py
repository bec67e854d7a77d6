"""Measuring one endpoint once: the one door to all probes."""

import asyncio
from collections.abc import Awaitable, Callable
from importlib import import_module

from probe.errors import InputError
from probe.model.measurement import Measurement, Outcome, Variant
from probe.model.target import Endpoint, Kind
from probe.probes.env import ProbeEnv
from probe.probes.options import PLAIN, ProbeOptions
from probe.probes.recorder import Recorder
from probe.probes.session import Session

__all__ = ["MEASURED_KINDS", "measure", "probe_of"]

Probe = Callable[[Session], Awaitable[None]]

_PROBES: dict[Kind, tuple[str, str]] = {
    Kind.DNS: ("dns", "probe_dns"),
    Kind.RESOLVER: ("resolver", "probe_resolver"),
    Kind.DOH: ("encrypted", "probe_doh"),
    Kind.DOT: ("encrypted", "probe_dot"),
    Kind.TCP: ("tcp", "probe_tcp"),
    Kind.TLS: ("tls", "probe_tls"),
    Kind.HTTP: ("http", "probe_http"),
    Kind.TOR_OR: ("tor_or", "probe_tor_or"),
    Kind.TOR_DIR: ("tor_dir", "probe_tor_dir"),
    Kind.OBFS4: ("tcp", "probe_tcp"),
    Kind.SIGNAL_PROXY: ("signal_proxy", "probe_signal_proxy"),
    Kind.MTPROTO: ("mtproto", "probe_mtproto"),
    Kind.WHATSAPP: ("whatsapp", "probe_whatsapp"),
    Kind.QUIC: ("quic", "probe_quic"),
    Kind.STUN: ("stun", "probe_stun"),
    Kind.OPENVPN: ("openvpn", "probe_openvpn"),
    Kind.WIREGUARD: ("wireguard", "probe_wireguard"),
    Kind.IKEV2: ("ikev2", "probe_ikev2"),
}
"""Each kind's module beside this one and its function; what is not used is not loaded."""

MEASURED_KINDS = frozenset(_PROBES)
"""Kinds that have a probe; the others are reported as not measured yet."""


def probe_of(kind: Kind) -> Probe:
    """Import and return the probe of a kind of ``MEASURED_KINDS``."""
    module, function = _PROBES[kind]
    found: Probe = getattr(import_module(f"probe.probes.{module}"), function)
    return found


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
        silent = options.variant is Variant.CONNECT  # nothing is said, whatever the kind
        probe = probe_of(Kind.TCP if silent else endpoint.kind)
        if options.transfer is not None:
            from probe.probes.goodput import probe_goodput

            probe = probe_goodput
        reason = await _run(probe, recorder, env, options)
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
