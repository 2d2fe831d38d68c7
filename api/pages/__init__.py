"""Pages for people, rendered on the server; they work without a script, which only keeps them up to date."""

from fastapi import APIRouter

from api.pages import equations, evaluations, listings, login, reference, searches, submission

router = APIRouter()
for part in (submission, searches, evaluations, equations, listings, reference, login):
    router.include_router(part.router)

__all__ = ["router"]
