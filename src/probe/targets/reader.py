"""Reading target files one after another, keeping every problem instead of the first."""

from collections.abc import Iterable
from importlib.resources.abc import Traversable

from msgspec import UNSET, structs

from probe.errors import CatalogError
from probe.model.target import Category, Endpoint, Service, Whole
from probe.targets.check import baselines, crowded, duplicates, parts
from probe.targets.convert import convert, field_name, split
from probe.targets.defaults import complete, rank
from probe.targets.document import Node, parse_document
from probe.targets.format import CatalogHead, EndpointEntry, ServiceHead
from probe.targets.listings import (
    AppEntry,
    ListingsHead,
    StoreEntry,
    app_problems,
    service_of,
    store_problems,
)
from probe.targets.rules import Problem, endpoint_problems, service_problems
from probe.targets.sources import read_bounded
from probe.targets.untrusted import (
    MAX_ENDPOINTS,
    KnownHosts,
    borrowed_ids,
    untrusted_problems,
)

__all__ = ["Reader", "located"]

Path = tuple[str | int, ...]


def located(problem: Problem, node: Node, file: str, path: Path = ()) -> CatalogError:
    """Return the error that says where a problem is: the field's own line if it was written."""
    inner = node.value.get(problem.field) if isinstance(node.value, dict) else None
    return CatalogError(
        problem.text,
        file=file,
        line=node.line if inner is None else inner.line,
        field=field_name([*path, problem.field]),
        mend=problem.mend,
    )


class Reader:
    """Collects services and problems; ``known`` is given when the files are untrusted."""

    def __init__(self, known: KnownHosts | None) -> None:
        """Start with nothing."""
        self._known = known
        self._places: dict[int, tuple[Node, str, Path]] = {}
        self.services: list[Service] = []
        self.wholes: list[Whole] = []
        self.problems: list[CatalogError] = []

    def read(self, source: Traversable) -> None:
        """Read one file; never raises for what is in it."""
        file = str(source)
        try:
            services, rest = split(parse_document(read_bounded(source), file), "services", file)
            head = convert(rest, CatalogHead, file)
        except CatalogError as error:
            self.problems.append(error)
            return
        self.wholes += head.wholes
        for index, node in enumerate(services):
            self._service(node, head, file, ("services", index))

    def read_listings(self, source: Traversable) -> None:
        """Read the file of apps and stores; never raises for what is in it."""
        file = str(source)
        try:
            apps, rest = split(parse_document(read_bounded(source), file), "apps", file)
            sites, rest = split(rest, "stores", file)
            head = convert(rest, ListingsHead, file)
        except CatalogError as error:
            self.problems.append(error)
            return
        stores: dict[str, StoreEntry] = {}
        for index, node in enumerate(sites):
            self._store(node, stores, file, ("stores", index))
        earlier: dict[str, AppEntry] = {}
        for index, node in enumerate(apps):
            self._app(node, head, stores, earlier, file, ("apps", index))

    def cross_check(self) -> None:
        """Look at all services together: ids, and the sizes of the plans."""
        for value, problem in duplicates(self.services, self._where):
            self._note([problem], value)
        for whole, problem in parts(self.services, self.wholes):
            self._note([problem], whole)
        for endpoint, problem in baselines(self.services):
            self._note([problem], endpoint)
        endpoints = [e for service in self.services for e in service.endpoints]
        if self._known is not None:
            for service, problem in borrowed_ids(self.services, self._known):
                self._note([problem], service)
            if len(endpoints) > MAX_ENDPOINTS:
                text = f"{len(endpoints):,} endpoints, more than {MAX_ENDPOINTS:,}"
                self.problems.append(CatalogError(text, mend="give a smaller catalog"))
        for problem in crowded(endpoints):
            self.problems.append(CatalogError(problem.text, field=problem.field, mend=problem.mend))

    def _store(self, node: Node, stores: dict[str, StoreEntry], file: str, path: Path) -> None:
        try:
            store = convert(node, StoreEntry, file, path)
        except CatalogError as error:
            self.problems.append(error)
            return
        self.problems += (located(p, node, file, path) for p in store_problems(store, stores))
        stores.setdefault(store.id, store)

    def _app(
        self,
        node: Node,
        head: ListingsHead,
        stores: dict[str, StoreEntry],
        earlier: dict[str, AppEntry],
        file: str,
        path: Path,
    ) -> None:
        try:
            app = convert(node, AppEntry, file, path)
        except CatalogError as error:
            self.problems.append(error)
            return
        wrong = [located(p, node, file, path) for p in app_problems(app, earlier, stores)]
        self.problems += wrong
        if wrong:
            return
        earlier[app.id] = app
        service = service_of(app, stores, head.checked_on)
        for value in (service, *service.endpoints):
            self._places[id(value)] = (node, file, path)
        self.services.append(service)
        for endpoint in service.endpoints:
            self._note(endpoint_problems(endpoint, Category.LISTING), endpoint)

    def _service(self, node: Node, head: CatalogHead, file: str, path: Path) -> None:
        try:
            entries, rest = split(node, "endpoints", file, path)
            service = convert(rest, ServiceHead, file, path)
        except CatalogError as error:
            self.problems.append(error)
            return
        read = (
            self._endpoint(entry, head, service, file, (*path, "endpoints", index))
            for index, entry in enumerate(entries)
        )
        value = Service(
            id=service.id,
            name=service.name,
            category=head.category,
            retired_on=service.retired_on,
            note=service.note,
            part_of=service.part_of,
            endpoints=tuple(endpoint for endpoint in read if endpoint is not None),
        )
        self._places[id(value)] = (node, file, path)
        self.services.append(value)
        self._note(service_problems(value), value)

    def _endpoint(
        self, node: Node, head: CatalogHead, service: ServiceHead, file: str, path: Path
    ) -> Endpoint | None:
        try:
            entry = convert(node, EndpointEntry, file, path)
        except CatalogError as error:
            self.problems.append(error)
            return None
        endpoint = complete(head, service, entry)
        if self._known is not None and entry.risk is UNSET:
            floor = self._known.floor_of(endpoint)
            endpoint = structs.replace(endpoint, risk=max(endpoint.risk, floor, key=rank))
        self._places[id(endpoint)] = (node, file, path)
        self._note(endpoint_problems(endpoint, head.category), endpoint)
        if self._known is not None:
            self._note(untrusted_problems(endpoint, self._known), endpoint)
        return endpoint

    def _where(self, value: Endpoint | Service) -> str:
        node, file, _ = self._places[id(value)]
        return f"{file}:{node.line}"

    def _note(self, problems: Iterable[Problem], value: Endpoint | Service) -> None:
        node, file, path = self._places[id(value)]
        self.problems += (located(problem, node, file, path) for problem in problems)
