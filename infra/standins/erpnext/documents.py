"""Documents and their rules: one call is one transaction; what is refused leaves nothing behind."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from infra.standins.erpnext.doctypes import AUTOMATIC, DOCTYPES, KEY, DocType, Field

Doc = dict[str, Any]
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "in": lambda left, right: left in right,
    "not in": lambda left, right: left not in right,
    ">": lambda left, right: left is not None and left > right,
    ">=": lambda left, right: left is not None and left >= right,
    "<": lambda left, right: left is not None and left < right,
    "<=": lambda left, right: left is not None and left <= right,
    "like": lambda left, right: str(right).strip("%") in str(left or ""),
}
STATUS = {"DuplicateEntryError": 409, "DoesNotExistError": 404, "PermissionError": 403, "AuthenticationError": 401}
DRAFT, SUBMITTED, CANCELLED = 0, 1, 2


class Refused(Exception):
    """An exception of the vendor's, by its name; most are validation errors with HTTP 417."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name, self.message = name, message
        self.status = STATUS.get(name, 417)


class Documents:
    """All documents. `ignored` is told of fields that the type does not have: the framework drops them silently."""

    def __init__(
        self, clock: Callable[[], datetime], ignored: Callable[[str], None], *, key_field: bool = True
    ) -> None:
        self._clock, self._ignored, self._key_field = clock, ignored, key_field
        self._last = clock().replace(tzinfo=None)
        self.clear()

    def clear(self) -> None:
        """Forget all."""
        self.docs: dict[str, dict[str, Doc]] = {name: {} for name in DOCTYPES}
        self._series = dict.fromkeys(DOCTYPES, 0)

    def _type(self, doctype: str) -> DocType:
        if doctype not in DOCTYPES:
            raise Refused("DoesNotExistError", f"DocType {doctype} not found")
        return DOCTYPES[doctype]

    def _fields(self, doctype: str) -> dict[str, Field]:
        fields = self._type(doctype).fields
        return {name: item for name, item in fields.items() if name != KEY or self._key_field}

    def get(self, doctype: str, name: str) -> Doc:
        """One document."""
        self._type(doctype)
        if name not in self.docs[doctype]:
            raise Refused("DoesNotExistError", f"{doctype} {name} not found")
        return self.docs[doctype][name]

    def list(
        self, doctype: str, filters: Sequence[Any], fields: Sequence[str], order_by: str, start: int, length: int
    ) -> list[Doc]:
        """Documents with these fields; `length` 0 = all."""
        known = {*self._fields(doctype), *AUTOMATIC}
        for name in (*fields, *(part[-3] for part in filters), order_by.split(maxsplit=1)[0].strip("`")):
            if name not in known and name != "*":
                raise Refused("DataError", f"Field not permitted in query: {name}")
        found = [doc for doc in self.docs[doctype].values() if all(_meets(doc, part) for part in filters)]
        by = order_by.split(maxsplit=1)[0].strip("`")
        found.sort(key=lambda doc: str(doc[by]), reverse=order_by.lower().endswith("desc"))
        page = found[start:][: length or None]
        return [doc if "*" in fields else {name: doc.get(name) for name in fields} for doc in page]

    def insert(self, doctype: str, given: Mapping[str, Any]) -> Doc:
        """A new document, a draft (or submitted at once, with docstatus 1)."""
        kind, values = self._type(doctype), self._checked(doctype, given)
        doc = dict.fromkeys(self._fields(doctype)) | values
        name = given.get("name") or self._name(doctype, kind, doc)
        if name in self.docs[doctype]:
            raise Refused("DuplicateEntryError", f"('{doctype}', '{name}')")
        state = int(given.get("docstatus", DRAFT))
        if state not in (DRAFT, SUBMITTED) or (state and not kind.submittable):
            raise Refused("DocstatusTransitionError", "Cannot change docstatus")
        now = self._now()
        doc |= {"name": name, "doctype": doctype, "docstatus": state, "creation": now, "modified": now, "idx": 0}
        doc |= {"owner": "mos@example.com", "modified_by": "mos@example.com"}
        self._mandatory(doctype, doc)
        self._unique(doctype, doc)
        return self._keep(doctype, kind, doc)

    def _name(self, doctype: str, kind: DocType, doc: Doc) -> str:
        if "#" not in kind.naming:
            if not doc.get(kind.naming):
                raise Refused("MandatoryError", f"[{doctype}]: {kind.naming}")
            return str(doc[kind.naming])
        self._series[doctype] += 1
        return kind.naming.replace("#", f"{self._series[doctype]:05}")

    def update(self, doctype: str, name: str, given: Mapping[str, Any]) -> Doc:
        """Set fields, submit (docstatus 1) or cancel (2). With a stale `modified`: TimestampMismatchError."""
        kind, before = self._type(doctype), self.get(doctype, name)
        if "modified" in given and str(given["modified"]) != before["modified"]:
            raise Refused(
                "TimestampMismatchError", "Document has been modified after you have opened it. Please refresh."
            )
        values, state = self._checked(doctype, given), int(given.get("docstatus", before["docstatus"]))
        self._transition(doctype, kind, before, values, state)
        doc = before | values | {"docstatus": state, "modified": self._now()}
        self._mandatory(doctype, doc)
        self._unique(doctype, doc)
        return self._keep(doctype, kind, doc)

    def _transition(self, doctype: str, kind: DocType, before: Doc, values: Doc, state: int) -> None:
        way = (before["docstatus"], state)
        allowed = {(DRAFT, DRAFT), (DRAFT, SUBMITTED), (SUBMITTED, SUBMITTED), (SUBMITTED, CANCELLED)}
        if way not in allowed or (state and not kind.submittable):
            raise Refused("DocstatusTransitionError", f"Cannot change docstatus from {way[0]} to {way[1]}")
        if way[0] == SUBMITTED:
            fields = self._fields(doctype)
            for name, value in values.items():
                if not fields[name].allow_on_submit and before.get(name) != value:
                    raise Refused("UpdateAfterSubmitError", f"Not allowed to change {name} after submission")

    def delete(self, doctype: str, name: str) -> None:
        """Drafts and cancelled documents only, to which nothing links."""
        if self.get(doctype, name)["docstatus"] == SUBMITTED:
            raise Refused("ValidationError", f"{name}: Submitted Record cannot be deleted. You must Cancel it first.")
        for other, kind in DOCTYPES.items():
            links = [field for field, item in kind.fields.items() if item.kind == "Link" and item.options[0] == doctype]
            if any(doc.get(field) == name for field in links for doc in self.docs[other].values()):
                raise Refused("LinkExistsError", f"Cannot delete {name}: it is linked with {other}")
        del self.docs[doctype][name]

    def _keep(self, doctype: str, kind: DocType, doc: Doc) -> Doc:
        if kind.status:
            doc["status"] = kind.status[doc["docstatus"]]
        self.docs[doctype][doc["name"]] = doc
        return doc

    def _checked(self, doctype: str, given: Mapping[str, Any]) -> Doc:
        fields, values = self._fields(doctype), {}
        for name, value in given.items():
            if name in fields:
                values[name] = self._value(doctype, name, fields[name], value)
            elif name not in AUTOMATIC:
                self._ignored(f"{doctype} has no field {name}: it is dropped without a word")
        return values

    def _value(self, doctype: str, name: str, item: Field, value: Any) -> Any:
        if value in (None, ""):
            return None
        if item.kind == "Link" and value not in self.docs[item.options[0]]:
            raise Refused("LinkValidationError", f"Could not find {name}: {value}")
        if item.kind == "Select" and value not in item.options:
            raise Refused(
                "ValidationError", f'{name} cannot be "{value}". It should be one of {", ".join(item.options)}'
            )
        if item.kind == "Data" and len(str(value)) > 140:
            raise Refused("CharacterLengthExceededError", f"{doctype}: {name} will get truncated, as max is 140")
        if item.kind in ("Date", "Datetime"):
            return _moment(item, name, value)
        return value

    def _mandatory(self, doctype: str, doc: Doc) -> None:
        missing = [name for name, item in self._fields(doctype).items() if item.reqd and doc.get(name) in (None, "")]
        if missing:
            raise Refused("MandatoryError", f"[{doctype}, {doc['name']}]: {', '.join(missing)}")

    def _unique(self, doctype: str, doc: Doc) -> None:
        for name, item in self._fields(doctype).items():
            others = (other for other in self.docs[doctype].values() if other["name"] != doc["name"])
            if item.unique and doc.get(name) and any(other[name] == doc[name] for other in others):
                raise Refused("UniqueValidationError", f"{name} must be unique")

    def _now(self) -> str:
        moment = max(self._clock().replace(tzinfo=None), self._last + timedelta(microseconds=1))
        self._last = moment
        return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def _meets(doc: Doc, part: Sequence[Any]) -> bool:
    if len(part) not in (3, 4) or part[-2] not in _COMPARE:
        raise Refused("ValidationError", f"Invalid filter {part!r}")
    return _COMPARE[part[-2]](doc.get(part[-3]), part[-1])


def _moment(item: Field, name: str, value: Any) -> str:
    try:
        found = datetime.fromisoformat(value)
        if found.tzinfo is not None:
            raise ValueError
        return date.isoformat(found.date()) if item.kind == "Date" else found.isoformat(" ")
    except (TypeError, ValueError) as error:
        raise Refused("ValidationError", f"{value} is not a valid {item.kind} for {name}") from error
