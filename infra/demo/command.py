"""`mos demo`: start everything, and either guide a person or play all three exceptions by itself."""

from typing import Annotated

import typer

from infra.demo.parts import demo_parts
from infra.settings import load_settings
from infra.stack.up import up


def demo(
    without: Annotated[list[str] | None, typer.Option(help="Leave a product part out; can be repeated.")] = None,
) -> None:
    """Start the demo; Ctrl-C stops it."""
    raise typer.Exit(up(load_settings(), without=without or (), extra_parts=[demo_parts]))
