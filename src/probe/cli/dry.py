"""How a dry run is printed: plain lines, for a table of a thousand rows takes longer to draw."""

from typing import TYPE_CHECKING

from probe.cli.options import Output
from probe.cli.output import emit, say
from probe.model.address import authority

if TYPE_CHECKING:
    from probe.schedule.dryrun import DryRow, DryRun

__all__ = ["show_dry_run"]

_CSV = ("service", "kind", "host", "port", "runs", "bytes", "seconds", "follow_ups", "reason")


def show_dry_run(found: "DryRun", output: Output) -> None:
    """Print what a round would contact and cost; JSON is one array of one object."""
    if output in (Output.JSON, Output.JSONL):
        emit([found], output)
        return
    if output is Output.CSV:
        emit(found.endpoints, output, _CSV)
    else:
        _lines(found)
    for sentence in (_contacts(found), _cost(found), _pace(found)):
        say(sentence)


def _lines(found: "DryRun") -> None:
    import sys

    rows = [_cells(row) for row in found.endpoints]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(5)]
    for row in rows:
        fields = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        sys.stdout.write("  ".join([*fields, row[-1]]).rstrip() + "\n")
    by_kind = {row.kind: row.follow_ups for row in found.endpoints if row.follow_ups}
    for kind, follow_ups in sorted(by_kind.items()):
        sys.stdout.write(f"after a failure of {kind}: {', '.join(follow_ups)}\n")


def _cells(row: "DryRow") -> tuple[str, ...]:
    place = authority(row.host, row.port)
    cost = (f"{row.bytes / 1000:.1f} kB", f"{row.seconds:.1f} s") if row.runs else ("-", "-")
    cells = (row.service, row.kind, place, *cost, row.reason)
    return tuple("".join(c if c.isprintable() else "?" for c in cell) for cell in cells)


def _contacts(found: "DryRun") -> str:
    contacts = found.contacts
    return (
        f"Resolvers: {', '.join(contacts.resolvers)}. Addresses without a name: "
        f"{', '.join(contacts.literals) or 'none'}. Ports: {', '.join(map(str, contacts.ports))}. "
        + (f"Live controls: {', '.join(contacts.controls)}. " if contacts.controls else "")
        + f"Packets go only to these, and to the public addresses of the {len(contacts.names)} "
        "names above."
    )


def _cost(found: "DryRun") -> str:
    return (
        f"Expected: {found.bytes / 1e6:.2f} MB in {found.seconds:.0f} s; at most "
        f"{found.bytes_if_all_fail / 1e6:.2f} MB, and {found.seconds_if_some_fail:.0f} s when "
        f"something fails and is looked at again. {found.left_out} endpoints are left out by "
        "plan, country or risk."
    )


def _pace(found: "DryRun") -> str:
    pace = found.pace
    return (
        f"`probe watch` every {pace.every_s / 60:.0f} min, with the daily plan, would take "
        f"{pace.per_day_bytes / 1e6:.0f} MB a day, {pace.per_month_bytes / 1e6:.0f} MB a month. "
        f"The budgets are {pace.day_bytes / 1e6:.0f} and {pace.month_bytes / 1e6:.0f} MB, so it "
        f"measures every {pace.fits_every_s / 60:.0f} min"
        + ("." if pace.daily_fits else ", and the daily plan does not fit at all.")
    )
