"""The records and the public methods that the stand-in plays. One call is one transaction."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from infra.standins.odoo.models import AUTOMATIC, ENTERPRISE, KEY, MODELS, Field, Model

Record = dict[str, Any]
_USER = "odoo.exceptions.UserError"
_VALID = "odoo.exceptions.ValidationError"
_VALUE = "builtins.ValueError"
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "in": lambda left, right: left in right,
    "not in": lambda left, right: left not in right,
    "<": lambda left, right: left is not False and left < right,
    "<=": lambda left, right: left is not False and left <= right,
    ">": lambda left, right: left is not False and left > right,
    ">=": lambda left, right: left is not False and left >= right,
    "like": lambda left, right: str(right) in str(left or ""),
    "ilike": lambda left, right: str(right).lower() in str(left or "").lower(),
    "=like": lambda left, right: str(left or "").startswith(str(right).rstrip("%")),
}


class Refused(Exception):
    """An exception of the vendor's, by its name."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name, self.message = name, message


class Orm:
    """All records of one database. `key_field` False: nobody has added the field for our key yet."""

    def __init__(self, clock: Callable[[], datetime], *, enterprise: bool = False, key_field: bool = True) -> None:
        self._clock = clock
        self.models = MODELS | (ENTERPRISE if enterprise else {})
        self._key_field = key_field
        self.rows: dict[str, dict[int, Record]] = {}
        self._undo: list[tuple[str, int, Record | None]] = []
        self.clear()

    def clear(self) -> None:
        """Forget all records."""
        self.rows = {name: {} for name in self.models}
        self._numbers = dict.fromkeys(self.models, 0)

    def fields(self, model: str) -> dict[str, Field]:
        """All fields of a model, those that every one has among them."""
        own = {name: item for name, item in self._model(model).fields.items() if name != KEY or self._key_field}
        return own | AUTOMATIC

    def _model(self, model: str) -> Model:
        if model not in self.models:
            raise Refused("werkzeug.exceptions.NotFound", f"the model {model!r} does not exist")
        return self.models[model]

    def call(self, model: str, method: str, ids: Sequence[int], named: Mapping[str, Any]) -> Any:
        """A public method with named arguments. What raises changes nothing."""
        act = _METHODS.get(method)
        if act is None and method not in self._model(model).methods:
            raise Refused("werkzeug.exceptions.NotFound", f"The method '{model}.{method}' does not exist")
        self._model(model)
        self._undo = []
        try:
            if act is None:
                return self._button(model, method, ids, named)
            return act(self, model, ids, **named)
        except TypeError as error:
            self._back()
            raise Refused("werkzeug.exceptions.UnprocessableEntity", f"{method}: {error}") from error
        except Refused:
            self._back()
            raise

    def _back(self) -> None:
        for model, number, before in reversed(self._undo):
            if before is None:
                self.rows[model].pop(number, None)
            else:
                self.rows[model][number] = before

    def _put(self, model: str, number: int, record: Record | None) -> None:
        self._undo.append((model, number, self.rows[model].get(number)))
        if record is None:
            del self.rows[model][number]
        else:
            self.rows[model][number] = record

    def _records(self, model: str, ids: Sequence[int]) -> list[Record]:
        missing = [number for number in ids if number not in self.rows[model]]
        if missing:
            message = f"Record does not exist or has been deleted. (Record: {model}({missing[0]},))"
            raise Refused("odoo.exceptions.MissingError", message)
        return [self.rows[model][number] for number in ids]

    def search_read(
        self,
        model: str,
        ids: Sequence[int],
        domain: Sequence[Any] = (),
        fields: Sequence[str] | None = None,
        offset: int = 0,
        limit: int | None = None,
        order: str | None = None,
    ) -> list[Record]:
        """Records of a domain of plain conditions, all of them meant."""
        found = [row for row in self.rows[model].values() if all(self._meets(model, row, part) for part in domain)]
        for part in reversed((order or "id").split(",")):
            name, _, way = part.strip().partition(" ")
            self._known(model, [name])
            found.sort(key=lambda row: (row[name] is not False, row[name]), reverse=way.strip().lower() == "desc")
        return self.read(model, [row["id"] for row in found[offset:][:limit]], fields)

    def _meets(self, model: str, row: Record, part: Any) -> bool:
        if not isinstance(part, list | tuple) or len(part) != 3 or part[1] not in _COMPARE:
            raise Refused(_VALUE, f"Invalid leaf {part!r} of a domain (the stand-in takes plain conditions only)")
        self._known(model, [part[0]])
        return _COMPARE[part[1]](row[part[0]], part[2])

    def _known(self, model: str, names: Sequence[str]) -> None:
        for name in names:
            if name not in self.fields(model):
                raise Refused(_VALUE, f"Invalid field {name!r} on model {model!r}")

    def read(self, model: str, ids: Sequence[int], fields: Sequence[str] | None = None) -> list[Record]:
        """Records; a link is `[id, name]`, what is empty False."""
        names = list(fields or self.fields(model))
        self._known(model, names)
        return [
            {"id": row["id"]} | {name: self._told(model, name, row) for name in names}
            for row in self._records(model, ids)
        ]

    def _told(self, model: str, name: str, row: Record) -> Any:
        item = self.fields(model)[name]
        if item.kind == "many2one" and row[name]:
            return [row[name], self.rows[item.model][row[name]]["display_name"]]
        return row[name]

    def create(self, model: str, ids: Sequence[int], vals_list: Any) -> list[int]:
        """New records; unknown fields, wrong values, missing ones and a second one of a unique value are refused."""
        if ids:
            raise Refused("werkzeug.exceptions.UnprocessableEntity", f"cannot call {model}.create with ids")
        return [self._made(model, vals) for vals in ([vals_list] if isinstance(vals_list, dict) else vals_list)]

    def _made(self, model: str, vals: Mapping[str, Any]) -> int:
        fields = self.fields(model)
        self._numbers[model] += 1
        number = self._numbers[model]
        values = {name: item.default for name, item in fields.items()} | self._checked(model, vals, number)
        for name, item in fields.items():
            if item.required and (values[name] is False or values[name] == ""):
                raise Refused(_VALID, f"Missing required value for the field '{name}' ({name}) of model '{model}'")
        if model == "mrp.production" and not values["name"]:
            values["name"] = f"WH/MO/{number:05}"
        now = self._now()
        values |= {
            "id": number,
            "create_date": now,
            "write_date": now,
            "display_name": values.get("name") or f"{model},{number}",
        }
        lines: dict[str, Any] = {name: values.pop(name) for name, item in fields.items() if item.kind == "one2many"}
        self._put(model, number, {**values, **dict.fromkeys(lines, False)})
        for name, commands in lines.items():
            for _, _, line in commands or []:
                self._made(fields[name].model, {**line, fields[name].inverse: number})
        return number

    def write(self, model: str, ids: Sequence[int], vals: Mapping[str, Any]) -> bool:
        """The same fields of all these records."""
        for row in self._records(model, ids):
            if row.get("state") in ("done", "cancel") and set(vals) & {"date_start", "product_qty", "commitment_date"}:
                raise Refused(_USER, f"You cannot change {row['display_name']}: it is {row['state']}.")
            checked = self._checked(model, vals, row["id"])
            self._put(model, row["id"], row | checked | {"write_date": self._now()})
        return True

    def unlink(self, model: str, ids: Sequence[int]) -> bool:
        """Delete, in the states in which that goes."""
        allowed = self.models[model].deletable
        for row in self._records(model, ids):
            if allowed and row["state"] not in allowed:
                raise Refused(_USER, f"You cannot delete {row['display_name']}: it is {row['state']}.")
            self._put(model, row["id"], None)
        return True

    def fields_get(
        self, model: str, ids: Sequence[int], allfields: Sequence[str] | None = None, attributes: Sequence[str] = ()
    ) -> dict[str, Record]:
        """The fields by name; those that do not exist are left out."""
        every = self.fields(model)
        wanted = {name: every[name] for name in allfields or every if name in every}
        return {
            name: {"type": item.kind, "required": item.required, "readonly": item.readonly}
            for name, item in wanted.items()
        }

    def has_access(self, model: str, ids: Sequence[int], operation: str) -> bool:
        """The stand-in's user may do everything."""
        return operation in ("read", "write", "create", "unlink")

    def _button(self, model: str, method: str, ids: Sequence[int], named: Mapping[str, Any]) -> bool:
        if named:
            raise TypeError(f"unexpected argument {next(iter(named))!r}")
        states, after = self.models[model].methods[method]
        for row in self._records(model, ids):
            if model == "stock.picking" and row["state"] in states:
                self._moved(row)
            if row["state"] not in states:
                raise Refused(_USER, f"{method} is not possible: {row['display_name']} is {row['state']}.")
            self._put(model, row["id"], row | {"state": after or row["state"], "write_date": self._now()})
        return True

    def _moved(self, picking: Record) -> None:
        """A transfer is done: its lots lie elsewhere. The vendor allows less than nothing; this does not."""
        lines = [line for line in self.rows["stock.move.line"].values() if line["picking_id"] == picking["id"]]
        if not lines:
            raise Refused(_USER, "You cannot validate a transfer without any moves.")
        for line in lines:
            for place, sign in (("location_id", -1), ("location_dest_id", 1)):
                where = {name: line[name] for name in ("product_id", "lot_id")} | {"location_id": line[place]}
                self._changed(where, sign * line["quantity"])

    def _changed(self, where: Record, by: float) -> None:
        quants = self.rows["stock.quant"].values()
        found = next((one for one in quants if all(one[name] == value for name, value in where.items())), None)
        if found is None:
            found = self.rows["stock.quant"][self._made("stock.quant", {**where, "quantity": 0.0})]
        if found["quantity"] + by < 0:
            raise Refused(_USER, "There is not enough of it in that place.")
        self._put("stock.quant", found["id"], found | {"quantity": found["quantity"] + by})

    def _checked(self, model: str, vals: Mapping[str, Any], number: int) -> Record:
        self._known(model, list(vals))
        fields = self.fields(model)
        return {name: self._value(model, name, fields[name], value, number) for name, value in vals.items()}

    def _value(self, model: str, name: str, item: Field, value: Any, number: int) -> Any:
        if item.readonly:
            raise Refused(_USER, f"The field {name} of {model} cannot be written; its methods change it.")
        if value is None or value is False:
            return False
        if not _fits(item, value):
            raise Refused(_VALUE, f"Wrong value for {model}.{name}: {value!r}")
        if item.kind == "many2one":
            self._records(item.model, [value])
        if item.unique and any(row[name] == value and row["id"] != number for row in self.rows[model].values()):
            raise Refused(_VALID, f"The operation cannot be completed: {name} {value!r} of {model} must be unique.")
        return value

    def _now(self) -> str:
        return self._clock().strftime("%Y-%m-%d %H:%M:%S")


def _fits(item: Field, value: Any) -> bool:
    if item.kind == "selection":
        return value in item.values
    if item.kind == "datetime":
        return _is_moment(value)
    if item.kind == "one2many":  # only the command that makes a line
        return isinstance(value, list) and all(isinstance(one, list) and one[:2] == [0, 0] for one in value)
    kinds = {"many2one": int, "integer": int, "float": int | float, "boolean": bool}
    return isinstance(value, kinds.get(item.kind, str)) and (item.kind == "boolean" or not isinstance(value, bool))


def _is_moment(value: Any) -> bool:
    try:
        return bool(datetime.strptime(value, "%Y-%m-%d %H:%M:%S"))  # noqa: DTZ007 (UTC without zone, as the vendor has it)
    except (TypeError, ValueError):
        return False


_METHODS: dict[str, Callable[..., Any]] = {
    "search_read": Orm.search_read,
    "read": Orm.read,
    "create": Orm.create,
    "write": Orm.write,
    "unlink": Orm.unlink,
    "fields_get": Orm.fields_get,
    "has_access": Orm.has_access,
}
