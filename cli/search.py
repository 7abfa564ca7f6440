"""`koers search`: what it takes, what it costs, until when, and what matters. Thin, as all commands are."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from koers.cli.options import AsOf, Commands, Json, KeyResult, KnownAt, Seed
from koers.cli.session import print_json
from koers.events.errors import InputError

if TYPE_CHECKING:
    from koers.scenarios.compare import Ground
    from koers.scenarios.model import Scenario

search = typer.Typer(
    cls=Commands, help="What it takes, what it costs, until when, and what matters.", no_args_is_help=True
)
Probability = Annotated[float, typer.Option("--probability", metavar="P", help="The probability to reach, 0.01-0.99.")]
Samples = Annotated[int, typer.Option(min=100, max=10_000, help="Futures that every try is played in.")]
Team = Annotated[str | None, typer.Option("--team", metavar="T", help="The team.")]


def _day(name: str, told: str) -> Any:  # noqa: ANN401 - what typer takes
    return typer.Option(name, formats=["%Y-%m-%d"], metavar="DATE", help=told)


@search.command()
def reach(
    ctx: typer.Context,
    key_result: KeyResult,
    probability: Probability,
    lever: Annotated[str, typer.Option("--lever", metavar="KIND", help="move_capacity, hire, set_policy, ...")],
    team: Team = None,
    from_: Annotated[datetime | None, _day("--from", "The first day of the lever [the next morning].")] = None,
    until: Annotated[datetime | None, _day("--until", "Its last day.")] = None,
    at_most: Annotated[
        float | None,
        typer.Option("--at-most", metavar="X", help="The most that is tried: people, share, factor, days or target."),
    ] = None,
    to: Annotated[str, typer.Option(metavar="run|change", help="move_capacity: the work people go to.")] = "change",
    to_team: Annotated[str | None, typer.Option(metavar="T", help="move_capacity: the team they go to.")] = None,
    policy: Annotated[str, typer.Option(metavar="POLICY", help="set_policy: one with a share.")] = "ring_fence",
    parameters: Annotated[str, typer.Option(metavar="JSON", help="set_policy: its other parameters.")] = "{}",
    ramp_up_days: Annotated[int | None, typer.Option(metavar="N", help="hire, leave: days until all counts.")] = None,
    cost_days: Annotated[float | None, typer.Option(metavar="X", help="automation: person-days to build it.")] = None,
    after: Annotated[datetime | None, _day("--after", "automation: the first day on which it works.")] = None,
    due: Annotated[datetime | None, _day("--due", "retarget: another due date.")] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    samples: Samples = 10_000,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """The least of one lever that brings a key result to a probability, or that none does."""
    from koers.cli.patience import working
    from koers.cli.search_parts import reach_parts, reach_told
    from koers.scenarios import search as searched
    from koers.scenarios.search_futures import asked_for
    from koers.scenarios.search_levers import lever_of, most_of

    asked_for(probability)
    own: dict[str, dict[str, Any]] = {
        "move_capacity": {"to": to, "to_team": to_team},
        "hire": {"ramp_up_days": ramp_up_days},
        "leave": {"ramp_up_days": ramp_up_days},
        "set_policy": {"policy": policy, "parameters": _parameters(parameters)},
        "automation": {"cost_days": cost_days, "after": _date(after)},
        "retarget": {"key_result": key_result, "due": _date(due)},
    }
    said = _said(lever, team, from_, until) | own.get(lever, {})
    with working("searching"):
        ground, about = _ground(ctx, as_of, known_at, samples, seed, until=_date(due))
        most = at_most if at_most is not None else most_of(ground.coupled, lever, said)
        found = searched.reach(ground, key_result, probability, lever_of(lever, said, most))
    _show(ground, about, reach_told(found), reach_parts(found, ground), json=json)


@search.command()
def frontier(
    ctx: typer.Context,
    team: Team = None,
    splits: Annotated[int, typer.Option(min=2, max=101, metavar="N", help="Ring fences from 0 to all.")] = 21,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    samples: Samples = 10_000,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Running against changing: what each ring fence brings key results, and what it risks."""
    from koers.cli.patience import working
    from koers.cli.search_parts import frontier_parts, frontier_told
    from koers.scenarios.search_frontier import frontier as searched

    with working("searching"):
        ground, about = _ground(ctx, as_of, known_at, samples, seed)
        found = searched(ground, team, splits)
    _show(ground, about, frontier_told(found), frontier_parts(found), json=json)


@search.command()
def deadline(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="The scenario.")],
    probability: Probability,
    key_result: Annotated[
        str | None, typer.Option("--key-result", metavar="KR", help="The key result [the one it lifts most].")
    ] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    samples: Samples = 10_000,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """The last morning on which a scenario still keeps a key result at a probability."""
    from koers.cli.patience import working
    from koers.cli.search_parts import deadline_parts, deadline_told
    from koers.scenarios.files import load_scenario
    from koers.scenarios.search_deadline import deadline as searched
    from koers.scenarios.search_futures import asked_for

    asked_for(probability)
    scenario = load_scenario(file)
    with working("searching"):
        ground, about = _ground(ctx, as_of, known_at, samples, seed, scenario)
        found = searched(ground, scenario, probability, key_result)
    _show(ground, about, deadline_told(found), deadline_parts(found, ground), json=json)


@search.command()
def sensitivity(
    ctx: typer.Context,
    key_result: Annotated[
        str, typer.Argument(metavar="[KR]", help="The key result, else how many are reached.")
    ] = "reached",
    scenario: Annotated[
        Path | None, typer.Option("--scenario", metavar="FILE.toml", help="Its levers, pulled or not, as well.")
    ] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    points: Annotated[
        int | None,
        typer.Option(min=16, max=65_536, metavar="N", help="Tries per input, a power of 2 [512; of all 128]."),
    ] = None,
    samples: Annotated[int, typer.Option(min=16, max=10_000, help="Futures that every try is played in.")] = 128,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """What a forecast hangs on, and what is worth finding out: Sobol effects."""
    from koers.cli.patience import working
    from koers.cli.search_parts import sensitivity_parts, sensitivity_told
    from koers.scenarios.files import load_scenario
    from koers.scenarios.sensitivity import sensitivity as searched

    given = load_scenario(scenario) if scenario else None
    with working("searching"):
        ground, about = _ground(ctx, as_of, known_at, 10_000, seed, given)
        found = searched(ground, key_result, given, points=points, futures=samples)
    _show(ground, about, sensitivity_told(found), sensitivity_parts(found, ground), json=json)


def _ground(
    ctx: typer.Context,
    as_of: datetime | None,
    known_at: str | None,
    samples: int,
    seed: int,
    scenario: Scenario | None = None,
    until: date | None = None,
) -> tuple[Ground, str]:
    """What is searched on, and what it holds for in words."""
    from koers.scenarios.compare import at, last_due

    recorded, day, known, about = ctx.obj.read(as_of, known_at)
    last = last_due([scenario]) if scenario else until
    return at(recorded, day, known, samples=samples, seed=seed, until=last), about


def _said(kind: str, team: str | None, since: datetime | None, until: datetime | None) -> dict[str, Any]:
    """What is said of a lever of any kind, but for a team where it has none."""
    return {"team": None if kind == "retarget" else team, "from": _date(since), "until": _date(until)}


def _date(at: datetime | None) -> date | None:
    return at.date() if at else None


def _parameters(text: str) -> dict[str, Any]:
    from json import JSONDecodeError, loads

    try:
        found = loads(text)
    except JSONDecodeError:
        found = None
    if isinstance(found, dict):
        return found
    raise InputError(f'--parameters {text!r} is no JSON object: write {{"days": 3}}')


def _show(ground: Ground, about: str, told: dict[str, Any], parts: Any, *, json: bool) -> None:  # noqa: ANN401 - renderables
    """One JSON document, or what the terminal shows."""
    from koers.cli.console import noted, say, stdout

    if json:
        coupled = ground.coupled
        print_json(
            {"as_of": coupled.staff.as_of.isoformat(), "seed": coupled.seed} | told | {"warnings": ground.warnings}
        )
        return
    say(about)
    console = stdout()
    for part in parts(console.width):
        console.print(part)
    noted(ground.warnings)
