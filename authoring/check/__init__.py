"""`mos check`: everything that can be known of a definition before it pages anyone.

    from authoring.check import check, SiteFacts
    findings = check(text, "breakdown.yaml", SiteFacts(site, roster, now, systems=connected(document)), others)

- `checking`   check(): names and types (the domain's), then the proofs below
- `flow`, `waits`, `unread`, `growth`   dead branches, waits, unread results, size: the definition alone
- `messages`   every message with ordinary and long values against what a channel takes
- `reach`, `authority`   people: `hours` (when somebody can be reached), `asked` (whom a selector means)
- `systems`    what the connected ERP and MES take and answer
- `calls`      definitions that call one another
- `codes`      every stable code in words; `reporting` and `sarif` write findings
"""

from authoring.check.checking import check, examine
from authoring.check.facts import SiteFacts, connected
from domain.language.definition_text import Finding

__all__ = ["Finding", "SiteFacts", "check", "connected", "examine"]
