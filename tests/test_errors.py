"""What a person reads when the input is wrong."""

from probe.errors import CatalogError, InputError


def test_everything_that_is_known_is_said() -> None:
    """File, line, field, problem and mend stand in one line."""
    error = CatalogError("no such kind", file="a.yaml", line=3, field="kind", mend="use tcp")
    assert str(error) == "a.yaml:3: kind: no such kind (use tcp)"


def test_what_is_not_known_is_left_out() -> None:
    """Nothing is said of a file or a field that is not known."""
    assert str(InputError("bad")) == "bad"
    assert str(InputError("bad", file="f")) == "f: bad"
