"""What people change by the buttons of a page: marks, the archive, deletion; a trial that is tried again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import RedirectResponse, Response

from api.deps import EvaluationId, Fingerprint, SearchId, ServiceDep, TrialId
from api.pages.forms import Form, read_form, whole
from backprop_evo.records.steering import Changes, EquationChanges

router = APIRouter()
FormDep = Annotated[Form, Depends(read_form)]


def _changes(form: Form) -> Changes:
    """A form sends all of its fields; a box that is not ticked, nothing. Raises ``InvalidSettings``."""
    return Changes(
        priority=whole(form.get("priority", ""), "priority"),
        tags=tuple(form.get("tags", "").split()),
        note=form.get("note", "").strip(),
        archived=form["archived"] == "true" if "archived" in form else None,
    )


@router.post("/searches/{search_id}/change")
def change_search(search_id: SearchId, service: ServiceDep, form: FormDep) -> Response:
    """The form of its marks."""
    service.change_search(search_id, _changes(form))
    return RedirectResponse(f"/searches/{search_id}#marks", status_code=303)


@router.post("/evaluations/{evaluation_id}/change")
def change_evaluation(evaluation_id: EvaluationId, service: ServiceDep, form: FormDep) -> Response:
    """The form of its marks."""
    service.change_evaluation(evaluation_id, _changes(form))
    return RedirectResponse(f"/evaluations/{evaluation_id}#marks", status_code=303)


@router.post("/equations/{fingerprint}/change")
def change_equation(fingerprint: Fingerprint, service: ServiceDep, form: FormDep) -> Response:
    """The star, or the note: each has a form of its own. Raises ``InvalidSettings``, ``NotFound``."""
    starred = form["starred"] == "true" if "starred" in form else None
    note = form["note"].strip() if "note" in form else None
    service.mark_equation(fingerprint, EquationChanges(starred=starred, note=note))
    return RedirectResponse(f"/equations/{fingerprint}#marks", status_code=303)


@router.post("/searches/{search_id}/delete")
def delete_search(search_id: SearchId, service: ServiceDep, _form: FormDep) -> Response:
    """For good; back to the list."""
    service.delete_search(search_id)
    return RedirectResponse("/", status_code=303)


@router.post("/evaluations/{evaluation_id}/delete")
def delete_evaluation(evaluation_id: EvaluationId, service: ServiceDep, _form: FormDep) -> Response:
    """For good; back to the list."""
    service.delete_evaluation(evaluation_id)
    return RedirectResponse("/evaluations", status_code=303)


@router.post("/trials/{trial_id}/retry")
def retry_trial(trial_id: TrialId, service: ServiceDep, _form: FormDep) -> Response:
    """Try it again; on its page one sees it wait."""
    return RedirectResponse(f"/trials/{service.retry_trial(trial_id).id}", status_code=303)
