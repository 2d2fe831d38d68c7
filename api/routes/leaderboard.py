"""The leaderboard over all searches."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import SliceDep, StoreDep
from api.schemas.leaderboard import LeaderboardRowOut
from api.schemas.wire import PageOut

router = APIRouter(prefix="/leaderboard", tags=["leaderboard"])


@router.get("")
def read_leaderboard(store: StoreDep, part: SliceDep) -> PageOut[LeaderboardRowOut]:
    """Confirmed equations first, then the others, over all searches."""
    page = store.leaderboard.page(cursor=part.cursor, limit=part.limit)
    return PageOut(items=[LeaderboardRowOut.of(each) for each in page.items], next_cursor=page.next_cursor)
