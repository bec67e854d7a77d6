"""Asking a person before something is measured that nobody chose for them."""

import sys
from collections.abc import Sequence

import typer

from probe.cli.output import say
from probe.errors import ConsentError

__all__ = ["ask_named"]


def ask_named(what: Sequence[str], *, private: bool, warning: str = "") -> None:
    """Ask whether to go on with what is measured only because it was named.

    The names are shown on a terminal only, and not with ``private``: a journal may keep them.

    Raises:
        ConsentError: the answer was no, or nobody is there to answer.

    """
    shown = sys.stderr.isatty() and not private
    say(
        "Measured only because you name it: "
        f"{', '.join(what) if shown else f'services, {len(what)}'}."
        " Whoever watches this line can see that it is contacted."
    )
    if warning:
        say(warning)
    if not sys.stdin.isatty():
        raise ConsentError("this is no terminal to ask you at: add --yes; nothing was sent")
    if not typer.confirm("Go on?", err=True):
        raise ConsentError("you did not agree; nothing was sent")
