"""Settings of the CSV import."""

from pydantic import BaseModel, ConfigDict


class CsvConfig(BaseModel):
    """Nothing to set: the first row names the columns."""

    model_config = ConfigDict(extra="forbid", frozen=True)
