"""Block Kit, checked against `specs/block_kit.json`: every refusal names the place by JSON pointer, as Slack does."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Json = dict[str, Any]
_SPEC_FILE = Path(__file__).parents[1] / "specs" / "block_kit.json"
_PYTHON_TYPES: dict[str, tuple[type, str]] = {
    "boolean": (bool, "must be a boolean"),
    "list": (list, "must be an array"),
    "map": (dict, "must provide an object"),
}
_TEXT_TYPES = {"plain_text": {"type", "text", "emoji"}, "mrkdwn": {"type", "text", "verbatim"}}


@cache
def rules() -> Json:
    """The rule file."""
    loaded: Json = json.loads(_SPEC_FILE.read_text(encoding="utf-8"))
    return loaded


def check_blocks(blocks: Any, surface: str, at: str = "/blocks") -> list[str]:
    """What Slack would refuse in `blocks` on a `message`, `modal` or `home` surface; empty = valid."""
    check = _Check(surface)
    check.blocks(blocks, at)
    return check.errors


def check_object(value: Any, name: str, at: str) -> list[str]:
    """The same for one named object: `metadata`, `attachment`, `option`, ..."""
    check = _Check("message")
    check.fields(value, rules()["objects"][name], at, set())
    return check.errors


def check_view(view: Any, at: str = "/view") -> list[str]:
    """The same for a view: a modal or a home tab, by its `type`."""
    if not isinstance(view, dict):
        return [_error("must provide an object", at)]
    kind = view.get("type")
    if kind not in ("modal", "home"):
        missing = "missing required field: type" if kind is None else f"unsupported type: {kind}"
        return [_error(missing, at)]
    check = _Check(kind)
    check.fields(view, rules()["objects"][kind], at, set())
    inputs = [b for b in view.get("blocks") or [] if isinstance(b, dict) and b.get("type") == "input"]
    if kind == "modal" and inputs and "submit" not in view:
        check.refuse("must define `submit` to use an `input` block in modals", at)
    return check.errors


def _error(problem: str, at: str) -> str:
    return f"[ERROR] {problem} [json-pointer:{at}]"


class _Check:
    """One walk over a message or view; it remembers the ids seen."""

    def __init__(self, surface: str) -> None:
        self.surface = surface
        self.errors: list[str] = []
        self.block_ids: set[str] = set()
        self.markdown = 0

    def refuse(self, problem: str, at: str) -> None:
        self.errors.append(_error(problem, at))

    def blocks(self, blocks: Any, at: str) -> None:
        rule = rules()["surfaces"][self.surface]
        if not isinstance(blocks, list):
            return self.refuse("must be an array", at)
        if len(blocks) > rule["max_blocks"]:
            return self.refuse(f"no more than {rule['max_blocks']} items allowed", at)
        for number, block in enumerate(blocks):
            self.block(block, f"{at}/{number}", rule["blocks"])
        return None

    def block(self, block: Any, at: str, allowed: list[str]) -> None:
        if (kind := self.kind(block, at, allowed)) is None:
            return
        self.fields(block, rules()["blocks"][kind], at, {"type", "block_id"})
        self.identifier(block, "block_id", self.block_ids, at)
        if kind == "markdown" and isinstance(block.get("text"), str):
            self.markdown += len(block["text"])
            if self.markdown > rules()["totals"]["markdown_characters"]:
                self.refuse("markdown text of all blocks must be less than 12001 characters", at)
        self.action_ids(block, at)

    def kind(self, value: Any, at: str, allowed: list[str]) -> str | None:
        if not isinstance(value, dict):
            self.refuse("must provide an object", at)
        elif "type" not in value:
            self.refuse("missing required field: type", at)
        elif value["type"] not in allowed:
            self.refuse(f"unsupported type: {value['type']}", f"{at}/type")
        else:
            return str(value["type"])
        return None

    def identifier(self, value: Json, name: str, seen: set[str], at: str) -> None:
        if name not in value:
            return
        self.string(value[name], {"max": 255}, f"{at}/{name}")
        if isinstance(value[name], str):
            if value[name] in seen:
                self.refuse(f"`{name}` already exists", f"{at}/{name}")
            seen.add(value[name])

    def action_ids(self, block: Json, at: str) -> None:
        seen: set[str] = set()
        for place, element in elements_of(block):
            self.identifier(element, "action_id", seen, f"{at}/{place}")

    def fields(self, value: Any, rule: Json, at: str, common: set[str]) -> None:
        if not isinstance(value, dict):
            return self.refuse("must provide an object", at)
        for name, spec in rule["fields"].items():
            if name in value:
                self.value(value[name], spec, f"{at}/{name}")
            elif spec.get("required"):
                self.refuse(f"missing required field: {name}", at)
        for name in value.keys() - rule["fields"].keys() - common:
            self.refuse(f"invalid additional property: {name}", at)
        return self.alternatives(value, rule, at)

    def alternatives(self, value: Json, rule: Json, at: str) -> None:
        choices: list[str] = rule.get("exactly_one") or rule.get("at_least_one") or []
        given = [name for name in choices if name in value]
        if "at_least_one" in rule and not given:
            self.refuse(f"must define either {' or '.join(rule['at_least_one'])}", at)
        if "exactly_one" in rule and len(given) != 1:
            self.refuse(f"must define exactly one of {' and '.join(rule['exactly_one'])}", at)

    def value(self, value: Any, spec: Json, at: str) -> None:
        kind = spec["is"]
        if kind == "string":
            self.string(value, spec, at)
        elif kind in ("plain", "text"):
            self.text(value, spec, at)
        elif kind == "integer":
            self.integer(value, spec, at)
        elif kind == "object":
            self.fields(value, rules()["objects"][spec["of"]], at, set())
        elif kind == "element":
            self.element(value, spec["family"], at)
        elif kind == "blocks":
            self.blocks(value, at)
        elif kind in _PYTHON_TYPES:
            self.plain_type(value, spec, at)

    def plain_type(self, value: Any, spec: Json, at: str) -> None:
        wanted, problem = _PYTHON_TYPES[spec["is"]]
        if not isinstance(value, wanted):
            return self.refuse(problem, at)
        if isinstance(value, list):
            if len(value) > spec["max"]:
                return self.refuse(f"no more than {spec['max']} items allowed", at)
            if len(value) < spec["min"]:
                return self.refuse(f"no fewer than {spec['min']} items allowed", at)
            for number, item in enumerate(value):
                self.value(item, spec["of"], f"{at}/{number}")
        return None

    def string(self, value: Any, spec: Json, at: str) -> None:
        if not isinstance(value, str):
            return self.refuse("must be a string", at)
        if len(value) > spec.get("max", len(value)):
            return self.refuse(f"must be less than {spec['max'] + 1} characters", at)
        if len(value) < spec.get("min", 0):
            return self.refuse(f"must be more than {spec['min'] - 1} characters", at)
        if "enum" in spec and value not in spec["enum"]:
            return self.refuse(f"invalid value: must be one of {', '.join(spec['enum'])}", at)
        if "pattern" in spec and not re.match(spec["pattern"], value):
            return self.refuse("failed to match the expected pattern", at)
        if spec.get("format") == "url" and not _is_url(value):
            return self.refuse("invalid url", at)
        return None

    def integer(self, value: Any, spec: Json, at: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            return self.refuse("must be an integer", at)
        if not spec.get("min", value) <= value <= spec.get("max", value):
            return self.refuse("value out of range", at)
        return None

    def text(self, value: Any, spec: Json, at: str) -> None:
        allowed = ["plain_text"] if spec["is"] == "plain" else list(_TEXT_TYPES)
        if (kind := self.kind(value, at, allowed)) is None:
            return
        if "text" not in value:
            return self.refuse("missing required field: text", at)
        for name in value.keys() - _TEXT_TYPES[kind]:
            self.refuse(f"invalid additional property: {name}", at)
        for name in value.keys() & {"emoji", "verbatim"}:
            self.value(value[name], {"is": "boolean"}, f"{at}/{name}")
        return self.string(value["text"], {"min": 1, "max": spec["max"]}, f"{at}/text")

    def element(self, value: Any, family: str, at: str) -> None:
        if (kind := self.kind(value, at, rules()["families"][family])) is None:
            return
        if kind in _TEXT_TYPES:
            return self.text(value, {"is": "text", "max": 3000}, at)
        rule = rules()["elements"][kind]
        common = {"type"} if rule.get("no_action") else {"type", "action_id"}
        self.fields(value, rule, at, common)
        return self.initial(value, at)

    def initial(self, element: Json, at: str) -> None:
        """An initial option must be one of the options."""
        chosen = [element["initial_option"]] if "initial_option" in element else element.get("initial_options", [])
        offered = options_of(element)
        if chosen and offered and any(option not in offered for option in chosen):
            self.refuse("initial option must exactly match a provided option", at)


def elements_of(block: Json) -> list[tuple[str, Json]]:
    """The (place in the block, element) pairs that can carry an action_id."""
    found = [(name, block[name]) for name in ("accessory", "element") if isinstance(block.get(name), dict)]
    if block.get("type") == "actions" and isinstance(block.get("elements"), list):
        found += [(f"elements/{n}", e) for n, e in enumerate(block["elements"]) if isinstance(e, dict)]
    return found


def options_of(element: Json) -> list[Any]:
    """All options an element offers, groups flattened."""
    options = list(element.get("options") or [])
    for group in element.get("option_groups") or []:
        options += group.get("options", []) if isinstance(group, dict) else []
    return options


def _is_url(value: str) -> bool:
    parts = urlsplit(value)
    return parts.scheme in ("http", "https", "mailto", "slack") and bool(parts.netloc or parts.path)
