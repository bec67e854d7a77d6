"""Every exception that probe raises on purpose.

    ProbeError
    ├── InputError            mend the input: file, line, field and the mend are said
    │   └── CatalogError      a target file is wrong
    ├── ConsentError          consent is missing or outdated
    ├── BusyError             another run holds the lock: try later
    ├── StoreError            the database is full, corrupt, newer, read-only
    ├── UnfitLineError        this line cannot do what was asked of it: try later, or elsewhere
    └── ForbiddenNetwork      a packet was about to leave where it must not

A network failure is never one of these: it is a value in a step.
"""

__all__ = [
    "BusyError",
    "CatalogError",
    "ConsentError",
    "ForbiddenNetwork",
    "InputError",
    "ProbeError",
    "StoreError",
    "Terminated",
    "UnfitLineError",
]


class ProbeError(Exception):
    """Base of all errors that a user or a caller can act on; ``str()`` is fit for a person."""


class InputError(ProbeError):
    """Something given to us is wrong; carries where, and how to mend it."""

    def __init__(
        self,
        problem: str,
        *,
        file: str | None = None,
        line: int | None = None,
        field: str | None = None,
        mend: str | None = None,
    ) -> None:
        """Keep the parts apart, so that a caller can print or serialise them."""
        self.problem = problem
        self.file = file
        self.line = line
        self.field = field
        self.mend = mend
        super().__init__(problem)

    def __str__(self) -> str:
        """Return ``file:line: field: problem (mend)``, leaving out what is not known."""
        place = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        parts = [part for part in (place, self.field, self.problem) if part]
        text = ": ".join(parts)
        return f"{text} ({self.mend})" if self.mend else text


class CatalogError(InputError):
    """A target file is not valid."""


class UnfitLineError(ProbeError):
    """The line is offline, or not what it would have to be."""


class ConsentError(ProbeError):
    """No packet may be sent before consent is given (or given again)."""


class BusyError(ProbeError):
    """Another run holds the lock; nothing was done, try later."""


class StoreError(ProbeError):
    """The database cannot be used: full, read-only, corrupt, or written by a newer probe."""


class ForbiddenNetwork(ProbeError):  # noqa: N818 - reads as what it says
    """A packet was about to go where the network guard does not allow it."""


class Terminated(KeyboardInterrupt):
    """SIGTERM: ends what goes on as Ctrl-C does, and can be told from it."""
