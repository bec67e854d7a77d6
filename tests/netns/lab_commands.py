"""``probe`` run as a command in the lab that the tests are in."""

import asyncio
import os
import sys
from pathlib import Path

__all__ = ["probe"]

PATIENCE_S = 120


async def probe(home: Path, *arguments: str) -> tuple[int, str, str]:
    """Run a command with a home of its own; return exit code, data and words."""
    folders = {
        f"XDG_{name}_HOME": str(home / name) for name in ("CONFIG", "DATA", "STATE", "CACHE")
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PROBE_")}
    lab = {name: os.environ[name] for name in ("PROBE_NET", "PROBE_LAB")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "probe", *arguments),
        env=kept | lab | folders | {"HOME": str(home)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_S):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()
