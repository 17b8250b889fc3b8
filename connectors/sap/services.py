"""Which services an outcome needs. Pure."""

from collections.abc import Mapping

from connectors.sap.config import SapConfig
from connectors.sap.metadata import INSPECTION, MAINTENANCE, MATERIAL, NOTIFICATION, PRODUCTION
from connectors.sap.sales import sales_of
from domain.books.outcomes import ChangePromise, Outcome, OutcomeTransaction
from domain.errors import ConfigError

_SERVICES: Mapping[str, set[str]] = {
    "reschedule_orders": {PRODUCTION},
    "set_priority": {PRODUCTION},
    "create_order": {PRODUCTION},
    "hold_lot": {MATERIAL},
    "dispose_lot": {MATERIAL},
    "record_downtime": {NOTIFICATION},
    "maintenance_order": {NOTIFICATION, MAINTENANCE},
    "record_deviation": {INSPECTION, MATERIAL},  # goods movements tell the batch's material
}


def check_services(transaction: OutcomeTransaction, config: SapConfig) -> None:
    """A document of a service that is not used could not be looked up before a retry. Raises ConfigError."""
    for outcome in transaction.outcomes:
        if missing := _services(outcome, config) - set(config.services):
            raise ConfigError(f"SAP's {', '.join(sorted(missing))} is not among the services: {outcome.kind} needs it.")


def _services(outcome: Outcome, config: SapConfig) -> set[str]:
    if isinstance(outcome, ChangePromise):
        return {sales_of(config.sales_orders).header.service}
    return _SERVICES.get(outcome.kind, set())
