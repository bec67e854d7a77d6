"""``probe judge``: foreign measurements judged by our rules, one verdict a line."""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.options import CatalogOption, Output, OutputOption, command_app
from probe.cli.output import emit, say

if TYPE_CHECKING:
    from probe.ingest.ooni import OoniLine, OoniResult, Refusal

__all__ = ["app", "read_all"]

app = command_app(no_args_is_help=True)

_TABLE = ("input", "test_name", "probe_cc", "time", "state", "mechanism", "locus", "confidence")
_INTERFERENCE, _UNREADABLE = 1, 2


@app.command()
def judge(
    files: Annotated[
        list[str],
        typer.Argument(help="OONI measurements: JSON, JSONL, .gz; - is standard input."),
    ],
    catalog: CatalogOption = None,
    output: OutputOption = Output.JSONL,
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="Exit with 0 also when something is blocked.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say each verdict's sentence on stderr as well.")
    ] = False,
) -> None:
    """Judge OONI measurements of any test; OONI's own control is the control.

    What cannot be read is said on stderr with its reason, and the rest is judged all the same.
    Exit codes: 0 nothing is blocked, 1 interference found (weak signs are none), 2 a file could
    not be read.
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
