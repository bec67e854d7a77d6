"""A made-up fortnight of one line, as the values that a report is built from."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from probe.analysis.timeline import intervals
from probe.model.context import Gate, GateId, RoundContext, RoundInputs
from probe.model.event import (
    Contribution,
    Days,
    Event,
    EventKind,
    Instant,
    Label,
    Reach,
    Score,
    Window,
)
from probe.model.record import Note, NoteKind, RoundRow
from probe.model.target import Role
from probe.model.timeline import Absence, Sample, Series, SeriesKey, Signal
from probe.model.vantage import Access, Network
from probe.model.verdict import (
    Confidence,
    Locus,
    Reason,
    RoleVerdict,
    ServiceVerdict,
    State,
    Verdict,
)
from probe.report.build import build
from probe.report.data import Method, Period, ReportData, Subject

TZ = "Asia/Tehran"
NETWORK = "AS64500/fixed"
START = datetime(2026, 5, 1, tzinfo=ZoneInfo(TZ)).astimezone(UTC)
END = START + timedelta(days=14)
METHOD = Method(
    probe_version="0.1.0",
    catalog_digest="c0ffee" * 10,
    rules=(("dns.injection.bogon", 1), ("tls.reset.sni", 2)),
    tzdata="2026a",
    chain="d1ce" * 16,
)


def service(name: str, category: str = "messaging", *, retired: bool = False) -> Subject:
    """Return a service."""
    ident = name.lower().replace(" ", "-")
    return Subject(id=ident, name=name, category=category, retired=retired)


def verdict(
    state: State,
    mechanism: str,
    locus: Locus = Locus.NETWORK,
    confidence: Confidence = Confidence.LIKELY,
    reason: Reason | None = None,
) -> Verdict:
    """Return a verdict."""
    return Verdict(
        state=state,
        mechanism=mechanism,
        locus=locus,
        confidence=confidence,
        rule_id=mechanism,
        rule_version=1,
        reason=reason,
    )


def rolled(ident: str, of: Verdict, roles: tuple[RoleVerdict, ...] = ()) -> ServiceVerdict:
    """Return a service's verdict."""
    return ServiceVerdict(service=ident, verdict=of, roles=roles, sentence="")


def times(seed: int = 1) -> list[datetime]:
    """Return jittered times of rounds, with a day and a night of silence."""
    rng = Random(seed)
    at, found = START + timedelta(minutes=20), []
    while at < END:
        local = at.astimezone(ZoneInfo(TZ))
        silent = local.day == 6 or (local.day == 11 and local.hour < 9)
        if not silent:
            found.append(at)
        at += timedelta(minutes=rng.uniform(60, 120))
    return found


def line_state(at: datetime) -> GateId | None:
    """Return the gate of the line at that time: one domestic day, one total cut, one own fault."""
    local = at.astimezone(ZoneInfo(TZ))
    if local.day == 9:
        return GateId.DOMESTIC_ONLY
    if local.day == 12 and 4 <= local.hour < 20:
        return GateId.OFFLINE_UPSTREAM
    if local.day == 4 and 8 <= local.hour < 12:
        return GateId.OFFLINE_LOCAL
    return None


Rule = Callable[[datetime], tuple[bool | None, str | None]]


def series_for(subject: str, rule: Rule, locus: str = "network") -> Series:
    """Return a series by a rule of local time; gated rounds give no evidence."""
    samples = []
    for at in times():
        gate = line_state(at)
        if gate is not None:
            local = gate is GateId.OFFLINE_LOCAL
            absence = Absence.OFFLINE_LOCAL if local else Absence.INVALID
            samples.append(Sample(time=at, bad=None, absence=absence))
            continue
        bad, mechanism = rule(at.astimezone(ZoneInfo(TZ)))
        why = Absence.INCONCLUSIVE if bad is None else None
        samples.append(Sample(time=at, bad=bad, mechanism=mechanism, absence=why))
    key = SeriesKey(vantage="v1", network=NETWORK, subject=subject, locus=locus)
    return Series(key=key, tz=TZ, samples=tuple(samples))


def line_series(signal: Signal, gate: GateId) -> Series:
    """Return the line's own series for one gate."""
    samples = tuple(
        Sample(time=at, bad=True, mechanism=gate.value)
        if line_state(at) is gate
        else Sample(time=at, bad=False)
        if line_state(at) is None
        else Sample(time=at, bad=None, absence=Absence.INVALID)
        for at in times()
    )
    key = SeriesKey(vantage="v1", network=NETWORK, subject="line", signal=signal)
    return Series(key=key, tz=TZ, samples=samples)


def always(mechanism: str) -> Rule:
    """Return a rule that always fails."""
    return lambda _: (True, mechanism)


def evenings(at: datetime) -> tuple[bool | None, str | None]:
    """Fail from 16:00 to midnight."""
    return (True, "tls.reset.sni") if at.hour >= 16 else (False, None)


def fine(_: datetime) -> tuple[bool | None, str | None]:
    """Never fail."""
    return (False, None)


def window_event(subject: str, label: Label = Label.ESTABLISHED) -> Event:
    """Return a daily window from 16:00 to midnight."""
    edge = Instant(at=START, earliest=START, latest=START + timedelta(minutes=17))
    return Event(
        kind=EventKind.DAILY_WINDOW,
        series=subject,
        vantage="v1",
        network=NETWORK,
        label=label,
        start=edge,
        end=Instant(at=END, earliest=END - timedelta(minutes=30), latest=END),
        tz=TZ,
        window=Window(
            start_minute=957,
            end_minute=1440,
            start_interval=(949.0, 971.0),
            end_interval=(1428.0, 1443.0),
            snapped=(960, 1440),
            first_day="2026-05-01",
            last_day="2026-05-14",
            days=Days(supported=10, observable=11, total=14),
        ),
        p=0.001,
        q=0.004,
        mechanisms=(("tls.reset.sni", 61),),
        reach=Reach.TARGETED,
        score=Score(
            log_odds=3.2, contributions=(Contribution(name="recurrence accepted", log_odds=2.3),)
        ),
        sentence="SECRET-SENTENCE on AS64500 at 15:57",
    )


def outage_event(signal: str = "intl") -> Event:
    """Return a single stretch."""
    at = datetime(2026, 5, 9, 0, 13, tzinfo=ZoneInfo(TZ)).astimezone(UTC)
    end = at + timedelta(hours=23)
    return Event(
        kind=EventKind.OUTAGE,
        series="line",
        signal=signal,
        vantage="v1",
        network=NETWORK,
        label=Label.ESTABLISHED,
        start=Instant(at=at, earliest=at - timedelta(minutes=40), latest=at),
        end=Instant(at=end, earliest=end, latest=end + timedelta(minutes=50)),
        tz=TZ,
        mechanisms=(("domestic_only", 14),),
    )


def rounds() -> tuple[RoundRow, ...]:
    """Return the rounds of the fortnight."""
    rows = []
    for number, at in enumerate(times(), 1):
        gate = line_state(at)
        context = RoundContext(
            started=at,
            tz=TZ,
            utc_offset_s=12_600,
            network=Network(asn=64500, name="Secret Telecom", access=Access.FIXED),
            country="IR",
            inputs=RoundInputs(),
            gates=(Gate(id=gate, invalidates=True),) if gate else (),
        )
        rows.append(
            RoundRow(
                id=number,
                vantage="v1",
                plan="core",
                started=at,
                ended=at,
                network=context.network,
                context=context,
            )
        )
    return tuple(rows)


def role(of: Role, state: State | None) -> RoleVerdict:
    """Return one role of a service."""
    inner = None if state is None else verdict(state, "ok" if state is State.OK else "tls.timeout")
    return RoleVerdict(role=of, verdict=inner, measured=0 if inner is None else 1, total=1)


def services() -> tuple[tuple[Subject, ServiceVerdict | None], ...]:
    """Return twenty services in every kind of state."""
    ok, blocked, down = State.OK, State.BLOCKED, State.DOWN
    calls = (role(Role.MESSAGES, ok), role(Role.CALL, None))
    table: list[tuple[Subject, Verdict | None, tuple[RoleVerdict, ...]]] = [
        (service("WhatsApp"), verdict(blocked, "tls.reset.sni"), calls),
        (service("Signal"), verdict(blocked, "tls.reset.sni"), ()),
        (service("Telegram"), verdict(blocked, "dns.injection.bogon"), ()),
        (service("Tor", "tor"), verdict(blocked, "tcp.timeout"), ()),
        (
            service("Firebase", "sanctions"),
            verdict(
                blocked,
                "server.geoblock",
                Locus.SERVER,
                Confidence.CONFIRMED,
                Reason.UNSTATED,
            ),
            (),
        ),
        (
            service("Viber"),
            verdict(blocked, "tls.mitm.trusted_ca", Locus.UNKNOWN, Confidence.CONFIRMED),
            (),
        ),
        (
            service("Threema"),
            verdict(blocked, "dns.timeout", Locus.UNKNOWN, Confidence.WEAK),
            (),
        ),
        (service("Wire"), verdict(down, "down", Locus.UNKNOWN, Confidence.LIKELY), ()),
        (service("Element"), verdict(ok, "ok"), ()),
        (service("Google Play", "app-store"), verdict(ok, "ok"), calls[:1]),
        (service("F-Droid", "app-store"), verdict(ok, "dns.diff"), ()),
        (service("Zangi"), verdict(State.INCONCLUSIVE, "tcp.timeout", Locus.UNKNOWN), ()),
        (service("Skype", retired=True), None, ()),
        (service("WireGuard", "vpn"), None, ()),
    ]
    return tuple(
        (one, None if of is None else rolled(one.id, of, roles)) for one, of, roles in table
    )


def all_series() -> tuple[Series, ...]:
    """Return the series of those services, and of the line."""

    def element(at: datetime) -> tuple[bool | None, str | None]:
        return (True, "http.blockpage") if at.day in (7, 8) else (False, None)

    def weak(at: datetime) -> tuple[bool | None, str | None]:
        return (None, None) if at.day % 3 else (True, "dns.timeout")

    return (
        series_for("whatsapp", evenings),
        series_for("signal", evenings),
        series_for("telegram", always("dns.injection.bogon")),
        series_for("tor", lambda at: (at.day >= 5, "tcp.timeout" if at.day >= 5 else None)),
        series_for("firebase", always("server.geoblock"), "server"),
        series_for("viber", always("tls.mitm.trusted_ca"), "unknown"),
        series_for("threema", weak, "unknown"),
        series_for("wire", lambda at: (at.day >= 13, "down"), "unknown"),
        series_for("element", element),
        series_for("google-play", fine),
        series_for("f-droid", fine),
        line_series(Signal.UPSTREAM, GateId.OFFLINE_UPSTREAM),
        line_series(Signal.INTL, GateId.DOMESTIC_ONLY),
    )


def notes() -> tuple[Note, ...]:
    """Return two notes of a person."""
    at = datetime(2026, 5, 3, 18, 43, tzinfo=ZoneInfo(TZ))
    return (
        Note(time=at, kind=NoteKind.CALL_FAILED, service="whatsapp", text="to my sister Leila"),
        Note(time=at + timedelta(days=2), kind=NoteKind.APP_REMOVED, service="signal"),
    )


def report(**changes: Any) -> ReportData:
    """Return the data of a report of that fortnight; any argument of ``build`` may change."""
    series = changes.pop("series", None) or all_series()
    arguments: dict[str, Any] = {
        "title": "Fourteen days on one line",
        "generated": END,
        "period": Period(start=START, end=END),
        "country": "IR",
        "tz": TZ,
        "method": METHOD,
        "services": services(),
        "series": series,
        "intervals": {one.key: intervals(one) for one in series},
        "events": (window_event("whatsapp"), window_event("signal"), outage_event()),
        "rounds": rounds(),
        "notes": notes(),
        **changes,
    }
    return build(**arguments)
