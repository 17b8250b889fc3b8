"""What a manifest says that its system books is what its mapping takes: `mos check` believes the manifest."""

from collections.abc import Callable
from datetime import date
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from connectors.mes_http import manifest as mes
from connectors.mes_http.mapping import requests_of
from connectors.roles import Manifest
from connectors.tryton import manifest as tryton
from connectors.tryton.facts import Facts
from connectors.tryton.mapping import operations_of
from domain.books import outcomes
from domain.books.outcomes import Outcome, OutcomeTransaction, System
from domain.errors import ConfigError, NotFoundError
from domain.typing.definitions import record_of
from domain.typing.tree import sample

MODELS: list[type[BaseModel]] = list(get_args(get_args(outcomes.Outcome)[0]))


def transaction(model: type[BaseModel], system: System) -> OutcomeTransaction:
    one = {"kind": model.model_fields["kind"].default, **sample(record_of(model))}
    drafted = {"id": "txn_1", "key": "k", "exception_id": "exc_1", "system": system, "outcomes": [one]}
    return OutcomeTransaction.model_validate(drafted)


def to_tryton(model: type[BaseModel]) -> None:
    """Nothing is known to this Tryton: what it takes fails later, for want of the record."""
    facts = Facts(today=date(2026, 11, 22))
    operations_of(transaction(model, System.ERP), facts, ZoneInfo("Europe/Prague"))


def to_mes(model: type[BaseModel]) -> None:
    found: list[Outcome] = transaction(model, System.MES).outcomes
    assert requests_of(found)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: str(model.__name__))
@pytest.mark.parametrize("manifest, post", [(tryton.MANIFEST, to_tryton), (mes.MANIFEST, to_mes)], ids=["erp", "mes"])
def test_the_mapping_takes_what_is_declared_and_nothing_else(
    manifest: Manifest, post: Callable[[type[BaseModel]], None], model: type[BaseModel]
) -> None:
    kind = model.model_fields["kind"].default
    try:
        post(model)
        taken = True
    except NotFoundError:
        taken = True
    except ConfigError:
        taken = False
    assert taken is (kind in manifest.outcomes)


@pytest.mark.parametrize("manifest", [tryton.MANIFEST, mes.MANIFEST], ids=["erp", "mes"])
def test_fields_that_a_system_needs_exist(manifest: Manifest) -> None:
    fields = {model.model_fields["kind"].default: set(model.model_fields) for model in MODELS}
    for kind, needed in manifest.outcomes.items():
        assert set(needed) <= fields[kind]
