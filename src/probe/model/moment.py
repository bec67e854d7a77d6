"""An instant that others wrote: read only with its zone."""

from datetime import datetime
from typing import Annotated

import msgspec

__all__ = ["Moment"]

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""Without a zone it is no instant, and no comparison with one: decoding refuses it."""
