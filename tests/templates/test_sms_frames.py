"""The length of an SMS is reckoned without rendering it: the text must be the one that is rendered."""

import random
from typing import Any

import pytest

from domain.asking.messages import Choice, Fact, Input, Message, MessageKind, OptionCard, Standing
from templates import sms_frames
from templates.render import unshortened
from templates.sms_frames import unshortened_alike

WORDS = (
    "Lathe 1", "", " ", "--", "--- x", "a\nb", "Ü – “q”", "x" * 350, "a  b", "\u00a0b", "Zażółć", "{{ x }}", "\ue000",
    "ends with a space at the fortieth letter, so", "€", "{", "GEARBOX left", "an ordinary title", "three words here",
)  # fmt: skip


def message(dice: random.Random) -> Message:
    """Any task, approval or notice that a definition may make."""

    def word() -> str:
        return dice.choice(WORDS)

    def plain() -> str:
        return dice.choice(WORDS[-3:]) if dice.random() < 0.8 else word()

    options = [
        OptionCard(
            id=f"o{n}", title=plain(), figures=[Fact(label=word(), value=word()) for _ in range(dice.randint(0, 2))]
        )
        for n in range(dice.randint(0, 3))
    ]
    choices = [Choice(verb=f"approve:{one.id}", label=one.title) for one in options]
    verbs = ("accept", "decline", "arrived", "done", "answer", "answer:pick:yes", "answer:pick:no", "reject", "ask")
    for verb in dice.sample(verbs, dice.randint(0, 5)):
        asks = [Input(name="why", label=word(), required=dice.random() < 0.5)] if dice.random() < 0.4 else []
        choices.append(Choice(verb=verb, label=plain(), asks=asks, more=dice.random() < 0.3))
    inputs = [
        Input(name=f"i{n}", label=plain(), kind=dice.choice(("text", "duration"))) for n in range(dice.randint(0, 2))
    ]
    more: dict[str, Any] = {"gaps": [word()]} if dice.random() < 0.1 else {}
    return Message(
        kind=dice.choice((MessageKind.TASK, MessageKind.NOTIFY, MessageKind.APPROVE)),
        definition="breakdown", exception_id="exc_1", step="repair", title=word(),
        priority=dice.choice(("medium", "high")), language=dice.choice(("en", "de", "es", "pl")),
        body=[word() for _ in range(dice.randint(0, 2))], standing=dice.choice((Standing.OPEN, Standing.YOURS)),
        facts=[Fact(label=word(), value=word()) for _ in range(dice.randint(0, 3))], options=options, inputs=inputs,
        choices=[] if dice.random() < 0.1 else choices,
        by="Ada", at="22 Nov 14:05", deadline=dice.choice(("", "22 Nov 14:05")), code=dice.choice(("", "K7QP")),
        link=dice.choice(("", "https://mos.example.com/x")), task="tsk_1:1", **more,
    )  # fmt: skip


def test_it_is_the_text_that_is_rendered() -> None:
    dice = random.Random(5)
    for _ in range(400):
        one = message(dice)
        assert unshortened_alike(one) == unshortened(one), one


def test_messages_of_one_shape_are_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else nothing is gained."""
    first = Message(kind=MessageKind.TASK, definition="a", exception_id="e", title="One", body=["text"], code="K7QP")
    before = sms_frames._frame.cache_info()
    unshortened_alike(first)
    unshortened_alike(first.model_copy(update={"title": "Another", "body": ["other words"], "definition": "b"}))
    after = sms_frames._frame.cache_info()
    assert (after.hits - before.hits, after.misses - before.misses) in ((1, 1), (2, 0))
