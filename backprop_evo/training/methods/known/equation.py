"""An equation in place of the gradient at every site: what a search looks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import dsl
from backprop_evo.equations import read_equation
from backprop_evo.records.methods import EQUATION
from backprop_evo.training.methods.declaration import Declared, setting
from dsl.equation import Equation

if TYPE_CHECKING:
    from backprop_evo.training.methods.learner import FreshChild, Learner


@dataclass(frozen=True, slots=True)
class EquationSettings:
    """The equation as text."""

    text: str = setting("the equation, as in g / fro(g)")


def read(settings: EquationSettings) -> Equation:
    """Raises InvalidEquation for text that does not parse or whose shapes cannot match."""
    return read_equation(settings.text)


def check(settings: EquationSettings) -> None:
    """Raises InvalidEquation, as ``read`` does."""
    read(settings)


def text(settings: EquationSettings) -> str:
    """As ``dsl`` spells it, so that one equation has one text."""
    return dsl.to_text(read(settings))


def latex(settings: EquationSettings) -> str:
    """For papers, and whatever else sets LaTeX."""
    return dsl.to_latex(read(settings))


def mathml(settings: EquationSettings) -> str:
    """For pages: browsers draw it by themselves."""
    return dsl.to_mathml(read(settings))


def canonical(settings: EquationSettings) -> str:
    """The simplest equation that algebra makes equal."""
    return dsl.to_text(dsl.canonical(read(settings)))


def fingerprint(settings: EquationSettings) -> str:
    """The behaviour: equations that compute the same share it."""
    return dsl.fingerprint(read(settings))


def prepare(settings: EquationSettings, child: FreshChild) -> Learner:
    """The model converted to sites that follow the equation."""
    from backprop_evo.training.methods.conversion import apply_equation
    from backprop_evo.training.methods.learner import SiteLearner

    conversion = apply_equation(child.model, read(settings), seed=child.seed, feedback=child.spec.feedback)
    return SiteLearner(child, conversion)


METHOD = Declared(
    name=EQUATION,
    title="Equation",
    description="One equation of the language makes every layer's signal from what is at its site.",
    source="Alber et al. 2018 (arXiv:1808.02822)",
    settings=EquationSettings,
    check=check,
    text=text,
    latex=latex,
    mathml=mathml,
    canonical=canonical,
    fingerprint=fingerprint,
    can_be_parent=True,
    prepare=prepare,
)
