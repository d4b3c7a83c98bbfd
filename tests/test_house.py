"""Which part of the code may import which."""

import ast
from pathlib import Path

import pytest

from tests.conftest import ROOT

#: Folders of `scenepose`, the lowest first: each imports only those before it.
ORDER = ("pose", "picture", "data", "model", "methods", "export", "predict", "study", "app")
#: Modules beside the folders that all may import.
GROUND = ("errors", "files", "assets")
#: Of `train`: what is measured may be trained, what ships was measured.
TRAIN = ("world", "fit", "judge", "ship")


def imported(path: Path) -> list[str]:
    """The modules of ours that a file imports when it runs: not what only type checkers read."""
    names = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Import):
            names.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.extend([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text()))
    return names


def folder_of(module: str, package: str) -> str:
    first, _, rest = module.partition(".")
    return rest.partition(".")[0] if first == package else ""


@pytest.mark.parametrize("folder", ORDER)
def test_no_folder_imports_one_above_it(folder: str) -> None:
    above = ORDER[ORDER.index(folder) + 1 :]
    for path in (ROOT / "scenepose" / folder).rglob("*.py"):
        wrong = [name for name in imported(path) if folder_of(name, "scenepose") in above]
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong[0]}"


def test_every_folder_has_its_place_in_the_order() -> None:
    folders = {path.parent.name for path in (ROOT / "scenepose").glob("*/__init__.py")}
    assert folders == set(ORDER)
    assert {path.parent.name for path in (ROOT / "train").glob("*/__init__.py")} == set(TRAIN)


@pytest.mark.parametrize("name", GROUND)
def test_the_ground_imports_nothing_of_ours(name: str) -> None:
    ours = [one for one in imported(ROOT / f"scenepose/{name}.py") if one.startswith(("scenepose", "train"))]
    assert all(folder_of(one, "scenepose") in GROUND for one in ours)


def test_what_users_import_needs_no_training_code_and_only_the_demo_needs_gradio() -> None:
    for path in (ROOT / "scenepose").rglob("*.py"):
        names = imported(path)
        inside = path.relative_to(ROOT / "scenepose").parts[0]
        if path.name != "cli.py":  # `scenepose bench --training` asks for a clone
            assert not [name for name in names if name.partition(".")[0] == "train"], path
        if inside != "app":
            assert not [name for name in names if name.partition(".")[0] == "gradio"], path


@pytest.mark.parametrize("folder", ["world", "fit"])
def test_training_does_not_import_what_judges_or_ships_it(folder: str) -> None:
    above = ("ship",) if folder == "fit" else ("fit", "judge", "ship")
    for path in (ROOT / "train" / folder).rglob("*.py"):
        wrong = [name for name in imported(path) if folder_of(name, "train") in above]
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong[0]}"
