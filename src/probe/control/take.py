"""Taking a control snapshot: one look at each endpoint from a line that is trusted."""

from datetime import timedelta

from probe.control.observe import observation_of
from probe.control.snapshot import new_snapshot
from probe.errors import InputError, UnfitLineError
from probe.model.control import ControlKind, ControlObservation, ControlSnapshot
from probe.schedule.chain import FollowUps
from probe.schedule.choose import Wanted
from probe.schedule.session import Session

__all__ = ["take_snapshot"]


async def take_snapshot(
    session: Session, wanted: Wanted, *, valid_for: timedelta
) -> ControlSnapshot:
    """Measure what is wanted once, and return what was seen.

    Raises:
        UnfitLineError: the line itself was not fit to be a control.
        InputError: the round was interrupted, or nothing was measured.

    """
    result = await session.round(wanted, follow_ups=FollowUps.NEVER)
    gate = result.context.invalid
    if gate is not None:
        raise UnfitLineError(f"this line cannot be a control now: {gate.detail or gate.id}")
    if result.interrupted:
        raise InputError("interrupted: half a snapshot is none")
    now = session.clock.now()
    identifier = f"{now:%Y%m%dT%H%M%SZ}"
    observations: dict[str, ControlObservation] = {}
    for record in result.records:
        observation = observation_of(
            record.main,
            source=f"snapshot {identifier}",
            kind=ControlKind.SNAPSHOT,
            country=session.vantage.country,
        )
        if observation is not None:
            observations.setdefault(observation.endpoint, observation)
    if not observations:
        raise InputError("nothing was measured, so there is nothing to write")
    return new_snapshot(
        tuple(observations.values()),
        now=now,
        catalog_digest=session.catalog.digest,
        country=session.vantage.country,
        valid_for=valid_for,
    )
