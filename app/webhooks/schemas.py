"""What goes in and out of the webhooks room."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from models.webhooks import DeliveryState


class WebhookIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    pilot: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,40}$")] = Field(
        description="The code of a pilot that I curate."
    )
    url: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)] = Field(
        description="https://, on port 443 or 8443."
    )


class DeliveryOut(BaseModel):
    """An event on its way to a webhook, or what became of it."""

    id: str = Field(description="What stands in the header `Webhook-Id`.")
    event: str
    made_at: datetime
    state: DeliveryState
    tries: int
    next_try_at: datetime | None
    status: int | None = Field(description="The last answer's HTTP status.")
    failure: str | None = Field(description="Why the last try failed, as a code.")
    delivered_at: datetime | None


class WebhookOut(BaseModel):
    id: str
    pilot: str
    url: str
    created_at: datetime
    deliveries: list[DeliveryOut] = Field(description="The last ones, newest first.")


class NewWebhookOut(WebhookOut):
    secret: str = Field(description="Signs every delivery. Shown this once.")
