"""nginx's configuration: web servers in front of the lab's pages, at the sites' own addresses.

nginx speaks TLS, HTTP/1.1 and HTTP/2 with the world. Pages, and their date, come from the lab's
origin behind it (``origin``), so that the lab's time and the service's own refusals show.
"""

from collections.abc import Sequence
from pathlib import Path

from probe.lab.inside.allotment import Group
from probe.lab.inside.keys import KeyFiles
from probe.lab.inside.origin import origin_path
from probe.model.address import authority

__all__ = ["nginx_config"]

_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def nginx_config(sites: Sequence[tuple[Group, KeyFiles]], folder: Path, origin: Path) -> str:
    """Return the configuration; files in ``folder`` only, pages from the socket ``origin``.

    It is one process, in the foreground; as root it stays root, because a user namespace knows
    nobody else.
    """
    lines = [
        "daemon off;",
        "master_process off;",
        "user root;",
        "error_log stderr warn;",
        f"pid {folder}/nginx.pid;",
        "events { worker_connections 2048; }",
        "http {",
        "  access_log off;",
        *(f"  {part}_temp_path {folder}/{part};" for part in _TEMPORARY),
        "  server_names_hash_bucket_size 256;",
        "  server_names_hash_max_size 8192;",
        "  proxy_http_version 1.1;",
        '  proxy_set_header Connection "";',
        "  proxy_set_header Host $http_host;",
        "  proxy_pass_header Date;",
        f"  upstream origin {{ server unix:{origin}; keepalive 8; }}",
        *(line for group, keys in sites for line in _server(group, keys)),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _server(group: Group, keys: KeyFiles) -> list[str]:
    places = [authority(address) for address in group.addresses]
    back = origin_path(group.addresses[0], "$server_port", "$remote_addr")
    return [
        "  server {",
        *(f"    listen {place}:80; listen {place}:443 ssl http2;" for place in places),
        f"    server_name {' '.join(group.names)};",
        f"    ssl_certificate {keys.chain};",
        f"    ssl_certificate_key {keys.key};",
        f"    location / {{ proxy_pass http://origin{back}$request_uri; }}",
        "  }",
    ]
