"""Nothing of one machine gets into the product: no settings from its environment, no paths, no registries."""

import ast
import re
from collections.abc import Iterator, Mapping

FORBIDDEN = {"environ", "environb", "getenv", "getenvb", "BaseSettings"}
HOME_PATHS = re.compile(r"(?<![\w./<{$:-])/(?:wo" r"rk|tm" r"p|ho" r"me|ro" r"ot|Us" r"ers)/\w")
REGISTRIES = re.compile(r"https?://|--(?:extra-)?index-url|--find-links|pythonhos" r"ted")


def _reads_environment(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            names = {node.attr}
        elif isinstance(node, ast.ImportFrom) and node.module in {"os", "pydantic_settings"}:
            names = {alias.name for alias in node.names}
        else:
            continue
        if names & FORBIDDEN:
            yield node.lineno


def test_only_infra_reads_the_environment(
    files: Mapping[str, str], modules: Mapping[str, ast.Module], rooms: list[str]
) -> None:
    others = tuple(f"{room}/" for room in rooms if room != "infra")
    found = [
        f"{path}:{line}"
        for path in modules
        if path.startswith(others) and any(name in files[path] for name in FORBIDDEN)
        for line in _reads_environment(modules[path])
    ]
    assert not found, "Take the value as an argument; infra reads the settings and hands them in.\n" + "\n".join(found)


def test_no_paths_of_one_machine(files: Mapping[str, str]) -> None:
    found = [
        f"{path}:{number} {line.strip()[:100]}"
        for path, text in files.items()
        if not path.startswith("tests/")
        for number, line in enumerate(text.splitlines(), 1)
        if HOME_PATHS.search(line)
    ]
    assert not found, "Use a path relative to the repository, a setting, or tempfile.\n" + "\n".join(found)


def test_locks_name_no_registry(files: Mapping[str, str]) -> None:
    locks = {path: text for path, text in files.items() if path.startswith("infra/locks/") and path.endswith(".txt")}
    assert locks, "infra/locks holds no lock: run make locks."
    found = [path for path, text in locks.items() if REGISTRIES.search(text)]
    assert not found, "The user's own settings say where packages come from: run make locks.\n" + "\n".join(found)


def test_locks_pin_every_package_by_hash(files: Mapping[str, str]) -> None:
    locks = {path: text for path, text in files.items() if path.startswith("infra/locks/") and path.endswith(".txt")}
    found = [
        f"{path}: {entry.splitlines()[0]}"
        for path, text in locks.items()
        for entry in re.split(r"\n(?=[^\s#])", text)
        if not entry.startswith("#") and ("==" not in entry or "--hash=sha256:" not in entry)
    ]
    assert not found, "Run make locks.\n" + "\n".join(found)
