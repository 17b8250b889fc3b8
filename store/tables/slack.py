"""What Slack was shown that it does not ask for again by itself."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from store.tables.columns import when


class SlackHomeRow(SQLModel, table=True):
    """A home tab that somebody has opened. `seen`: of which tasks it was drawn; not drawn anew before `next_at`."""

    __tablename__ = "slack_home"

    account: str = Field(primary_key=True)
    person: str = Field(index=True)
    seen: str = ""
    opened_at: datetime = when(nullable=False)
    next_at: datetime = when(nullable=False)
