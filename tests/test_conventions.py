"""The house rules that a machine can keep."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "learnloop"
BASE = {"errors", "schemas", "i18n"}
ROOMS = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
COMPOSED_BY_SERVE = {"assess", "generate", "store", "recommend", "trace", "monitor", "prepare"}
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "settings": {"errors"},
    "schemas": {"errors"},
    "i18n": {"errors", "schemas"},
    **dict.fromkeys(ROOMS, BASE),
    "workflow": (BASE | {"settings"} | ROOMS) - {"serve", "dashboard"},
    "serve": BASE | {"settings"} | COMPOSED_BY_SERVE,
    "dashboard": BASE,
    "cli": {"errors", "settings", "workflow", "serve", "dashboard", "i18n"},
}
SOURCES = sorted(PACKAGE.rglob("*.py"))


def imported_rooms(path: Path) -> set[str]:
    """Top-level parts of learnloop that the file imports, wherever in the file it does so."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        found |= {
            parts[1] for name in names if (parts := name.split("."))[0] == "learnloop" and len(parts) > 1
        }
    return found - {"__version__"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_arrows(path: Path) -> None:
    part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if part == "__init__":
        return
    forbidden = imported_rooms(path) - ALLOWED[part] - {part}
    assert not forbidden, f"{part} may not import {sorted(forbidden)}"


def test_the_arrow_test_sees_imports_inside_functions(tmp_path: Path) -> None:
    file = tmp_path / "sly.py"
    file.write_text("def f():\n    from learnloop.store import tables\n    import learnloop.serve.app\n")
    assert imported_rooms(file) == {"store", "serve"}


def test_only_settings_reads_the_environment() -> None:
    readers = {
        str(path.relative_to(PACKAGE))
        for path in SOURCES
        if re.search(r"os\.environ(\.get\(|\[[^]]+\](?! *=[^=]))|getenv\(", path.read_text())
    }
    assert readers <= {"settings.py"}, f"the environment is read in {readers - {'settings.py'}}"


def test_every_setting_is_documented() -> None:
    from dataclasses import fields

    from learnloop.settings import Settings

    text = (ROOT / "docs" / "settings.md").read_text()
    documented = set(re.findall(r"`LEARNLOOP_([A-Z_]+)`", text))
    assert documented == {field.name.upper() for field in fields(Settings)}


def test_every_message_is_translated() -> None:
    from babel.messages.extract import extract_from_dir
    from babel.messages.pofile import read_po

    wanted = {
        message
        for _, _, message, _, _ in extract_from_dir(
            PACKAGE, [("**.py", "python")], keywords={"_": None, "N_": None}
        )
        if isinstance(message, str)
    }
    assert len(wanted) > 20, "nothing was extracted"
    with (PACKAGE / "locale" / "es" / "LC_MESSAGES" / "learnloop.po").open("rb") as file:
        catalogue = {str(entry.id): str(entry.string) for entry in read_po(file, locale="es") if entry.id}
    assert wanted - {key for key, text in catalogue.items() if text} == set(), "not translated"
    assert set(catalogue) - wanted == set(), "translated, but no longer said"
    for key, text in catalogue.items():
        assert set(re.findall(r"{\w+}", key)) == set(re.findall(r"{\w+}", text)), f"placeholders of {key!r}"


def test_every_command_has_help_with_an_example_and_is_in_the_docs() -> None:
    import typer.main

    from learnloop.cli import app

    documented = (ROOT / "docs" / "commands.md").read_text()

    def leaves(command: object, path: str) -> list[tuple[str, object]]:
        children = getattr(command, "commands", None)
        if not children:
            return [(path, command)]
        return [leaf for name, child in children.items() for leaf in leaves(child, f"{path} {name}")]

    for name, command in leaves(typer.main.get_command(app), "learnloop"):
        help_text = getattr(command, "help", "") or ""
        assert f"{name}" in help_text.partition("Example:")[2], f"{name} --help shows no example"
        assert f"`{name}" in documented, f"{name} is not in docs/commands.md"


def test_files_stay_readable() -> None:
    long = {
        str(path.relative_to(ROOT)): n for path in SOURCES if (n := len(path.read_text().splitlines())) > 450
    }
    assert not long, f"files that want a second room: {long}"


def test_nothing_is_pickled() -> None:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            module = node.module if isinstance(node, ast.ImportFrom) else ""
            assert not {"pickle", "joblib", "cloudpickle", "dill"} & {*names, module}, path


def test_every_cleaning_rule_is_in_the_data_chapter() -> None:
    from learnloop.prepare.rules import RULES

    chapter = (ROOT / "docs" / "1-data.md").read_text()
    rows = {line.split("|")[1].strip(): line for line in chapter.splitlines() if line.count("|") == 4}
    for rule in RULES:
        assert rule.name in rows, f"{rule.name} is not in docs/1-data.md"
        shown = rows[rule.name].replace("&shy;", "\u00ad")
        assert rule.before.strip() in shown, rule.name
        assert rule.after in shown, rule.name
