"""The steps of a protocol of its own: what was asked, what came, and the same in another form."""

from probe.analysis.endings import Layer
from probe.analysis.narrative.phrases import clean, failed, minutes, took
from probe.analysis.narrative.scene import Scene
from probe.analysis.narrative.values import Chapter, Explained, Finding, Meaning
from probe.model.measurement import ExchangeStep, Proof, Variant

__all__ = ["exchange_step", "other_form_step"]

_NAMES = {
    "tor": "Tor's link protocol, as far as a relay says who it is; no circuit was made",
    "mtproto": "Telegram's first question, which asks for no account",
    "whatsapp": "WhatsApp's hello, up to the server's own; no account was named",
    "signal": "a second encrypted handshake inside the first, with Signal itself",
}

_MEANS: dict[Proof, Meaning] = {
    Proof.IDENTITY: Meaning(
        "It is the service: the answer is signed with the key that is known to be its own.",
        "That the way is cut after the handshake, or that somebody else answers.",
        None,
    ),
    Proof.ECHO: Meaning(
        "Whoever answered read our question and speaks the protocol. No key shows whose it is.",
        "That the protocol is cut on the way.",
        "Who it is that answers.",
    ),
    Proof.FORM: Meaning(
        "It has the form of the protocol, and could have been sent to anybody.",
        None,
        "Whether our question arrived at all.",
    ),
    Proof.FOREIGN: Meaning(
        "It has the form of the protocol and answers another question than ours.",
        None,
        "Who sent it.",
    ),
    Proof.OTHER_IDENTITY: Meaning(
        "It answers us with another key than the known one: somebody stands in between, or the "
        "key was changed.",
        None,
        "Which of the two.",
    ),
    Proof.OTHER: Meaning(
        "Something else answers at that place: another service, or somebody on the way.",
        "That nothing comes through to that place.",
        "Who it is.",
    ),
}
_SILENT = Meaning(
    "The connection opened, and the protocol was not answered. It may be filtered by its looks; "
    "another service may be there, which does not understand it; the server may refuse.",
    None,
    "Which of these: a look from elsewhere, or the same in another form, would tell more.",
)


def exchange_step(scene: Scene) -> Explained | None:
    """Return the step about the service's own protocol, ``None`` where it was not spoken."""
    steps = [s for s in (scene.main.steps if scene.main else ()) if isinstance(s, ExchangeStep)]
    if not steps:
        return None
    last = steps[-1]
    good = last.failure is None and last.proof in (Proof.IDENTITY, Proof.ECHO)
    meaning = _SILENT if last.proof is None else _MEANS[last.proof]
    return Explained(
        chapter=Chapter.REPLY,
        finding=Finding.FINE if good else Finding.ODD if last.reply else Finding.FAILED,
        title="The service's own protocol (after the connection, and any encryption)",
        did=f"Spoke {_NAMES.get(last.protocol, clean(last.protocol))}.",
        came=_came(last),
        means=meaning.means,
        rules_out=meaning.rules_out,
        remains=meaning.remains,
    )


def _came(step: ExchangeStep) -> str:
    if step.reply is not None:
        return f"After {took(step)}: {clean(step.reply)}."
    words = failed(step.failure, Layer.EXCHANGE)
    return f"{words[:1].upper()}{words[1:]}."


def other_form_step(scene: Scene) -> Explained | None:
    """Return the comparison with another form, or with a silent connection, if there was one."""
    forms, silent = scene.of(Variant.COMPARISON), scene.of(Variant.CONNECT)
    if not forms and not silent:
        return None
    f = scene.features.exchange
    did = ["Opened a connection to the same place again, and said nothing."] if silent else []
    came: list[str] = []
    if f.reconnects is not None:
        came.append("It opened." if f.reconnects else "It did not open any more.")
    if forms:
        main = scene.main
        gap = forms[0][1].monotonic_s - main.monotonic_s if main else 0.0
        did.append(f"After {minutes(gap)} asked the same in bytes that look like nothing known.")
        came.append(_FARED[f.other_form])
    means, rules_out, remains = _form_means(f.other_form)
    return Explained(
        chapter=Chapter.OTHER_FORM,
        finding=Finding.OPEN if f.other_form is None else Finding.ODD,
        title="Is it the looks of the protocol?",
        did=" ".join(did),
        came=" ".join(came),
        means=means,
        rules_out=rules_out,
        remains=remains,
    )


_FARED = {
    True: "That was answered.",
    False: "That fared no better.",
    None: "That came too soon after the cut to say anything.",
}


def _form_means(other_form: bool | None) -> Meaning:
    if other_form is True:
        return Meaning(
            "The same server answers the same question when nobody can see what it is: what is "
            "cut is the look of the protocol.",
            "That the server is down, or that its address is cut.",
            "Who cuts it, unless a look from elsewhere shows that the plain form is answered.",
        )
    if other_form is False:
        return Meaning(
            "Whatever is said there is not answered.",
            "That only the plain look of the protocol is cut.",
            "Whether the server is at fault, or the way.",
        )
    return Meaning(
        "Whether the place takes connections; not more.",
        None,
        "Whether the look of the protocol is what is cut.",
    )
