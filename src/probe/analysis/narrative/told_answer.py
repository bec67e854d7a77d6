"""The steps of the answer: the page over HTTP, and the reply over UDP."""

from collections.abc import Iterator

from probe.analysis.endings import FailureClass, Layer, class_of
from probe.analysis.narrative.phrases import clean, failed, quoted, took
from probe.analysis.narrative.scene import Scene
from probe.analysis.narrative.values import Chapter, Explained, Finding, Meaning
from probe.model.fingerprint import Mark
from probe.model.measurement import HttpStep

__all__ = ["request_step"]


def request_step(scene: Scene) -> Explained | None:
    """Return the step about the page, ``None`` where none was asked for."""
    steps = [s for s in (scene.main.steps if scene.main else ()) if isinstance(s, HttpStep)]
    if not steps:
        return None
    last = steps[-1]
    means, rules_out, remains = _read(scene, last)
    return Explained(
        chapter=Chapter.REQUEST,
        finding=_finding(scene, last),
        title="The request (HTTP, asking for the page itself)",
        did=f"Asked for the page {clean(last.path, 60)} of {clean(last.host)}, "
        + (
            "inside the encryption."
            if last.tls
            else "in plain text, which anybody on the way can read and change."
        ),
        came=" ".join(_came(steps)),
        means=means,
        rules_out=rules_out,
        remains=remains,
    )


def _finding(scene: Scene, last: HttpStep) -> Finding:
    f = scene.features
    if last.failure is not None:
        return Finding.FAILED
    odd = (
        Mark.BLOCKPAGE in f.http.marks
        or f.http.expected is False
        or f.http.consistent is False
        or (last.status or 0) >= 400
    )
    return Finding.ODD if odd else Finding.FINE


_STATUS = {
    204: "an empty page, as asked for",
    403: "“you may not” (403)",
    404: "“no such page” (404)",
    429: "“too many requests” (429)",
    451: "“not available for legal reasons” (451)",
}


def _came(steps: list[HttpStep]) -> Iterator[str]:
    for step in steps[:-1][-3:]:
        yield f"{clean(step.host)} sent us on to another page (status {step.status})."
    last = steps[-1]
    if last.status is None:
        words = failed(last.failure, Layer.HTTP)
        yield f"{words[:1].upper()}{words[1:]}."
        return
    told = _STATUS.get(last.status) or _kind_of(last.status)
    title = f", titled {quoted(last.title)}" if last.title else ""
    yield f"After {took(last)}, {told}{title}, {last.body_length} bytes."
    if last.failure is not None:
        yield f"Then {failed(last.failure, Layer.HTTP)}."


def _kind_of(status: int) -> str:
    if 200 <= status < 300:
        return f"a page (status {status})"
    if 300 <= status < 400:
        return f"word to go to another page (status {status})"
    if status >= 500:
        return f"an error of the server's own (status {status})"
    return f"a refusal (status {status})"


def _read(scene: Scene, last: HttpStep) -> Meaning:
    f = scene.features
    if last.failure is not None:
        return _broken(last)
    if f.http.authentic is True:
        return _own_words(scene)
    if f.http.authentic is None:
        return Meaning("Something answered; who it was, was not kept.", None, "Who answered.")
    return _opened_on_the_way(scene) if last.tls else _plain(scene)


def _broken(last: HttpStep) -> Meaning:
    kind = class_of(last.failure)
    if last.status is not None:
        return Meaning(
            "The page began to come and then stopped. Congestion does that, and so does a network "
            "that freezes what it does not want.",
            "That the service is out of reach as such.",
            "Whether it is this page, this service or the whole line that is slow.",
        )
    what = "cut" if kind is FailureClass.RESET else "not answered"
    read = (
        "What was asked for could be read on the way."
        if not last.tls
        else "On the way only the name, the address and the amount of data can be seen."
    )
    return Meaning(
        f"The connection was open, and the request was {what}. {read}",
        "That the address is out of reach.",
        "Whether the network or the server did it.",
    )


def _own_words(scene: Scene) -> Meaning:
    f, name = scene.features, scene.service.name
    written = "a stranger on the way wrote this page"
    if f.listing.gone_here:
        return Meaning(
            "The store says that it does not have the app. This came over the store's own "
            "certificate, so the store itself says it.",
            f"That {written}.",
            "Whether the store was told to leave it out, or its maker did.",
        )
    if f.http.status in (403, 451) or f.http.marks & {Mark.GEOBLOCK, Mark.SANCTIONS_STATED}:
        return Meaning(
            f"This came over {name}'s own certificate, so {name} itself says it.",
            f"That {written}.",
            "Whether it says so to everybody, to this country, or to this program.",
        )
    if Mark.CHALLENGE in f.http.marks or f.http.status == 429:
        return Meaning(
            f"{name} itself asks for proof that a person is there, which this program cannot "
            "give. It is reached.",
            f"That {written}.",
            "Whether a person would be let in.",
        )
    if (f.http.status or 0) >= 500:
        return Meaning(
            f"{name} is reached, and has trouble of its own, or says so.",
            f"That {written}.",
            "Whether others get the same error.",
        )
    if f.http.expected is False or Mark.BLOCKPAGE in f.http.marks:
        return Meaning(
            f"{name} is reached, but the page is not the one that is expected of it.",
            f"That {written}.",
            "Whether the service changed its page.",
        )
    return Meaning(
        f"{name} answers, over its own certificate.",
        f"That {written}, and that requests are cut.",
        None,
    )


def _opened_on_the_way(scene: Scene) -> Meaning:
    return Meaning(
        f"It came inside an encryption that was not shown to be {scene.service.name}'s: whoever "
        "holds that certificate could read the request and write the page.",
        "That requests are cut.",
        "Who wrote the page.",
    )


def _plain(scene: Scene) -> Meaning:
    f = scene.features
    if Mark.BLOCKPAGE in f.http.marks:
        return Meaning(
            "The page carries the mark of a block page that is known, with a source, for this "
            "country.",
            "That this is the service's ordinary page.",
            None,
        )
    if f.http.consistent is True:
        return Meaning(
            "The page is like the one that is seen elsewhere. It came in plain text, so this is "
            "likely, not certain.",
            "That another page was put in its place, unless it is a good copy.",
            None,
        )
    if f.http.consistent is False:
        return Meaning(
            "The page is unlike the one that is seen elsewhere. Pages change by place and by "
            "hour; a page put in on the way is unlike it as well.",
            None,
            "Who wrote it: nothing in plain text proves that.",
        )
    if f.http.expected is False:
        return Meaning(
            "It is not what is expected of this service; anybody on the way may have written it.",
            None,
            "Who wrote it.",
        )
    if f.http.sent_to_tls or f.http.expected is True:
        return Meaning(
            "It is what is expected of this service. In plain text anybody could have written it.",
            None,
            "Proof that it is the service.",
        )
    return Meaning(
        "Something answers in plain text; nothing shows that it is the service.",
        None,
        "Who wrote it: a look from elsewhere would tell more.",
    )
