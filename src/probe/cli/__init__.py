"""The command line: thin; prints, asks, exits."""

from probe.cli.main import main

__all__ = ["main"]
