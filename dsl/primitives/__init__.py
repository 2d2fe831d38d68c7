"""The tables of the language: one row per operand, statistic, unary and binary function.

Source: Alber et al. 2018, appendix A ("A" below) and Table 1. Where the paper is silent, the row's
``decision`` says what is done here and why. What a row means in numbers stands in ``dsl/reference.py``
(float64 numpy), to which every other implementation is compared.

Shape classes: IN sample × input of the linear operation, OUT sample × its output, TOP sample × K classes,
WEIGHT the operation's weight, RTOP K × size of IN; with those that transposes and products of them have
(``Shape``).
"""

from dsl.primitives.binaries import BINARIES
from dsl.primitives.operands import OPERANDS, STATISTICS
from dsl.primitives.rows import (
    EPSILON,
    INF,
    MAX_CONSTANT,
    RUNNING,
    BinaryRow,
    OperandRow,
    Product,
    Shape,
    StatisticRow,
    UnaryRow,
)
from dsl.primitives.unaries import UNARIES

__all__ = [
    "BINARIES",
    "EPSILON",
    "INF",
    "MAX_CONSTANT",
    "OPERANDS",
    "RUNNING",
    "STATISTICS",
    "UNARIES",
    "BinaryRow",
    "OperandRow",
    "Product",
    "Shape",
    "StatisticRow",
    "UnaryRow",
]
