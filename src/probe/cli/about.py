"""``probe about``: version, licences, and the software bill of materials."""

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

import typer

from probe.cli.options import Output, OutputOption, command_app
from probe.cli.output import emit, say

__all__ = ["app", "bill_of_materials", "installed"]

app = command_app()

_NAME = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?")
_MAX_LICENCE = 60  # longer is the text of a licence, not its name
_CLASSIFIER = "License :: OSI Approved :: "
_WORDS = {  # usual names in metadata -> SPDX
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "isc": "ISC",
    "isc license (iscl)": "ISC",
    "mit": "MIT",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "mpl-2.0": "MPL-2.0",
    "psf-2.0": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
}


@app.callback(invoke_without_command=True)
def about(output: OutputOption = Output.TABLE) -> None:
    """Print the version and every package that probe runs on with its licence.

    With --output json it is one CycloneDX 1.6 document.
    """
    import json

    from probe import __version__

    packages = installed("probe")
    if output is Output.JSON:
        typer.echo(json.dumps(bill_of_materials(packages), indent=1, sort_keys=True))
        return
    rows = [
        {"name": _name(one), "version": one.version, "licence": licence(one) or "not stated"}
        for one in packages.values()
    ]
    say(f"probe {__version__}, MIT licence. It measures; it opens nothing that is blocked.")
    emit(rows, output, ("name", "version", "licence"), "Packages that it runs on")


def installed(root: str) -> dict[str, Distribution]:
    """Return the distributions that ``root`` needs, itself first, without optional extras.

    A requirement for another platform or Python is one that is not installed.
    """
    found: dict[str, Distribution] = {}
    waiting = [root]
    while waiting:
        name = normal(waiting.pop(0))
        if name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue
        waiting.extend(needs(found[name]))
    first = {normal(root): found.pop(normal(root))} if normal(root) in found else {}
    return first | dict(sorted(found.items()))


def needs(package: Distribution) -> list[str]:
    """Return the names that a distribution requires, those of its extras left out."""
    names: list[str] = []
    for requirement in package.requires or ():
        match = _NAME.match(requirement)
        marker = requirement.partition(";")[2]
        if match is not None and "extra" not in marker:
            names.append(match[1])
        if match is not None and match[2] and "extra" not in marker:
            names.extend(_of_extras(match[1], match[2].strip("[]").split(",")))
    return names


def _of_extras(name: str, extras: Sequence[str]) -> list[str]:
    """Return what the named extras of a distribution require (``httpx[http2]`` needs h2)."""
    try:
        package = distribution(name)
    except PackageNotFoundError:
        return []
    found: list[str] = []
    for requirement in package.requires or ():
        wanted = re.search(r"""extra\s*==\s*["']([^"']+)["']""", requirement)
        match = _NAME.match(requirement)
        if wanted and match and wanted[1] in [extra.strip() for extra in extras]:
            found.append(match[1])
    return found


def licence(package: Distribution) -> str | None:
    """Return a licence's SPDX expression or name, as the package states it."""
    metadata = package.metadata
    stated = (metadata.get_all("License-Expression") or [""])[0]
    if not stated:
        short = (metadata.get_all("License") or [""])[0]
        stated = short if len(short) <= _MAX_LICENCE and "\n" not in short else ""
    if not stated or stated.upper() == "UNKNOWN":
        classifiers = metadata.get_all("Classifier") or []
        named = [c.removeprefix(_CLASSIFIER) for c in classifiers if c.startswith(_CLASSIFIER)]
        stated = named[0] if named else ""
    return _WORDS.get(stated.strip().lower(), stated.strip()) or None


def bill_of_materials(packages: Mapping[str, Distribution]) -> dict[str, Any]:
    """Return a CycloneDX 1.6 document; equal installations give equal documents."""
    import uuid

    (root, package), *others = packages.items()
    content = ",".join(f"{name}={one.version}" for name, one in packages.items())
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_OID, content).urn,
        "version": 1,
        "metadata": {"component": _component(root, package, "application")},
        "components": [_component(name, one, "library") for name, one in others],
        "dependencies": [
            {
                "ref": _reference(name, one),
                "dependsOn": sorted(
                    {
                        _reference(normal(needed), packages[normal(needed)])
                        for needed in needs(one)
                        if normal(needed) in packages and normal(needed) != name
                    }
                ),
            }
            for name, one in packages.items()
        ],
    }


def _component(name: str, package: Distribution, kind: str) -> dict[str, Any]:
    stated = licence(package)
    component: dict[str, Any] = {
        "type": kind,
        "bom-ref": _reference(name, package),
        "name": name,
        "version": package.version,
        "purl": _reference(name, package),
    }
    if stated in _WORDS.values():
        component["licenses"] = [{"license": {"id": stated}}]
    elif stated and re.search(r" (AND|OR|WITH) ", stated):
        component["licenses"] = [{"expression": stated}]
    elif stated:
        component["licenses"] = [{"license": {"name": stated}}]
    return component


def _reference(name: str, package: Distribution) -> str:
    return f"pkg:pypi/{name}@{package.version}"


def normal(name: str) -> str:
    """Return the name as package indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _name(package: Distribution) -> str:
    return str(package.metadata["Name"])
