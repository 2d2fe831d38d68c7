"""What users of the library import: these names, no others, each documented. A change here is a change of the
public interface and belongs into the changelog."""

import re
import types
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PUBLIC = {
    "backprop_evo": ["apply_equation", "apply_indirect_feedback", "apply_method", "train_child"],
    "backprop_evo.client": ["AsyncClient", "Client", "DEFAULT_URL", "Leaderboard", "Retrying"],
    "backprop_evo.training": [
        "Conversion",
        "LeftAlone",
        "apply_equation",
        "apply_indirect_feedback",
        "apply_method",
        "presets",
        "train_child",
    ],
    "backprop_evo.data": [
        "Dataset",
        "DatasetInfo",
        "Description",
        "Progress",
        "Report",
        "Split",
        "ValidationParts",
        "dataset_info",
        "default_data_dir",
        "describe",
        "fetch",
        "load",
        "names",
        "path_of",
        "split_train_validation",
        "validation_indices",
        "validation_parts",
        "verify",
    ],
    "dsl": [
        "BINARIES",
        "EVERYTHING",
        "Equation",
        "EquationError",
        "EquationFacts",
        "EquationSyntaxError",
        "InfeasibleEquation",
        "KNOWN",
        "KnownEquation",
        "MAX_OPERATIONS",
        "OPERANDS",
        "Operand",
        "Operation",
        "Products",
        "Published",
        "REWRITES",
        "Redraw",
        "STATISTICS",
        "UNARIES",
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
    ],
}
SOURCES = "\n".join(
    path.read_text() for room in ("dsl", "backprop_evo") for path in (ROOT / room).rglob("*.py")
)
DOCUMENTED_VALUES = set(re.findall(r"^#:.*\n(\w+)\b", SOURCES, re.MULTILINE))
NAMES = [(package, name) for package, names in PUBLIC.items() for name in names]


@pytest.mark.parametrize("package", PUBLIC)
def test_a_package_exports_these_names_and_no_others(package: str) -> None:
    exported = import_module(package).__all__
    assert sorted(exported) == sorted(PUBLIC[package])
    assert len(set(exported)) == len(exported)


@pytest.mark.parametrize("package", PUBLIC)
def test_the_package_lists_its_names_to_people_who_ask(package: str) -> None:
    assert set(PUBLIC[package]) <= set(dir(import_module(package)))


@pytest.mark.parametrize(("package", "name"), NAMES, ids=lambda text: text)
def test_every_name_is_there_and_documented(package: str, name: str) -> None:
    value = getattr(import_module(package), name)
    assert value is not None
    if isinstance(value, types.FunctionType | types.ModuleType | type):
        assert (value.__doc__ or "").strip()
        # A dataclass without a docstring gets its signature for one.
        assert not (value.__doc__ or "").startswith(f"{name}(")
    else:
        assert name in DOCUMENTED_VALUES, "a constant or an alias of a type has a line that begins with #:"


@pytest.mark.parametrize("package", PUBLIC)
def test_the_package_itself_is_documented(package: str) -> None:
    assert (import_module(package).__doc__ or "").strip()


@pytest.mark.parametrize("package", PUBLIC)
def test_a_wrong_name_is_refused_as_python_refuses_it(package: str) -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = import_module(package).no_such_name
