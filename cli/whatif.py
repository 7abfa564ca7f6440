"""The commands about decisions: whatif, adopt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from koers.cli.options import AsOf, Json, KnownAt, Out, Samples, Seed
from koers.cli.session import print_json
from koers.cli.text import plain
from koers.events.errors import InputError

if TYPE_CHECKING:
    import polars as pl

    from koers.cli.effects import Titles
    from koers.scenarios.compare import Comparison, Effect
    from koers.scenarios.model import Scenario

Precision = Annotated[
    float,
    typer.Option(
        metavar="P", min=0.0001, max=0.5, help="Draw on until intervals are narrower than this, to either side."
    ),
]
Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE.toml...", help="Scenarios (`koers schema scenario`), or the demo's: move-two."),
]


def whatif(
    ctx: typer.Context,
    files: Files,
    precision: Precision = 0.01,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    samples: Samples = 10_000,
    seed: Seed = 0,
    json: Json = False,
    out: Out = None,
) -> None:
    """What decisions would change: each scenario against going on as planned, on the same draws."""
    from koers.cli.console import noted, say, stdout
    from koers.cli.effects import legend, scenario_parts, side_by_side, titles
    from koers.cli.files import write_table
    from koers.cli.patience import working
    from koers.scenarios.compare import what_if

    scenarios = loaded(files)
    with working("drawing futures"):
        recorded, day, known, about = ctx.obj.read(as_of, known_at)
        found, warnings = what_if(recorded, day, known, scenarios, samples=samples, seed=seed, precision=precision)
    names = titles(recorded, day, known, scenarios)
    if out:
        write_table(effects_table(found, names), out)
    if json:
        settings = {"as_of": day.isoformat(), "seed": seed, "samples": samples, "precision": precision}
        print_json(settings | {"scenarios": [told(comparison) for comparison in found], "warnings": warnings})
        return
    say(f"{about}: what if, against going on as planned")
    console = stdout()
    for comparison in found:
        for part in scenario_parts(comparison, names, console.width):
            console.print(part)
    for part in (*legend(found, console.width), *(side_by_side(found, console.width) if len(found) > 1 else ())):
        console.print(part)
    noted(warnings)


def adopt(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="The scenario that was decided on.")],
    json: Json = False,
) -> None:
    """Keep a scenario in the log as decided on: the backtest knows of it."""
    from koers.cli.adopted import adopt as adopt_scenario
    from koers.cli.patience import working
    from koers.scenarios.files import load_scenario

    scenario = load_scenario(file)
    with working("trying the levers"), ctx.obj.open() as log:
        done = adopt_scenario(log, scenario, ctx.obj.now(log))
        head = log.head()
    event, already = done.event, done.already
    if json:
        print_json(
            {
                "event": event.id,
                "subject": event.subject,
                "effective_on": event.effective_on.isoformat(),
                "already": already,
                "log_position": head.position,
                "log_head": head.hash,
            }
        )
        return
    name = plain(scenario.name)
    when = f"{'adopted already, on' if already else 'adopted on'} {event.effective_on}"
    typer.echo(f"{name}: {when}.\nEvent {event.id}")
    holds = "one decision" if done.held == 1 else f"{done.held} decisions"
    typer.echo(f"{plain(ctx.obj.shown)} is at position {head.position:,} and holds {holds}.")
    if not already:
        typer.echo("The forecast follows when capacity.csv, policies.csv or targets.csv say so.")


def loaded(files: Sequence[Path]) -> list[Scenario]:
    """The scenarios, each with a name of its own. Raises InputError."""
    from koers.scenarios.files import load_scenario

    found: dict[str, Path] = {}
    scenarios = []
    for file in files:
        scenario = load_scenario(file)
        if scenario.name in found:
            what = f"is called {scenario.name!r} as {found[scenario.name]} is: give each scenario a name of its own"
            raise InputError(what, str(file))
        found[scenario.name] = file
        scenarios.append(scenario)
    return scenarios


def told(comparison: Comparison) -> dict[str, Any]:
    """A comparison as plain JSON values; probabilities, and in `running` person-days and people."""
    groups = {"key_results": "key_result", "objectives": "objective", "guardrails": "guardrail"}
    effects = {
        name: [{key: own} | _told(effect) for own, effect in getattr(comparison, name).items()]
        for name, key in groups.items()
    }
    return {
        "name": comparison.scenario.name,
        "why": comparison.scenario.why,
        "nothing": comparison.nothing,
        "futures": comparison.futures,
        **effects,
        "overall": {name: _told(effect) for name, effect in comparison.overall.items()},
        "running": [
            {"team": row.team, "backlog": _told(row.backlog), "lost": row.lost, "people": row.people}
            for row in comparison.running
        ],
    }


def _told(effect: Effect) -> dict[str, Any]:
    return asdict(effect) | {"rests_on_elasticity": effect.rests_on_the_model}


def effects_table(found: Sequence[Comparison], names: Titles) -> pl.DataFrame:
    """A row per scenario and key result, for a spreadsheet."""
    import polars as pl

    rows = [
        {"scenario_name": comparison.scenario.name, "key_result": key, "title": names.of(key)} | _told(effect)
        for comparison in found
        for key, effect in comparison.key_results.items()
    ]
    text, flags = ("scenario_name", "key_result", "title"), ("detectable", "rests_on_elasticity")
    numbers = ("baseline", "scenario", "delta", "low", "high", "model_low", "model_high")
    schema = dict.fromkeys(text, pl.String) | dict.fromkeys(numbers, pl.Float64) | dict.fromkeys(flags, pl.Boolean)
    return pl.DataFrame(rows, schema=schema)
