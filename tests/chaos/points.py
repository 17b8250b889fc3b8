"""The crash points: before and after each commit, send and acknowledgement between a machine's signal and its posting.

A point is armed just before its stage of an exception; its seam says which process dies and where (see seams.py). The
points of one journey are met by one exception, one after the other.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    """`skip`: pass the seam so often first. `kill`: another part dies when the process comes to the seam."""

    stage: str
    seam: str
    skip: int = 0
    kill: str = ""


@dataclass(frozen=True)
class Journey:
    """One exception and where its processes die. `kind` is one of `play.KINDS`: by_sms is a breakdown whose technician
    has no Slack."""

    name: str
    kind: str
    points: tuple[Point, ...]


def around(stage: str, *seams: str) -> tuple[Point, ...]:
    """Before and after each."""
    return tuple(Point(stage, f"{seam}.{when}") for seam in seams for when in ("before", "after"))


def server(*places: tuple[str, str]) -> tuple[Point, ...]:
    """The Temporal server dies there."""
    return tuple(Point(stage, seam, kill="temporal") for stage, seam in places)


# A workflow task whose worker dies again and again is tried at growing intervals: so each stage of a journey kills the
# worker in the middle of one only twice.
JOURNEYS = (
    Journey(
        "a signal arrives",
        "breakdown",
        (
            *around("break", "listener.signal.commit", "listener.mqtt.ack"),
            *around("accept", "api.answer.commit"),
            *around("approve", "worker.draft.commit"),
            *around("done", "worker.close.commit"),
        ),
    ),
    Journey(
        "an exception opens",
        "breakdown",
        (
            *around("break", "worker.correlate.commit", "worker.start"),
            *around("accept", "worker.correlate.commit"),
            *around("approve", "worker.erp.post"),
        ),
    ),
    Journey(
        "its workflow gathers",
        "breakdown",
        (
            *around("break", "worker.delivered.commit", "worker.gather.commit"),
            *around("accept", "worker.answer"),
            *around("approve", "worker.post.commit"),
        ),
    ),
    Journey(
        "people are asked",
        "breakdown",
        (
            *around("break", "worker.tell.commit"),
            *around("accept", "worker.answered.commit"),
            *around("approve", "worker.mes.post"),
        ),
    ),
    Journey(
        "an answer counts",
        "breakdown",
        (
            *around("break", "worker.record.commit"),
            *around("accept", "worker.settle.commit"),
            *around("approve", "worker.preview.commit"),
            *around("done", "worker.answer"),
        ),
    ),
    Journey(
        "Slack is told",
        "breakdown",
        (
            *around("break", "worker.claim.commit", "worker.slack.send"),
            *around("accept", "worker.slack.edit"),
            *around("approve", "worker.authorise.commit"),
        ),
    ),
    Journey(
        "a phone is told",
        "breakdown",
        (
            # after a text left it is not sent again where Twilio's report came first: "a phone answers" kills there
            Point("break", "worker.sms.send.before"),
            *around("break", "worker.sent.commit"),
            Point("accept", "api.http.slack.interactivity.before"),
            Point("approve", "api.http.slack.interactivity.after"),
            *around("done", "worker.answered.commit"),
        ),
    ),
    Journey(
        "a phone answers",
        "by_sms",
        (
            *around("break", "worker.join"),
            *around("accept", "api.answer.commit", "api.http.twilio.inbound", "worker.sms.send"),
        ),
    ),
    Journey(
        "what became of a text is reported",
        "by_sms",
        (
            Point("break", "api.report.commit.before"),
            Point("accept", "api.report.commit.after"),
            Point("estimate", "api.http.twilio.status.before"),
            Point("done", "api.http.twilio.status.after"),
            *around("accept", "worker.sent.commit"),
        ),
    ),
    Journey(
        "a plan is proposed",
        "breakdown",
        (
            *around("break", "worker.workflow.report"),
            *around("estimate", "worker.propose.commit"),
            *around("done", "worker.send.commit"),
            *around("approve", "api.answer.commit", "worker.answer"),
        ),
    ),
    Journey(
        "a plan is approved",
        "breakdown",
        (
            *around("estimate", "worker.activity.report"),
            *around("approve", "worker.settle.commit"),
            *around("done", "worker.recheck.commit"),
        ),
    ),
    Journey(
        "by webhook and on the console",
        "hold",
        (
            *around("fail", "api.signal.commit", "api.http.webhooks.events", "worker.erp.post"),
            *around("dispose", "api.console.commit", "api.http.tasks.answer", "worker.answered.commit"),
        ),
    ),
    Journey(
        "the server dies while people are asked",
        "breakdown",
        server(
            ("break", "worker.start.before"),
            ("break", "worker.tell.commit.after"),
            ("accept", "api.answer.commit.after"),
            ("accept", "worker.answer.after"),
            ("done", "worker.close.commit.after"),
        ),
    ),
    Journey(
        "the server dies before a posting",
        "breakdown",
        server(
            ("break", "worker.start.after"),
            ("accept", "worker.answer.before"),
            ("approve", "worker.settle.commit.after"),
            ("approve", "worker.erp.post.before"),
        ),
    ),
    Journey(
        "the server dies during a posting",
        "breakdown",
        server(("approve", "worker.erp.post.after"), ("done", "worker.erp.post.before")),
    ),
    Journey(
        "a rush order",
        "rush",
        (
            *around("announce", "api.signal.commit", "worker.propose.commit"),
            *around("weigh", "api.http.twilio.inbound"),
            *around("promise", "worker.erp.post", "worker.mes.post"),
        ),
    ),
)
