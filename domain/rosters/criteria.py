"""By what people are picked. A definition (where a value may be an =expression) and the roster list the same."""

from pydantic import BaseModel


class Criteria(BaseModel):
    """Every given criterion must hold; an empty text does not select."""

    role: str = ""
    skill: str = ""
    certificate: str = ""
    area: str = ""
    account: str = ""
    person: str = ""
    authority: str = ""
    shift: str = "current"
    schedule: str = ""
