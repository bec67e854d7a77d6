"""What a run is told: flags > PROBE_* environment > TOML file > defaults.

The TOML file is flat: one ``field = value`` a line, with the names of ``Settings``. Unknown
fields are refused, since a misspelt limit is no limit.

``high_risk`` is for a line whose owner may be searched. In the settings it holds the retention at
7 days at most. Elsewhere it means: consent is kept as version, hash and date only; no name of a
target goes to the journal, to progress lines or into a process title; ``--no-store`` keeps nothing
at all; what is published is coarsened to the hour.
"""

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from probe.errors import InputError
from probe.model.target import Category
from probe.model.vantage import Access
from probe.places import check_country, check_zone, system_zone

__all__ = [
    "HIGH_RISK_DAYS",
    "Settings",
    "default_config",
    "default_consent",
    "default_store",
    "load",
]

HIGH_RISK_DAYS = 7
_MAX_CONFIG = 1_000_000  # bytes of a configuration file


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings; budgets are bytes on the wire, times are seconds."""

    store: Path
    catalog: Path | None = None  # None: the packaged catalog (or a checkout's own)
    country: str = "ZZ"
    tz: str = "UTC"
    label: str = ""
    access: Access = Access.UNKNOWN
    include: tuple[Category, ...] = ()  # opt-ins beyond the default profile
    high_risk: bool = False
    retention_days: int | None = 30
    day_bytes: int = 20_000_000
    month_bytes: int = 300_000_000
    run_bytes: int = 20_000_000
    run_seconds: float = 1_800.0
    concurrency: int = 150
    per_address_per_second: float = 1.0
    per_resolver_per_second: float = 10.0
    global_per_second: float = 50.0
    asn_database: Path | None = None
    country_database: Path | None = None
    controls: tuple[str, ...] = ()  # files of control snapshots, URLs of live controls
    live_control: bool = False  # ask a live control from a line at home, too
    goodput_rounds: int = 4  # a day and service: of transfers, and of files in part; 0 is none
    goodput_bytes: int = 65_536  # of one transfer
    goodput_server: str | None = None  # https://address:port of a throughput server of one's own
    goodput_names: tuple[str, ...] = ()  # those it answers under; what matters most comes first
    metered: bool = False  # every byte is paid for: no transfers, no files
    sni_host: str | None = None  # address:port of a consenting host for the SNI comparison
    origins: dict[str, str] = {}  # field -> flag, environment, file:line, default


_FIELDS = {field.name: field for field in msgspec.structs.fields(Settings)}
_NAMES = tuple(name for name in _FIELDS if name != "origins")
_OTHER_VARIABLES = ("CONFIG", "CONSENT", "CONTROL_TOKEN", "LAB", "NET", "TEST_DATA")
_NOTHING = {"", "none", "unlimited", "off"}
_YES, _NO = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


class _Given(NamedTuple):
    """A value before it is understood: where it was said, and what relative paths start from."""

    value: Any
    origin: str
    file: str | None = None
    line: int | None = None
    folder: Path | None = None


def default_store() -> Path:
    """Return the database in the platform's data folder."""
    from platformdirs import user_data_path

    return user_data_path("probe", appauthor=False) / "probe.sqlite"


def default_config() -> Path:
    """Return the TOML file in the platform's configuration folder."""
    from platformdirs import user_config_path

    return user_config_path("probe", appauthor=False) / "config.toml"


def default_consent(environ: Mapping[str, str]) -> Path:
    """Return the consent record: ``PROBE_CONSENT``, else beside the configuration."""
    named = environ.get("PROBE_CONSENT")
    return Path(named) if named else default_config().with_name("consent.json")


def load(*, config: Path | None = None, environ: Mapping[str, str], **flags: Any) -> Settings:
    """Return the settings; a flag of ``None`` was not given.

    Raises:
        InputError: with the file, line and field, and how to mend it.

    """
    unknown = sorted(flags.keys() - set(_NAMES))
    if unknown:
        raise TypeError(f"no setting is called {unknown[0]!r}")
    given: dict[str, _Given] = {
        name: _Given(value, "default") for name, value in _defaults(environ).items()
    }
    zone = system_zone(environ)
    if zone is not None:
        given["tz"] = _Given(zone, "system")
    given |= _from_file(config, environ)
    given |= _from_environment(environ)
    given |= {n: _Given(v, f"flag --{_dashed(n)}") for n, v in flags.items() if v is not None}
    values = {name: _understood(name, one) for name, one in given.items()}
    origins = {name: one.origin for name, one in given.items()}
    if values["high_risk"]:
        days = values["retention_days"]
        if days is None or days > HIGH_RISK_DAYS:
            values["retention_days"] = HIGH_RISK_DAYS
            origins["retention_days"] = "high_risk"
    return Settings(**values, origins=origins)


def _defaults(environ: Mapping[str, str]) -> dict[str, Any]:
    del environ
    values: dict[str, Any] = {
        name: _FIELDS[name].default
        for name in _NAMES
        if _FIELDS[name].default is not msgspec.NODEFAULT
    }
    return {"store": default_store(), **values}


def _from_environment(environ: Mapping[str, str]) -> dict[str, _Given]:
    given: dict[str, _Given] = {}
    for variable, text in environ.items():
        if not variable.startswith("PROBE_") or not text:
            continue
        name = variable.removeprefix("PROBE_").lower()
        if name in _NAMES:
            given[name] = _Given(text, f"environment {variable}")
        elif variable.removeprefix("PROBE_") not in _OTHER_VARIABLES:
            near = difflib.get_close_matches(name, _NAMES, n=1, cutoff=0.8)
            if near:  # another program's variable is none of our business; a slip is
                raise InputError(
                    f"there is no setting {variable}", mend=f"did you mean PROBE_{near[0].upper()}?"
                )
    return given


def _from_file(config: Path | None, environ: Mapping[str, str]) -> dict[str, _Given]:
    named = config or (Path(environ["PROBE_CONFIG"]) if environ.get("PROBE_CONFIG") else None)
    path = named or default_config()
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_CONFIG + 1)
    except FileNotFoundError:
        if named is None:
            return {}
        raise InputError("there is no such file", file=str(path), mend="check --config") from None
    except OSError as exc:
        raise InputError(f"cannot be read: {exc.strerror}", file=str(path)) from exc
    if len(data) > _MAX_CONFIG:
        raise InputError("is too large for a configuration", file=str(path))
    text, table = _parsed(data, path)
    given: dict[str, _Given] = {}
    for name, value in table.items():
        line = _line_of(name, text)
        if name not in _NAMES:
            near = difflib.get_close_matches(name, _NAMES, n=1)
            raise InputError(
                "there is no such setting",
                file=str(path),
                line=line,
                field=name[:60],
                mend=f"did you mean {near[0]}?" if near else "see docs/formats.md",
            )
        origin = f"{path}:{line}" if line else str(path)
        given[name] = _Given(value, origin, str(path), line, path.absolute().parent)
    return given


def _parsed(data: bytes, path: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = data.decode()
        return text, tomllib.loads(text)
    except UnicodeDecodeError as exc:
        line = data[: exc.start].count(b"\n") + 1
        raise InputError("is not UTF-8", file=str(path), line=line) from exc
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        found = re.search(r"at line (\d+)", str(exc))
        problem = re.sub(r"\s*\(at .*\)$", "", str(exc))
        raise InputError(
            f"is not TOML: {problem}",
            file=str(path),
            line=int(found[1]) if found else None,
            mend='write one field = value a line, text in "quotes"',
        ) from exc


def _line_of(name: str, text: str) -> int | None:
    """Return the line on which a top-level key stands (TOML's parser does not say)."""
    pattern = re.compile(rf"""\s*\[*["']?{re.escape(name)}["']?\s*[]=.]""")
    lines = text.splitlines()
    return next((n for n, line in enumerate(lines, 1) if pattern.match(line)), None)


def _understood(name: str, given: _Given) -> Any:
    """Return the value of a field, checked.

    Raises:
        InputError: it is not what the field takes.

    """
    if given.origin == "default":
        return given.value
    try:
        value = _convert(name, given)
        return _CHECKS.get(name, _same)(value)
    except InputError as exc:
        raise InputError(
            exc.problem, file=given.file, line=given.line, field=_named(name, given), mend=exc.mend
        ) from None


def _convert(name: str, given: _Given) -> Any:
    kind, value = _FIELDS[name].type, given.value
    optional = type(None) in getattr(kind, "__args__", ())
    if optional and isinstance(value, str) and value.strip().lower() in _NOTHING:
        return None
    base = next((k for k in getattr(kind, "__args__", ()) if k is not type(None)), kind)
    if getattr(kind, "__origin__", None) is tuple:
        return tuple(_member(base, part) for part in _parts(value))
    if base is Path:
        return _path(value, given.folder)
    if base is bool:
        return _boolean(value)
    if base in (int, float):
        return _number(base, value)
    if base is str:
        return _text(value)
    return _member(base, value)


def _parts(value: Any) -> list[Any]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, list | tuple):
        return list(value)
    raise InputError("is not a list", mend='write ["one", "two"], or one,two in the environment')


def _member(kind: Any, value: Any) -> Any:
    if kind is str:
        return _text(value)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        try:
            return kind(value.strip().lower() if isinstance(value, str) else value)
        except ValueError:
            known = [member.value for member in kind]
            near = difflib.get_close_matches(str(value)[:60], known, n=1)
            raise InputError(
                f"is not one of {', '.join(known)}",
                mend=f"did you mean {near[0]}?" if near else None,
            ) from None
    raise TypeError(f"a setting of type {kind!r} is not understood")


def _path(value: Any, folder: Path | None) -> Path:
    if isinstance(value, str) and "://" in value:
        raise InputError("must be a file; a database URL is taken by the Python API only")
    if isinstance(value, str | Path) and str(value) and "\x00" not in str(value):
        path = Path(value).expanduser()
        return path if folder is None else folder / path
    raise InputError("is not a path")


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in _YES | _NO:
        return word in _YES
    raise InputError("is neither true nor false")


def _number(kind: type, value: Any) -> Any:
    if isinstance(value, bool):
        raise InputError("is not a number")
    try:
        text = value.replace("_", "") if isinstance(value, str) else value
        number = kind(text)
        exact = kind is float or isinstance(value, str) or number == value
    except (TypeError, ValueError, OverflowError):
        raise InputError("is not a number" if kind is float else "is not a whole number") from None
    if not exact:
        raise InputError("is not a whole number")
    return number


def _text(value: Any) -> str:
    if isinstance(value, str) and len(value) <= 1000 and value.isprintable():
        return value.strip()
    raise InputError("is not a line of text", mend='write it in "quotes"')


def _same(value: Any) -> Any:
    return value


def _at_least(smallest: float) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if value is not None and not smallest <= value < float("inf"):
            raise InputError(f"must be {smallest:g} or more")
        return value

    return check


def _between(smallest: int, largest: int) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not smallest <= value <= largest:
            raise InputError(f"must be between {smallest} and {largest}")
        return value

    return check


def _host_names(value: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(name.rstrip(".").lower() for name in value)
    for name in names:
        if re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", name) is None:
            raise InputError(f"{name[:60]!r} is no host name", mend='["web.example.org"]')
    return tuple(dict.fromkeys(names))


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "country": check_country,
    "tz": check_zone,
    "retention_days": _at_least(1),
    "day_bytes": _at_least(0),
    "month_bytes": _at_least(0),
    "run_bytes": _at_least(0),
    "run_seconds": _at_least(1),
    "goodput_rounds": _between(0, 96),
    "goodput_bytes": _between(65_536, 524_288),
    "goodput_names": _host_names,
    "concurrency": _at_least(1),
    "per_address_per_second": _at_least(0.01),
    "per_resolver_per_second": _at_least(0.01),
    "global_per_second": _at_least(0.01),
}


def _named(name: str, given: _Given) -> str:
    """Return the field as the person wrote it: a flag, a variable or a name in the file."""
    for start in ("flag ", "environment "):
        if given.origin.startswith(start):
            return given.origin.removeprefix(start)
    return name


_FLAGS = {"run_seconds": "seconds", "run_bytes": "bytes"}
"""Settings whose option has another name."""


def _dashed(name: str) -> str:
    return _FLAGS.get(name, name.replace("_", "-"))
