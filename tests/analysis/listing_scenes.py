"""Scenes of listings: what a store may say of an app, and what only looks like it."""

from typing import Any

from verdict_bundles import (
    GOOD,
    Scene,
    cert,
    control,
    dns,
    endpoint,
    http,
    look,
    past,
    plain,
    snapshot,
    tcp,
    tls,
)

from probe.model.measurement import Measurement, Variant
from probe.model.target import Absence, Category, Expect, Role, Service

__all__ = ["LISTINGS"]

EXPECT = Expect(
    status=(200,), body_contains="org.chat", absent=Absence(status=(404,)), storefront="US"
)
APP = endpoint(role=Role.LISTING, store="Big Store", expect=EXPECT, path="/app?gl={country}")
NAMED = Service(
    id="listing-chat", name="Chat (the app)", category=Category.LISTING, endpoints=(APP,)
)
ABSENT: dict[str, Any] = {"expected": False, "absent": True}
THERE: dict[str, Any] = {"expected": True, "absent": False}
NEITHER: dict[str, Any] = {"expected": False, "absent": False}
ELSEWHERE = control(status=200, **THERE)
GONE_TOO = control(status=404, **ABSENT)
SECOND = control(source="farther", status=404, **ABSENT)


def answered(status: int = 200, variant: Variant = Variant.MAIN, **more: Any) -> Measurement:
    """Return an answer of the store over its own certificate."""
    return look(dns(GOOD), tcp(), tls(), http(status, **more), variant=variant)


def storefront(**more: Any) -> Measurement:
    """Return what the other storefront says."""
    return answered(variant=Variant.OTHER_STOREFRONT, **more)


MISSING = answered(404, **ABSENT)


def scene(name: str, rule: str, verdict: str, *bundle: Measurement, controls: Any = ()) -> Scene:
    """Return a scene of the app's listing."""
    return Scene(name, rule, verdict, bundle, endpoint=APP, service=NAMED, controls=controls)


FORGED = look(dns(GOOD), tcp(), tls(certificate=cert("ssl_unknown_authority")), http(404, **ABSENT))
HALF_SAID = look(
    dns(GOOD), tcp(), tls(certificate=cert("ssl_unknown_authority")), http(200, **THERE),
    variant=Variant.OTHER_STOREFRONT,
)  # fmt: skip
REMOVED = "blocked listing.removed server likely"
GONE = "down listing.gone server weak"
UNSEEN = "inconclusive listing.absent server weak"

LISTINGS = (
    scene("offered", "listing.listed", "ok none unknown confirmed", answered(**THERE)),
    scene(
        "offered, on a page that mentions a block page",
        "listing.listed",
        "ok none unknown confirmed",
        answered(fingerprints=("page",), **THERE),
    ),
    scene(
        "missing here, offered to a control",
        "listing.removed.live",
        REMOVED,
        MISSING,
        controls=(ELSEWHERE,),
    ),
    scene(
        "missing here, in another storefront and for a control offered",
        "listing.removed.live",
        REMOVED,
        MISSING,
        storefront(**THERE),
        controls=(ELSEWHERE,),
    ),
    scene(
        "missing here, offered in another storefront",
        "listing.removed.storefront",
        REMOVED,
        MISSING,
        storefront(**THERE),
    ),
    scene(
        "missing in both storefronts, and offered to a control",
        "listing.absent.alone",
        UNSEEN,
        MISSING,
        storefront(status=404, **ABSENT),
        controls=(ELSEWHERE,),
    ),
    scene(
        "missing here and for one control",
        "listing.gone.everywhere",
        GONE,
        MISSING,
        controls=(GONE_TOO,),
    ),
    scene(
        "missing here and in another storefront",
        "listing.gone.everywhere",
        GONE,
        MISSING,
        storefront(status=404, **ABSENT),
    ),
    scene(
        "missing here and for two controls",
        "listing.gone.everywhere.many",
        "down listing.gone server likely",
        MISSING,
        controls=(GONE_TOO, SECOND),
    ),
    scene(
        "controls disagree",
        "listing.absent.alone",
        UNSEEN,
        MISSING,
        controls=(ELSEWHERE, SECOND),
    ),
    scene(
        "a control has it not, another storefront has it",
        "listing.absent.alone",
        UNSEEN,
        MISSING,
        storefront(**THERE),
        controls=(GONE_TOO,),
    ),
    scene("missing, and nobody else looked", "listing.absent.alone", UNSEEN, MISSING),
    scene(
        "missing, and the control saw no word of it",
        "listing.absent.alone",
        UNSEEN,
        MISSING,
        controls=(control(status=200, **NEITHER),),
    ),
    scene(
        "missing, and the control could not reach the store",
        "listing.absent.alone",
        UNSEEN,
        MISSING,
        controls=(control("generic_timeout_error", "tcp", **THERE),),
    ),
    scene(
        "missing, and the other storefront answered under a false certificate",
        "listing.absent.alone",
        UNSEEN,
        MISSING,
        HALF_SAID,
    ),
    scene(
        "missing, and it was there before",
        "listing.absent.expected",
        UNSEEN,
        MISSING,
        controls=(past(status=200, **THERE),),
    ),
    scene(
        "missing, and the snapshot did not know it either",
        "listing.absent.alone",
        UNSEEN,
        MISSING,
        controls=(snapshot(status=404, **ABSENT),),
    ),
    scene(
        "an answer of status 200 that it is not available",
        "listing.removed.live",
        REMOVED,
        answered(200, **ABSENT),
        controls=(ELSEWHERE,),
    ),
    scene(
        "a page that says neither",
        "listing.unclear",
        "inconclusive listing.unclear unknown weak",
        answered(200, **NEITHER),
        controls=(ELSEWHERE,),
    ),
    scene(
        "the store refuses the country",
        "server.refusal.live",
        "blocked server.geoblock server likely",
        answered(403, **NEITHER),
        controls=(ELSEWHERE,),
    ),
    scene(
        "the store asks for proof of being human",
        "server.challenge",
        "inconclusive server.challenge server likely",
        answered(429, **NEITHER),
        controls=(ELSEWHERE,),
    ),
    scene(
        "the store is in trouble",
        "server.error",
        "inconclusive server.error server weak",
        answered(503, **NEITHER),
    ),
    scene(
        "a forged word that it is missing",
        "tls.mitm.live",
        "blocked tls.mitm unknown weak",
        FORGED,
        controls=(control(status=200, issuer="CN=Honest CA", **THERE),),
    ),
    scene(
        "a word in plain text that it is missing",
        "http.diff",
        "inconclusive http.diff unknown weak",
        look(dns(GOOD), tcp(), plain(404, **ABSENT)),
        controls=(ELSEWHERE,),
    ),
    scene(
        "the store is out of reach",
        "tcp.timeout.live",
        "blocked tcp.timeout unknown weak",
        look(dns(GOOD), tcp(GOOD, "generic_timeout_error")),
        controls=(ELSEWHERE,),
    ),
)
