"""The decision layer's door: gather what the planner needs now, compute, keep the proposal."""

from temporalio import activity

from activities import project
from activities.contracts import calls
from activities.contracts.model import ProposeRequest
from activities.world import World
from domain.values import Json
from planning.propose import propose
from store.write import facts


class PlanningActivities:
    """Reads the plan afresh for every proposal; the plan itself never enters the workflow's history."""

    def __init__(self, world: World) -> None:
        self._world = world

    @activity.defn(name=calls.PROPOSE.name)
    async def propose(self, request: ProposeRequest) -> dict[str, Json]:
        """Options with their trade-offs for one question.

        Idempotency: reads only, plus the projection and the proposal, the first time. Raises: the systems' errors,
        tried again; InvalidPayloadError for a question that can't be answered. Timeouts: 20 s.
        """
        known = {"plan": await self._world.system("mes").query("mes.plan", {})}
        if request.using == "push_right":
            orders = [order["id"] for order in known["plan"]["job_orders"]]
            known["demand"] = await self._world.system("erp").query("erp.sales_demand", {"job_orders": orders})
            known["staging"] = await self._world.system("mes").query("mes.staging", {"job_orders": orders})
        proposal = propose(request.using, request.where, known)
        async with self._world.database.transaction() as session:
            await project.write(session, request.projection)
            kept = (f"planning.{request.using}", request.where, proposal)
            await facts.keep(session, request.projection.exception_id, [kept], self._world.now())
        return proposal
