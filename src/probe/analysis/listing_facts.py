"""Whether a store offers an app: here, in another storefront, and to those who look elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass

from probe.analysis.attempts import looks
from probe.analysis.controls import Controls
from probe.analysis.http_facts import HttpFacts
from probe.model.control import ControlObservation
from probe.model.fingerprint import Mark
from probe.model.measurement import HttpStep, Measurement, TlsStep, Variant
from probe.model.target import Endpoint, Role

__all__ = ["ListingFacts", "listing_facts"]

_REFUSALS = (403, 429, 451)
_NOT_ITS_WORD = frozenset(
    {
        Mark.BLOCKPAGE,
        Mark.CHALLENGE,
        Mark.GEOBLOCK,
        Mark.LEGAL_ORDER_STATED,
        Mark.SANCTIONS_STATED,
    }
)
"""Pages that say something else than whether the app is there."""


@dataclass(frozen=True, slots=True)
class ListingFacts:
    """``listed``: ``True`` it is there, ``False`` the store says that it is not, ``None`` neither.

    ``answered`` is whether the store itself answered the question, well or ill.
    """

    answered: bool = False
    listed: bool | None = None
    storefront: bool | None = None  # the same in the other storefront
    live_listed: int = 0
    live_absent: int = 0
    expected: bool = False  # a snapshot or the own past saw it listed

    @property
    def gone_here(self) -> bool:
        """Whether the store itself says that it has no such app here."""
        return self.answered and self.listed is False

    @property
    def elsewhere(self) -> bool:
        """Whether those who look from elsewhere now find it, without contradiction."""
        return self.live_listed > 0 and self.live_absent == 0


def listing_facts(
    endpoint: Endpoint, bundle: Sequence[Measurement], http: HttpFacts, controls: Controls
) -> ListingFacts:
    """Return the facts of a listing; none for what is no listing.

    What was not said over TLS that is valid for the store's name was not said by the store.
    """
    if endpoint.role is not Role.LISTING:
        return ListingFacts()
    known = controls.expected
    said = [_said(seen) for seen in controls.live]
    return ListingFacts(
        answered=_answered(http),
        listed=_listed(bundle, Variant.MAIN) if http.authentic is True else None,
        storefront=_listed(bundle, Variant.OTHER_STOREFRONT),
        live_listed=said.count(True),
        live_absent=said.count(False),
        expected=known is not None and known.expected is True,
    )


def _answered(http: HttpFacts) -> bool:
    status = http.status
    if http.authentic is not True or status is None or status in _REFUSALS or status >= 500:
        return False
    return http.expected is True or http.marks.isdisjoint(_NOT_ITS_WORD)


def _listed(bundle: Sequence[Measurement], variant: Variant) -> bool | None:
    """Return what the first look of ``variant`` found, over a certificate that was valid."""
    look = next((m for _, m in looks(bundle, variant)), None)
    if look is None or any(isinstance(s, TlsStep) and s.failure for s in look.steps):
        return None
    answers = [s for s in look.steps if isinstance(s, HttpStep) and s.tls and s.failure is None]
    if not answers:
        return None
    if answers[-1].expected is True:
        return True
    return False if answers[-1].absent is True else None


def _said(seen: ControlObservation) -> bool | None:
    if seen.failure is not None:
        return None
    if seen.expected is True:
        return True
    return False if seen.absent is True else None
