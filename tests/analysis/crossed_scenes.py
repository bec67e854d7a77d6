"""Scenes of the tests on other lines and with other controls: what can hold at the same time.

Nobody wrote down what is right for these; they only show which rows of the table meet.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from verdict_bundles import (
    GOOD,
    ISSUER,
    MARKS,
    NULL,
    OTHER,
    PROXY_CA,
    Scene,
    anchors,
    around,
    control,
    snapshot,
)

from probe.analysis.features import Features, features_of
from probe.analysis.marks import JudgeFacts
from probe.model.context import Gate, GateId, RoundContext
from probe.model.control import ControlObservation

__all__ = ["crossed", "features"]

TIMEOUT = "generic_timeout_error"

LINES: tuple[RoundContext | None, ...] = (
    None,
    around(),
    around(Gate(id=GateId.RESOLVER_DOWN, invalidates=False), system_resolver_ok=(False, False)),
    around(Gate(id=GateId.OFFLINE_UPSTREAM, invalidates=True)),
    around(anchors=anchors("+++--")),
    around(anchors=anchors("-----", "+++")),
    around(anchors=anchors("++---", "+--"), captive_status=302, captive_redirect="login.example"),
    around(neutral_bogons=(NULL,)),
    around(neutral_issuers=(PROXY_CA,)),
)

SEEN: tuple[tuple[dict[str, Any], ...], ...] = (
    (),
    (control(addresses=(GOOD, OTHER), issuer=ISSUER, status=200, body_length=5_000),),
    (snapshot(addresses=(GOOD, OTHER), issuer=ISSUER, status=200, body_length=5_000),),
    *(
        (
            control(TIMEOUT, layer, source="far"),
            *((control(TIMEOUT, layer, source="farther"),) if two else ()),
        )
        for layer in ("dns", "tcp", "tls", "http")
        for two in (False, True)
    ),
    (control(source="far"), control(TIMEOUT, "tls", source="farther")),
    (control(source="far", status=503),),
)


def features(scene: Scene) -> Features:
    """Return the facts of a scene."""
    ep = scene.endpoint
    return features_of(
        ep,
        scene.service,
        [msgspec.structs.replace(m, endpoint=ep.id, kind=ep.kind) for m in scene.bundle],
        context=scene.context,
        controls=[ControlObservation(**{"endpoint": ep.id, **c}) for c in scene.controls],
        facts=JudgeFacts(MARKS),
    )


def crossed(scenes: Sequence[Scene]) -> Iterator[Features]:
    """Yield the facts of each scene as it is, on each line, and with each set of controls."""
    for scene in scenes:
        yield features(scene)
        for line in LINES:
            yield features(replace(scene, context=line))
        for seen in SEEN:
            yield features(replace(scene, controls=seen))
