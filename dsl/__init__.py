"""The language of backpropagation equations: values, notation, feasibility, meaning, variation.

Needs the standard library and numpy only.
"""

from dsl.canonical import REWRITES, canonical
from dsl.equation import MAX_OPERATIONS, Equation, Operand, Operation, Unary
from dsl.errors import EquationError, EquationSyntaxError, InfeasibleEquation, UnknownComponent
from dsl.facts import EquationFacts, carries_error, facts, operand_carries_error
from dsl.fingerprint import fingerprint, fingerprint_of_canonical
from dsl.known import KNOWN, KnownEquation, Published
from dsl.parsing import parse
from dsl.primitives import BINARIES, OPERANDS, STATISTICS, UNARIES
from dsl.printing import from_json, to_json, to_latex, to_mathml, to_text
from dsl.reference import evaluate, live_operands
from dsl.shapes import Products, infeasibility, is_feasible
from dsl.variation import Redraw, change_length, crossover, describe_change, mutate, mutate_constant, sample
from dsl.vocabulary import EVERYTHING, Vocabulary, vocabulary

__all__ = [
    "BINARIES",
    "EVERYTHING",
    "KNOWN",
    "MAX_OPERATIONS",
    "OPERANDS",
    "REWRITES",
    "STATISTICS",
    "UNARIES",
    "Equation",
    "EquationError",
    "EquationFacts",
    "EquationSyntaxError",
    "InfeasibleEquation",
    "KnownEquation",
    "Operand",
    "Operation",
    "Products",
    "Published",
    "Redraw",
    "Unary",
    "UnknownComponent",
    "Vocabulary",
    "canonical",
    "carries_error",
    "change_length",
    "crossover",
    "describe_change",
    "evaluate",
    "facts",
    "fingerprint",
    "fingerprint_of_canonical",
    "from_json",
    "infeasibility",
    "is_feasible",
    "live_operands",
    "mutate",
    "mutate_constant",
    "operand_carries_error",
    "parse",
    "sample",
    "to_json",
    "to_latex",
    "to_mathml",
    "to_text",
    "vocabulary",
]
