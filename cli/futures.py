"""The commands that answer from the capacity model: capacity, play."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from koers.cli.options import AsOf, Json, KnownAt, Out, Samples, Seed
from koers.cli.session import nothing, print_json
from koers.events.errors import InputError

if TYPE_CHECKING:
    from koers.engine.coupled import Coupled
    from koers.engine.replay import Frames
    from koers.engine.story import Day, Move, Story, Work


def capacity(
    ctx: typer.Context,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    weeks: Annotated[bool, typer.Option("--weeks", help="A line per week to come.")] = False,
    samples: Samples = 10_000,
    seed: Seed = 0,
    json: Json = False,
    out: Out = None,
) -> None:
    """Running and changing by team: run share and backlog, now and expected, and what guardrails risk."""
    from koers.cli.capacity import capacity_parts, capacity_table
    from koers.cli.console import notes, say, stdout
    from koers.cli.files import write_table
    from koers.cli.patience import working
    from koers.engine.forecast import forecast_from

    with working("drawing futures"):
        recorded, day, known, about = ctx.obj.read(as_of, known_at)
        found = forecast_from(recorded, day, known, samples=samples, seed=seed)
    if out:
        write_table(capacity_table(found), out)
    if json:
        told = found.to_dict()
        kept = {name: told[name] for name in ("as_of", "known_at", "seed", "samples")}
        print_json(kept | {"teams": told["capacity"], "guardrails": told["guardrails"]})
        return
    say(about)
    if not found.capacity:
        say(_no_capacity(recorded, day, known))
        return
    console = stdout()
    for part in capacity_parts(found, console.width, weeks=weeks):
        console.print(part)
    notes(found)


def play(
    ctx: typer.Context,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    seed: Seed = 0,
    days: Annotated[int | None, typer.Option(min=1, metavar="N", help="The first N mornings only.")] = None,
    team: Annotated[str | None, typer.Option(metavar="T", help="Only this team.")] = None,
    json: Json = False,
) -> None:
    """One future, day by day: who worked on what, what moved and why."""
    from koers.cli.console import say, stdout
    from koers.cli.patience import working
    from koers.cli.story import story_parts

    with working("playing"):
        recorded, day, known, about = ctx.obj.read(as_of, known_at)
        coupled, names = _setting(recorded, day, known, seed)
        story = _told(coupled, day, names) if coupled else None
    if story and coupled and team is not None and team not in coupled.staff.teams:
        raise InputError(f"team {team!r} declares no capacity; these do: {', '.join(coupled.staff.teams)}", "--team")
    story = _kept(story, days, team) if story else None
    if json:
        days_told = [_plain(row._asdict()) for row in story.days] if story else []
        print_json({"days": days_told, "moves": [_plain(row._asdict()) for row in story.moves] if story else []})
        return
    if story is None:
        say(about)
        say(_no_capacity(recorded, day, known))
        return
    say(f"{about}: one future of many, seed {seed}")
    console = stdout()
    for part in story_parts(story, console.width):
        console.print(part)


def _no_capacity(recorded: Frames, day: date, known: datetime) -> str:
    """Why there is nothing to show."""
    from koers.cli.capacity import no_capacity
    from koers.engine.staffing import capacity_from

    return no_capacity(capacity_from(recorded, known)) if recorded.log_position else nothing(recorded, day, None)


def _setting(recorded: Frames, day: date, known: datetime, seed: int) -> tuple[Coupled | None, dict[str, str]]:
    """The setting of one future, and what its parts are called."""
    from koers.engine.coupled import couple
    from koers.engine.projections import goals, readings
    from koers.engine.replay import view
    from koers.engine.work import initiatives, kpis

    frames = view(recorded, effective_until=day, known_until=known)
    table = goals(frames)
    coupled = couple(frames, table, readings(frames), day, samples=1, seed=seed)
    named = [kpis(frames).select("kpi", "title"), initiatives(frames).select("initiative", "title")]
    named += [coupled.goals.select("key_result", "title")] if coupled else []
    return coupled, _names([(str(key), str(title)) for part in named for key, title in part.iter_rows()])


def _names(titled: list[tuple[str, str]]) -> dict[str, str]:
    """What each key is called: its title, and the key as well where two share that."""
    count = Counter(title for _, title in titled)
    return {key: title if count[title] == 1 else f"{key} ({title})" for key, title in titled}


def _told(coupled: Coupled, day: date, names: dict[str, str]) -> Story:
    from koers.engine.reference import play as played
    from koers.engine.story import tell

    sim = played(coupled.setting.organisation, coupled.luck(0))
    return tell(sim, day, coupled.staff.people, names)


def _kept(story: Story, days: int | None, team: str | None) -> Story:
    """The part of a story that was asked for."""
    mornings = sorted({row.date for row in story.days})[:days]
    until = mornings[-1] if mornings else date.max

    def asked(row: Day | Move | Work) -> bool:
        return row.date <= until and team in (None, row.team)

    return story._replace(**{name: tuple(filter(asked, part)) for name, part in story._asdict().items()})


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"date": row["date"].isoformat()}
