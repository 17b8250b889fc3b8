"""What the manifest says that SAP books is what the mapping takes, and the connector is built from it."""

from datetime import UTC, datetime
from typing import get_args

import pytest
from pydantic import BaseModel

from connectors.roles import Previewer, Reconciler, Reversible
from connectors.sap.config import SapConfig
from connectors.sap.facts import Facts
from connectors.sap.manifest import MANIFEST, build
from connectors.sap.mapping import draft_of
from domain.books import outcomes
from domain.books.outcomes import OutcomeTransaction, System
from domain.errors import ConfigError, NotFoundError
from domain.typing.definitions import record_of
from domain.typing.tree import sample

MODELS: list[type[BaseModel]] = list(get_args(get_args(outcomes.Outcome)[0]))
SETTINGS = {"url": "http://sap", "user": "MOS", "plant": "BRNO"}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: str(model.__name__))
def test_the_mapping_takes_what_is_declared_and_nothing_else(model: type[BaseModel]) -> None:
    kind = model.model_fields["kind"].default
    one = {"kind": kind, **sample(record_of(model))}
    drafted = {"id": "txn_1", "key": "k", "exception_id": "exc_1", "system": System.ERP, "outcomes": [one]}
    try:
        config = SapConfig.model_validate(SETTINGS)
        draft_of(OutcomeTransaction.model_validate(drafted), Facts(), config, datetime.now(UTC))
        taken = True
    except NotFoundError:  # nothing is known to this SAP
        taken = True
    except ConfigError:
        taken = False
    assert taken is (kind in MANIFEST.outcomes)


def test_the_manifest_builds_a_system_with_its_capabilities() -> None:
    system = build({**SETTINGS, "password": "p"})
    assert system.name == "erp"
    roles = {"preview": Previewer, "reverse": Reversible, "reconcile": Reconciler}
    with pytest.raises(ConfigError, match="secret"):
        build({**SETTINGS})
    able = {name for name, role in roles.items() if issubclass(type(system), role)}
    assert able == set(MANIFEST.capabilities)
