"""What one outage that came alone has to show before it is called established."""

import pytest

from probe.analysis.doubt import LASTING_S, SURE, doubt


@pytest.mark.parametrize(
    ("samples", "bad", "length_s", "probability", "why"),
    [
        (10, 10, LASTING_S, SURE, None),
        (10, 8, LASTING_S, SURE, None),
        (10, 10, LASTING_S, SURE - 0.01, "few looks"),
        (23, 19, LASTING_S, SURE - 0.01, "a part of the looks in between passed"),
        (2, 2, LASTING_S, SURE, "few looks"),
        (10, 7, LASTING_S, SURE, "a part of the looks in between passed"),
        (10, 10, LASTING_S - 1, SURE, "it lasted less than an hour"),
    ],
)
def test_an_outage_is_established_when_it_is_plain_steady_and_long(
    samples: int, bad: int, length_s: float, probability: float, why: str | None
) -> None:
    """Three failed looks, four of five failed, an hour: each is needed, and is named."""
    found = doubt(samples=samples, bad=bad, length_s=length_s, probability=probability)
    assert found == why
