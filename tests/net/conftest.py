"""The guard is in force in every test that may open a socket."""

from probe.net import guard

guard.install()
