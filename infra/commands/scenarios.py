"""`mos test`: play scenarios, in memory or also on Temporal's time-skipping server."""

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from authoring.scenarios import suite
from authoring.scenarios.reporting import FORMATS
from authoring.scenarios.setting import Setting
from domain.errors import ConfigError
from infra.demo.answers import demo_answers
from infra.site_folder import read_roster, read_site

SCENARIOS = Path(__file__).resolve().parents[2] / "workflows" / "definitions" / suite.FOLDER
DEMO_SITE = Path(__file__).resolve().parents[1] / "demo" / "site"


class Format(StrEnum):
    """How the outcome is written."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"


def play(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Scenarios, folders of them, or definitions (also by name, from definitions/). Without: the shipped."
        ),
    ] = None,
    site: Annotated[
        Path | None, typer.Option(help="Folder with site.yaml and people.yaml; without it the demo site.")
    ] = None,
    temporal: Annotated[
        bool, typer.Option("--temporal", help="Also on Temporal's test server; both must tell the same story.")
    ] = False,
    format: Annotated[Format, typer.Option(help="How to write what came of it.")] = Format.TEXT,
    min_coverage: Annotated[
        int, typer.Option(min=0, max=100, help="Percent of steps and branches that each definition must have.")
    ] = 0,
) -> None:
    """Play scenarios in memory and compare what comes of them with what they expect.

    Exit code 0 only if every expectation holds, and enough of each definition was gone through.
    """
    setting = demo_setting() if site is None else folder_setting(site)
    folder = (site or Path()) / suite.DEFINITIONS
    found = suite.files_of(files or [SCENARIOS], [folder])
    report = suite.run(found, setting, time.perf_counter)
    if temporal:
        from infra.commands.scenarios_on_temporal import compare

        report.cases = compare(report.cases, setting)
    typer.echo(FORMATS[format.value](report))
    raise typer.Exit(0 if report.passed(min_coverage / 100) else 1)


test = play  # under this name the command line finds it


def demo_setting() -> Setting:
    """The demo site, its people, and what its MES and ERP answer."""
    return Setting(read_site(DEMO_SITE), read_roster(DEMO_SITE), demo_answers)


def folder_setting(folder: Path) -> Setting:
    """A plant's own site and people; what its systems answer stands in the scenarios."""
    if not (folder / "site.yaml").is_file():
        raise ConfigError(f"{folder}: no site.yaml here")
    return Setting(read_site(folder), read_roster(folder))
