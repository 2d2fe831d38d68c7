"""The leaderboard over all searches, each setting for itself, and the settings there are."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.deps import RowChoiceDep, SliceDep, StoreDep
from api.schemas.leaderboard import LeaderboardRowOut, SettingResultsOut
from api.schemas.wire import PageOut

router = APIRouter(prefix="/leaderboard", tags=["leaderboard"])

ID = "id of a setting"


@router.get("")
def read_leaderboard(
    store: StoreDep,
    part: SliceDep,
    choice: RowChoiceDep,
    setting: Annotated[str | None, Query(max_length=64, description=ID)] = None,
) -> PageOut[LeaderboardRowOut]:
    """Over all searches: confirmed equations first, then the others, within one setting. Without ``setting``
    one setting comes after the other; in each, ranks begin with 1. What is filtered
    out keeps its rank."""
    page = store.leaderboard.page(setting_id=setting, choice=choice, cursor=part.cursor, limit=part.limit)
    return PageOut(items=[LeaderboardRowOut.of(each) for each in page.items], next_cursor=page.next_cursor)


@router.get("/settings")
def list_settings(store: StoreDep, part: SliceDep) -> PageOut[SettingResultsOut]:
    """The settings in which searches have results, the one with most of them first."""
    page = store.leaderboard.settings(cursor=part.cursor, limit=part.limit)
    return PageOut(items=[SettingResultsOut.of(each) for each in page.items], next_cursor=page.next_cursor)


@router.get("/settings/{setting_id}")
def read_setting(
    setting_id: Annotated[str, Path(max_length=64, description=ID)], store: StoreDep
) -> SettingResultsOut:
    """One setting: what it is, its best, and plain backprop there."""
    return SettingResultsOut.of(store.leaderboard.setting(setting_id))
