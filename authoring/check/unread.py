"""What is worked out and nobody looks at."""

from authoring.check.looking import Look, Proof
from domain.language.definition import AgentStep, ApproveStep, CallStep, DecideStep, ProposeStep, TaskStep
from domain.language.definition_rules import Problem

_CODE = "mos.flow.unread"


def unread(look: Look) -> Proof:
    """Queries, parameters, proposals, tables and decisions without a reader; what people answer is in the story, so an
    unread answer is only noted."""
    for name in look.definition.context:
        if not look.is_read(name):
            advice = "leave the query out: it costs time and may leave a gap that messages show"
            yield Problem(("context", name), f"nothing reads '{name}'", _CODE, "warning", advice)
    for name in look.definition.parameters:
        if not look.is_read(f"params.{name}"):
            yield Problem(("parameters", name), f"nothing reads 'params.{name}'", _CODE, "warning")
    for placed in look.steps:
        step = placed.step
        if isinstance(step, DecideStep | ProposeStep | AgentStep | ApproveStep | CallStep) and not look.is_read(
            placed.name
        ):
            if not isinstance(step, CallStep) or _gives(look, step):
                message = f"nothing reads what '{placed.name}' gives: nothing comes of it"
                yield Problem(placed.at, message, _CODE, "warning")
        elif isinstance(step, TaskStep):
            for name in step.ask:
                if not look.is_read(f"{step.task}.{name}") and not look.is_read(f"{step.task}.all"):
                    at = (*placed.at, "ask", name)
                    yield Problem(at, f"no step reads '{step.task}.{name}': it is only kept", _CODE, "note")


def _gives(look: Look, step: CallStep) -> bool:
    called = look.definition.bundled.get(step.definition)
    return called is not None and bool(called.gives)
