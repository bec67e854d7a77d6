"""Running one command in this process, with or without a consent."""

from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

from probe.clock import SystemClock
from probe.consent import give, policy
from probe.model.target import Category

__all__ = ["agree", "invoked"]


def agree(home: Path, *categories: Category) -> None:
    """Record a consent, now."""
    answers = [question.right for question in policy().questions]
    give(home / "consent.json", answers=answers, categories=categories, now=SystemClock().now())


def invoked(app: typer.Typer, *arguments: str) -> Any:
    """Run a command; an error of ours is raised, as ``main`` expects it.

    ``Any`` stands for click's result, which typer carries in a private package.
    """
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result
