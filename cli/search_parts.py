"""What the terminal shows of a search, and the same as plain JSON values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from koers.cli.capacity import figure
from koers.cli.console import NARROW, cut
from koers.cli.search_chart import chart
from koers.cli.text import BLOCKS, counted, number, percent, plain

if TYPE_CHECKING:
    from koers.scenarios.compare import Ground
    from koers.scenarios.search import Cost, Reach
    from koers.scenarios.search_deadline import Deadline
    from koers.scenarios.search_frontier import Frontier, Point
    from koers.scenarios.search_futures import Odds
    from koers.scenarios.sensitivity import Sensitivity

Parts = Callable[[int], Iterator[Text | Table]]
"""What a terminal of so many columns shows."""
ROWS = 7


def title(ground: Ground, key_result: str) -> str:
    """What a key result is called."""
    coupled = ground.coupled
    known = dict(coupled.goals.select("key_result", "title").iter_rows())
    return plain(known.get(key_result) or "") or plain(key_result)


def _fine(probability: float) -> str:
    """A probability to a tenth of a point: searches end where it matters."""
    return f"{100 * probability:.1f}%" if 0.01 < probability < 0.99 else percent(probability)


def _odds(found: Odds) -> str:
    low, said, high = (_fine(p) for p in (found.low, found.probability, found.high))
    return said if low == said == high else f"{said} ({low} to {high})"


def reach_told(found: Reach) -> dict[str, Any]:
    """The result as plain JSON values."""
    told = asdict(found) | {"lever": found.lever.model_dump(mode="json", by_alias=True, exclude_none=True)}
    told["odds"] = found.odds._asdict()
    told["running"] = [_cost(row) for row in found.running]
    return told


def _cost(row: Cost) -> dict[str, Any]:
    pair = ("before", "after")
    rails = [{"guardrail": key} | dict(zip(pair, risk, strict=True)) for key, risk in row.guardrails.items()]
    both = {name: dict(zip(pair, getattr(row, name), strict=True)) for name in ("backlog", "lost")}
    return {"team": row.team} | both | {"guardrails": rails}


def reach_parts(found: Reach, ground: Ground) -> Parts:
    """The answer in a sentence, and what it costs."""

    def parts(width: int) -> Iterator[Text | Table]:
        name, asked = title(ground, found.key_result), percent(found.asked)
        yield cut(name, width, style="bold")
        if found.already:
            yield Text(f"  It needs no change: {_odds(found.odds)} as things stand, {asked} is asked.")
            return
        yield Text(f"  Now {_fine(found.without)}; {asked} is asked.")
        if not found.moves:
            yield Text("  No strength of this lever does: it does not touch this key result.")
            return
        most = _amount(found.most, found.key)
        if found.amount is None:
            yield Text(f"  No strength of this lever does, up to {most}. At best, at {_amount(found.best, found.key)}:")
        else:
            yield Text(f"  The least that does (up to {most} tried):")
        yield from (Text(f"    {line}") for line in (_lever(found.lever), f"chance {_odds(found.odds)}"))
        if found.until is not None:
            yield Text(f"  More is not always better: above {_amount(found.until, found.key)} it no longer does.")
        yield from _running(found.running, width)
        yield Text("in brackets: the Monte Carlo error of the change, 95 of 100", style="dim")

    return parts


def _amount(value: float, key: str) -> str:
    units = {"people": f"{value:.4g} people", "days": f"{value:.4g} person-days", "share": f"{100 * value:.3g}%"}
    return units.get(key, f"{'target' if key == 'target' else 'factor'} {value:.4g}")


def _lever(lever: Any) -> str:  # noqa: ANN401 - any lever
    """A lever in a line."""
    given = lever.model_dump(mode="json", by_alias=True, exclude_none=True)
    kind = given.pop("kind").replace("_", " ")
    said = given | given.pop("parameters", {})
    said.pop("parameters", None)
    shown = (f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in said.items())
    return plain(f"{kind}: {', '.join(shown)}")


def _running(rows: Sequence[Cost], width: int) -> Iterator[Text | Table]:
    if not rows:
        yield Text("  It costs running the business nothing.")
        return
    yield Text("  What it does to running the business:")
    table = _table("left", "left", "left", "left")
    table.add_row("    team", "backlog, last day", "lost to switching", "guardrail broken", style="dim")
    for row in rows:
        rails = [f"{percent(a)} to {percent(b)}" for a, b in row.guardrails.values()]
        cells = (_pair(row.backlog), _pair(row.lost), ", ".join(rails) or "none")
        table.add_row(Text("    ").append_text(cut(row.team, 16 if width >= NARROW else 8)), *map(Text, cells))
    yield table


def _pair(values: tuple[float, float]) -> str:
    return f"{figure(values[0])} to {figure(values[1])}"


def _table(*sides: Any) -> Table:  # noqa: ANN401 - rich's words for it
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    for side in sides:
        table.add_column(justify=side, no_wrap=True, overflow="ellipsis")
    return table


def frontier_told(found: Sequence[Frontier]) -> dict[str, Any]:
    """The results as plain JSON values."""
    return {
        "teams": [
            asdict(own) | {"now": own.now._asdict(), "points": [point._asdict() for point in own.points]}
            for own in found
        ]
    }


def frontier_parts(found: Sequence[Frontier]) -> Parts:
    """One team drawn, or a line for each of several."""

    def parts(width: int) -> Iterator[Text | Table]:
        if len(found) == 1:
            yield from _one(found[0], width)
        else:
            yield from _several(found, width)
        yield Text(
            "share: of capacity that run work may not touch (a ring fence from now on); reached: expected number of "
            "the team's key results; risk: a guardrail breaks by the last due date",
            style="dim",
        )

    return parts


def _one(own: Frontier, width: int) -> Iterator[Text | Table]:
    goals = counted(len(own.key_results), "key result")
    yield cut(f"{plain(own.team)}: {goals}, {_cost_name(own)} against reached", width, style="bold")
    points = [(point.reached, point.cost, "o" if point.efficient else ".") for point in own.points]
    ends = (number, figure) if own.now.risk is None else (number, lambda value: f"{100 * value:.0f}%")
    yield from (Text(line) for line in chart([*points, (own.now.reached, own.now.cost, "N")], *ends, width=width))
    yield Text("o no other share beats it on both; . another does; N the policy in force", style="dim")
    table = _table(*["right"] * 5)
    table.add_row("share", "reached", "score", "risk", "backlog", style="dim")
    best = [point for point in own.points if point.efficient]
    step = max(-(-len(best) // ROWS), 1)
    for point in [own.now, *best[::step]]:
        table.add_row(*_point(point))
    yield table


def _cost_name(own: Frontier) -> str:
    return "backlog on the last evening (no guardrail)" if own.now.risk is None else "risk"


def _share(point: Point) -> str:
    return "now" if point.share is None else f"{100 * point.share:.0f}%"


def _point(point: Point) -> tuple[str, ...]:
    risk = "–" if point.risk is None else percent(point.risk)
    return _share(point), f"{point.reached:.2f}", f"{point.score:.2f}", risk, figure(point.backlog)


def _several(found: Sequence[Frontier], width: int) -> Iterator[Text | Table]:
    """What each team has now, could have for a little more, and would have with all of it on change."""
    table = _table("left", "right", "left", "left", "left")
    heads = ("team", "of", "now", "for a little more", "all to change")
    table.add_row(*(heads if width >= NARROW else heads[:4]), style="dim")
    for own in found:
        now = own.now
        least = now.cost + LITTLE if now.risk is not None else now.cost * (1.0 + SOME)
        more = max((p for p in own.points if p.cost <= least), key=lambda p: p.reached, default=now)
        gains = more.reached > now.reached + 0.005
        cells = [str(len(own.key_results)), _both(now), f"{_share(more)}: {_both(more)}" if gains else "nothing"]
        table.add_row(cut(own.team, 14), *map(Text, [*cells, _both(own.points[-1])][: 4 if width >= NARROW else 3]))
    yield table
    told = "Each: reached / risk, or without a guardrail backlog. A little more: 10 points of risk, or half as much"
    yield Text(f"{told} backlog again. --team T draws one of them.")


LITTLE, SOME = 0.1, 0.5
"""More risk, and more backlog as a share of it, that may be worth it."""


def _both(point: Point) -> str:
    return f"{point.reached:.2f} / {_risk(point)}"


def _risk(point: Point) -> str:
    return f"{figure(point.backlog)} days" if point.risk is None else percent(point.risk)


def deadline_told(found: Deadline) -> dict[str, Any]:
    """The result as plain JSON values."""
    days = {name: None if getattr(found, name) is None else getattr(found, name).isoformat() for name in DAYS}
    series = [{"from": day.isoformat(), "probability": p} for day, p in found.series]
    after = found.after and {"from": found.after[0].isoformat(), "probability": found.after[1]}
    kept = {name: getattr(found, name) for name in ("key_result", "asked", "gaps", "without", "futures")}
    told = {"scenario": found.scenario.name, "odds": found.odds._asdict(), "after": after, "series": series}
    return kept | days | told


DAYS = ("last", "best", "first")


def deadline_parts(found: Deadline, ground: Ground) -> Parts:
    """The last morning in a sentence, and the chance by the morning on which the levers are pulled."""

    def parts(width: int) -> Iterator[Text | Table]:
        yield cut(found.scenario.name, width, style="bold")
        yield cut(f"  {title(ground, found.key_result)}: {percent(found.asked)} is asked", width)
        yield from (Text(f"  {line}") for line in _until(found))
        some = found.series if len(found.series) <= width - 20 else found.series[:: -(-len(found.series) // 40)]
        top = max(p for _, p in found.series)
        blocks = "".join(BLOCKS[round(p / top * (len(BLOCKS) - 1))] for _, p in some)
        yield Text(f"  {percent(some[0][1]):>4} {blocks} {percent(some[-1][1])}")
        yield Text(f"the chance if it begins on mornings from {some[0][0]} to {some[-1][0]}", style="dim")

    return parts


def _until(found: Deadline) -> Iterator[str]:
    yield f"without it {_fine(found.without)}" + (": it is not needed" if found.without >= found.asked else "")
    if found.last is None:
        yield f"no morning is early enough: at best {_odds(found.odds)}, from {found.best}"
        return
    yield f"last morning to begin: {found.last}, then {_odds(found.odds)}"
    if found.after is None:
        yield "that is the last morning there is"
    else:
        yield f"a morning later, {found.after[0]}: {_fine(found.after[1])}"
    if found.gaps:
        yield f"later is not always worse: not every morning from {found.first} on does"


def sensitivity_told(found: Sensitivity) -> dict[str, Any]:
    """The result as plain JSON values."""
    return asdict(found) | {"influences": [row._asdict() for row in found.influences]}


def sensitivity_parts(found: Sensitivity, ground: Ground) -> Parts:
    """What matters, most first."""
    one = found.of in ground.coupled.goals["key_result"].to_list()
    say = percent if one else lambda value: f"{value:.2f}"

    def parts(width: int) -> Iterator[Text | Table]:
        name = title(ground, found.of) if one else "Expected number of key results reached"
        sd = f"{100 * found.sd:.0f} points" if one else f"{found.sd:.2f}"
        rest = f": {say(found.mean)}, give or take {sd}"
        yield cut(name, width - len(rest), style="bold").append(rest, style="not bold")
        if found.sd == 0.0:
            yield Text("  Nothing that is not known moves it.")
            return
        table = _table(*("left", "left", "right", "right", "right")[(0 if width >= NARROW else 1) :])
        heads = ("what is not known", "what it runs over", "known alone", "in all", "low to high")
        table.add_row(*(heads if width >= NARROW else (heads[0], *heads[2:])), style="dim")
        for row in found.influences:
            ranges = [plain(row.range)] if width >= NARROW else []
            effects = [f"{100 * row.first:.0f}% ±{100 * row.first_se:.0f}", f"{100 * row.total:.0f}%"]
            table.add_row(*map(Text, (plain(row.name), *ranges, *effects, f"{say(row.low)} to {say(row.high)}")))
        yield table
        yield Text(
            "known alone: the share of the variance that goes once it is known (± its standard error); in all: what it "
            "has a part in; low to high: the forecast at its 10th and 90th of 100",
            style="dim",
        )

    return parts
