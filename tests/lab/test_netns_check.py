"""What a machine allows, what is missing, and the mend."""

import os
from pathlib import Path

from probe.lab.line import LabError
from probe.lab.netns import namespaces
from probe.lab.netns.check import PROGRAMS, Abilities, Ability, first_problem, tried
from probe.lab.netns.children import exit_code


def able(**works: bool) -> Abilities:
    """Return a machine on which everything works but what is said not to."""
    needed = ("namespaces", "ip", "links", "routing")
    names = (*needed, "tun", "packet", "sysfs", "pids", "ipv6", *PROGRAMS)
    return Abilities(
        tuple(
            Ability(
                about=name,
                works=works.get(name, True),
                needed=name in needed,
                mend="" if works.get(name, True) else f"mend {name}",
            )
            for name in names
        )
    )


def test_one_kind_of_wire_is_enough() -> None:
    """TUN or AF_PACKET; with neither the stage cannot be played."""
    assert first_problem(able(tun=False)) is None
    assert first_problem(able(packet=False)) is None
    assert "mend tun" in str(first_problem(able(tun=False, packet=False)))


def test_programs_of_the_real_world_are_welcome_not_needed() -> None:
    """Without them the lab's own servers serve."""
    missing = [name for name in PROGRAMS if name != "caddy"]
    machine = able(**dict.fromkeys(missing, False))
    assert first_problem(machine) is None
    assert machine.daemons == ("caddy",)


def test_what_is_needed_is_named_with_its_mend() -> None:
    """One line that a person can act on."""
    assert str(first_problem(able(ip=False))) == "the lab cannot be built here: ip: mend ip"


def test_an_attempt_is_made_in_a_child() -> None:
    """Whatever it does to its process, this one is as before; its words come back."""

    def changes() -> str:
        os.chdir("/")
        return "done"

    def fails() -> str:
        raise LabError("the kernel refuses")

    before = os.getcwd()  # noqa: PTH109 - the process's, not a path
    assert tried(changes) == (True, "done")
    assert tried(fails) == (False, "the kernel refuses")
    assert os.getcwd() == before  # noqa: PTH109


def test_the_switch_that_forbids_is_named(tmp_path: Path) -> None:
    """A setting that stands in the way is said with the command that moves it."""
    folder = tmp_path / "kernel"
    folder.mkdir()
    assert "root" in namespaces._hint(tmp_path)
    (folder / "apparmor_restrict_unprivileged_userns").write_text("1\n")
    assert "apparmor_restrict_unprivileged_userns=0" in namespaces._hint(tmp_path)


def test_endings_are_told_as_a_shell_does() -> None:
    """The code, or 128 and the signal's number."""
    assert exit_code(7 << 8) == 7
    assert exit_code(9) == 137
