"""300 random postings through a wire that breaks, in Tryton's own tables once each; many more: tests/chaos."""

from tests.chaos.test_chaos_postings import IN_TEST, post_through_faults
from tests.connectors.tryton.conftest import Erp


async def test_each_posting_is_in_the_erp_once(erp: Erp) -> None:
    await post_through_faults(erp, IN_TEST)
