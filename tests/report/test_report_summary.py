"""The sentences say what was shown, and no more."""

from report_fixtures import report, rolled, service, verdict, window_event

from probe.model.event import Label
from probe.model.verdict import Confidence, Locus, Reason, State, Verdict
from probe.report.data import ReportData
from probe.report.summary import headlines


def said(data: ReportData) -> str:
    """Return all sentences, without the isolates around names."""
    lines = (line for one in headlines(data) for line in (one.text, *one.details))
    return "\n".join(lines).replace("\u2068", "").replace("\u2069", "")


def alone(of: Verdict) -> str:
    """Return what is said about one service without a history."""
    one = service("Thing")
    return said(report(services=((one, rolled("thing", of)),), series=(), events=(), intervals={}))


def test_services_with_one_window_share_a_sentence(fortnight: ReportData) -> None:
    """The window is named in hours of the clock, with its support and its limit."""
    text = said(fortnight)
    assert "Signal and WhatsApp were cut every day from about 16:00 to 23:59." in text or (
        "WhatsApp and Signal were cut every day from about 16:00 to 23:59." in text
    )
    assert "10 of the 11 days" in text
    assert "consistent with a restriction by the network" in text


def test_a_suspected_window_is_hedged() -> None:
    """A suspected one says "may be", and that more days are needed."""
    text = said(report(events=(window_event("whatsapp", Label.SUSPECTED),)))
    assert "WhatsApp may be cut every day" in text
    assert "more days are needed" in text


def test_weak_is_never_called_blocked() -> None:
    """The sentence about weak signs denies the block."""
    text = alone(verdict(State.BLOCKED, "tls.reset.sni", confidence=Confidence.WEAK))
    assert "Weak signs only, for Thing." in text
    assert "is blocked" not in text
    assert "not shown to be blocked" in text


def test_a_refusal_is_the_services_doing() -> None:
    """No word of block, cut, censorship or the network's doing."""
    text = alone(
        verdict(
            State.BLOCKED, "server.geoblock", Locus.SERVER, Confidence.CONFIRMED, Reason.UNSTATED
        )
    )
    assert "Thing refuses to serve this country." in text
    assert "not of the network" in text
    assert "reason not stated" in text
    for word in ("blocked", "cut", "censor", "sanction"):
        assert word not in text.lower()


def test_a_stated_reason_is_given() -> None:
    """Sanctions are named only when the page names them."""
    text = alone(
        verdict(
            State.BLOCKED,
            "server.geoblock",
            Locus.SERVER,
            Confidence.CONFIRMED,
            Reason.SANCTIONS_STATED,
        )
    )
    assert "its page names sanctions" in text


def test_a_local_block_is_not_the_providers() -> None:
    """What the machine or home network does is not laid on the provider."""
    text = alone(verdict(State.BLOCKED, "dns.injection.bogon", Locus.LOCAL))
    assert "not by the provider" in text


def test_down_is_no_block() -> None:
    """A service that is down elsewhere too is said to be no block; weak says "may"."""
    assert "Thing is probably down" in alone(verdict(State.DOWN, "down", Locus.UNKNOWN))
    weak = verdict(State.DOWN, "down", Locus.UNKNOWN, Confidence.WEAK)
    assert "Thing may be down" in alone(weak)


def test_an_interception_says_so() -> None:
    """The reader learns that what is sent can be read."""
    text = alone(verdict(State.BLOCKED, "tls.mitm.trusted_ca", Locus.UNKNOWN))
    assert "Encrypted connections to Thing are intercepted." in text
    assert "can read what is sent" in text


def test_the_line_has_its_own_sentences(fortnight: ReportData) -> None:
    """Domestic-only and wholly offline are told apart, each with what else it may be."""
    text = said(fortnight)
    assert "this line reached only domestic sites" in text
    assert "prepaid balance" in text
    assert "the line reached nothing at all" in text
    assert "national" not in text


def test_nothing_measured_is_said() -> None:
    """An empty report does not look like good news."""
    data = report(services=(), series=(), intervals={}, events=(), rounds=())
    assert "Nothing was measured" in said(data)
