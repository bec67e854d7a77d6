"""What a control server may dial: public addresses that are not its own."""

from collections.abc import Collection

from probe.model.address import is_public, parse_ip

__all__ = ["NotOwn"]


class NotOwn:
    """Public addresses only, and none of this machine's: nobody may look at it through itself."""

    def __init__(self, own: Collection[str]) -> None:
        """Take this machine's addresses, in any spelling."""
        self._own = frozenset(str(parse_ip(address.partition("%")[0])) for address in own)

    def allows(self, address: str) -> bool:
        """Return whether ``address`` may be dialled."""
        return is_public(address) and str(parse_ip(address)) not in self._own
