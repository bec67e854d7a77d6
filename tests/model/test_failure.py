"""The vocabulary of failures is closed."""

import pytest

from probe.model.failure import FAILURES, check_failure, unknown_failure
from probe.model.measurement import TcpStep


def test_known_names_pass() -> None:
    """Every name of the vocabulary and success pass unchanged."""
    assert all(check_failure(name) == name for name in FAILURES)
    assert check_failure(None) is None


@pytest.mark.parametrize("name", ["", "timeout", "ECONNREFUSED", "Connection_Reset", "ok"])
def test_other_names_are_refused(name: str) -> None:
    """A name outside the vocabulary cannot get into a step."""
    with pytest.raises(ValueError, match="not a failure name"):
        TcpStep(t0_s=0, t_s=1, failure=name, address="1.1.1.1", port=1)


def test_unknown_failure_is_one_bounded_line() -> None:
    """Text of a foreign error becomes one line of at most 200 characters after the prefix."""
    name = unknown_failure("a\nb\r\n" + "c" * 500)
    assert check_failure(name) == name
    assert "\n" not in name
    assert len(name) == len("unknown_failure: ") + 200


def test_a_step_does_not_end_before_it_starts() -> None:
    """Time goes forward inside a step."""
    with pytest.raises(ValueError, match="before it starts"):
        TcpStep(t0_s=2, t_s=1, address="1.1.1.1", port=1)
