"""Every stable code that `mos check` may give, in words: what it means, and what to do. docs/reference/errors.md is
this table; a house test holds the two, and the code, together."""

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    # -- the document --
    "mos.yaml.size": "The text is longer than 256,000 characters. Split the definition; call the parts.",
    "mos.yaml.depth": "Nested more than 40 deep. Name a part and `call` it.",
    "mos.yaml.syntax": "No valid YAML. Often a missing quote around a text with `: ` or `{{`.",
    "mos.yaml.alias": "Anchors and aliases are refused: they can grow without bound. Write the value out.",
    "mos.yaml.twice": "The same key stands twice in one place. Keep one.",
    "mos.definition.invalid": "The document is refused; the message says where and why.",
    "mos.definition.value": "A field has a value that it does not take. The message names what is allowed.",
    "mos.definition.unknown_field": "No such field here. Look for a typing error, or at the step's page.",
    "mos.definition.missing_field": "A field that must be there is not.",
    "mos.definition.unknown_step": "A step needs exactly one of the known kinds as its key.",
    "mos.definition.bundled": "`bundled` is filled in by publishing. Leave it out.",
    # -- names and references --
    "mos.definition.name": "A name means two things. Rename one of them.",
    "mos.definition.opens": "Without `opens` a definition can only be called.",
    "mos.definition.reference": "A step, query or case is named that is not there.",
    "mos.definition.authority": (
        "A posting without a decision that somebody answers for. Name the approval, or a task under an "
        "authority, or have it covered by `standing_authority`."
    ),
    "mos.definition.cycle": "Definitions that call each other in a circle. No procedure may contain itself.",
    "mos.definition.call": "The called definition is not known, or takes no such value.",
    "mos.definition.deep": "Calls within calls, too deep. Each level carries those below it.",
    "mos.definition.loops": "Loops within loops with more than 10,000 turns together. Lower `at_most`.",
    # -- expressions and texts --
    "mos.expression.syntax": "No CEL expression.",
    "mos.expression.bomb": (
        "The expression could take all time or memory. Use fewer loops, and combine fewer lists within them."
    ),
    "mos.expression.too_long": "Stopped by its data: a list is too long to loop over.",
    "mos.expression.invalid": "The expression can't be evaluated.",
    "mos.expression.undefined": "The expression reads a value that is not there (yet).",
    "mos.type.name": "No such name. The message has the nearest one.",
    "mos.type.field": "No such part of a record.",
    "mos.type.function": "No such function, or not for these values.",
    "mos.type.mismatch": "The value is of another type than its place takes.",
    "mos.type.number": "Whole and fractional numbers don't mix in CEL. Use `double(..)`.",
    "mos.type.time": "Times and durations travel as texts. Use `timestamp(..)` and `duration(..)`.",
    "mos.type.value": "Compared with a text that never occurs.",
    "mos.type.print": "A record or list is printed as it is. Choose the part that people should read.",
    "mos.type.argument": "A query, planner or outcome takes no such argument, or lacks one that it needs.",
    "mos.type.outcome": "No such kind of outcome.",
    "mos.type.query": "No query of this name is declared.",
    "mos.type.optional": "It may be missing. Ask `has(..)` first, or give a default.",
    "mos.type.null": "It may be null.",
    "mos.type.notation": "A declared type can't be read.",
    "mos.text": "The text can't be rendered: syntax, a name, or something that texts may not do.",
    "mos.text.refused": (
        "The sandbox stops this text: it would take too long, grow too big, or reach for what is not its own."
    ),
    "mos.text.language": "Written in several languages, but not in one that people here read. Add it.",
    "mos.standing.unlimited": (
        "A standing authority without any limit. Give it `limits`: what is beyond waits for somebody's decision."
    ),
    "mos.standing.unknown": (
        "A limit of a standing authority on a figure that an outcome does not know: it always waits for somebody. "
        "Leave the limit out, or name a quantity."
    ),
    "mos.post.authority": (
        "Who decides here may book, by this definition, what is under an authority that they do not hold. Give it to "
        "them, or let somebody decide who holds it."
    ),
    # -- the way through the steps --
    "mos.opens.overlap": (
        "Two definitions may open on the same signal, and it belongs to one exception: the first by name takes it. "
        "Make their conditions exclude each other, or put one `under` the other."
    ),
    "mos.flow.never_opens": "`opens.when` can't hold.",
    "mos.flow.closes_at_once": "`closes.when` always holds: no step is ever reached.",
    "mos.flow.constant": "A condition that is always or never true. Leave it out, or mend it.",
    "mos.flow.dead": "A step, branch, case or rung that is never reached.",
    "mos.flow.shadowed": "A rule of a decision table behind one that already holds. Put the narrower rule first.",
    "mos.flow.never_posted": "The conditions around a posting say that its decision was no approval.",
    "mos.flow.expired": "An approval may end as `expired`, and no step looks at that.",
    "mos.flow.unread": "Worked out or asked, and read by nobody.",
    "mos.wait.unbounded": "After the deadline nobody else is asked. Add a `ladder`, or handle `on_timeout: expire`.",
    "mos.wait.no_progress": "A loop whose condition can't change from turn to turn.",
    "mos.wait.spins": "A loop without a pause.",
    "mos.wait.too_late": "The exception expires (`closes.within`) before this deadline.",
    "mos.growth.state": "What an exception carries over may outgrow what Temporal takes.",
    "mos.growth.history": "So many steps that the history has to be renewed often.",
    # -- agents --
    "mos.agent.unconfirmed": (
        "A posting rests on what an agent proposed, and nobody decided it who was shown that. Let an approval, or "
        "a task under an authority, name the proposal and come after it."
    ),
    "mos.agent.limits": (
        "An agent's figures would measure whose authority an approval needs. Take them from a system or a person."
    ),
    "mos.agent.closes": "What an agent proposed would end the exception. Let a person, or a system, say it first.",
    "mos.agent.omits": (
        "Whether anybody decides hangs on what an agent proposed: with another proposal nobody is asked. Ask on every "
        "way, or show the proposal to somebody who is asked whatever it says."
    ),
    "mos.agent.none": (
        "The site has no agent of this name: every question would end in `otherwise`. Connect it, or use another "
        "one."
    ),
    # -- messages --
    "mos.message.too_long": "A channel would cut this message. Shorten its texts.",
    "mos.message.render": "This message can't be written with values of the declared types.",
    # -- the site --
    "mos.people.nobody": "Nobody fits, at any hour of the coming weeks.",
    "mos.people.gap": "At these hours nobody fits. A note when the ladder reaches somebody then.",
    "mos.people.stale": "A schedule comes from a feed that was not read for too long. *People* says why.",
    "mos.people.authority": "Nobody of those asked may decide it.",
    "mos.people.quorum": "More people must agree than there are.",
    "mos.people.four_eyes": "Those who did the earlier steps may not decide here, and too few others may.",
    "mos.system.none": "No such system is connected.",
    "mos.system.outcome": "The connected system does not book this outcome, or needs more for it.",
    "mos.system.query": "No connected system answers this query, or not with these arguments.",
}  # fmt: skip


def told(code: str) -> str:
    """What a code means; empty for one that is not ours."""
    return CODES.get(code, "")
