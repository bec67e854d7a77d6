"""caddy's configuration: like nginx's, with HTTP/3 on UDP port 443 besides."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from probe.lab.inside.allotment import Group
from probe.lab.inside.keys import KeyFiles
from probe.lab.inside.origin import origin_path
from probe.model.address import authority

__all__ = ["caddy_config"]


def caddy_config(sites: Sequence[tuple[Group, KeyFiles]], folder: Path, origin: Path) -> str:
    """Return the configuration (JSON); files in ``folder`` only, no port for administration."""
    servers: dict[str, Any] = {}
    for number, (group, _) in enumerate(sites):
        servers[f"plain{number}"] = _server(group, 80, origin)
        servers[f"sealed{number}"] = _server(group, 443, origin)
    files = [{"certificate": str(keys.chain), "key": str(keys.key)} for _, keys in sites]
    config = {
        "admin": {"disabled": True, "config": {"persist": False}},
        "logging": {"logs": {"default": {"level": "ERROR"}}},
        "storage": {"module": "file_system", "root": str(folder / "caddy")},
        "apps": {
            "http": {"servers": servers},
            "tls": {"certificates": {"load_files": files}},
        },
    }
    return msgspec.json.encode(config).decode()


def _server(group: Group, port: int, origin: Path) -> dict[str, Any]:
    back = origin_path(group.addresses[0], str(port), "{http.request.remote.host}")
    listen = [authority(address, port) for address in group.addresses]
    server: dict[str, Any] = {
        "listen": listen,
        "automatic_https": {"disable": True},
        "protocols": ["h1", "h2", "h3"] if port == 443 else ["h1"],
        "routes": [
            {
                "handle": [
                    {"handler": "rewrite", "uri": f"{back}{{http.request.uri}}"},
                    {
                        "handler": "reverse_proxy",
                        "upstreams": [{"dial": f"unix/{origin}"}],
                        "headers": {"response": {"delete": ["Server"]}},
                    },
                ]
            }
        ],
    }
    if port == 443:
        server["tls_connection_policies"] = [{"default_sni": group.names[0]}]
    return server
