"""A path with a machine on it, traced on paper: shots with loss, as a network would give them."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from probe.model.trace import Answer, AnswerKind, Arm, Fingerprint, Shot

__all__ = ["SERVER_TTL", "Path", "shots_on"]

SERVER_TTL = 58
FORGED_TTL = 91


@dataclass(frozen=True, kw_only=True)
class Path:
    """``server`` is its hop; ``machine`` stands at one, ``beside`` the path or in it.

    ``kind`` is what it makes (``None``: it only drops); ``resets`` is whether the server itself
    answers the trigger by a reset. Each shot is sent ``tries`` times. Where there are no
    ``connections`` (datagrams) nobody knows beforehand how the server looks.
    """

    server: int = 7
    machine: int | None = None
    beside: bool = False
    kind: AnswerKind | None = AnswerKind.RESET
    resets: bool = False
    spares_neutral: bool = True
    silent: tuple[int, ...] = ()
    loss: float = 0.0
    tries: int = 2
    connections: bool = True


def looks(ttl: int) -> Fingerprint:
    """Return a packet's look by its TTL alone."""
    return Fingerprint(ttl=ttl)


def answer(kind: AnswerKind, ttl: int) -> Answer:
    """Return an answer that came at once."""
    return Answer(kind=kind, after_ms=1.0, looks=looks(ttl))


def shots_on(path: Path, *, rounds: int = 3, seed: int = 1) -> tuple[Shot, ...]:
    """Trace ``path``, a sweep with a neutral name and one with the trigger a round."""
    return tuple(_shots(path, rounds, random.Random(seed)))


def _shots(path: Path, rounds: int, rng: random.Random) -> Iterator[Shot]:
    for number in range(1, rounds + 1):
        arms = [Arm.NEUTRAL, Arm.TARGET]
        if number == 1 and path.connections:
            arms.insert(0, Arm.PATH)
        for arm in arms:
            for ttl in range(1, path.server + 2):
                yield _shot(path, number, arm, ttl, rng)


def _shot(path: Path, number: int, arm: Arm, ttl: int, rng: random.Random) -> Shot:
    hit = arm is Arm.TARGET or (arm is Arm.NEUTRAL and not path.spares_neutral)
    router: str | None = None
    taken: int | None = None
    answers: list[Answer] = []
    met = path.machine is not None and hit and ttl >= path.machine
    for _ in range(path.tries):
        if rng.random() < path.loss:
            continue  # on its way out
        goes_on = not met or path.beside
        if met and path.kind is not None and rng.random() >= path.loss:
            answers.append(answer(path.kind, FORGED_TTL))
        if not goes_on or rng.random() < path.loss:
            continue
        if ttl < path.server:
            router = router or (None if ttl in path.silent else f"203.0.113.{ttl}")
        else:
            taken = SERVER_TTL
            own = AnswerKind.RESET if path.resets and arm is Arm.TARGET else AnswerKind.DATA
            answers.append(answer(own, SERVER_TTL))
    server = looks(SERVER_TTL) if path.connections else None
    return Shot(
        round=number,
        arm=arm,
        ttl=ttl,
        router=router,
        taken=taken,
        server=server if arm is not Arm.PATH or taken else None,
        answers=tuple(answers),
    )
