"""The docs are true: links lead somewhere, and every verb and setting is told."""

import importlib
import importlib.util
import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:|#)([^)#\s]+)")
FENCE = re.compile(r"^```.*?^```", re.M | re.S)
ADR_LINES = 70


@pytest.fixture(scope="module")
def pages(files: Mapping[str, str]) -> dict[str, str]:
    return {path: text for path, text in files.items() if path.endswith(".md")}


def _told(pages: Mapping[str, str]) -> str:
    """What a reader may be expected to find: the README and everything in docs/."""
    return "\n".join(text for path, text in pages.items() if path.startswith("docs/") or "/" not in path)


def test_docs_links_lead_somewhere(root: Path, pages: Mapping[str, str]) -> None:
    dead = [
        f"{path}: {target}"
        for path, text in pages.items()
        for target in LINK.findall(FENCE.sub("", text))
        if not (root / path).parent.joinpath(target).exists()
    ]
    assert not dead, "Mend or remove these links:\n" + "\n".join(dead)


def test_docs_changelog_is_open(pages: Mapping[str, str]) -> None:
    assert re.search(r"^## Unreleased$", pages["CHANGELOG.md"], re.M), "Add '## Unreleased' on top of CHANGELOG.md."


def test_docs_readme_says_how_to_start(pages: Mapping[str, str]) -> None:
    head = "\n".join(pages["README.md"].splitlines()[:30])
    missing = [command for command in ("make demo", "make test") if command not in head]
    assert not missing, f"The first 30 lines of README.md must name {missing}."


def test_docs_adrs_are_numbered_and_short(pages: Mapping[str, str]) -> None:
    adrs = sorted(path.removeprefix("docs/adr/") for path in pages if re.match(r"docs/adr/\d{4}-", path))
    numbers = [int(name[:4]) for name in adrs]
    assert numbers == list(range(1, len(adrs) + 1)), f"Number docs/adr/ without gaps or doubles: {adrs}"
    long = [name for name in adrs if pages[f"docs/adr/{name}"].count("\n") > ADR_LINES]
    assert not long, f"One page (at most {ADR_LINES} lines) for each decision: {long}"


def test_docs_name_every_make_verb(files: Mapping[str, str], pages: Mapping[str, str]) -> None:
    verbs = re.findall(r"^([a-z-]+):.*## ", files["Makefile"], re.M)
    assert verbs, "The Makefile describes no verb (`verb: ## what it does`)."
    untold = [verb for verb in verbs if not re.search(rf"make (?:[a-z-]+ )*{verb}\b", _told(pages))]
    assert not untold, f"Name `make VERB` in CONTRIBUTING.md for: {untold}"


def test_docs_name_every_mos_verb(pages: Mapping[str, str]) -> None:
    if importlib.util.find_spec("infra.cli") is None:
        pytest.skip("there is no mos command yet")
    from typer.main import get_command

    command = get_command(importlib.import_module("infra.cli").app)
    untold = [verb for verb in _verbs(command, "mos") if verb not in _told(pages)]
    assert not untold, "Describe these verbs in docs/:\n" + "\n".join(untold)


def _verbs(command: object, name: str) -> Iterator[str]:
    for verb, child in getattr(command, "commands", {}).items():
        if not child.hidden:
            yield f"{name} {verb}"
            yield from _verbs(child, f"{name} {verb}")


def test_docs_name_every_setting(pages: Mapping[str, str]) -> None:
    if importlib.util.find_spec("infra.settings") is None:
        pytest.skip("there are no settings yet")
    settings = importlib.import_module("infra.settings")
    classes = [c for _, c in inspect.getmembers(settings, inspect.isclass) if c.__module__ == settings.__name__]
    told = _told(pages)
    variables = [name for c in classes if issubclass(c, BaseSettings) for name in _variables(c)]
    untold = [name for name in variables if not re.search(rf"\b{name}\b", told)]
    assert not untold, "Describe these environment variables in docs/settings.md:\n" + "\n".join(untold)


def _variables(model: type[BaseSettings]) -> Iterator[str]:
    """The environment variables that a settings class reads by itself."""
    for name, field in model.model_fields.items():
        if not (inspect.isclass(field.annotation) and issubclass(field.annotation, BaseSettings)):
            alias = field.validation_alias
            yield alias if isinstance(alias, str) else f"{model.model_config.get('env_prefix', '')}{name}".upper()
