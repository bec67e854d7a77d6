"""The steps of the way: the connection, and the other addresses of the name."""

from collections.abc import Collection, Sequence

from probe.analysis.endings import FailureClass, Layer, ending_of
from probe.analysis.features import Features
from probe.analysis.narrative.phrases import (
    count,
    failed,
    joined,
    took,
    where,
)
from probe.analysis.narrative.scene import Scene
from probe.analysis.narrative.values import Chapter, Explained, Finding, Meaning
from probe.model.address import NOWHERE
from probe.model.measurement import Measurement, TcpStep, TlsStep, Variant
from probe.model.verdict import State

__all__ = ["addresses_step", "connection_step"]


def connection_step(scene: Scene) -> Explained | None:
    """Return the step about opening a connection, ``None`` where none was tried."""
    steps = [s for s in (scene.main.steps if scene.main else ()) if isinstance(s, TcpStep)]
    if not steps:
        return None
    opened = any(s.failure is None for s in steps)
    f = scene.features
    means, rules_out, remains = _opened() if opened else _shut(scene, f)
    return Explained(
        chapter=Chapter.CONNECTION,
        finding=Finding.FINE if opened else Finding.FAILED,
        title="The connection (TCP, before anything is said)",
        did=f"Tried to open a connection to {joined(dict.fromkeys(map(_place, steps)))}.",
        came=" ".join(f"{_connected(s)}." for s in steps[-4:]),
        means=means,
        rules_out=rules_out,
        remains=remains,
    )


def _place(step: TcpStep) -> str:
    port = f", port {step.port}" if step.port else ""
    return f"{where(step.address)}{port}"


def _connected(step: TcpStep) -> str:
    place = "There" if step.address == NOWHERE else step.address
    if step.failure is None:
        return f"{place}: it opened after {took(step)}"
    return f"{place}: {failed(step.failure, Layer.TCP)}"


def _opened() -> Meaning:
    return Meaning(
        "Somebody at that address takes connections. That alone is no proof that it is the "
        "service: networks can answer in its place.",
        "That nothing at all comes through to that address.",
        "Who it is that answers.",
    )


def _shut(scene: Scene, f: Features) -> Meaning:
    if f.ending.kind is FailureClass.LOCAL:
        return Meaning(
            "The packet never left this machine: a firewall on it, or a setting.",
            "That anybody outside refused it.",
            "How the service fares without that.",
        )
    known = (
        " Somebody elsewhere gets through at that very address."
        if f.control.same_address is True
        else ""
    )
    silent = f.ending.kind is FailureClass.TIMEOUT
    how = (
        "Silence can be blocking, a machine that is gone, or a bad line."
        if silent
        else "Blocking can look like this; a machine that is set up so looks the same from here."
    )
    return Meaning(
        f"No connection opens, so {scene.service.name} cannot be used at that address. {how}"
        + known,
        "That it is about the content: nothing had been said yet.",
        "Whether the network or the service's side refuses: other addresses and a look from "
        "elsewhere tell.",
    )


_UNPROVEN = "Something answers there as well; nothing shows that it is the service."


def addresses_step(scene: Scene) -> Explained | None:
    """Return how the service fares at its other addresses, and over the other family."""
    first = {s.address for s in (scene.main.steps if scene.main else ()) if isinstance(s, TcpStep)}
    rows = [
        (m, told)
        for _, m in scene.of(Variant.DOH, Variant.OTHER_ADDRESS, Variant.OTHER_FAMILY)
        if (told := _fared_at(m, first)) is not None
    ]
    if not rows:
        return None
    places = {s.address for m, _ in rows for s in m.steps if isinstance(s, TcpStep)} - first
    worked = [ending_of(m).passed for m, _ in rows]
    unproven = any(ending_of(m).passed and not _proves(m) for m, _ in rows)
    here = scene.features.ending.passed
    return Explained(
        chapter=Chapter.OTHER_ADDRESSES,
        finding=Finding.FINE if all(worked) else Finding.FAILED if not any(worked) else Finding.ODD,
        title="Its other addresses",
        did=f"Tried the same at {count(len(places), 'more address', 'more addresses')}"
        " of the same name.",
        came=" ".join(dict.fromkeys(f"{told}." for _, told in rows)),
        means=_UNPROVEN if unproven else _elsewhere(worked, here=here),
        rules_out=None
        if unproven or scene.verdict.state is State.DOWN
        else _excluded(worked, here=here),
        remains="Its other addresses, if it has more." if not any(worked) else None,
    )


def _fared_at(measurement: Measurement, first: Collection[str]) -> str | None:
    dialled = [s for s in measurement.steps if isinstance(s, TcpStep)]
    if not dialled or dialled[-1].address in first:  # the same place again: told with the retests
        return None
    place = where(dialled[-1].address)
    ending = ending_of(measurement)
    if ending.passed:
        return f"{place}: {'it worked' if _proves(measurement) else 'it answered'}"
    if ending.layer is None:
        return f"{place}: it opened, and no more could be done"
    return f"{place}: {failed(ending.failure, ending.layer, measurement.steps[-1])}"


def _proves(measurement: Measurement) -> bool:
    """Return whether the service itself was shown to answer: in plain text nobody is."""
    return any(isinstance(s, TlsStep) and s.failure is None for s in measurement.steps)


def _elsewhere(worked: Sequence[bool], *, here: bool) -> str:
    if here:
        return (
            "All of them work, as the first did."
            if all(worked)
            else "The first one works, and some others do not: programs try the next one."
        )
    if all(worked):
        return "There it works: the trouble is with what the first look was led to, not with all."
    if any(worked):
        return "It works at some and fails at others."
    return "They fail as well: more than one dead machine would be needed to explain it."


def _excluded(worked: Sequence[bool], *, here: bool) -> str | None:
    if not here and any(worked):
        return "That the service is cut off altogether, or is down."
    if not here:
        return "A fault of that one machine alone."
    return None
