"""The JSON Schema of the definition language, made from the models that read it: for completion in editors and for
whoever writes definitions with a program. A document that it refuses `mos check` refuses too; `mos check` sees more."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, get_args

from pydantic import BaseModel

from domain.books import outcomes
from domain.language.definition import STEP_MODELS, Definition
from domain.queries import VOCABULARY, Vocabulary
from domain.values import Json

DIALECT = "https://json-schema.org/draft/2020-12/schema"
URN = "urn:mos:schema:definition"
_EXPRESSION: Json = {"type": "string", "pattern": "^=", "description": "=expression (CEL)"}


@lru_cache(maxsize=1)
def schema() -> dict[str, Json]:
    """The whole schema; the same object each time."""
    found: dict[str, Json] = Definition.model_json_schema(by_alias=True)
    parts: dict[str, Json] = found["$defs"]
    parts["Definition"]["properties"].pop("bundled")  # publishing fills it in
    parts["PostStep"]["properties"]["outcomes"]["items"] = _outcomes(parts)
    parts["ContextQuery"]["properties"]["from"] |= {"examples": _queries(VOCABULARY)}
    _plain(found)
    for kind, model in STEP_MODELS.items():
        parts[model.__name__] = _step(kind, parts[model.__name__])
    return {"$schema": DIALECT, "$id": URN, "title": "Definition of an exception type", **found}


def _step(kind: str, part: Json) -> Json:
    """A step kind by its own name; its key comes first, as authors write it."""
    fields = part["properties"]
    return {"title": kind, **part, "properties": {kind: fields[kind], **fields}}


def _queries(vocabulary: Vocabulary) -> list[str]:
    return sorted(vocabulary.queries)


def _outcomes(parts: dict[str, Json]) -> Json:
    """One entry for each kind of outcome; every value may be an =expression."""
    models: dict[str, type[BaseModel]] = {
        model.model_fields["kind"].default: model for model in get_args(get_args(outcomes.Outcome)[0])
    }
    return {"type": "object", "minProperties": 1, "additionalProperties": False,
            "properties": {kind: _outcome(model, parts) for kind, model in models.items()}}  # fmt: skip


def _outcome(model: type[BaseModel], parts: dict[str, Json]) -> Json:
    found = model.model_json_schema(by_alias=True)
    parts.update({name: _authored(part) for name, part in found.pop("$defs", {}).items()})
    found["properties"].pop("kind")
    return _authored(found)


def _authored(part: Json) -> Json:
    """The same object as authors write it."""
    if "properties" not in part:
        return part
    fields = {name: _or_expression(value) for name, value in part["properties"].items()}
    return {**part, "properties": fields}


def _or_expression(value: Mapping[str, Any]) -> Json:
    told = {"description": value["description"]} if "description" in value else {}
    return {"anyOf": [{k: v for k, v in value.items() if k != "title"}, _EXPRESSION], **told}


def _plain(part: Json) -> None:
    """Without the titles that pydantic makes of field names: they say nothing. Where keys have a pattern, others are
    refused, as the reader does."""
    if isinstance(part, list):
        for item in part:
            _plain(item)
    if isinstance(part, dict):
        if isinstance(part.get("title"), str) and ("type" in part or "anyOf" in part or "enum" in part):
            del part["title"]
        if "patternProperties" in part:
            part.setdefault("additionalProperties", False)
        for item in part.values():
            _plain(item)
