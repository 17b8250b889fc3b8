"""A real Tryton answers each named query as declared: definitions are checked against the declarations."""

from typing import Any

import pytest

from domain.queries import VOCABULARY
from domain.typing.tree import misfit
from tests.connectors.tryton.conftest import Erp


@pytest.mark.parametrize(
    "name, where",
    [
        ("erp.sales_demand", {"job_orders": ["JO-1001", "JO-1002", "JO-1003"]}),
        ("erp.orders", {"job_orders": ["JO-1001", "JO-1003"]}),
        ("erp.lot", {"lot": "L-BAR-502"}),
        ("erp.material", {"material": "GS-40", "quantity": 100}),
        ("erp.sale", {"sale": "SO-2003"}),
    ],
)
async def test_an_answer_is_as_declared(erp: Erp, name: str, where: dict[str, Any]) -> None:
    answer = await erp.system().query(name, where)
    assert answer
    assert misfit(answer, VOCABULARY.queries[name].answer, name) == ""
