"""Write the generated pages: docs/cli.md from the command line, docs/rules.md from the rules.

docs/verdicts.md is made of docs/verdicts.json, which ``make verdicts`` writes by playing all
scenarios; docs/protocols.md of docs/protocols.json, which ``make protocols`` writes.

``make docs`` writes them; ``python docs/generate.py --check`` says which are out of date, and a
test does the same.
"""

import json
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args

DOCS = Path(__file__).resolve().parent
_NOTE = "<!-- Written by docs/generate.py (make docs). Do not edit by hand. -->"

_SHELL = frozenset({"install_completion", "show_completion", "help"})
"""Options that the framework adds to every command."""


def pages() -> dict[str, str]:
    """Return each generated page by its file name."""
    found = {"cli.md": cli_page(), "rules.md": rules_page()}
    results = DOCS / "verdicts.json"
    if results.exists():
        found["verdicts.md"] = verdicts_page(json.loads(results.read_text(encoding="utf-8")))
    protocols = DOCS / "protocols.json"
    if protocols.exists():
        found["protocols.md"] = protocols_page(json.loads(protocols.read_text(encoding="utf-8")))
    return found


def protocols_page(page: Any) -> str:
    """Return the page of what each protocol was seen to show, situation by situation."""
    lines = [
        _NOTE,
        "",
        "# Protocols",
        "",
        "Each protocol in six situations, played by `python tests/scenarios/protocols.py`: on",
        "loopback, against the lab's own servers, and in network namespaces (*netns*), against the",
        "program of the real world that is named, where one is installed. *Seen* are the steps of",
        "the first look: what came back, or how it failed. The verdict is made with all follow-ups",
        "and live controls, and is the one that was expected unless it says otherwise.",
        "",
        f"Made on {page['made_on']}.",
        "",
    ]
    protocols: dict[str, dict[str, list[Any]]] = {}
    for row in page["rows"]:
        protocols.setdefault(row["protocol"], {}).setdefault(row["situation"], []).append(row)
    for protocol, situations in protocols.items():
        lines += [f"## {protocol}", "", "| situation | stage, server | seen | verdict |"]
        lines += ["|---|---|---|---|"]
        for situation, rows in situations.items():
            lines += [_protocol_row(situation, row) for row in rows]
        lines += [""]
    return _joined(lines)


def _protocol_row(situation: str, row: Any) -> str:
    wrong = "" if row["right"] else f" (expected: {row['expected']})"
    where = f"{row['stage']}, {row['server']}"
    return f"| {situation} | {where} | {_cell(row['seen'])} | `{row['verdict']}`{wrong} |"


def cli_page() -> str:
    """Return the page of all commands and options."""
    from typer.main import get_command

    from probe.cli.main import COMMANDS, app

    root: Any = get_command(app)
    lines = [
        _NOTE,
        "",
        "# The command line",
        "",
        "Data goes to standard output, words and progress to standard error. `--output` chooses",
        "`table`, `json`, `jsonl` or `csv`; JSON is whole also when a run is interrupted;",
        "a command that ends with 2, 4 or 5 before it has a result may print nothing there.",
        "",
        "| exit code | means |",
        "|---|---|",
        "| 0 | it ran, and nothing is blocked |",
        (
            "| 1 | something is blocked, by the network or by the service itself "
            "(only `run`, `diagnose`, `judge`; `--exit-zero` for cron) |"
        ),
        "| 2 | usage or configuration |",
        "| 3 | this line is offline, or nothing could be told |",
        "| 4 | consent is missing |",
        "| 5 | storage, or another run holds the lock |",
        "| 130 | interrupted; what was measured is kept |",
        "",
        "Settings: options, then `PROBE_*` variables, then the TOML file, then defaults.",
        "`probe doctor` shows where each value came from.",
        "",
    ]
    context = root.make_context("probe", [], resilient_parsing=True)
    for name in COMMANDS:
        command = root.get_command(context, name)
        command.help = command.help or COMMANDS[name]
        lines += _command(f"probe {name}", command, depth=2)
    return _joined(lines)


def _command(path: str, command: Any, *, depth: int) -> Iterator[str]:
    yield from (f"{'#' * depth} {path}", "")
    yield from (_text(command.help), "")
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [
        one
        for one in command.params
        if one.param_type_name == "option" and one.name not in _SHELL and not one.hidden
    ]
    subcommands = getattr(command, "commands", {})
    words = [_argument(one) for one in arguments]
    tail = ["COMMAND"] if subcommands else []
    yield from (
        "```",
        " ".join([path, *(["[OPTIONS]"] if options else []), *words, *tail]),
        "```",
        "",
    )
    rows = [*map(_argument_row, arguments), *map(_option_row, options)]
    if rows:
        yield from ("| option | what | default |", "|---|---|---|", *rows, "")
    for name, inner in subcommands.items():
        if not inner.hidden:
            yield from _command(f"{path} {name}", inner, depth=depth + 1)


def _argument(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    dots = "..." if argument.nargs == -1 else ""
    return f"{name}{dots}" if argument.required else f"[{name}]{dots}"


def _argument_row(argument: Any) -> str:
    return f"| `{_argument(argument)}` | {_cell(getattr(argument, 'help', None))} | |"


def _option_row(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    value = "" if option.is_flag else f" {_kind(option)}"
    return f"| {names}{value} | {_cell(option.help)} | {_default(option)} |"


def _kind(option: Any) -> str:
    """Return what an option takes: its metavar, its choices, or the name of its type."""
    if option.metavar:
        return str(option.metavar)
    kind = _inner(option.type_descriptor.annotation)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return " \\| ".join(str(member.value) for member in kind)
    return {str: "TEXT", int: "INTEGER", float: "NUMBER", Path: "PATH"}.get(kind, "VALUE")


def _inner(annotation: Any) -> Any:
    """Return ``X`` of ``X | None``, ``list[X]`` and ``tuple[X, ...]``."""
    parts = [part for part in get_args(annotation) if part not in (type(None), Ellipsis)]
    return _inner(parts[0]) if parts else annotation


def _default(option: Any) -> str:
    default = option.default
    if option.required:
        return "required"
    if callable(default) or default in (None, False, "", ()) or default == []:
        return ""
    if default is True:
        return "on"
    return f"`{getattr(default, 'value', default)}`"


def _text(text: str | None) -> str:
    """Return the help as written, without what typer keeps behind a form feed."""
    return "\n".join(line.rstrip() for line in (text or "").split("\f")[0].strip().splitlines())


def _cell(text: str | None) -> str:
    return " ".join(_text(text).split()).replace("|", "\\|")


def rules_page() -> str:
    """Return the page of all rules, in the order in which they are asked."""
    from probe.analysis.rules import RULES
    from probe.model.failure import FAILURES

    lines = [
        _NOTE,
        "",
        "# Rules and failures",
        "",
        "A verdict names the rule that made it. The rules are asked from top to bottom, and the",
        "first that holds speaks. Where something that a rule needs is missing, the verdict is the",
        "same and its confidence is `weak`.",
        "",
    ]
    for rule in RULES:
        lines += [
            f"## {rule.id}",
            "",
            _head(rule),
            "",
            _text(rule.sentence),
            "",
            f"*What could fool it:* {_text(rule.fooled_by)}",
            "",
        ]
        if rule.needs:
            lines += [f"*Needs, else weak:* {'; '.join(need.value for need in rule.needs)}.", ""]
    lines += [
        "# Failures",
        "",
        "What ends a step is `null` (it passed) or one of these names, which are OONI's (df-007).",
        "Anything else is `unknown_failure: ` and the error's own words.",
        "",
        *(f"- `{name}`" for name in sorted(FAILURES)),
    ]
    return _joined(lines)


def _head(rule: Any) -> str:
    says = f"`{rule.state}` / `{rule.mechanism}` / {rule.locus} / {rule.confidence}"
    return f"{says}, version {rule.version}, layer {rule.layer}."


_SHELVES = {
    "none": "Nothing",
    "dns": "Names",
    "tcp": "Connections",
    "tls": "Handshakes",
    "http": "Requests and pages",
    "udp": "Datagrams",
    "quic": "QUIC",
    "openvpn": "OpenVPN",
    "wireguard": "WireGuard",
    "ikev2": "IKEv2",
    "slow": "Slowness",
    "server": "The service's own doing",
    "line": "The line's own doing",
    "round": "What becomes of a round",
    "grounds": "Every way to fail, by what there is to compare it with",
    "trap": "Traps: nothing is blocked, and a naive tool says so",
}
"""Scenarios by the first part of their name."""


def verdicts_page(results: Any) -> str:
    """Return the page of all scenarios and the verdicts that were found in them."""
    outcomes = results["outcomes"]
    lines = [
        _NOTE,
        "",
        "# Scenarios and verdicts",
        "",
        "Each scenario of the lab (`probe lab scenarios`) is played by the real engine: anchors,",
        "gates, follow-ups, judge, store. It states what a right judge concludes: state,",
        "mechanism, locus, confidence. Whatever it does not call blocked must not be blocked,",
        "and no gate may close that it does not name. `make verdicts` plays them all and writes",
        "this page anew.",
        "",
        f"Made on {results['made_on']}.",
        "",
        "| stage | scenarios | right | wrong |",
        "|---|---|---|---|",
        *(_stage_row(outcomes, stage) for stage in ("loopback", "netns")),
        "",
        _trap_line(outcomes),
        "",
        *_loss_lines(results["loss"], outcomes),
        *_rule_lines(outcomes),
    ]
    shelves: dict[str, dict[str, list[Any]]] = {}
    for one in outcomes:
        shelf = one["scenario"].partition("-")[0]
        shelves.setdefault(shelf, {}).setdefault(one["scenario"], []).append(one)
    rest: dict[str, list[Any]] = {}
    for shelf in sorted(shelves.keys() - _SHELVES):
        rest |= shelves[shelf]
    for shelf, title in _SHELVES.items():
        if shelf in shelves:
            lines += _shelf(title, shelves[shelf])
    if rest:
        lines += _shelf("Services, their protocols, and the rest", rest)
    return _joined(lines)


def _stage_row(outcomes: Any, stage: str) -> str:
    mine = [one for one in outcomes if one["stage"] == stage]
    right = sum(one["right"] for one in mine)
    return f"| {stage} | {len(mine)} | {right} | {len(mine) - right} |"


def _trap_line(outcomes: Any) -> str:
    traps = [one for one in outcomes if one["trap"]]
    names = {one["scenario"] for one in traps}
    called = sum(bool(one["blocked"]) for one in traps)
    return (
        f"Traps: {len(names)} scenarios, {len(traps)} played; something was called blocked in "
        f"{called} of them."
    )


def _loss_lines(runs: Any, outcomes: Any) -> list[str]:
    """Return what random loss did, and which scenarios were not played with it."""
    if not runs:
        return []
    innocent = sum(run["innocent"] for run in runs)
    blocked = sum(run["wrongly_blocked"] for run in runs)
    rounds = sum(run["times"] for run in runs)
    right = sum(run["right"] for run in runs)
    times = min(run["times"] for run in runs)
    return [
        (
            f"With {min(run['loss'] for run in runs):.0%} of the packets lost at random, each way, "
            f"{len(runs)} scenarios, {times} times each: of {innocent:,} verdicts on endpoints "
            f"that nobody blocks, {blocked} were `blocked` ({blocked / max(innocent, 1):.2%}); "
            f"{right:,} of {rounds:,} rounds were right in everything."
        ),
        "",
        *_without_loss(runs, outcomes),
    ]


def _rule_lines(outcomes: Any) -> list[str]:
    """Return how many rules made a verdict, and which no scenario reached."""
    from probe.analysis.rules import RULES

    fired = {rule for one in outcomes for rule in one["rules"]}
    left = sorted(rule.id for rule in RULES if rule.id not in fired)
    if not left:
        return [f"Each of the {len(RULES)} rules made a verdict in some scenario.", ""]
    names = ", ".join(f"`{name}`" for name in left)
    return [
        (
            f"Of {len(RULES)} rules, {len(left)} made no verdict in any scenario: {names}. "
            "tests/scenarios/test_scenarios_results.py says why."
        ),
        "",
    ]


def _without_loss(runs: Any, outcomes: Any) -> list[str]:
    played = {run["scenario"] for run in runs}
    names = {one["scenario"] for one in outcomes if one["stage"] == "netns"}
    left = sorted(names - played)
    if not left:
        return []
    return [f"Not played with loss yet, {len(left)} of {len(names)}: {', '.join(left)}.", ""]


def _shelf(title: str, scenarios: dict[str, list[Any]]) -> Iterator[str]:
    yield from (f"## {title}", "")
    yield from ("| scenario | what happens | verdict expected | loopback | netns |",)
    yield "|---|---|---|---|---|"
    for name, outcomes in scenarios.items():
        first = outcomes[0]
        found = {one["stage"]: _found(one) for one in outcomes}
        cells = (found.get(stage, "") for stage in ("loopback", "netns"))
        wanted = "<br>".join(_cell(text) for text in _expected(first))
        yield f"| {name} | {_cell(first['description'])} | {wanted} | {' | '.join(cells)} |"
    yield ""


def _expected(outcome: Any) -> Iterator[str]:
    """Yield what is expected, each verdict once; no gate is not worth a word."""
    seen = set()
    for finding in outcome["findings"]:
        if finding["about"] == "gates" and finding["expected"] == "none":
            continue
        line = f"{finding['about']}: `{finding['expected']}`"
        if line not in seen:
            seen.add(line)
            yield line


def _found(outcome: Any) -> str:
    """Return ``right``, or what was found instead."""
    if outcome["right"]:
        return "right"
    wrong = [f"`{f['found']}`" for f in outcome["findings"] if not f["right"]]
    wrong += [f"blocked: `{each}`" for each in outcome["blocked"]]
    wrong += [f"problem: {each}" for each in outcome["problems"]]
    return "**wrong** " + "<br>".join(dict.fromkeys(map(_cell, wrong)))


def _joined(lines: list[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    """Write the pages, or with ``--check`` only compare them."""
    stale = []
    for name, text in pages().items():
        file = DOCS / name
        if file.exists() and file.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv[1:]:
            file.write_text(text, encoding="utf-8")
    if stale:
        done = "out of date" if "--check" in sys.argv[1:] else "written"
        sys.stdout.write(f"{done}: {', '.join(stale)}\n")
    return 1 if stale and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
