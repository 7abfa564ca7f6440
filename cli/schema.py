"""`koers schema`: what a file that people write may say, for editors and programs."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from koers.cli.options import Json
from koers.cli.session import print_json


class Files(StrEnum):
    """Files that have a schema."""

    SCENARIO = "scenario"
    EVENT = "event"


def schema(
    what: Annotated[Files, typer.Argument(metavar="scenario|event", help="A scenario file, or a line of CloudEvents.")],
    json: Json = False,
) -> None:
    """Print the JSON Schema of scenario files or events, for editors and programs."""
    from json import dumps

    from koers.events.schemas import event_schema
    from koers.scenarios.schema import scenario_schema

    found = {Files.SCENARIO: scenario_schema, Files.EVENT: event_schema}[what]()
    if json:
        print_json(found)
    else:
        typer.echo(dumps(found, indent=2, ensure_ascii=False))
