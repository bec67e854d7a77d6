"""Deadlines: as they are usually, and as they follow a slow line."""

import pytest

from probe.probes.env import Timeouts

USUAL = Timeouts()


@pytest.mark.parametrize("connect_s", [0.0, 0.1, 2.5])
def test_a_quick_line_is_given_the_usual_time(connect_s: float) -> None:
    """Four times a connect that is shorter than usual shortens nothing."""
    assert USUAL.following(connect_s) == USUAL


def test_a_slow_line_is_given_four_times_a_connect_and_the_rest_in_proportion() -> None:
    """Ten seconds to connect: forty for a connect, and four times as much for all that answers."""
    slow = USUAL.following(10.0)
    assert (slow.dns_s, slow.tcp_s, slow.tls_s, slow.http_s) == (20.0, 40.0, 40.0, 60.0)
    assert (slow.exchange_s, slow.udp_s) == (40.0, 8.0)


def test_nothing_is_waited_for_without_end() -> None:
    """A connect may take a minute, however slow the line is."""
    assert USUAL.following(1_000.0) == USUAL.times(6.0)


def test_what_does_not_wait_for_an_answer_stays() -> None:
    """How long to listen on, and how long a transfer is timed, is no matter of patience."""
    slow = USUAL.patiently()
    assert (slow.late_s, slow.transfer_s) == (USUAL.late_s, USUAL.transfer_s)
    assert slow.tcp_s == USUAL.patience * USUAL.tcp_s


def test_a_silent_line_is_given_more_time_for_names() -> None:
    """An encrypted resolver answers after two round trips: thirty seconds on a slow line."""
    assert (USUAL.patiently().dns_s, USUAL.patiently().http_s) == (30.0, 60.0)
    assert Timeouts(patience=1.0).patiently() == Timeouts(patience=1.0)
