"""The words of each language: labels, sentences and replies, from `words/<language>.yaml`."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from domain.errors import ConfigError
from templates.text import render_text

FOLDER = Path(__file__).parent / "words"
FALLBACK = "en"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where the wheel has it


@lru_cache(maxsize=32)
def words(language: str) -> Mapping[str, str]:
    """All texts of a language by dotted key (`verbs.accept`). `de-AT` falls back to `de`, an unknown one to English."""
    for name in (language.lower(), language.lower().split("-")[0], FALLBACK):
        file = FOLDER / f"{name}.yaml"
        if name.replace("-", "").isalpha() and file.is_file():
            return dict(_flat("", yaml.load(file.read_text("utf-8"), _LOADER)))  # noqa: S506 -- a safe one
    raise ConfigError(f"no words for '{language}' nor '{FALLBACK}'")


def say(language: str, key: str, scope: Mapping[str, Any]) -> str:
    """One sentence in a language. Raises ConfigError when neither the language nor English has it."""
    text = words(language).get(key) or words(FALLBACK).get(key)
    if text is None:
        raise ConfigError(f"no text '{key}' in words/{language}.yaml")
    return render_text(text, scope)


def has(language: str, key: str) -> bool:
    return key in words(language) or key in words(FALLBACK)


def _flat(prefix: str, tree: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in tree.items():
        key = f"{prefix}.{name}" if prefix else str(name)
        pairs += _flat(key, value) if isinstance(value, Mapping) else [(key, str(value))]
    return pairs
