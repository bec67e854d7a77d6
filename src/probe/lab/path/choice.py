"""Which rule of the scenario the box plays on an event, with dice that fall once a connection."""

from collections import Counter
from dataclasses import replace

from probe.lab.actions import Action, By, Layer
from probe.lab.censor import Request
from probe.lab.path.destinations import Destination
from probe.lab.path.diversion import DIVERTED
from probe.lab.path.opening import Opening, Speech
from probe.lab.path.route import Travel
from probe.lab.rules import Rule
from probe.lab.situation import Scene

__all__ = ["DEFAULT_HOP", "Choice"]

DEFAULT_HOP = 4
"""The border, where the censor stands unless a rule says otherwise."""

_WIRING = frozenset({Layer.TCP, Layer.UDP})
_LISTENED = frozenset({Layer.HELLO, Layer.HTTP, Layer.LOOKS})


class Choice:
    """Asks the scene's rules; the first that hits, is the box's, and can see the packet acts."""

    def __init__(self, scene: Scene, counts: Counter[str]) -> None:
        """Ask ``scene``; count each rule once for each connection that it hits."""
        self.scene = scene
        self._counts = counts
        self.ear = DEFAULT_HOP
        self.listens = False
        self.reads_datagrams = False
        self.rules_changed()

    def rules_changed(self) -> None:
        """Take note of where somebody listens for names, if anybody does."""
        ears = [
            rule.what.hop
            for rule in self.scene.standing
            if rule.by is By.NETWORK and rule.layers & _LISTENED
        ]
        self.ear = min(ears, default=DEFAULT_HOP)
        self.listens = bool(ears)
        self.reads_datagrams = any(
            rule.by is By.NETWORK and Layer.DATAGRAM in rule.layers for rule in self.scene.standing
        )

    def rule(
        self,
        request: Request,
        dice: dict[str, bool],
        going: Travel,
        *,
        event: str = "",
        begun: bool = True,
    ) -> Rule | None:
        """Return the rule that acts; ``dice`` are the connection's, ``event`` tells them apart.

        What has not ``begun`` under these rules is no case of those that count their cases: the
        last words of a connection of before come minutes after it.

        Wiring (SYN, datagram) is the box's whoever does it; what else a server does the servers
        play; what the network must end a connection for is played at the shifted ports.
        """
        for rule in self.scene.hitting(request):
            if not begun and (rule.after or rule.times is not None):
                continue
            if request.layer not in _WIRING:
                if rule.by is By.SERVER:
                    continue
                if request.layer is not Layer.DNS and rule.action in DIVERTED:
                    if rule.steady:
                        return None
                    continue
            if self._acts(rule, request, dice, going, event):
                return rule
        return None

    def named(
        self,
        opening: Opening,
        there: Destination,
        port: int,
        dice: dict[str, bool],
        going: Travel,
        *,
        control: bool,
        protocol: str | None = None,
    ) -> Rule | None:
        """Return the rule that hits the first bytes: their looks, the hello, or the request.

        Of a request inside TLS nothing is read, so that only blind actions (freeze, throttle)
        are left, by the name in the hello.
        """
        host = there.host
        if opening.looks is not None:
            seen = there.about(self.scene, Layer.LOOKS, port, control=control)
            rule = self.rule(replace(seen, looks=opening.looks), dice, going)
            if rule is not None:
                return rule
        if opening.speech is Speech.TLS:
            hello = self.scene.about_name(
                Layer.HELLO, host, port, opening.name, control=control, protocol=protocol
            )
            rule = self.rule(hello, dice, going)
            if rule is not None:
                return rule
        if protocol is None and opening.speech is Speech.TLS:
            protocol = "tls"
        asked = self.scene.about_name(
            Layer.HTTP,
            host,
            port,
            opening.name,
            control=control,
            target=opening.target,
            protocol=protocol,
        )
        sealed = opening.speech is not Speech.HTTP
        return self.rule(replace(asked, sealed=sealed), dice, going)

    def silences(self, request: Request, going: Travel) -> bool:
        """Return whether a packet without ports is cut: by rules that know only addresses."""
        return any(
            not rule.who.port
            and not rule.who.protocol
            and rule.action in (Action.DROP, Action.DOWN, Action.DOMESTIC_ONLY, Action.EVERYTHING)
            and self._acts(rule, request, {}, going, "")
            for rule in self.scene.hitting(request)
        )

    def _acts(
        self, rule: Rule, request: Request, dice: dict[str, bool], going: Travel, event: str
    ) -> bool:
        if not self._sees(rule, going):
            return False
        thrown = rule.id + event
        fell = dice.get(thrown)
        if fell is None:
            fell = self.scene.fires(rule, request)
            dice[thrown] = fell
            if fell:
                self._counts[f"rule:{rule.id}"] += 1
        return fell

    @staticmethod
    def _sees(rule: Rule, going: Travel) -> bool:
        if rule.by is By.SERVER:
            return not going.expires
        return going.sees(rule.what.hop)
