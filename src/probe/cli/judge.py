"""``probe judge``: foreign measurements, and the own stored ones, judged by today's rules."""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.options import CatalogOption, ConfigOption, Output, StoreOption, command_app
from probe.cli.output import emit, say
from probe.errors import InputError

if TYPE_CHECKING:
    from probe.ingest.ooni import OoniLine, OoniResult, Refusal

__all__ = ["app", "read_all"]

app = command_app(no_args_is_help=True)

_TABLE = ("input", "test_name", "probe_cc", "time", "state", "mechanism", "locus", "confidence")
_INTERFERENCE, _UNREADABLE = 1, 2
_TIME = "with --stored: 2024-05-01, or with a time, UTC."
SinceOption = Annotated[
    str | None, typer.Option("--since", help=f"From this day on, {_TIME}", show_default=False)
]
UntilOption = Annotated[
    str | None, typer.Option("--until", help=f"Before this day, {_TIME}", show_default=False)
]
ServiceOption = Annotated[
    str | None, typer.Option("--service", help="With --stored: of it alone.", show_default=False)
]


@app.command()
def judge(
    files: Annotated[
        list[str] | None,
        typer.Argument(help="OONI measurements: JSON, JSONL, .gz; - is standard input."),
    ] = None,
    stored: Annotated[
        bool,
        typer.Option("--stored", help="Judge what is in the store again, and show what changes."),
    ] = False,
    since: SinceOption = None,
    until: UntilOption = None,
    service: ServiceOption = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="With --stored: keep the new verdicts.")
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="With --stored: take the last --apply back.")
    ] = False,
    lab: Annotated[
        str | None,
        typer.Option(
            "--lab", help="With --stored: the store is of this scenario.", show_default=False
        ),
    ] = None,
    catalog: CatalogOption = None,
    output: Annotated[
        Output | None,
        typer.Option(
            "--output",
            "-o",
            help="How results are printed; jsonl, and a table with --stored.",
            show_default=False,
        ),
    ] = None,
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="Exit with 0 also when something is blocked.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say each verdict's sentence on stderr as well.")
    ] = False,
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Judge OONI measurements of any test, or with --stored the own ones, by today's rules.

    OONI's own control is the control of its measurements; what was stored is judged by the
    controls that were stored with it. --stored shows what would change and changes nothing,
    unless --apply is given; then the earlier verdicts are kept, and --undo brings them back.

    What cannot be read is said on stderr with its reason, and the rest is judged all the same.
    Exit codes: 0 nothing is blocked, 1 interference found (weak signs are none), 2 a file could
    not be read.
    """
    if stored or apply or undo:
        from probe.cli.judge_stored import judge_stored

        if files or not stored or (apply and undo):
            raise InputError("--apply or --undo go with --stored, and files go without it")
        judge_stored(
            store=store,
            config=config,
            catalog=catalog,
            lab=lab,
            span=(since, until),
            service=service,
            apply=apply,
            undo=undo,
            output=output or Output.TABLE,
        )
        return
    if not files:
        raise InputError("nothing to judge", mend="name files, or give --stored")
    _foreign(files, catalog, output or Output.JSONL, exit_zero=exit_zero, explain=explain)


def _foreign(
    files: list[str], catalog: Path | None, output: Output, *, exit_zero: bool, explain: bool
) -> None:
    """Judge OONI's files.

    Raises:
        typer.Exit: with 2 when something could not be read, with 1 when something is blocked.

    """
    tally: Counter[str] = Counter()
    seen = _Seen(tally, explain=explain)
    columns = _TABLE if output is Output.TABLE else ()
    emit(_printed(files, catalog, seen), output, columns)
    counts = ", ".join(f"{count} {state}" for state, count in tally.most_common())
    say(f"{sum(tally.values())} measurements judged{': ' if counts else ''}{counts}.")
    if seen.unreadable:
        raise typer.Exit(_UNREADABLE)
    if seen.interference and not exit_zero:
        raise typer.Exit(_INTERFERENCE)


class _Seen:
    """What came by, for the summary and the exit code."""

    def __init__(self, tally: Counter[str], *, explain: bool) -> None:
        self.tally = tally
        self.explain = explain
        self.interference = False
        self.unreadable = False

    def result(self, result: "OoniResult") -> None:
        self.tally[str(result.verdict.state)] += 1
        self.interference = self.interference or result.verdict.headline
        if self.explain:
            say(f"{result.verdict.rule_id}: {result.verdict.sentence}")


def _printed(files: list[str], catalog: Path | None, seen: _Seen) -> Iterator["OoniLine"]:
    for found in read_all(files, catalog, tz="UTC"):
        if isinstance(found, str):
            say(found)
            seen.unreadable = True
        else:
            seen.result(found)
            yield found.printed


def read_all(files: list[str], catalog: Path | None, *, tz: str) -> Iterator["OoniResult | str"]:
    """Yield the results of all files; a string says what could not be read, for a person.

    Refused measurements are said on stderr; a file of nothing but those counts as not read.
    """
    from probe.analysis.verdict import JudgeFacts
    from probe.errors import InputError
    from probe.ingest.ooni import Refusal, read
    from probe.targets.load import load_catalog, load_fingerprints

    facts = JudgeFacts(fingerprints=load_fingerprints())
    known = load_catalog(catalog)
    for file in files:
        source = sys.stdin.buffer if file == "-" else Path(file)
        name = "standard input" if file == "-" else file
        judged = refused = 0
        try:
            for found in read(source, name=name, facts=facts, catalog=known, tz=tz):
                if isinstance(found, Refusal):
                    refused += 1
                    say(_refusal(found))
                else:
                    judged += 1
                    yield found
        except InputError as error:
            yield f"probe: {error}"
            continue
        if refused and not judged:
            yield f"probe: {name}: nothing in it can be judged"


def _refusal(refusal: "Refusal") -> str:
    place = refusal.file if refusal.line is None else f"{refusal.file}:{refusal.line}"
    return f"probe: {place}: refused: {refusal.reason}"
