"""From the state to memory, at start."""

from __future__ import annotations

from collections import defaultdict

from pydantic import ValidationError
from sqlalchemy import Connection, select

from campus_wire.catalog import Catalog
from campus_wire.messages import Status
from controller.errors import StateError
from controller.frames import CatalogTable
from controller.inventory import REVISIONS_MAX, Inventory
from controller.state.schema import catalogs, gateways


def load_inventory(connection: Connection, inventory: Inventory) -> None:
    """Read gateways and their newest catalogs.

    Raises:
        StateError: a body was not written by this program.
    """
    presents: dict[str, str] = {}
    for row in connection.execute(select(gateways)):
        record = inventory.gateway(row.gateway)
        record.school, record.boot, record.epoch = row.school, row.boot, row.epoch
        record.state, record.state_since_ns = row.state, row.state_since_ns
        record.last_seen_ns = row.last_seen_ns
        record.status = _status(row.gateway, row.body)
        if row.catalog is not None:
            presents[row.gateway] = row.catalog
    for gateway, rows in _catalogs(connection).items():
        present = presents.get(gateway)
        for number, (revision, body) in enumerate(reversed(rows)):
            if number < REVISIONS_MAX or revision == present:
                inventory.add(_table(gateway, revision, body), present=revision == present)
    for record in inventory.gateways():
        record.changed = False


def _catalogs(connection: Connection) -> dict[str, list[tuple[str, bytes]]]:
    found: dict[str, list[tuple[str, bytes]]] = defaultdict(list)
    for row in connection.execute(select(catalogs).order_by(catalogs.c.first_seen_ns)):
        found[row.gateway].append((row.revision, row.body))
    return found


def _table(gateway: str, revision: str, body: bytes) -> CatalogTable:
    try:
        return CatalogTable.of(Catalog.model_validate_json(body), revision=revision)
    except ValidationError as error:
        raise _foreign(f"catalog {revision} of {gateway}", error) from error


def _status(gateway: str, body: str) -> Status | None:
    if body == "{}":
        return None
    try:
        return Status.model_validate_json(body)
    except ValidationError as error:
        raise _foreign(f"status of {gateway}", error) from error


def _foreign(what: str, error: ValidationError) -> StateError:
    return StateError("state_foreign", f"the {what} cannot be read: {error.errors()[0]['msg']}")
