"""The ancestry of an individual on the wire."""

from __future__ import annotations

from api.schemas.leaderboard import AccuraciesOut
from api.schemas.searches import IndividualOut
from api.schemas.wire import Wire
from backprop_evo.service.ancestry import Ancestry, Descent


class AncestryLinkOut(Wire):
    """``child`` came from ``ancestor``, both numbers; ``change`` says what was changed in a parent."""

    child: int
    ancestor: int
    descent: Descent
    change: str | None


class AncestorOut(Wire):
    """One individual; ``fitness`` is null without one, and a twin's that of the first of its behaviour."""

    individual: IndividualOut
    fitness: AccuraciesOut | None


class AncestryOut(Wire):
    """Of the individual ``number``, the newest first, itself among them. Where it ``is_cut``, some links lead
    to individuals that are left out."""

    search_id: str
    number: int
    individuals: list[AncestorOut]
    links: list[AncestryLinkOut]
    is_cut: bool

    @classmethod
    def of(cls, ancestry: Ancestry) -> AncestryOut:
        """As it was read."""
        return cls(
            search_id=ancestry.search_id,
            number=ancestry.number,
            individuals=[
                AncestorOut(
                    individual=IndividualOut.of(each),
                    fitness=AccuraciesOut.model_validate(fitness) if fitness else None,
                )
                for each in ancestry.individuals
                for fitness in [ancestry.fitnesses.get(each.number)]
            ],
            links=[AncestryLinkOut.model_validate(link) for link in ancestry.links],
            is_cut=ancestry.is_cut,
        )
