"""The import contracts of ``pyproject.toml`` leave no room out; ``make check`` holds them."""

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ROOMS = ("dsl", "backprop_evo", "workers", "api")


def contracts() -> list[dict[str, Any]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def packages_with_an_inside() -> set[str]:
    """Packages of two modules or more: in those an order can be broken."""
    inits = [path for room in ROOMS for path in (ROOT / room).rglob("__init__.py")]
    return {
        ".".join(init.parent.relative_to(ROOT).parts)
        for init in inits
        if sum(p.suffix == ".py" or (p / "__init__.py").exists() for p in init.parent.iterdir()) > 2
    }


def test_the_inside_of_every_package_is_under_a_contract() -> None:
    ordered = {name for c in contracts() if c["type"] == "layers" for name in c.get("containers", [])}
    flat = {
        name.removesuffix(".*") for c in contracts() if c["type"] == "independence" for name in c["modules"]
    }
    assert packages_with_an_inside() == ordered | flat


def test_contracts_of_layers_are_exhaustive() -> None:
    lax = [
        c["name"]
        for c in contracts()
        if c["type"] == "layers" and "containers" in c and not c.get("exhaustive")
    ]
    assert lax == []


def test_circles_are_looked_for_in_every_package() -> None:
    (acyclic,) = [c for c in contracts() if c["type"] == "acyclic_siblings"]
    assert set(acyclic["ancestors"]) == set(ROOMS)
