"""`mos schema`: the JSON Schema of the definition language, for editors."""

import json

import typer


def schema() -> None:
    """Print the JSON Schema of definitions; a running site serves the same at /schemas/definition.json."""
    from authoring import language

    typer.echo(json.dumps(language.schema(), indent=1, ensure_ascii=False))
