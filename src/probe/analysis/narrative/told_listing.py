"""The step of an app in a store: here, in another country's storefront, and to others."""

from probe.analysis.listing_facts import ListingFacts
from probe.analysis.narrative.phrases import count, joined
from probe.analysis.narrative.scene import Scene
from probe.analysis.narrative.values import Chapter, Explained, Finding, Meaning
from probe.model.measurement import Outcome, Variant
from probe.model.target import Role

__all__ = ["listing_step"]


def listing_step(scene: Scene) -> Explained | None:
    """Return whether the store offers the app, ``None`` for what is no listing."""
    if scene.endpoint.role is not Role.LISTING:
        return None
    listing = scene.features.listing
    store = scene.endpoint.store or scene.host
    means, rules_out, remains = _read(listing)
    return Explained(
        chapter=Chapter.LISTING,
        finding=_finding(listing),
        title="The app in the store",
        did=f"Looked whether {store} offers {scene.service.name}: {joined(_places(scene))}.",
        came=" ".join(_came(scene, listing)),
        means=means,
        rules_out=rules_out,
        remains=remains,
    )


def _finding(listing: ListingFacts) -> Finding:
    if not listing.answered or listing.listed is None:
        return Finding.OPEN
    return Finding.FINE if listing.listed else Finding.ODD


def _places(scene: Scene) -> list[str]:
    places = ["here"]
    if _storefronts(scene):
        country = scene.endpoint.expect.storefront if scene.endpoint.expect is not None else None
        places.append(f"in the storefront of {country or 'another country'}")
    if scene.controls.live:
        places.append("from elsewhere at the same time")
    return places


def _storefronts(scene: Scene) -> bool:
    looked = scene.of(Variant.OTHER_STOREFRONT)
    return any(m.outcome is Outcome.MEASURED for _, m in looked)


def _came(scene: Scene, listing: ListingFacts) -> list[str]:
    if not listing.answered:
        return ["The store itself did not answer the question: the steps before this say how."]
    said = [f"Here: {_word(listing.listed)}."]
    if _storefronts(scene):
        said.append(f"In the other storefront: {_word(listing.storefront)}.")
    if scene.controls.live:
        there, gone = listing.live_listed, listing.live_absent
        said.append(
            f"Of {count(len(scene.controls.live), 'look')} from elsewhere, {there} found it and "
            f"{gone} did not."
        )
    elif listing.expected:
        said.append("It was there before, or for an earlier look from elsewhere.")
    return said


_WORDS = {
    True: "it is offered",
    False: "the store says that it does not have it",
    None: "neither the app nor a word that it is not there",
}


def _word(listed: bool | None) -> str:
    return _WORDS[listed]


def _read(listing: ListingFacts) -> Meaning:
    if not listing.answered:
        return Meaning(
            "Whether the app is offered cannot be told as long as the store does not say it.",
            None,
            "Whether the app is there: a look when the store answers tells.",
        )
    if listing.listed is None:
        return Meaning(
            "The page can be read either way; stores change their pages.",
            None,
            "Whether the app is there.",
        )
    if listing.listed:
        return Meaning(
            "Whoever asks the store from here finds the app.",
            "That it was taken out of the store for this country.",
            "Whether it can be installed: that is not tried.",
        )
    return _gone(listing)


_NOT_THE_NETWORK = "That the network took it out: the store says so itself."


def _gone(listing: ListingFacts) -> Meaning:
    there = listing.live_listed > 0 or listing.storefront is True
    missing = listing.live_absent > 0 or listing.storefront is False
    if there and missing:
        return Meaning(
            "The looks from elsewhere contradict each other, so that nothing follows.",
            _NOT_THE_NETWORK,
            "Which countries it is offered in.",
        )
    if there:
        return Meaning(
            "It is missing here and offered elsewhere: the store, or the app's maker, leaves this "
            "country out.",
            f"{_NOT_THE_NETWORK} That it is gone from the store altogether.",
            "Who asked for it, and whether it was ever offered in this country.",
        )
    if missing:
        return Meaning(
            "It is missing there as well, so that nothing points to this country.",
            _NOT_THE_NETWORK,
            "Whether it was withdrawn, or has another name in the store by now.",
        )
    return Meaning(
        "It is missing here; nobody looked from elsewhere, or nobody saw an answer there.",
        _NOT_THE_NETWORK,
        "Whether it is offered to others.",
    )
