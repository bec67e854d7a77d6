"""One token bucket for the servers' bounds and for the lab's policers."""

from hypothesis import given
from hypothesis import strategies as st

from probe.net.bucket import TokenBucket


def test_it_is_full_at_first_and_holds_no_more() -> None:
    """The burst passes at once, whatever time went by before; the next has to wait."""
    bucket = TokenBucket(rate=10, burst=100)
    assert bucket.take(100, at_s=1e9)
    assert not bucket.take(1, at_s=1e9)
    assert bucket.take(100, at_s=2e9)
    assert not bucket.take(1, at_s=2e9)


def test_what_is_refused_takes_nothing() -> None:
    """Too large a piece is turned away, and a smaller one still passes."""
    bucket = TokenBucket(rate=1, burst=10)
    assert not bucket.take(11, at_s=0)
    assert bucket.take(10, at_s=0)


def test_it_gains_by_the_second() -> None:
    """After an empty bucket's half second, half of the rate is there."""
    bucket = TokenBucket(rate=10, burst=100)
    assert bucket.take(100, at_s=0)
    assert not bucket.take(6, at_s=0.5)
    assert bucket.take(5, at_s=0.5)


def test_a_clock_that_goes_back_gains_nothing() -> None:
    """An earlier instant is not gained from again when time catches up."""
    bucket = TokenBucket(rate=10, burst=100)
    assert bucket.take(100, at_s=10)
    assert not bucket.take(1, at_s=5)
    assert not bucket.take(1, at_s=10)
    assert bucket.take(10, at_s=11)


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 30)), max_size=30))
def test_no_more_passes_than_the_burst_and_the_rate(asked: list[tuple[float, float]]) -> None:
    """Over any time, at most the burst and what was gained since then."""
    bucket, now_s, passed = TokenBucket(rate=3, burst=20), 0.0, 0.0
    for waits_s, amount in asked:
        now_s += waits_s
        passed += amount if bucket.take(amount, now_s) else 0
        assert passed <= 20 + 3 * now_s + 1e-6
