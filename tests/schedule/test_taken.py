"""The records of a round: what is held waits, what changed is said, what is judged again stands."""

from msgspec import structs
from schedule_rounds import endpoint
from store_records import blocked, good

from probe.model.record import Record
from probe.model.target import Endpoint
from probe.model.verdict import State, Verdict
from probe.schedule.taken import Taken, claims

CHAT, MAIL = endpoint("chat", "chat.example"), endpoint("mail", "mail.example")


def of(record: Record, place: Endpoint) -> Record:
    """Return a record as one of an endpoint's."""
    return structs.replace(record, endpoint=place.id, service=place.service)


def test_what_is_held_is_taken_with_the_looks_that_joined_it() -> None:
    """It has no record until then, and is the last one; nothing is held twice."""
    taken = Taken()
    held, look = of(good(), CHAT), blocked().main
    taken.hold(CHAT, held)
    taken.take(MAIL, of(good("mail.example"), MAIL))
    assert taken.held(CHAT.id) is held
    assert taken.seen() == {MAIL.id}
    taken.release(CHAT.id, [look])
    assert taken.held(CHAT.id) is None
    assert [record.endpoint for record in taken.records] == [MAIL.id, CHAT.id]
    assert taken.records[1].bundle == (*held.bundle, look)


def test_an_early_end_takes_all_that_is_held() -> None:
    """As it is: an endpoint that was measured is not called interrupted."""
    taken = Taken()
    for place in (CHAT, MAIL):
        taken.hold(place, of(good(place.host), place))
    taken.release_all()
    assert taken.seen() == {CHAT.id, MAIL.id}
    assert taken.held(CHAT.id) is None


def test_a_change_is_from_good_to_bad_or_back() -> None:
    """Neither what stays as it was nor what has no past."""
    fine, bad = of(good(), CHAT), of(blocked(), CHAT)

    def changes(record: Record, last: dict[str, Verdict]) -> tuple[str, ...]:
        taken = Taken()
        taken.take(CHAT, record)
        return taken.changed(last)

    assert changes(bad, {CHAT.id: fine.verdict}) == (CHAT.id,)
    assert changes(fine, {CHAT.id: bad.verdict}) == (CHAT.id,)
    assert changes(bad, {CHAT.id: bad.verdict}) == ()
    assert changes(bad, {}) == ()


def test_claims_count_what_is_said_to_be_wrong() -> None:
    """A record that is blocked claims more than one that works, or than none."""
    assert good().verdict.state is State.OK
    assert claims([good()]) == claims([]) == (0, 0)
    assert claims([good(), blocked()]) > (0, 0)
    assert claims([blocked()])[1] == 1
