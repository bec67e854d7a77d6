"""The parts of the page on public data, and on speed."""

from typing import Any

from pattern_bench.words import table

__all__ = ["real_part", "speed_part"]

Part = dict[str, Any]
_SOURCES = (
    'Pings, county connectivity and border latency: Monash IP Observatory (sodalabsio/shared_data). Investigated outages: IODA, with "Destination Unreachable" (SIGCOMM 2023). '
    "Iran 2019: IODA signals as published with OONI's report of that blackout. Bridge users: Tor Metrics. Uptime logs: Seklfreak/upptime, Danialsamadi/iran-internet-monitor. "
    "None of them is kept in this project.\n"
)


def _clock(minute: float) -> str:
    return f"{int(minute) // 60:02d}:{int(minute) % 60:02d}"


def real_part(real: Part) -> str:
    """Return what public data show; "" when they were not there."""
    if not real:
        return "## Public data\n\nNot measured: `PROBE_TEST_DATA` named no folder.\n"
    return "\n".join(
        [
            "## Public data\n",
            _SOURCES,
            _myanmar(real["myanmar"]),
            _policy(real["policy"]),
            _labels(real["labels"]),
            _iran(real["iran"]),
            _tor(real["tor"]),
            _negatives(real["negatives"]),
        ]
    )


def _myanmar(rows: list[Part]) -> str:
    lines = []
    for row in rows:
        if row["windows"] != 1:
            lines.append((str(row["slot"]), f"{row['windows']} windows **missed**", *["-"] * 6))
            continue
        short = row["short_nights"]
        lines.append(
            (
                str(row["slot"]),
                f"{_clock(row['start'])}-{_clock(row['end'])}",
                f"{_clock(row['start_interval'][0])}-{_clock(row['start_interval'][1])}",
                f"{_clock(row['end_interval'][0])}-{_clock(row['end_interval'][1])}",
                f"{row['first']} to {row['last']}",
                f"{row['supported']} of {row['observable']}",
                f"{row['night_start_median']} / {row['night_end_median']} ({row['nights']} nights)",
                f"{short[0]} of {short[1]}",
            )
        )
    head = (
        "slot, min",
        "window",
        "start held in",
        "end held in",
        "days",
        "nights seen",
        "each night: start / end off by, median min",
        "nights that ended early, seen as such",
    )
    return (
        "### Myanmar 2021, the nights of Bago\n\nTruth: 01:00 to 09:00 (Asia/Yangon) from 15 February to 27 April. "
        "Pings of one city, seven replies an hour, in slots; single nights against people's labels.\n\n"
        + table(head, lines)
    )


def _policy(row: Part) -> str:
    if not row.get("found"):
        return "### An order against what was observed\n\nNo window on its dates: **missed**.\n"
    observed, announced = row["observed"], row["announced"]
    return (
        "### An order against what was observed\n\n"
        f"Announced: {_clock(announced[0])}-{_clock(announced[1])} on 72 nights. Observed: {_clock(observed[0])}-{_clock(observed[1])}, "
        f"on {row['hits'][0]} of {row['hits'][1]} of these days and on {row['others'][0]} of {row['others'][1]} others. Looks that failed in these hours: "
        f"{row['before']:.0%} before, {row['during']:.0%} under the order, {row['after']:.0%} after it.\n"
    )


def _labels(row: Part) -> str:
    covered = row["covered"] / row["ordered"]
    precise = row["right"] / max(1, row["right"] + row["wrong"])
    return (
        "### 1,704 investigated outages\n\n"
        f"{row['outages']} of them have usable times; {row['entities']} countries, regions and networks have three or more. Looks are drawn over them every 30 minutes. "
        f"{row['right'] + row['wrong']} windows were claimed; in {row['right']} most outages in them were ordered by a government or for exams "
        f"(precision {precise:.0%}, aim at least 95 %: {'met' if precise >= 0.95 else '**missed**'}). They cover {row['covered']} of the {row['ordered']} ordered outages "
        f"({covered:.0%}, aim at least 75 %: {'met' if covered >= 0.75 else '**missed**'}); the others are single ones, or last for days.\n\n"
        + table(
            ("of", "what is said", "ordered, of the outages in it"),
            [
                (name, said, f"{ordered} of {total}")
                for name, said, ordered, total in row["windows"]
            ],
        )
    )


def _iran(rows: list[Part]) -> str:
    lines = [
        (
            row["signal"],
            "all" if row["asn"] == "0" else f"AS{row['asn']}",
            row["start"] or "not lost",
            "-" if row["open_min"] is None else f"{row['open_min']} min",
            row["end"] or ("-" if row["start"] is None else "not by the end of the data"),
            str(row["windows"]),
        )
        for row in rows
    ]
    return (
        "### Iran, November 2019\n\nHand-read truth: mobile networks lose their routes first, AS57218 at 14:05, AS197207 at 14:25, AS44244 at 14:55 (UTC, 16 November); AS12880 keeps them while "
        "its hosts vanish; recovery in stages from 21 November.\n\n"
        + table(
            ("signal", "network", "gone (UTC)", "known within", "back", "windows claimed"), lines
        )
    )


def _tor(row: Part) -> str:
    spans = "; ".join(f"{a} to {b or 'the end'}" for a, b in row["iran"])
    return (
        "### Tor's bridge users\n\n"
        f"One count a day of {row['countries']} countries with 200 users or more, bad below a third of the four weeks before. Iran: {spans} "
        f"(truth: it collapses from 16 to 23 November 2019). Other countries' outages in 28 months: {row['others']}; windows: {row['windows']}. A count a day can show no hours.\n"
    )


def _negatives(rows: list[Part]) -> str:
    lines = [
        (
            row["name"],
            str(row["series"]),
            str(row["windows"]) + ("" if not row["windows"] else " **missed**"),
        )
        for row in rows
    ]
    return "### Where nobody ordered anything\n\n" + table(("data", "series", "windows"), lines)


def speed_part(speed: Part) -> str:
    """Return how long it takes and how much it holds."""
    if not speed:
        return "## Speed\n\nNot measured.\n"
    years, many, day = speed["years"], speed["many"], speed["day"]
    lasting = speed["lasting"]
    first = years[0]

    def word(met: bool) -> str:
        return "met" if met else "**missed**"

    rows = [
        (
            "a year of one series at 15 min, with a window of half a year",
            f"{first['seconds']:.2f} s",
            "<= 0.5 s",
            word(first["seconds"] <= 0.5),
        ),
        (
            "a year of 300 series",
            f"{many['seconds']:.0f} s on one core",
            "<= 60 s on two",
            word(many["seconds"] <= 60),
        ),
        ("most memory held", f"{many['mib']} MiB", "< 1 GiB", word(many["mib"] < 1024)),
        (
            "one more day of all of them, the year before it known",
            f"{day['seconds']:.1f} s",
            "<= 2 s",
            word(day["seconds"] <= 2),
        ),
        (
            "the same, every tenth with a window of half a year that still goes on",
            f"{lasting['seconds']:.1f} s",
            "<= 2 s",
            word(lasting["seconds"] <= 2),
        ),
    ]
    growth = [
        (
            f"{round(one['days'] / 365)}",
            f"{one['samples']:,}",
            f"{one['seconds']:.2f} s",
            f"{1e6 * one['seconds'] / one['samples']:.1f} µs",
        )
        for one in years
    ]
    return (
        "## Speed\n\nProcessor seconds, the drawing of the looks left out; the machine was shared.\n\n"
        + table(("what", "measured", "aim", ""), rows)
        + "\nGrowth with the number of looks:\n\n"
        + table(("years", "looks", "time", "a look"), growth)
    )
