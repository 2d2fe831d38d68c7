"""Equations that are known by name: plain backprop, its published alternatives, a step of orthogonalisation,
and 39 of the 40 rows of Table 1.

Source: Alber et al. 2018, Table 1 (test accuracy, mean and standard deviation of 5 runs). The other row, the
SGD-with-momentum equation on WRN-16-2 for 100 epochs that contains an unexplained symbol p1_b, cannot be
written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dsl.equation import Equation
from dsl.parsing import parse


@dataclass(frozen=True, slots=True)
class Published:
    """One entry of Table 1. ``test_accuracy`` and ``deviation`` are in [0, 1]; ``bold`` as printed.

    ``setting`` is A1, A2, A3 or B1; ``optimizer`` is "sgd" or "momentum".
    """

    setting: str
    network: str
    epochs: int
    optimizer: str
    test_accuracy: float
    deviation: float
    bold: bool


@dataclass(frozen=True, slots=True)
class KnownEquation:
    """``published`` holds the entries of Table 1 that the equation has; some stand in several settings."""

    key: str
    title: str
    text: str
    equation: Equation
    source: str
    published: tuple[Published, ...] = ()


_EQUATIONS = (
    ("backprop", "Plain backpropagation", "g", "Rumelhart et al. 1986; Table 1 baseline"),
    ("feedback-alignment", "Feedback alignment", "b_next_R_dh", "Lillicrap et al. 2016"),
    ("direct-feedback-alignment", "Direct feedback alignment", "b_top_R_L_dh", "Nøkland 2016"),
    ("sign-symmetry", "Sign symmetry (uSF)", "b_next @ sgn_W * dh", "Liao et al. 2016"),
    (
        "bernoulli-feedback",
        "Feedback alignment by random signs",
        "b_next @ S * dh",
        "operand S of appendix A",
    ),
    (
        "newton-schulz",
        "One Newton–Schulz step towards orthogonal signals",
        "-0.5 * (g / fro(g) @ g.T @ (g / fro(g))) + 1.5 * g",
        "Higham 2008, chapter 8: iteration for the polar factor, of g / ‖g‖ and scaled back by ‖g‖",
    ),
    ("g-fro", "Normalised by the Frobenius norm", "g / fro(g)", "Table 1"),
    ("g-elem-2", "Normalised by the elementwise 2-norm", "g / elem(g, 2)", "Table 1"),
    ("a1-sgd-1", "Table 1, A1, SGD, first", "min(g / fro(g), clip(h, 1.0))", "Table 1"),
    ("a1-sgd-2", "Table 1, A1, SGD, second", "g / row(g, 2) + mean(dh) / elem(., 0)", "Table 1"),
    (
        "a1-momentum-1",
        "Table 1, A1, momentum, first",
        "g / elem(g, 2) / (2.0 + mean(b_top_R_L_dh))",
        "Table 1",
    ),
    ("a1-momentum-2", "Table 1, A1, momentum, second", "g / fro(g) + 0.5 * g", "Table 1"),
    ("a2-sgd-1", "Table 1, A2, SGD, first", "g / elem(g, inf) * (std(dh) / mat(., 1))", "Table 1"),
    (
        "a2-sgd-2",
        "Table 1, A2, SGD, second",
        "clip(0.01 + h_pre - relu(h_pre), 0.01) * (g / elem(g, inf))",
        "Table 1",
    ),
    ("a2-momentum-1", "Table 1, A2, momentum, first", "max(b_next_W - 10.0, g / elem(g, 2))", "Table 1"),
    ("a2-momentum-2", "Table 1, A2, momentum, second", "b_next_W - 0.01 + g / elem(g, 2)", "Table 1"),
    ("a3-sgd-1", "Table 1, A3, SGD, first", "g / elem(g, 2) * sgn(bn(dh))", "Table 1"),
    ("a3-sgd-2", "Table 1, A3, SGD, second", "g / elem(g, 2) - mean(b_next_W) / mat(., inf)", "Table 1"),
    (
        "a3-momentum-1",
        "Table 1, A3, momentum, first",
        "drop(g, 0.01) - bn(b_top_R_L) / elem(., 0)",
        "Table 1",
    ),
    ("b1-sgd-1", "Table 1, B1, SGD, first", "g / mat(g, 1) + b_next_W / elem(., 2)", "Table 1"),
    ("b1-sgd-2", "Table 1, B1, SGD, second", "g / mat(g, 1) * clip(dh, 0.1)", "Table 1"),
    ("b1-sgd-4", "Table 1, B1, SGD, fourth", "0.5 * g / (std(dh) + 0.1)", "Table 1"),
    ("b1-momentum-1", "Table 1, B1, momentum, first", "2.0 * g + bn(b_next_W) / elem(., 1)", "Table 1"),
    ("b1-momentum-2", "Table 1, B1, momentum, second", "(dh - 0.5) * (2.0 * g)", "Table 1"),
    ("b1-momentum-3", "Table 1, B1, momentum, third", "std(b_next_W) / elem(., inf) * (2.0 * g)", "Table 1"),
    ("b1-momentum-4", "Table 1, B1, momentum, fourth", "relu(dh) * clip(b_next_W, 1.0)", "Table 1"),
)

_SETTINGS = {
    "A1": ("WRN-16-2", 20),
    "A2": ("WRN-28-10", 20),
    "A3": ("WRN-16-2", 100),
    "B1": ("WRN-10-1", 100),
}

#: Setting, optimizer, equation, test accuracy and deviation in %, printed bold.
_TABLE_1 = (
    ("A1", "sgd", "backprop", 77.11, 3.53, False),
    ("A1", "sgd", "a1-sgd-1", 84.48, 0.45, True),
    ("A1", "sgd", "a1-sgd-2", 84.41, 1.37, True),
    ("A1", "sgd", "g-fro", 84.15, 0.66, True),
    ("A1", "sgd", "g-elem-2", 83.16, 0.90, True),
    ("A1", "momentum", "backprop", 83.00, 0.63, False),
    ("A1", "momentum", "a1-momentum-1", 85.43, 1.59, True),
    ("A1", "momentum", "a1-momentum-2", 85.36, 1.41, True),
    ("A1", "momentum", "g-fro", 84.23, 0.88, True),
    ("A1", "momentum", "g-elem-2", 83.83, 1.27, True),
    ("A2", "sgd", "backprop", 73.10, 1.41, False),
    ("A2", "sgd", "a2-sgd-1", 88.22, 0.55, True),
    ("A2", "sgd", "a2-sgd-2", 87.28, 0.29, True),
    ("A2", "sgd", "g-fro", 87.17, 0.87, True),
    ("A2", "sgd", "g-elem-2", 85.30, 1.04, True),
    ("A2", "momentum", "backprop", 79.53, 2.89, False),
    ("A2", "momentum", "a2-momentum-1", 89.43, 0.99, True),
    ("A2", "momentum", "a2-momentum-2", 89.26, 0.67, True),
    ("A2", "momentum", "g-fro", 89.63, 0.32, True),
    ("A2", "momentum", "g-elem-2", 89.05, 0.88, True),
    ("A3", "sgd", "backprop", 92.38, 0.10, False),
    ("A3", "sgd", "a3-sgd-1", 92.97, 0.18, True),
    ("A3", "sgd", "a3-sgd-2", 92.90, 0.13, True),
    ("A3", "sgd", "g-fro", 92.85, 0.14, True),
    ("A3", "sgd", "g-elem-2", 92.78, 0.13, True),
    ("A3", "momentum", "backprop", 93.75, 0.15, False),
    ("A3", "momentum", "a3-momentum-1", 93.72, 0.20, False),
    ("A3", "momentum", "g-fro", 93.41, 0.18, False),
    ("A3", "momentum", "g-elem-2", 93.35, 0.15, False),
    ("B1", "sgd", "backprop", 87.13, 0.25, False),
    ("B1", "sgd", "b1-sgd-1", 87.94, 0.22, True),
    ("B1", "sgd", "b1-sgd-2", 87.88, 0.39, True),
    ("B1", "sgd", "a3-sgd-1", 87.82, 0.19, True),
    ("B1", "sgd", "b1-sgd-4", 87.72, 0.25, True),
    ("B1", "momentum", "backprop", 88.94, 0.11, False),
    ("B1", "momentum", "b1-momentum-1", 89.04, 0.25, False),
    ("B1", "momentum", "b1-momentum-2", 88.95, 0.16, False),
    ("B1", "momentum", "b1-momentum-3", 88.94, 0.20, False),
    ("B1", "momentum", "b1-momentum-4", 88.93, 0.14, False),
)


def _published(key: str) -> tuple[Published, ...]:
    return tuple(
        Published(
            setting, *_SETTINGS[setting], optimizer, round(mean / 100, 6), round(deviation / 100, 6), bold
        )
        for setting, optimizer, of, mean, deviation, bold in _TABLE_1
        if of == key
    )


#: By key; the rows of Table 1 come last.
KNOWN: Mapping[str, KnownEquation] = MappingProxyType(
    {
        key: KnownEquation(key, title, text, parse(text), source, _published(key))
        for key, title, text, source in _EQUATIONS
    }
)
