"""What must be true of an exception that lived through crashes, counted in everybody's own books."""

from collections import Counter

from tests.chaos.play import Play
from tests.chaos.site import Site, eventually

PEOPLE = {
    "jonas": "Jonas Weber", "amira": "Amira Haddad", "piotr": "Piotr Nowak", "lena": "Lena Fischer",
    "tomas": "Tomas Ruiz", "grace": "Grace Okafor", "mei": "Mei Tanaka", "sofia": "Sofia Rossi",
}  # fmt: skip


def check(site: Site, played: Play) -> None:
    """One exception, completed; one decision a step; one posting a key; nobody messaged twice."""
    _one_exception(site, played)
    _nobody_twice(site, played)
    _one_decision_a_step(site, played)
    _one_posting_a_key(site, played)


def _one_exception(site: Site, played: Play) -> None:
    mine = [row for row in site.exceptions() if row["opened_at"] > played.began]
    found = [(row["id"], row["definition"], row["handling"], row["title"]) for row in mine]
    assert [(one[0], one[2]) for one in found] == [(played.id, "closed")], found
    waiting = "SELECT 1 FROM inbox WHERE exception_id = %s AND status <> 'delivered'"
    eventually(lambda: not site.rows(waiting, played.id), "all that came in was delivered")
    answers = site.rows("SELECT body, outcome FROM inbox WHERE exception_id = %s AND category = 'answer'", played.id)
    counted = {row["body"]["verb"] for row in answers if row["outcome"]["accepted"]}
    assert counted == {row["body"]["verb"] for row in answers}, "an answer did not count"
    _told_once(site, played)


def _told_once(site: Site, played: Play) -> None:
    """No line is missing (a worker that died may have left one, and its number went to another too), and no step's
    line is told twice. Two presses are two lines, and may be alike."""
    rows = "SELECT entry, mark, kind, step, person, data FROM timeline WHERE exception_id = %s ORDER BY entry"
    story = site.rows(rows, played.id)
    marks = [(row["entry"], row["mark"]) for row in story]
    assert len(story) >= max(number for number, _ in marks), f"a line of the story is missing: {marks}"
    own = [row for row in story if not row["mark"].startswith("inbox ")]
    lines = Counter((row["kind"], row["step"], row["person"], str(row["data"])) for row in own)
    assert not [line for line, times in lines.items() if times > 1], f"a line of the story is told twice: {marks}"


def _nobody_twice(site: Site, played: Play) -> None:
    """As many messages on each phone as the outbox holds for it, none with the same words, nothing left to press."""
    unsent = "SELECT 1 FROM outbox WHERE exception_id = %s AND state NOT IN ('sent', 'withdrawn')"
    eventually(lambda: not site.rows(unsent, played.id), "every message was sent")
    sent = "SELECT person, purpose FROM outbox WHERE exception_id = %s AND edits IS NULL AND state = 'sent'"
    rows = site.rows(sent, played.id)
    shown = {person: played.messages(name) for person, name in PEOPLE.items()}
    assert {person: len(found) for person, found in shown.items() if found} == Counter(row["person"] for row in rows)
    for person, messages in shown.items():
        replies = [row for row in rows if (row["person"], row["purpose"]) == (person, "reply")]
        again = len(messages) - len({message["text"] for message in messages})
        assert again <= max(len(replies) - 1, 0), f"{person} reads the same twice"  # two answers, two like replies
        assert not [message["buttons"] for message in messages if message.get("buttons")], f"{person} can still press"


def _one_decision_a_step(site: Site, played: Play) -> None:
    rows = site.rows("SELECT step, person, verdict FROM decision WHERE exception_id = %s ORDER BY step", played.id)
    assert [(row["step"], row["person"], row["verdict"]) for row in rows] == played.decisions


def _one_posting_a_key(site: Site, played: Play) -> None:
    """The ledger, the ERP's own table and the MES's own file tell the same, for this exception and altogether."""
    rows = site.rows("SELECT system, status FROM ledger WHERE exception_id = %s ORDER BY step", played.id)
    assert {row["status"] for row in rows} <= {"posted", "reconciled"}
    assert [row["system"] for row in rows][: len(played.postings)] == played.postings
    every = site.rows("SELECT key, system FROM ledger")
    for system, held in (("erp", site.erp_keys()), ("mes", site.mes_keys())):
        assert held == Counter(row["key"] for row in every if row["system"] == system)
