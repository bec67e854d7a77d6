"""Build the lab and run a command in it: ``probe lab up`` from the inside.

Order: namespaces and links, wires and box, the servers in the internet, the worker abroad, the
control socket, the command. It ends in the opposite order, however it ends.
"""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

from probe.errors import ProbeError, Terminated
from probe.lab.netns.built import BuiltLab
from probe.lab.netns.children import end_all
from probe.lab.netns.request import LabRequest
from probe.lab.netns.syscalls import (
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    NEWNS,
    adopt_orphans,
    mount,
    unshare,
)
from probe.lab.netns.ward import run_apart
from probe.net.pcap import open_tape

__all__ = ["FAILED", "up"]

FAILED, INTERRUPTED, TERMINATED = 2, 130, 143
"""Exit codes when the lab itself could not be built; the command's own passes through."""


def up(request: LabRequest, said: Callable[[str], None]) -> int:
    """Build the lab, run the command in it, and return the command's exit code.

    ``said`` is told what was built. The calling process is afterwards in no network at all.

    Raises:
        LabError: this machine does not allow it.
        InputError: the capture's file cannot be written.

    """
    with contextlib.ExitStack() as stack:
        tape = None
        if request.pcap is not None:
            tape = stack.enter_context(open_tape(request.pcap))
        return run_apart(partial(_lab, request, tape, said), pids=request.pids)


def _lab(
    request: LabRequest,
    tape: BinaryIO | None,
    said: Callable[[str], None],
    folder: Path,
    alive: int,
) -> int:
    """Be the lab's first process, from its mounts to the command's exit code."""
    try:
        unshare(NEWNS)  # so that the outer process can remove the folder
        if not request.pids:
            adopt_orphans()
        else:
            mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        mount("tmpfs", str(folder), "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700")
        return asyncio.run(BuiltLab(request, folder, tape, said).run(alive))
    except ProbeError as error:
        said(f"probe: {error}")
    except OSError as error:
        said(f"probe: the lab could not be built: {error}")
    except ExceptionGroup as group:
        mine, others = group.split((ProbeError, OSError))
        if others is not None:
            raise others from None
        for one in () if mine is None else mine.exceptions:
            said(f"probe: {one}")
    except Terminated:
        return TERMINATED
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        if not request.pids:
            end_all()
    return FAILED
