"""Internet-shutdown measurement: what is cut, how, by whom, where, and since when."""

__version__ = "0.1.0"
__all__ = ["__version__"]
