"""The certificates of an OONI measurement: its own verdict on them, and a second look at bad ones.

A certificate that OONI accepted was valid to its roots on that day; roots are retired, so asking
today's would only find faults that were none. One that it refused is looked at again: who issued
it, whether it had merely run out, whether it is a root that the service itself uses.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from probe.model.failure import Failure
from probe.model.measurement import CertificateCheck
from probe.model.target import Trust
from probe.net.trust import Roots, verify_chain

__all__ = ["accepted", "pinned_root", "refused"]


def accepted(chain: Sequence[bytes]) -> CertificateCheck:
    """Return the check of a handshake that OONI found valid."""
    leaf = hashlib.sha256(chain[0]).hexdigest() if chain else ""
    return CertificateCheck(packaged=None, system=None, issuer="", leaf_sha256=leaf)


def refused(
    chain: Sequence[bytes], name: str, failure: Failure, roots: Roots, at: datetime, trust: Trust
) -> CertificateCheck:
    """Return the check of a handshake that OONI refused with ``failure``."""
    if not chain:
        return CertificateCheck(packaged=failure, system=failure, issuer="", leaf_sha256="")
    seen = verify_chain(chain, name, roots, at, trust)
    within = None
    if seen.not_after is not None and seen.not_after < at:
        last_hour = seen.not_after - timedelta(hours=1)
        within = verify_chain(chain, name, roots, last_hour, trust).packaged is None or None
    return msgspec.structs.replace(seen, packaged=failure, system=failure, verified_within=within)


def pinned_root(chain: Sequence[bytes], roots: Roots, trust: Trust) -> bool:
    """Return whether the certificate that was shown is one of the service's own pinned roots.

    Go names the certificate whose issuer it does not know: when that is a root of the service,
    everything below it was signed by the service, and the probe's copy of the root was old.
    """
    from probe.net.certificates import parse_chain, parse_pem

    pinned = set(parse_pem(roots.pinned.get(trust, b"")))
    return any(shown in pinned for shown in parse_chain(chain) if shown is not None)
