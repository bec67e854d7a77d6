"""Every place where probe leaves something on a machine: what ``wipe`` removes."""

from collections.abc import Mapping
from pathlib import Path

__all__ = ["our_files", "our_folders"]


def our_files(store: Path, config: Path | None, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the files that exist: the store and what lies beside it, settings, consent, units."""
    from typing import get_args

    from probe.schedule.database import DatabaseKind, default_path
    from probe.settings import default_config, default_consent
    from probe.store.wipe import family

    named = environ.get("PROBE_CONFIG")
    single = (
        config or (Path(named) if named else default_config()),
        default_consent(environ),
        *_user_units(),
    )
    databases = (default_path(store, kind) for kind in get_args(DatabaseKind))
    beside = (file for path in (store, *databases) for file in family(path))
    found = dict.fromkeys((*beside, *(path for path in single if path.is_file())))
    return tuple(found)


def our_folders() -> tuple[Path, ...]:
    """Return the folders that the platform gives to probe alone."""
    import platformdirs

    places = (
        platformdirs.user_data_path,
        platformdirs.user_config_path,
        platformdirs.user_state_path,
        platformdirs.user_cache_path,
        platformdirs.user_log_path,
    )
    return tuple(dict.fromkeys(place("probe", appauthor=False) for place in places))


def _user_units() -> tuple[Path, ...]:
    """Return the systemd units of this user that run probe."""
    import platformdirs

    folder = platformdirs.user_config_path("systemd") / "user"
    try:
        units = sorted(folder.iterdir())
    except OSError:
        return ()
    return tuple(
        unit
        for unit in units
        if unit.suffix in (".service", ".timer")
        and (unit.stem == "probe" or unit.stem.startswith("probe-"))
    )
