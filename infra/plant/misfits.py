"""What does not fit a request or a file of the plant and of the phones, in words that say what to write instead.

The product has words of its own for this: a peer of it stands on its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_NEEDED = (
    (("missing",), "is missing"),
    (("extra_forbidden",), "is unknown here"),
    (("enum", "literal_error"), "write {expected}"),
    (("bool_type", "bool_parsing"), "true or false is needed"),
    (("int_type", "int_parsing", "int_from_float"), "a whole number is needed"),
    (("float_type", "float_parsing", "finite_number", "decimal_parsing"), "a number is needed"),
    (("greater_than",), "a number above {gt} is needed"),
    (("greater_than_equal",), "a number of at least {ge} is needed"),
    (("less_than",), "a number below {lt} is needed"),
    (("less_than_equal",), "a number of at most {le} is needed"),
    (("string_type", "bytes_type"), "a text is needed"),
    (("string_too_short", "too_short"), "at least {min_length} is needed"),
    (("string_too_long", "too_long"), "at most {max_length} may be given"),
    (("string_pattern_mismatch",), "has not the form {pattern}"),
    (("list_type", "tuple_type", "set_type"), "a list is needed"),
    (("dict_type", "mapping_type", "model_type", "model_attributes_type"), "names with values are needed"),
    (("datetime_type", "datetime_parsing", "timezone_aware"), "a time is needed: 2026-11-22T09:15:00Z"),
    (("date_type", "date_parsing"), "a date is needed: 2026-11-22"),
    (("time_type", "time_parsing"), "a time of day is needed: 06:30"),
    (("json_invalid", "json_type"), "is no JSON"),
    (("union_tag_invalid",), "{discriminator} is one of {expected_tags}"),
    (("union_tag_not_found",), "{discriminator} is missing"),
)
_WORDS = {kind: words for kinds, words in _NEEDED for kind in kinds}
_OUR_RULE = "Value error, "  # what pydantic writes before the words of a rule of ours


def words(fault: Mapping[str, Any]) -> str:
    """One of pydantic's errors."""
    if fault["type"] in _WORDS:
        return _WORDS[fault["type"]].format(**fault.get("ctx", {}))
    said = str(fault["msg"])
    return said.removeprefix(_OUR_RULE) if said.startswith(_OUR_RULE) else "does not fit"


def place(fault: Mapping[str, Any], *before: str) -> str:
    """Where it stands."""
    return ".".join(map(str, (*before, *fault["loc"])))


def refusal(faults: Sequence[Mapping[str, Any]]) -> str:
    """All of them in a sentence."""
    return "; ".join(f"{place(fault)}: {words(fault)}".removeprefix(": ") for fault in faults)
