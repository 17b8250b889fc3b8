"""`mos check FILE...`: read definitions as a publication would, and say what is wrong where."""

from pathlib import Path
from typing import Annotated

import typer

from admin.publish import check_definition
from domain.errors import ConfigError


def check(files: Annotated[list[Path], typer.Argument(help="Definitions in YAML, or folders of them.")]) -> None:
    """Exit code 0 only if every definition would be accepted; findings as file:line:column."""
    found = [path for file in files for path in (sorted(file.glob("*.yaml")) if file.is_dir() else [file])]
    if not found:
        raise ConfigError("no definition here: name a .yaml file, or a folder that has some")
    wrong = 0
    for path in found:
        try:
            check_definition(path.read_text(encoding="utf-8"), str(path))
        except OSError as error:
            wrong += 1
            typer.echo(f"{path} can't be read: {error.strerror}", err=True)
        except ConfigError as error:
            wrong += 1
            typer.echo(error.message, err=True)
        else:
            typer.echo(f"{path}: ok")
    raise typer.Exit(1 if wrong else 0)
