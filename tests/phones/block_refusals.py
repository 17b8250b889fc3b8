"""Blocks that Slack refuses in a message, and views it refuses: (name, blocks or view, the place it names)."""

from typing import Any

Json = dict[str, Any]


def plain(text: str = "x") -> Json:
    """A plain text object."""
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = "x") -> Json:
    """A mrkdwn text object."""
    return {"type": "mrkdwn", "text": text}


def button(**more: Any) -> Json:
    """A valid button with something changed."""
    return {"type": "button", "action_id": "a", "text": plain(), **more}


def option(**more: Any) -> Json:
    """A valid option with something changed."""
    return {"text": plain(), "value": "v", **more}


def select(**more: Any) -> Json:
    """A valid static select with something changed."""
    return {"type": "static_select", "action_id": "a", "placeholder": plain(), "options": [option()], **more}


def actions(*elements: Any) -> list[Any]:
    """One actions block."""
    return [{"type": "actions", "elements": list(elements)}]


def section(**more: Any) -> list[Any]:
    """One section block."""
    return [{"type": "section", **more}]


def asked(element: Json, **more: Any) -> list[Any]:
    """One input block."""
    return [{"type": "input", "label": plain(), "element": {"action_id": "a", **element}, **more}]


def confirm(**more: Any) -> Json:
    """A valid confirmation with something changed."""
    return {"title": plain(), "text": mrkdwn(), "confirm": plain(), "deny": plain(), **more}


TEXT = {"type": "plain_text_input"}
IMAGE = {"type": "image", "image_url": "https://plant.example/i.png", "alt_text": "x"}
NUMBER = {"type": "number_input", "is_decimal_allowed": False}
SECTION_TEXT = "/blocks/0/text/text"
FIRST = "/blocks/0/elements/0"
ENTRY = "/blocks/0/element"

BLOCKS: list[tuple[str, Any, str]] = [
    ("51 blocks", [{"type": "divider"}] * 51, "/blocks"),
    ("block is a text", ["x"], "/blocks/0"),
    ("block without type", [{"text": mrkdwn()}], "/blocks/0"),
    ("unknown block", [{"type": "banner"}], "/blocks/0/type"),
    ("unknown property", [{"type": "divider", "colour": "red"}], "/blocks/0"),
    ("block_id of 256", [{"type": "divider", "block_id": "x" * 256}], "/blocks/0/block_id"),
    ("block_id is a number", [{"type": "divider", "block_id": 7}], "/blocks/0/block_id"),
    ("block_id twice", [{"type": "divider", "block_id": "b"}] * 2, "/blocks/1/block_id"),
    ("section without text and fields", section(), "/blocks/0"),
    ("section text is a string", section(text="x"), "/blocks/0/text"),
    ("section text without type", section(text={"text": "x"}), "/blocks/0/text"),
    ("section text of unknown type", section(text={"type": "html", "text": "x"}), "/blocks/0/text/type"),
    ("section text without text", section(text={"type": "mrkdwn"}), "/blocks/0/text"),
    ("section text empty", section(text=mrkdwn("")), SECTION_TEXT),
    ("section text of 3001", section(text=mrkdwn("x" * 3001)), SECTION_TEXT),
    ("emoji on mrkdwn", section(text=mrkdwn() | {"emoji": True}), "/blocks/0/text"),
    ("verbatim on plain text", section(text=plain() | {"verbatim": True}), "/blocks/0/text"),
    ("11 fields", section(fields=[mrkdwn()] * 11), "/blocks/0/fields"),
    ("no fields", section(fields=[]), "/blocks/0/fields"),
    ("field of 2001", section(fields=[mrkdwn(), mrkdwn("x" * 2001)]), "/blocks/0/fields/1/text"),
    ("accessory of a wrong kind", section(text=mrkdwn(), accessory=TEXT), "/blocks/0/accessory/type"),
    ("accessory is a list", section(text=mrkdwn(), accessory=[button()]), "/blocks/0/accessory"),
    ("header of 151", [{"type": "header", "text": plain("x" * 151)}], SECTION_TEXT),
    ("header in mrkdwn", [{"type": "header", "text": mrkdwn()}], "/blocks/0/text/type"),
    ("header without text", [{"type": "header"}], "/blocks/0"),
    ("image without alt_text", [{"type": "image", "image_url": "https://x.example/a"}], "/blocks/0"),
    ("image without url", [{"type": "image", "alt_text": "x"}], "/blocks/0"),
    ("image alt of 2001", [IMAGE | {"alt_text": "x" * 2001}], "/blocks/0/alt_text"),
    ("image url of 3001", [IMAGE | {"image_url": "https://" + "x" * 2993}], "/blocks/0/image_url"),
    ("image url is a path", [IMAGE | {"image_url": "/i.png"}], "/blocks/0/image_url"),
    ("image title of 2001", [IMAGE | {"title": plain("x" * 2001)}], "/blocks/0/title/text"),
    ("11 context elements", [{"type": "context", "elements": [mrkdwn()] * 11}], "/blocks/0/elements"),
    ("no context elements", [{"type": "context", "elements": []}], "/blocks/0/elements"),
    ("button in context", [{"type": "context", "elements": [button()]}], f"{FIRST}/type"),
    ("26 actions", actions(*[button(action_id=str(n)) for n in range(26)]), "/blocks/0/elements"),
    ("no actions", actions(), "/blocks/0/elements"),
    ("actions without elements", [{"type": "actions"}], "/blocks/0"),
    ("text input in actions", actions(TEXT), f"{FIRST}/type"),
    ("action_id twice", actions(button(), button()), "/blocks/0/elements/1/action_id"),
    ("action_id of 256", actions(button(action_id="x" * 256)), f"{FIRST}/action_id"),
    ("button without text", actions({"type": "button", "action_id": "a"}), FIRST),
    ("button text of 76", actions(button(text=plain("x" * 76))), f"{FIRST}/text/text"),
    ("button text empty", actions(button(text=plain(""))), f"{FIRST}/text/text"),
    ("button in mrkdwn", actions(button(text=mrkdwn())), f"{FIRST}/text/type"),
    ("button value of 2001", actions(button(value="x" * 2001)), f"{FIRST}/value"),
    ("button value is an object", actions(button(value={"id": 1})), f"{FIRST}/value"),
    ("button url of 3001", actions(button(url="https://" + "x" * 2993)), f"{FIRST}/url"),
    ("button url is a script", actions(button(url="javascript:alert(1)")), f"{FIRST}/url"),
    ("button of unknown style", actions(button(style="warning")), f"{FIRST}/style"),
    ("button of unknown property", actions(button(color="red")), FIRST),
    ("confirm title of 101", actions(button(confirm=confirm(title=plain("x" * 101)))), f"{FIRST}/confirm/title/text"),
    ("confirm text of 301", actions(button(confirm=confirm(text=mrkdwn("x" * 301)))), f"{FIRST}/confirm/text/text"),
    ("confirm button of 31", actions(button(confirm=confirm(deny=plain("x" * 31)))), f"{FIRST}/confirm/deny/text"),
    ("confirm without deny", actions(button(confirm={"title": plain(), "text": plain()})), f"{FIRST}/confirm"),
    ("101 options", actions(select(options=[option(value=str(n)) for n in range(101)])), f"{FIRST}/options"),
    ("no options", actions(select(options=[])), f"{FIRST}/options"),
    ("options and groups", actions(select(option_groups=[{"label": plain(), "options": [option()]}])), FIRST),
    ("neither options nor groups", actions({"type": "static_select", "action_id": "a"}), FIRST),
    ("option text of 76", actions(select(options=[option(text=plain("x" * 76))])), f"{FIRST}/options/0/text/text"),
    ("option value of 151", actions(select(options=[option(value="x" * 151)])), f"{FIRST}/options/0/value"),
    ("option without value", actions(select(options=[{"text": plain()}])), f"{FIRST}/options/0"),
    (
        "option description of 76",
        actions(select(options=[option(description=plain("x" * 76))])),
        f"{FIRST}/options/0/description/text",
    ),
    ("initial option is not offered", actions(select(initial_option=option(value="w"))), FIRST),
    ("placeholder of 151", actions(select(placeholder=plain("x" * 151))), f"{FIRST}/placeholder/text"),
    (
        "6 overflow options",
        actions({"type": "overflow", "action_id": "a", "options": [option(value=str(n)) for n in range(6)]}),
        f"{FIRST}/options",
    ),
    (
        "11 checkboxes",
        actions({"type": "checkboxes", "action_id": "a", "options": [option(value=str(n)) for n in range(11)]}),
        f"{FIRST}/options",
    ),
    ("radio buttons without options", actions({"type": "radio_buttons", "action_id": "a"}), FIRST),
    (
        "group label of 76",
        actions(
            {
                "type": "static_select",
                "action_id": "a",
                "option_groups": [{"label": plain("x" * 76), "options": [option()]}],
            }
        ),
        f"{FIRST}/option_groups/0/label/text",
    ),
    (
        "no such date",
        actions({"type": "datepicker", "action_id": "a", "initial_date": "2026-13-01"}),
        f"{FIRST}/initial_date",
    ),
    (
        "no such time",
        actions({"type": "timepicker", "action_id": "a", "initial_time": "25:00"}),
        f"{FIRST}/initial_time",
    ),
    (
        "moment in milliseconds",
        actions({"type": "datetimepicker", "action_id": "a", "initial_date_time": 1700000000000}),
        f"{FIRST}/initial_date_time",
    ),
    ("input without label", [{"type": "input", "element": TEXT}], "/blocks/0"),
    ("input without element", [{"type": "input", "label": plain()}], "/blocks/0"),
    ("input with a button", asked(button()), f"{ENTRY}/type"),
    ("input label of 2001", asked(TEXT, label=plain("x" * 2001)), "/blocks/0/label/text"),
    ("input label in mrkdwn", asked(TEXT, label=mrkdwn()), "/blocks/0/label/type"),
    ("input hint of 2001", asked(TEXT, hint=plain("x" * 2001)), "/blocks/0/hint/text"),
    ("input optional is a text", asked(TEXT, optional="yes"), "/blocks/0/optional"),
    ("text input of up to 3001", asked(TEXT | {"max_length": 3001}), f"{ENTRY}/max_length"),
    ("text input, initial of 3001", asked(TEXT | {"initial_value": "x" * 3001}), f"{ENTRY}/initial_value"),
    ("text input, negative length", asked(TEXT | {"min_length": -1}), f"{ENTRY}/min_length"),
    ("number input without decimal flag", asked({"type": "number_input"}), ENTRY),
    ("number input, bound is a number", asked(NUMBER | {"min_value": 1}), f"{ENTRY}/min_value"),
    ("markdown of 12001", [{"type": "markdown", "text": "x" * 12_001}], "/blocks/0/text"),
    ("markdown of 12002 in two", [{"type": "markdown", "text": "x" * 6001}] * 2, "/blocks/1"),
]


def modal(**more: Any) -> Json:
    """A valid modal with something changed; None takes a field away."""
    view = {"type": "modal", "title": plain("Why"), "blocks": section(text=mrkdwn()), **more}
    return {name: value for name, value in view.items() if value is not None}


VIEWS: list[tuple[str, Any, str]] = [
    ("view is a list", [], "/view"),
    ("view without type", modal(type=None), "/view"),
    ("view of unknown type", modal(type="dialog"), "/view"),
    ("view without title", modal(title=None), "/view"),
    ("view without blocks", modal(blocks=None), "/view"),
    ("title of 25", modal(title=plain("x" * 25)), "/view/title/text"),
    ("title in mrkdwn", modal(title=mrkdwn()), "/view/title/type"),
    ("submit of 25", modal(submit=plain("x" * 25)), "/view/submit/text"),
    ("close of 25", modal(close=plain("x" * 25)), "/view/close/text"),
    ("101 blocks in a view", modal(blocks=[{"type": "divider"}] * 101), "/view/blocks"),
    ("private_metadata of 3001", modal(private_metadata="x" * 3001), "/view/private_metadata"),
    ("callback_id of 256", modal(callback_id="x" * 256), "/view/callback_id"),
    ("external_id of 256", modal(external_id="x" * 256), "/view/external_id"),
    ("input without submit", modal(blocks=asked(TEXT)), "/view"),
    ("markdown block in a modal", modal(blocks=[{"type": "markdown", "text": "x"}]), "/view/blocks/0/type"),
    ("unknown view property", modal(size="large"), "/view"),
    ("private_metadata is an object", modal(private_metadata={"id": 1}), "/view/private_metadata"),
]
