"""Slack's templates print JSON objects one after another; here they become values."""

import json

from jinja2 import BaseLoader

from domain.errors import ConfigError
from domain.values import Json
from templates import mrkdwn
from templates.sandbox import Sandbox


def sandbox(loader: BaseLoader) -> Sandbox:
    """The environment of every Slack template: what it prints is escaped for mrkdwn and for a JSON string."""
    found = Sandbox(mrkdwn.encode, loader)
    found.filters |= {"short": mrkdwn.short, "link": mrkdwn.link, "raw": mrkdwn.raw}
    found.filters |= {"fields": mrkdwn.fields, "tojson": mrkdwn.to_json}
    return found


def objects(text: str, name: str) -> list[Json]:
    """The JSON values in a template's output. Raises ConfigError with the line where it is none."""
    decoder, values, position = json.JSONDecoder(), list[Json](), 0
    text = text.strip()
    while position < len(text):
        try:
            value, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            line = text.count("\n", 0, error.pos) + 1
            raise ConfigError(
                f"slack/{name}: no JSON at line {line} of its output: {error.msg}", code="mos.template"
            ) from error
        values.append(value)
        position += len(text[position:]) - len(text[position:].lstrip())
    return values
