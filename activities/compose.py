"""From an authored step and its values to the message for one reader. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from activities.contracts.model import SettleRequest, TellRequest, Wording
from domain.asking.messages import Fact, Message, MessageKind, OptionCard, Standing, Version
from domain.language.texts import FALLBACK, Text, fact_texts, languages, nearest, pick
from domain.rosters.people import Person
from domain.values import Json, iso, local_text
from templates.text import render_text


class Composer:
    """Knows the exception, its page, and the site's zone and language. What it makes is in the site's language and
    carries the `versions` of all others that it is written in; `localised` gives it to one reader."""

    def __init__(self, public_url: str, zone: ZoneInfo, exception_id: str, language: str = FALLBACK) -> None:
        self._zone, self._exception_id, self._language = zone, exception_id, language
        self._console = public_url.rstrip("/")
        self._link = f"{self._console}/exceptions/{exception_id}"

    def asked(self, request: TellRequest, code: str) -> Message:
        """The message as first shown. High risk: nothing to press, only the link (C14)."""
        link_only = request.risk == "high"
        base = self._base(request, code)
        silence = request.silence.at if request.silence else None
        return base.model_copy(
            update={
                "times": self._times(deadline=request.deadline_at, next=silence),
                "choices": [] if link_only else request.choices,
                "inputs": [] if link_only else request.inputs,
                "deadline": self._local(request.deadline_at),
                "link": self._sign_link(request.task_id) if link_only else base.link,
                "standing": request.standing,
                "by": request.by,
                "values": {
                    "sign_in": link_only,
                    "verbs": _verbs(request),
                    **_proposals(request),
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
        base = self._base(request, code, options=open_to_all)
        return base.model_copy(
            update={
                "times": self._times(at=request.at),
                "choices": request.choices if (mine or open_to_all) and not sign_in else [],
                "inputs": request.inputs if mine and not sign_in else [],
                "values": ({"sign_in": True, "verbs": _verbs(request)} if sign_in else {}) | _proposals(request),
                "link": self._sign_link(request.task_id) if sign_in and open_to_all else base.link,
                "standing": standing,
                "by": request.person_name,
                "at": self._local(request.at),
            }
        )

    def localised(self, message: Message, person: Person) -> Message:
        """The same in the reader's language."""
        return message.read_by(person.language)

    def _base(self, request: TellRequest | SettleRequest, code: str, *, options: bool = True) -> Message:
        wording, kind = request.wording, MessageKind(request.kind)
        offered = request.options if options else []
        own = self._version(request, offered, self._language)
        return Message(
            kind=kind,
            definition=wording.definition,
            exception_id=self._exception_id,
            step=wording.step,
            language=self._language,
            title=own.title,
            priority=wording.priority,
            body=own.body,
            facts=own.facts,
            options=own.options,
            gaps=wording.gaps,
            task="" if kind is MessageKind.NOTIFY else f"{request.task_id}:{request.version}",
            code=code,
            link=self._link,
            versions={one: self._version(request, offered, one) for one in _languages(wording, offered)},
        )

    def _version(self, request: TellRequest | SettleRequest, offered: Sequence[OptionCard], language: str) -> Version:
        """The message's own words as far as they are written in this language, else in the site's, else in English."""
        wording, wanted = request.wording, (language, self._language)
        spoken = nearest(_languages(wording, offered), *wanted, FALLBACK) or language
        said = {key: render_text(pick(text, *wanted), wording.scope, spoken) for key, text in _texts(wording)}
        body, options = said["text"].strip(), [option.read_in(*wanted, FALLBACK) for option in offered]
        return Version(
            title=said["title"],
            body=[body] if body else [],
            facts=[
                Fact(label=said[f"{key}.label"], value=value)
                for key in wording.facts
                if (value := said[f"{key}.value"]).strip()  # nothing to say is not said
            ],
            options=options,
            labels=_labels(wording, options, wanted),
        )

    def _sign_link(self, task_id: str) -> str:
        return f"{self._console}/tasks/{task_id}/sign"

    def _local(self, moment: datetime | None) -> str:
        return local_text(moment, self._zone, self._language) if moment else ""

    def _times(self, **moments: datetime | None) -> dict[str, str]:
        """For the reader's own way to write them; the zone is that of a preview's times too."""
        return {name: iso(moment) for name, moment in moments.items() if moment} | {"zone": self._zone.key}


def _texts(wording: Wording) -> Iterator[tuple[str, Text]]:
    yield from (("title", wording.title), ("text", wording.text))
    for key, label, value in fact_texts(wording.facts):
        yield from ((f"{key}.label", label), (f"{key}.value", value))


def _languages(wording: Wording, offered: Sequence[OptionCard]) -> list[str]:
    """Those in which anything of it is written; none when it is in the site's alone."""
    asked = [text for ask in wording.asks.values() for text in (ask.label, *ask.words.values())]
    found = languages(*(text for _, text in _texts(wording)), *asked)
    return sorted(found.union(*(option.languages for option in offered)))


def _labels(wording: Wording, options: Sequence[OptionCard], wanted: tuple[str, ...]) -> dict[str, str]:
    """What a choice (by verb) or an input (by name) is called, where the author says so."""
    found = {f"approve:{option.id}": option.title for option in options}
    for name, ask in wording.asks.items():
        found |= {name: pick(ask.label, *wanted)} if ask.label else {}
        found |= {f"answer:{name}:{value}": pick(text, *wanted) for value, text in ask.words.items()}
    return found


def _verbs(request: TellRequest | SettleRequest) -> list[Json]:
    return [choice.model_dump() for choice in request.choices]


def _proposals(request: TellRequest | SettleRequest) -> dict[str, Json]:
    """The agents behind what is shown; the words of the reader's language say that nobody has confirmed it."""
    return {"proposals": request.wording.proposals} if request.wording.proposals else {}


def _trouble(request: TellRequest) -> dict[str, Json]:
    """What went wrong, and what silence leads to; the words of the reader's language say it."""
    silence = request.silence
    told: dict[str, Json] = {"silence": {"code": silence.code, "role": silence.role}} if silence else {}
    return told | ({"trouble": request.trouble, "reason": request.reason} if request.trouble else {})
