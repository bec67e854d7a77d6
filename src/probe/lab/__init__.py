"""A small internet with a censor in it, for the demo and the tests."""
