"""The lab's network exists in the lab only."""

import inspect
from pathlib import Path

import pytest

from probe.errors import ForbiddenNetwork
from probe.net import guard
from probe.net.lab_net import LabNet
from probe.net.machine import MachineNet
from probe.net.real import RealNet


def test_outside_of_a_lab_there_is_none() -> None:
    """On an ordinary line nobody gets sockets without a consent by this door."""
    with pytest.raises(ForbiddenNetwork, match="probe lab up"):
        LabNet()


def in_namespace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> guard.Policy:
    """Put a policy in force that was made for ``value``, in a namespace without a way out."""
    (tmp_path / "self/ns").mkdir(parents=True)
    (tmp_path / "self/ns/net").touch()
    (tmp_path / "net").mkdir()
    for table in ("route", "ipv6_route", "dev"):
        (tmp_path / "net" / table).touch()
    inode = (tmp_path / "self/ns/net").stat().st_ino
    policy = guard.Policy(value.format(inode=inode), guard.Namespace(tmp_path))
    monkeypatch.setattr(guard, "_policy", policy)
    return policy


def test_it_needs_no_consent_in_the_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is contacted there who could be told of it."""
    in_namespace(tmp_path, monkeypatch, "lab:{inode}")
    assert isinstance(LabNet(), MachineNet)
    assert not inspect.signature(LabNet).parameters
    assert not issubclass(LabNet, RealNet)


def test_it_ends_with_the_namespace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The namespace is looked up each time, not remembered: it may have been left."""
    policy = in_namespace(tmp_path, monkeypatch, "lab:{inode}")
    assert policy.allows("33.1.2.3")
    assert policy.allows_name("web.example")
    (tmp_path / "self/ns/net").rename(tmp_path / "self/ns/old")
    (tmp_path / "self/ns/net").touch()
    assert not policy.allows("33.1.2.3")
    assert not policy.allows_name("web.example")
    with pytest.raises(ForbiddenNetwork):
        LabNet()


def test_who_is_confined_stays_so_in_the_lab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no way back from ``confine``, also not here."""
    policy = in_namespace(tmp_path, monkeypatch, "lab:{inode}")
    policy.confined = True
    assert not policy.allows("33.1.2.3")
    assert not policy.allows_name("web.example")
    with pytest.raises(ForbiddenNetwork):
        LabNet()
