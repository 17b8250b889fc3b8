"""What a person can press or fill in: finding the elements, and the state Slack sends for what was entered."""

import re
from typing import Any

from infra.phones.slack.blocks import elements_of, options_of
from infra.phones.state import Json

# element type -> the key under which its value appears in a callback
_VALUE_KEYS = {
    "plain_text_input": "value",
    "number_input": "value",
    "email_text_input": "value",
    "url_text_input": "value",
    "static_select": "selected_option",
    "external_select": "selected_option",
    "radio_buttons": "selected_option",
    "overflow": "selected_option",
    "multi_static_select": "selected_options",
    "checkboxes": "selected_options",
    "users_select": "selected_user",
    "multi_users_select": "selected_users",
    "conversations_select": "selected_conversation",
    "channels_select": "selected_channel",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
}
_REQUIRED = "Please complete this required field."


class CannotDo(Exception):
    """The person cannot do that on the phone: there is no such message, button or option."""


def find_element(blocks: list[Json], action_id: str, block_id: str | None = None) -> tuple[Json, Json]:
    """The (block, element) with this action_id; raises CannotDo."""
    for block in blocks:
        for _, element in elements_of(block):
            if element.get("action_id") == action_id and block_id in (None, block["block_id"]):
                return block, element
    raise CannotDo(f"nothing with action_id {action_id!r} is on the screen")


def action_json(block: Json, element: Json, given: Any = None) -> Json:
    """The entry of `actions` for a press or a choice; `given` is the option value or text; raises CannotDo."""
    action: Json = {"type": element["type"], "block_id": block["block_id"], "action_id": element["action_id"]}
    if element["type"] == "button":
        action["text"] = element["text"]
        return action | {name: element[name] for name in ("value", "style", "url") if name in element}
    return action | _entry(element, given)


def state_values(blocks: list[Json], entered: Json, kept: Json | None = None) -> Json:
    """`state.values`: block_id -> action_id -> entry, from what was `entered`, `kept` before, or initial.

    `entered` is {block_id: {action_id: value}} or {action_id: value}; an option is named by its value.
    """
    values: Json = {}
    for block in blocks:
        for _, element in elements_of(block):
            if element["type"] not in _VALUE_KEYS or element["type"] == "overflow":
                continue
            block_id, action_id = block["block_id"], element["action_id"]
            inside = entered.get(block_id)
            given = inside.get(action_id) if isinstance(inside, dict) else entered.get(action_id)
            entry = ((kept or {}).get(block_id) or {}).get(action_id)
            if given is not None or entry is None or entry["type"] != element["type"]:
                entry = _entry(element, given)
            values.setdefault(block_id, {})[action_id] = entry
    return values


def missing_inputs(blocks: list[Json], values: Json) -> dict[str, str]:
    """block_id -> what Slack's own client says before it lets a modal be submitted."""
    problems = {}
    for block in blocks:
        if block["type"] != "input":
            continue
        element = block["element"]
        entry = values[block["block_id"]][element["action_id"]]
        value = entry[_VALUE_KEYS[element["type"]]]
        if value in (None, "", []):
            if not block.get("optional"):
                problems[block["block_id"]] = _REQUIRED
        elif problem := _bad_value(element, str(value)):
            problems[block["block_id"]] = problem
    return problems


def _bad_value(element: Json, value: str) -> str | None:
    if element["type"] == "number_input":
        return _bad_number(element, value)
    if element["type"] == "email_text_input" and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value):
        return "Please enter a valid email address."
    if element["type"] == "url_text_input" and not re.fullmatch(r"https?://\S+", value):
        return "Please enter a valid URL."
    if element["type"] == "plain_text_input":
        if len(value) < element.get("min_length", 0):
            return f"Please enter at least {element['min_length']} characters."
        if len(value) > element.get("max_length", 3000):
            return f"Please enter at most {element.get('max_length', 3000)} characters."
    return None


def _bad_number(element: Json, value: str) -> str | None:
    pattern = r"-?\d+(\.\d+)?" if element["is_decimal_allowed"] else r"-?\d+"
    if not re.fullmatch(pattern, value):
        return "Please enter a number."
    if float(value) < float(element.get("min_value", value)) or float(value) > float(element.get("max_value", value)):
        return "Please enter a number in the allowed range."
    return None


def _entry(element: Json, given: Any) -> Json:
    key = _VALUE_KEYS[element["type"]]
    if given is None:
        initial = element.get(key.replace("selected", "initial") if key != "value" else "initial_value")
        return {"type": element["type"], key: initial if initial is not None or key != "selected_options" else []}
    if key == "selected_options":
        wanted = given if isinstance(given, list) else [given]
        return {"type": element["type"], key: [_option(element, value) for value in wanted]}
    value = _option(element, given) if key == "selected_option" else _plain(key, given)
    return {"type": element["type"], key: value}


def _plain(key: str, given: Any) -> Any:
    if key == "selected_date_time":
        return int(given)
    return given if isinstance(given, list) else str(given)


def _option(element: Json, value: Any) -> Json:
    for option in options_of(element):
        if option["value"] == value:
            return dict(option)
    raise CannotDo(f"{element['action_id']!r} offers no option {value!r}")
