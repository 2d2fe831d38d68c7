"""Webhooks: addresses that are told when a search or an evaluation has ended, and what became of telling."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response, status

from api.deps import SettingsDep, SliceDep, StoreDep
from api.schemas.webhooks import DeliveryOut, NewWebhookOut, WebhookIn, WebhookOut, WebhooksOut
from api.schemas.wire import PageOut
from backprop_evo.records.described import check_texts
from backprop_evo.service import utc_now
from backprop_evo.service.webhook_addresses import judged_addresses, parse_webhook
from backprop_evo.store.acting import current_owner

router = APIRouter(prefix="/webhooks", tags=["webhooks"])
WebhookId = Annotated[str, Path(max_length=64, description="id of a webhook")]


@router.post("", status_code=status.HTTP_201_CREATED)
def create_webhook(
    asked: WebhookIn, store: StoreDep, settings: SettingsDep, response: Response
) -> NewWebhookOut:
    """Make a webhook. ``secret`` is shown here and never again. Each message carries
    ``Backprop-Evo-Signature: t=…,v1=…``: HMAC-SHA256, by the secret, of ``t``, a full stop and the body."""
    check_texts(asked.search_id or "", "search_id")
    judged_addresses(parse_webhook(asked.url), allow_private=settings.webhook_private_addresses)
    response.headers["Cache-Control"] = "no-store"
    record, secret = store.webhooks.add(
        asked.url, search_id=asked.search_id, owner=current_owner(), now=utc_now()
    )
    response.headers["Location"] = f"/api/v1/webhooks/{record.id}/deliveries"
    return NewWebhookOut(secret=secret, **WebhookOut.of(record).model_dump())


@router.get("")
def list_webhooks(store: StoreDep) -> WebhooksOut:
    """All webhooks without their secrets, oldest first."""
    return WebhooksOut(items=[WebhookOut.of(each) for each in store.webhooks.all()])


@router.delete("/{webhook_id}")
def delete_webhook(webhook_id: WebhookId, store: StoreDep) -> WebhookOut:
    """It is told nothing from now on; what waits for it is dropped."""
    return WebhookOut.of(store.webhooks.remove(webhook_id))


@router.get("/{webhook_id}/deliveries")
def list_deliveries(webhook_id: WebhookId, store: StoreDep, part: SliceDep) -> PageOut[DeliveryOut]:
    """What it was told, newest first; what was delivered or given up goes after 30 days."""
    page = store.webhooks.deliveries(webhook_id, cursor=part.cursor, limit=part.limit)
    return PageOut(items=[DeliveryOut.of(each) for each in page.items], next_cursor=page.next_cursor)
