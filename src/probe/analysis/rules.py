"""The table: every rule in the order in which it is asked; the first that holds decides.

The order is the argument: what makes a round unusable, what a store said of an app, what the
service itself said, what was proven to work, marks that no state of the service explains, what
answered without proof, the line's own faults, the service's own faults, and only then
interference, name by name, address by address, handshake by handshake. docs/rules.md is written
from it.
"""

from probe.analysis.features import Features
from probe.analysis.rule import Rule
from probe.analysis.rules_dns import DNS, DNS_ARTEFACTS
from probe.analysis.rules_down import EXPLAINED
from probe.analysis.rules_exchange import EXCHANGE, EXCHANGE_PROVEN, EXCHANGE_UNPROVEN
from probe.analysis.rules_http import HTTP, HTTP_ARTEFACTS, LAST, PLAIN
from probe.analysis.rules_line import FIRST, GUARDS
from probe.analysis.rules_listing import LISTING
from probe.analysis.rules_ok import PROVEN, UNPROVEN
from probe.analysis.rules_path import CERTIFICATE_ARTEFACTS, PATH
from probe.analysis.rules_server import SERVER
from probe.analysis.rules_udp import UDP, UDP_SILENT, UDP_UNPROVEN

__all__ = ["RULES", "first_match"]

RULES: tuple[Rule, ...] = (
    *FIRST,
    *LISTING,
    *SERVER,
    *EXCHANGE_PROVEN,
    *PROVEN,
    *DNS_ARTEFACTS,
    *CERTIFICATE_ARTEFACTS,
    *HTTP_ARTEFACTS,
    *EXCHANGE_UNPROVEN,
    *UNPROVEN,
    *UDP_UNPROVEN,
    *PLAIN,
    *GUARDS,
    *UDP_SILENT,
    *EXPLAINED,
    *DNS,
    *EXCHANGE,
    *PATH,
    *UDP,
    *HTTP,
    *LAST,
)


def first_match(features: Features) -> Rule:
    """Return the first rule that holds; the last one always does."""
    return next(rule for rule in RULES if rule.when(features))
