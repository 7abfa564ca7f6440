"""The command that writes the page for leadership: report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from koers.cli.files import is_page
from koers.cli.options import AsOf, Json, KnownAt, Samples, Seed
from koers.cli.session import nothing, print_json
from koers.cli.text import plain

if TYPE_CHECKING:
    from koers.cli.report.facts import Facts

Page = Annotated[
    Path, typer.Option("--out", metavar="FILE.html", callback=is_page, help="The page: one file, to mail or to print.")
]
Scenarios = Annotated[
    list[Path] | None,
    typer.Option("--scenario", metavar="FILE.toml", help="A decision to show the effect of; may be given again."),
]


def report(
    ctx: typer.Context,
    out: Page,
    scenario: Scenarios = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    samples: Samples = 10_000,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Write the page for leadership: are we on track, what moved, what would change it, how far to trust that."""
    from koers import __version__
    from koers.cli.console import say
    from koers.cli.files import write_text
    from koers.cli.patience import working
    from koers.cli.report.facts import gather
    from koers.cli.report.leadership import leadership_page
    from koers.cli.report.says import key_results
    from koers.cli.whatif import loaded

    scenarios = loaded(scenario or [])
    recorded, day, known, about = ctx.obj.read(as_of, known_at)
    with working("forecasting") as tell:
        facts = gather(recorded, day, known, scenarios, ctx.obj.notes(), samples=samples, seed=seed, tell=tell)
        text = leadership_page(facts, __version__, nothing(recorded, day, None, facts.forecast.warnings))
        write_text(text, out)
    if json:
        print_json({"page": str(out), "bytes": len(text.encode())} | _settings(facts))
        return
    say(f"{about}: {plain(str(out))} tells of {key_results(len(facts.forecast.key_results))}.")


def _settings(facts: Facts) -> dict[str, object]:
    told = facts.forecast.to_dict()
    kept = {name: told[name] for name in ("as_of", "known_at", "log_position", "log_head", "seed", "samples")}
    return kept | {"key_results": len(facts.forecast.key_results)}
