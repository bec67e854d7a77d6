"""``probe trace``: at which hop of the way a network reacts to a name, and whose hop that is."""

from pathlib import Path
from typing import Annotated

import typer

from probe.cli.diagnose import Told
from probe.cli.options import CatalogOption, ConfigOption, Output, StoreOption, command_app
from probe.cli.output import say
from probe.model.trace import Finding, Trigger

__all__ = ["app"]

app = command_app(no_args_is_help=True)

_UNCLEAR, _INTERRUPTED = 3, 130

HostArgument = Annotated[
    str,
    typer.Argument(help="The host that the way leads to: HOST or HOST:PORT; for dns, ADDRESS."),
]
TriggerOption = Annotated[Trigger, typer.Option("--trigger", help="What is sent.")]
SniOption = Annotated[
    str | None,
    typer.Option(
        "--sni", help="The name that is sent; default: the host's own.", show_default=False
    ),
]
NeutralOption = Annotated[
    str | None,
    typer.Option(
        "--neutral",
        help="A name that nobody minds, to compare with [example.com]; for syn, a host.",
        show_default=False,
    ),
]
RepeatOption = Annotated[int, typer.Option("--repeat", min=1, max=20, help="Rounds.")]
SpacingOption = Annotated[
    float,
    typer.Option(
        "--spacing",
        min=0.0,
        max=86_400.0,
        help="Seconds between rounds; residual blocking lasts up to 180.",
    ),
]
WaitOption = Annotated[
    float, typer.Option("--wait", min=0.2, max=30.0, help="Seconds that answers are waited for.")
]
HopsOption = Annotated[
    int, typer.Option("--max-hops", min=1, max=64, help="How far to look for the server.")
]
PcapOption = Annotated[
    Path | None,
    typer.Option(
        "--pcap",
        help="Keep every packet in this file; it holds your own address.",
        show_default=False,
    ),
]


@app.command()
def trace(
    host: HostArgument,
    trigger: TriggerOption = Trigger.TLS,
    sni: SniOption = None,
    neutral: NeutralOption = None,
    repeat: RepeatOption = 3,
    spacing: SpacingOption = 200.0,
    wait: WaitOption = 2.0,
    max_hops: HopsOption = 30,
    ipv6: Annotated[bool, typer.Option("--ipv6", help="Go by IPv6.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before anything is sent.")] = False,
    pcap: PcapOption = None,
    output: Annotated[
        Told, typer.Option("--output", "-o", help="Words and a table, or JSON for programs.")
    ] = Told.TABLE,
    store: StoreOption = None,
    config: ConfigOption = None,
    catalog: CatalogOption = None,
) -> None:
    """Find the hop at which a network reacts to a name, by packets that die on the way.

    A trigger (a TLS or QUIC handshake, a request, a question, the wish to connect) is sent with a
    life of 1, 2, 3 ... hops, and so is a neutral twin. It is for servers: it repeats a forbidden
    name some twenty times, and asks first where the line is not described as a server's. Linux,
    CAP_NET_RAW and the extra "raw" are needed; docs/trace.md says more. Nothing is kept.

    Exit codes: 0 it was found out (also that nothing reacts), 2 something is missing here, 3 it
    cannot be told, 4 consent missing, 130 interrupted.
    """
    from probe.cli.results import always_json
    from probe.cli.trace_asking import Wish
    from probe.cli.trace_told import show_trace
    from probe.cli.tracing import traced

    wish = Wish(
        host=host,
        trigger=trigger,
        sni=sni,
        neutral=neutral,
        rounds=repeat,
        spacing_s=spacing,
        wait_s=wait,
        max_hops=max_hops,
        ipv6=ipv6,
        yes=yes,
        pcap=pcap,
    )
    with always_json(Output(output.value)) as printing:
        result = traced(wish, store=store, config=config, catalog=catalog)
        printing()
        show_trace(result, as_json=output is Told.JSON)
    if result.interrupted:
        say("Interrupted: what was found until then is told.")
        raise typer.Exit(_INTERRUPTED)
    raise typer.Exit(_UNCLEAR if result.located.finding is Finding.INCONCLUSIVE else 0)
