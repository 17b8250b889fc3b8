"""What the connected ERP and MES take and answer, as their manifests say."""

from collections.abc import Mapping

from authoring.check.facts import AGENT
from authoring.check.looking import Look, Placed, Proof
from connectors.roles import Manifest
from domain.language.definition import AgentStep, PostStep, ProposeStep
from domain.language.definition_rules import Problem
from domain.typing.tree import hint

PLANNERS: Mapping[str, tuple[str, ...]] = {
    "push_right": ("mes.plan", "erp.sales_demand", "mes.staging"),
    "rush_insert": ("mes.plan",),
}
"""What `activities.planning` asks of the systems for each planner."""
_OUTCOME, _QUERY, _NONE = "mos.system.outcome", "mos.system.query", "mos.system.none"


def systems(look: Look) -> Proof:
    """Every posting, query and proposal. Nothing when it is not known what is connected."""
    known = look.site.systems if look.site else None
    if known is None:
        return
    for name, query in look.definition.context.items():
        arguments = frozenset(query.where)
        for message, advice in _unanswered(known, query.from_, arguments):
            yield Problem(("context", name, "from"), message, _QUERY, "error" if query.required else "warning", advice)
    for placed in look.steps:
        if isinstance(placed.step, ProposeStep):
            for asked in PLANNERS.get(placed.step.using, ()):
                for message, advice in _unanswered(known, asked, frozenset()):
                    yield Problem((*placed.at, "using"), message, _QUERY, "error", advice)
        elif isinstance(placed.step, PostStep):
            yield from _posting(known, placed)
        elif isinstance(placed.step, AgentStep):
            yield from _agent(known, placed)


def _unanswered(known: Mapping[str, Manifest], query: str, arguments: frozenset[str]) -> list[tuple[str, str]]:
    """What is wrong with asking this, and what to do."""
    role = query.split(".", maxsplit=1)[0]
    if role not in known:
        return [(f"nothing connected answers '{query}': there is no {role}", f"connect one with the role '{role}'")]
    manifest = known[role]
    if query not in manifest.queries:
        return [(f"{manifest.title} answers no '{query}'{hint(query, manifest.queries)}", "")]
    strange = sorted(arguments - set(manifest.queries[query]))
    takes = ", ".join(manifest.queries[query]) or "nothing"
    return [(f"{manifest.title} takes no '{name}' for '{query}'", f"it takes {takes}") for name in strange]


def _agent(known: Mapping[str, Manifest], placed: Placed) -> Proof:
    names = [name.removeprefix(AGENT) for name in known if name.startswith(AGENT)]
    wanted = placed.step.use
    if wanted not in names:
        message = f"the site has no agent '{wanted}'{hint(wanted, names)}: what stands in 'otherwise' holds every time"
        advice = f"connect one with the role 'agent' and the name '{wanted}'; there is {', '.join(sorted(names))}"
        yield Problem((*placed.at, "use"), message, "mos.agent.none", "warning", advice)


def _posting(known: Mapping[str, Manifest], placed: Placed) -> Proof:
    step: PostStep = placed.step
    manifest = known.get(step.to.value)
    if manifest is None:
        message = f"no {step.to.value} is connected: this can't be posted"
        yield Problem((*placed.at, "to"), message, _NONE, "error", f"connect one with the role '{step.to.value}'")
        return
    for index, (kind, values) in enumerate(pair for item in step.outcomes for pair in item.items()):
        at = (*placed.at, "outcomes", index)
        if kind not in manifest.outcomes:
            takers = [role for role, other in known.items() if kind in other.outcomes]
            advice = f"post it to: {' or '.join(takers)}" if takers else ""
            yield Problem(at, f"{manifest.title} books no '{kind}'", _OUTCOME, "error", advice)
            continue
        given = values if isinstance(values, dict) else {}
        for name in manifest.outcomes[kind]:
            if given.get(name) in (None, "", []):
                yield Problem((*at, kind), f"{manifest.title} needs '{name}' for '{kind}'", _OUTCOME)
