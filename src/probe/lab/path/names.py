"""DNS over UDP as the box treats it: lies in the name of whoever was asked.

In the path the query vanishes and only the lie arrives. Beside the path both the lie and the
truth arrive, the lie first; so it is with a ``second_answer`` anywhere. A query that is
prohibited is answered by an error of the router at that hop. Queries in fragments are not read.
"""

from probe.lab.actions import Action, Layer, Position
from probe.lab.answers import lie, lied_about, read_query
from probe.lab.path.choice import Choice
from probe.lab.path.destinations import Destination
from probe.lab.path.flows import UdpFlow
from probe.lab.path.injection import Injector
from probe.lab.path.outcome import DROP, PASS, Outcome
from probe.lab.path.packets import Packet
from probe.lab.path.route import Travel

__all__ = ["answer_query"]

MAX_DICE = 256


def answer_query(
    query: Packet,
    flow: UdpFlow,
    there: Destination,
    going: Travel,
    choice: Choice,
    injector: Injector,
) -> Outcome:
    """Return what becomes of a datagram to port 53."""
    asked = read_query(query.payload)
    if asked is None:
        return PASS
    scene = choice.scene
    request = scene.about_name(
        Layer.DNS, there.host, query.target_port, asked.name, control=flow.control
    )
    while len(flow.dice) > MAX_DICE:
        del flow.dice[next(iter(flow.dice))]
    rule = choice.rule(request, flow.dice, going, event=f"/{asked.message.id}/{asked.kind}")
    if rule is None or not lied_about(asked, rule):
        return PASS
    if rule.action is Action.DNS_PROHIBITED:
        return injector.prohibited(query, rule.what, going)
    forged = lie(asked, rule, scene.world)
    if forged is None:
        return DROP
    shot = injector.datagram(query, forged, rule.what, going)
    passes = rule.what.position is Position.ON_PATH or rule.action is Action.SECOND_ANSWER
    return Outcome(forward=passes, injected=(shot,))
