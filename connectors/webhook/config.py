"""Settings of the webhook entrance. Signing secrets come apart: one, or two while they are rotated."""

from pydantic import BaseModel, ConfigDict


class WebhookConfig(BaseModel):
    """`sources`: the CloudEvents sources that may use this entrance; empty = any that signs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: list[str] = []
