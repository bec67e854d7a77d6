"""What a store holds of others: series out of files, overlays, and whose word each vantage is."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from probe.errors import InputError
from probe.model.timeline import Overlay, Series, Signal
from probe.store import foreign
from probe.store.foreign import ForeignFile, source_of
from probe.store.opened import Opened

if TYPE_CHECKING:
    from probe.analysis.columns import Columns

__all__ = ["HoldsOthers"]


class HoldsOthers(Opened):
    """The part of a store that is about others."""

    def import_series(
        self, file: ForeignFile, series: Sequence[tuple[Series, str]], now: datetime
    ) -> int:
        """Keep the series of a file, each with its country; return how many samples were new.

        Raises:
            InputError: they are said to be of a vantage whose rounds are in this store.

        """
        known = sorted({one.key.vantage for one, _ in series} & self.measured_vantages())
        if known:
            raise InputError(
                f"the rounds of vantage {known[0][:60]} are in this store",
                file=file.name,
                field="vantage",
                mend="leave these rows out, or call the vantage something else",
            )
        with self._writing() as connection:
            return foreign.save_series(connection, file, series, now)

    def import_overlays(self, file: ForeignFile, overlays: Sequence[Overlay], now: datetime) -> int:
        """Keep numbers of others, to be drawn beside timelines; return how many were new."""
        with self._writing() as connection:
            return foreign.save_overlays(connection, file, overlays, now)

    def has_file(self, digest: str) -> bool:
        """Say whether the file of this SHA-256 was taken in already."""
        with self._reading() as connection:
            return foreign.has_file(connection, digest)

    def imported_series(
        self, since: datetime | None = None, until: datetime | None = None
    ) -> tuple[Series, ...]:
        """Return the series of others, in the order of their keys, with their samples of a time.

        ``since`` is included, ``until`` is not. Those without a sample in it are left out.
        """
        with self._reading() as connection:
            return tuple(foreign.series_in(connection, since, until))

    def imported_services(self) -> set[str]:
        """Return the services that series of others are about; no sample is read."""
        with self._reading() as connection:
            return {row.subject.partition("/")[0] for row in foreign.series_rows(connection)}

    def imported_columns(
        self, signal: Signal, since: datetime | None = None, until: datetime | None = None
    ) -> "tuple[Columns, ...]":
        """Return the series of others of one signal, as ``imported_series`` does, as arrays."""
        from probe.store.foreign_columns import columns_in  # numpy, which few commands need

        with self._reading() as connection:
            return tuple(columns_in(connection, signal, since, until))

    def overlays(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        countries: Collection[str] | None = None,
    ) -> tuple[Overlay, ...]:
        """Return the numbers of others that are drawn beside timelines.

        ``since`` is included, ``until`` is not. Those without a point in this time are left out;
        ``countries`` are those they are about.
        """
        with self._reading() as connection:
            return tuple(foreign.overlays_in(connection, since, until, countries))

    def imported_files(
        self,
    ) -> tuple[tuple[ForeignFile, list[tuple[Series, str]], list[Overlay]], ...]:
        """Return each file that was taken in with its series, their countries, and overlays."""
        with self._reading() as connection:
            return tuple(foreign.files_in(connection))

    def measured_vantages(self) -> set[str]:
        """Return the names of the vantages that have rounds here, and of the own one."""
        with self._reading() as connection:
            return foreign.measured_vantages(connection)

    def sources(self) -> dict[str, str]:
        """Return whose word each foreign vantage is: a signing key, a file, OONI.

        Own vantages, and those of stores that were merged, speak for themselves.
        """
        origins = self.scan.vantages()
        return {
            name: source
            for name, (_, origin) in origins.items()
            if (source := source_of(origin)) is not None
        }

    def countries(self) -> dict[str, str]:
        """Return the country of every vantage."""
        return {name: country for name, (country, _) in self.scan.vantages().items()}
