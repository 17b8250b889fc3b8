"""The connectors document as its administrators see it: every setting, no secret (C7)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from authoring.check.facts import manifest_of
from domain.errors import ConfigError
from domain.values import Json

_HIDDEN = "••••••"
_SECRET = re.compile(r"secret|passw|pwd|token|credential|authorization|cookie|api_?key|private", re.I)
_USER_INFO = re.compile(r"(?<=://)[^/?#\s]*@")
_QUERY = re.compile(r"(://[^\s?#]*[?#])[^\s,]+")
_PARAMETER = re.compile(r"([?&](?:[^=&\s]*(?:secret|pass|pwd|token|auth|sig|key)[^=&\s]*)=)[^&#\s,]+", re.I)


@dataclass(frozen=True)
class Shown:
    """One connection. `secrets`: the name of each and where it is kept (`file`, `env`), never what it is or its path;
    `settings`: by dotted name."""

    name: str
    kind: str
    title: str
    settings: dict[str, str]
    secrets: dict[str, str]
    capabilities: tuple[str, ...]
    atomic: bool
    outcomes: list[str]


def connections(document: Json, role: str) -> list[Shown]:
    """Those that play this role."""
    items = document if isinstance(document, list) else []
    return [_shown(item) for item in items if isinstance(item, Mapping) and item.get("role") == role]


def _shown(item: Mapping[str, Json]) -> Shown:
    kind, config = str(item.get("kind", "")), item.get("config") or {}
    secrets = {name: str(ref).partition(":")[0] for name, ref in (item.get("secrets") or {}).items()}
    try:
        manifest = manifest_of(kind, config)
    except ConfigError:
        return Shown(str(item.get("name", "")), kind, kind, settings(config), secrets, (), False, [])
    told = (manifest.title, settings(config), secrets, manifest.capabilities, manifest.atomic)
    return Shown(str(item.get("name", "")), kind, *told, sorted(manifest.outcomes))


def settings(config: Json, prefix: str = "") -> dict[str, str]:
    """Flat, in the order of the document; what is named like a secret, and in addresses names, passwords
    and what is behind the question mark, hidden."""
    found: dict[str, str] = {}
    for name, value in (config if isinstance(config, Mapping) else {}).items():
        if _SECRET.search(str(name)) and value not in (None, "", False):
            found[f"{prefix}{name}"] = _HIDDEN
        elif isinstance(value, Mapping):
            found |= settings(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = _hide(_text(value))
    return found


def _hide(text: str) -> str:
    """Of a whole address nobody knows which parameter is the key; a path shows those that are not called so."""
    for found, instead in ((_USER_INFO, f"{_HIDDEN}@"), (_QUERY, rf"\1{_HIDDEN}"), (_PARAMETER, rf"\1{_HIDDEN}")):
        text = found.sub(instead, text)
    return text


def _text(value: Json) -> str:
    if isinstance(value, list):
        return ", ".join(_text(part) for part in value)
    if isinstance(value, Mapping):
        return " ".join(f"{name}={part}" for name, part in settings(value).items())
    return str(value)
