"""The rooms stay in order: imports go left, torch stays where tensors are made, and files stay readable."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from gxtool.models.registry import families

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "gxtool"
ORDER = ("io", "data", "measure", "models", "training", "perturb", "report", "api", "cli")
LEAVES = ("errors", "version", "config", "config_faults", "names", "files", "yaml_text", "interrupts")
HEAVY = {"torch", "transformers", "accelerate", "safetensors", "sklearn", "tensorboard"}
MAY_BE_HEAVY = re.compile(r"gxtool/(training|perturb)/|gxtool/models/[^/]+/model\.py")


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> list[tuple[str, bool]]:
    """Return (module, at the top of the file) of every import, also those inside functions."""
    tree = ast.parse(path.read_text())
    top = set(map(id, tree.body))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) in top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            submodules = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "gxtool" else []
            found += [(name, id(node) in top) for name in submodules or [node.module]]
    return found


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_to_the_left(path: Path) -> None:
    here = room(".".join(path.relative_to(ROOT).with_suffix("").parts))
    for module, _ in imports(path):
        if not module.startswith("gxtool.") or room(module) in (*LEAVES, here):
            continue
        there = room(module)
        if here == "simulate":
            assert there == "io", f"{path}: simulate imports {module}, only io is allowed"
        elif here in LEAVES:
            assert there in ("errors", "files", "yaml_text", "config_faults"), f"{path}: a leaf imports {module}"
        elif here in ORDER:
            assert ORDER.index(there) < ORDER.index(here), f"{path}: imports {module}, a room to its right"


def test_families_do_not_import_each_other() -> None:
    for path in sources():
        parts = path.relative_to(PACKAGE).parts
        if parts[0] == "models" and len(parts) > 2:
            for module, _ in imports(path):
                names = module.split(".")
                if names[:2] == ["gxtool", "models"] and len(names) > 2 and (PACKAGE / "models" / names[2]).is_dir():
                    assert names[2] == parts[1], f"{path} imports {module}"


def networks() -> set[str]:
    """Return the files of families that compute with tensors: model.py, `direct` ways, and what these are made of."""
    waiting = list(PACKAGE.glob("models/*/model.py"))
    for family in families().values():
        modules = [dotted.partition(":")[0] for dotted in family.direct.values()]
        waiting += [ROOT / f"{family.package}.{module}".replace(".", "/") for module in modules]
    found: set[str] = set()
    while waiting:
        path = waiting.pop().with_suffix(".py")
        package = f"gxtool.models.{path.parent.name}."
        if str(path.relative_to(ROOT)) not in found:
            found.add(str(path.relative_to(ROOT)))
            if any(module.split(".")[0] == "torch" for module, _ in imports(path)):
                waiting += [ROOT / name.replace(".", "/") for name, _ in imports(path) if name.startswith(package)]
    return found


def test_torch_is_imported_only_where_tensors_are_made() -> None:
    of_models = networks()
    for path in sources():
        name = str(path.relative_to(ROOT))
        for module, at_top in imports(path):
            if module.split(".")[0] in HEAVY and not MAY_BE_HEAVY.search(name) and name not in of_models:
                inside_measure = name.startswith("gxtool/measure/") and module.startswith("sklearn") and not at_top
                assert inside_measure, f"{name} imports {module}"


def test_no_family_is_named_outside_its_folder() -> None:
    families = [folder.name for folder in (PACKAGE / "models").iterdir() if (folder / "__init__.py").is_file()]
    assert families
    for path in sources():
        relative = path.relative_to(PACKAGE)
        if relative.parts[0] == "simulate" or (relative.parts[0] == "models" and len(relative.parts) > 2):
            continue
        named = families_named(path.read_text(), families)
        assert not named, f"{relative}, line {min(named.values())}: chooses by the family {min(named)}"


def families_named(source: str, families: Sequence[str]) -> dict[str, int]:
    """Return family -> line where code chooses by it or asks for it: a word of prose is no choice.

    Names of families are ordinary words too (`composition`, `cells`), so text alone says nothing. What counts is a
    comparison with the name, a `case` of it, a mapping or a subscript by it, a lookup with it, and an import.
    """
    found: dict[str, int] = {}

    def note(node: ast.AST | None) -> None:
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            for item in node.elts:
                note(item)
        elif isinstance(node, ast.Constant) and node.value in families:
            found.setdefault(node.value, node.lineno)

    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and any(map(speaks_of_a_family, (node.left, *node.comparators))):
            for part in (node.left, *node.comparators):
                note(part)
        elif isinstance(node, ast.Match) and speaks_of_a_family(node.subject):
            for pattern in (case.pattern for case in node.cases):
                note(getattr(pattern, "value", None))
        elif isinstance(node, ast.Subscript) and speaks_of_a_family(node.value, node.slice):
            note(node.slice)
        elif isinstance(node, ast.Call) and speaks_of_a_family(node.func):
            for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                note(argument)
        elif isinstance(node, ast.keyword) and node.arg in ("family", "model"):
            note(node.value)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(map(speaks_of_a_family, targets)):
                note(node.value)
                note_keys(node.value, note)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("gxtool.models"):
            for name in {*node.module.split("."), *(alias.name for alias in node.names)} & set(families):
                found.setdefault(name, node.lineno)
    return found


def note_keys(value: ast.AST | None, note: Callable[[ast.AST | None], None]) -> None:
    for key in value.keys if isinstance(value, ast.Dict) else ():
        note(key)


def speaks_of_a_family(*nodes: ast.AST) -> bool:
    """Say whether a name among these is about families or models, such as `item.family` or `get_family`."""
    words = {
        word
        for node in nodes
        for part in ast.walk(node)
        for word in (getattr(part, "id", ""), getattr(part, "attr", ""), getattr(part, "arg", ""))
    }
    return any(re.search(r"famil|(^|_)model$", str(word).lower()) for word in words)


@pytest.mark.parametrize(
    "code",
    [
        'if family == "cells": pass',
        'if item.family.name in ("genes", "cells"): pass',
        'get_family("cells")',
        'families()["cells"]',
        'SIZES_BY_FAMILY = {"cells": 3}',
        'match family.name:\n    case "cells": pass',
        'Settings(model="cells")',
        'DEFAULT_FAMILY = "cells"',
        "from gxtool.models.cells import FAMILY",
        "from gxtool.models import cells",
    ],
)
def test_a_choice_by_family_is_seen(code: str) -> None:
    assert families_named(code, ["cells"]) == {"cells": 1 + code.startswith("match")}


@pytest.mark.parametrize(
    "code", ['title = "cells"', 'table["cells"]', '{"cells": 3}', 'if kind == "cells": pass', 'print("cells")']
)
def test_an_ordinary_word_names_no_family(code: str) -> None:
    assert families_named(code, ["cells"]) == {}


WITHOUT_TORCH = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"{{name}} is blocked", name=name)
sys.meta_path.insert(0, Blocker())
from gxtool.cli import main
sys.argv = ["gxtool", *{arguments!r}]
main()
"""


def run_without_torch(arguments: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    code = WITHOUT_TORCH.format(blocked=HEAVY, arguments=arguments)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd, check=False)


def test_data_stages_run_in_an_environment_without_torch(tmp_path: Path) -> None:
    for arguments in (
        ["--help"],
        ["families", "--json"],
        ["simulate", "--model", "histone", "--output", "raw"],
        ["check", "raw/samplesheet.csv", "--model", "histone"],
        ["config", "--model", "histone", "--input", "raw/samplesheet.csv", "--output", "plan.json"],
        ["preprocess", "--model", "histone", "--input", "raw/samplesheet.csv", "--output", "examples"],
        ["tokenize", "--model", "histone", "--input", "examples", "--output", "dataset"],
        ["inspect", "dataset", "--verify"],
    ):
        done = run_without_torch(arguments, tmp_path)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"


def test_files_functions_and_arguments_stay_within_the_budget() -> None:
    for path in sources():
        text = path.read_text()
        assert text.count("\n") <= 400, f"{path} is longer than 400 lines"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                body = (node.end_lineno or 0) - node.body[0].lineno + 1
                assert body <= 50, f"{path}: {node.name} has {body} lines"
                count = len(node.args.args) + len(node.args.kwonlyargs) + len(node.args.posonlyargs)
                assert count <= 8 or "cli" in path.parts, f"{path}: {node.name} has {count} arguments"


def test_every_public_function_has_a_docstring() -> None:
    for path in sources():
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), f"{path} has no module docstring"
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path}: {node.name} has no docstring"


def test_no_unsafe_loading() -> None:
    calls = (r"pickle\.loads?\(", r"yaml\.load\(", r"(?<![.\w])eval\(", r"(?<![.\w])exec\(")
    unsafe = re.compile("|".join([*calls, "shell=True", "allow_pickle=True", "trust_remote_code"]))
    for path in sources():
        found = unsafe.search(path.read_text())
        assert not found, f"{path}: {found.group()}"
