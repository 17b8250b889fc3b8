"""From an authored step and its values to the message for one reader. Pure."""

from datetime import datetime
from zoneinfo import ZoneInfo

from activities.contracts.model import SettleRequest, TellRequest, Wording
from domain.messages import Fact, Message, MessageKind, Standing
from domain.people import Person
from domain.values import Json, local_text
from templates.text import render_text


class Composer:
    """Knows the exception, its page and the site's zone."""

    def __init__(self, public_url: str, zone: ZoneInfo, exception_id: str) -> None:
        self._zone, self._exception_id = zone, exception_id
        self._console = public_url.rstrip("/")
        self._link = f"{self._console}/exceptions/{exception_id}"

    def asked(self, request: TellRequest, code: str) -> Message:
        """The message as first shown. High risk: nothing to press, only the link (C14)."""
        link_only = request.risk == "high"
        base = self._base(request.wording, MessageKind(request.kind), code, request.task_id, request.version)
        return base.model_copy(
            update={
                "options": request.options,
                "choices": [] if link_only else request.choices,
                "inputs": [] if link_only else request.inputs,
                "deadline": self._local(request.deadline_at),
                "link": self._sign_link(request.task_id) if link_only else base.link,
                "standing": request.standing,
                "by": request.by,
                "values": {
                    "sign_in": link_only,
                    "verbs": _verbs(request),
                    **_trouble(request),
                },
            }
        )

    def settled(self, request: SettleRequest, code: str, *, mine: bool, sign_in: bool = False) -> Message:
        """The message as it stands now, for the one who has the task or for the others. `sign_in`: nothing to press."""
        standing = request.standing
        if standing is Standing.TAKEN and mine:
            standing = Standing.YOURS
        open_to_all = standing is Standing.OPEN
        base = self._base(request.wording, MessageKind(request.kind), code, request.task_id, request.version)
        return base.model_copy(
            update={
                "options": request.options if open_to_all else [],
                "choices": request.choices if (mine or open_to_all) and not sign_in else [],
                "inputs": request.inputs if mine and not sign_in else [],
                "values": {"sign_in": True, "verbs": _verbs(request)} if sign_in else {},
                "link": self._sign_link(request.task_id) if sign_in and open_to_all else base.link,
                "standing": standing,
                "by": request.person_name,
                "at": self._local(request.at),
            }
        )

    def localised(self, message: Message, person: Person) -> Message:
        """The same in the reader's language."""
        return message.model_copy(update={"language": person.language})

    def _base(self, wording: Wording, kind: MessageKind, code: str, task_id: str, version: int) -> Message:
        text = render_text(wording.text, wording.scope).strip()
        facts = [Fact(label=label, value=render_text(value, wording.scope)) for label, value in wording.facts.items()]
        return Message(
            kind=kind,
            definition=wording.definition,
            exception_id=self._exception_id,
            step=wording.step,
            title=render_text(wording.title, wording.scope),
            priority=wording.priority,
            body=[text] if text else [],
            facts=facts,
            gaps=wording.gaps,
            task="" if kind is MessageKind.NOTIFY else f"{task_id}:{version}",
            code=code,
            link=self._link,
        )

    def _sign_link(self, task_id: str) -> str:
        return f"{self._console}/tasks/{task_id}/sign"

    def _local(self, moment: datetime | None) -> str:
        return local_text(moment, self._zone) if moment else ""


def _verbs(request: TellRequest | SettleRequest) -> list[Json]:
    return [choice.model_dump() for choice in request.choices]


def _trouble(request: TellRequest) -> dict[str, str]:
    """What went wrong; the words of the reader's language say it."""
    return {"trouble": request.trouble, "reason": request.reason} if request.trouble else {}
