"""What was seen of a question and its answer in a protocol of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

from probe.analysis.attempts import in_residue, looks, triggers_of
from probe.analysis.endings import ending_of
from probe.model.measurement import ExchangeStep, Measurement, Proof, TcpStep, Variant

__all__ = ["ExchangeFacts", "exchange_facts"]


@dataclass(frozen=True, slots=True)
class ExchangeFacts:
    """Facts about the last exchange of the first look; ``None`` is not looked at."""

    protocol: str = ""
    reply: str | None = None
    proof: Proof | None = None
    other_form: bool | None = None  # asked in another form at the same address, it was answered
    reconnects: bool | None = None  # right after a cut, a silent connection still opened there


def exchange_facts(bundle: Sequence[Measurement]) -> ExchangeFacts:
    """Return the facts about what the endpoint's own protocol was answered with."""
    asked = [
        s for _, m in looks(bundle, Variant.MAIN) for s in m.steps if isinstance(s, ExchangeStep)
    ]
    if not asked:
        return ExchangeFacts()
    last = asked[-1]
    return ExchangeFacts(
        protocol=last.protocol,
        reply=last.reply,
        proof=last.proof,
        other_form=_other_form(bundle),
        reconnects=_reconnects(bundle),
    )


def _other_form(bundle: Sequence[Measurement]) -> bool | None:
    """Return whether the same question in another form was answered, and to our question.

    What fails within the trace of an earlier cut says nothing of that form.
    """
    triggers = triggers_of(bundle)
    said = [
        (ending_of(m).passed and _echoed(m), in_residue(m, triggers))
        for _, m in looks(bundle, Variant.COMPARISON)
    ]
    if any(answered for answered, _ in said):
        return True
    return False if any(not spoilt for _, spoilt in said) else None


def _echoed(measurement: Measurement) -> bool:
    proofs = {s.proof for s in measurement.steps if isinstance(s, ExchangeStep)}
    return not proofs.isdisjoint({Proof.ECHO, Proof.IDENTITY})


def _reconnects(bundle: Sequence[Measurement]) -> bool | None:
    connects = [
        s for _, m in looks(bundle, Variant.CONNECT) for s in m.steps if isinstance(s, TcpStep)
    ]
    return connects[-1].failure is None if connects else None
