"""What arrays of numbers are called, and what is asked of more than one kind of them."""

from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["BoolArray", "Codes", "FloatArray", "IntArray", "greatest"]

FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]
IntArray: TypeAlias = NDArray[np.int64]
Codes: TypeAlias = NDArray[np.int16]

N = TypeVar("N", bound=np.integer[Any])


def greatest(times: IntArray, values: NDArray[N]) -> tuple[IntArray, NDArray[N]]:
    """Return each time once, in order, and the greatest of the values beside it."""
    if not times.size:
        return times, values
    order = np.argsort(times, kind="stable")  # mostly runs that are sorted: then it is faster
    moments, first = np.unique(times[order], return_index=True)
    return moments, np.maximum.reduceat(values[order], first)
