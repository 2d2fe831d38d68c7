"""Equations that people put into a search, read before they are stored."""

from __future__ import annotations

from collections.abc import Sequence

from backprop_evo.errors import InvalidEquation
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.steering import Injection
from backprop_evo.search.search_language import SearchLanguage


def read_injections(spec: SearchSpec, texts: Sequence[str]) -> list[Injection]:
    """In their order, with what the search would say of each. Raises ``InvalidEquation``, which names the
    place of the first that cannot be read."""
    language, read = SearchLanguage(spec), []
    for place, text in enumerate(texts):
        try:
            candidate = language.read(text)
        except InvalidEquation as error:
            raise InvalidEquation(
                f"equations[{place}]: {error.message}", column=error.column, hint=error.hint
            ) from None
        hopeless = candidate.hopeless if spec.screening else None
        read.append(Injection(equation=text, fingerprint=candidate.fingerprint, hopeless=hopeless))
    return read
