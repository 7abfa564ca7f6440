"""What the terminal shows of a what-if, in words that can be read aloud."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

from rich.table import Table
from rich.text import Text

from koers.cli.console import NARROW, cut
from koers.cli.text import number, percent, plain

if TYPE_CHECKING:
    from koers.engine.replay import Frames
    from koers.scenarios.compare import Comparison, Effect, Running
    from koers.scenarios.model import Scenario

NOTHING = "It changes nothing: with these levers all stays as planned."
POINTS = "points: the difference in percentage points"
DAYS = "backlog, and what switching costs: person-days"
INTERVALS = (
    "interval: how well the simulation knows it (95 of 100); "
    "may be: what it is, by how much effort matters and how much run work comes (95 of 100)"
)
RESTS = "E rests on the elasticity: if effort does not matter, it makes no difference"
LITTLE = 0.05
"""Person-days and people below this are not worth a word."""


@dataclass(frozen=True, slots=True)
class Titles:
    """What key results, objectives and guardrails are called, and how many key results are under way."""

    known: Mapping[str, str]
    under_way: int

    def of(self, key: str) -> str:
        """The title, else the name itself."""
        return plain(self.known.get(key) or "") or plain(key)


def titles(recorded: Frames, as_of: date, known_at: datetime, scenarios: Sequence[Scenario]) -> Titles:
    """Titles as known then, and those that scenarios add."""
    from koers.engine.projections import goals
    from koers.engine.replay import view
    from koers.engine.standing import under_way
    from koers.engine.work import kpis

    frames = view(recorded, effective_until=as_of, known_until=known_at)
    table = goals(frames)
    parts = [table.select("objective", "objective_title"), kpis(frames).select("kpi", "title")]
    parts += [table.select("key_result", "title")]
    known = {str(key): str(title) for part in parts for key, title in part.drop_nulls().iter_rows()}
    added = (lever for scenario in scenarios for lever in scenario.lever if lever.kind == "add")
    return Titles({lever.name: lever.goal.title for lever in added} | known, under_way(table, as_of).height)


def scenario_parts(comparison: Comparison, names: Titles, width: int) -> Iterator[Text | Table]:
    """One scenario: what it is about, what it changes, and what that costs on the running side."""
    yield Text()
    yield Text(plain(comparison.scenario.name), style="bold")
    yield Text(plain(comparison.scenario.why))
    if comparison.nothing:
        yield Text(f"\n{NOTHING}")
        return
    lines = _Lines(comparison, names, width)
    if not any(effect.detectable for effect in comparison.key_results.values()):
        yield Text()
    yield from lines.of("key result", "key results", comparison.key_results)
    yield from lines.of("objective, all of it", "objectives", comparison.objectives)
    yield from lines.of("guardrail, its risk", "guardrails", comparison.guardrails)
    if any(effect.rests_on_the_model for effect in _chances(comparison)):
        yield Text(f"\n{RESTS}", style="yellow")
    yield Text()
    yield from _overall(comparison.overall, names.under_way)
    yield from _running(comparison.running)


def _chances(comparison: Comparison) -> Iterator[Effect]:
    """The effects on key results, objectives and guardrails."""
    for effects in (comparison.key_results, comparison.objectives, comparison.guardrails):
        yield from effects.values()


def legend(found: Sequence[Comparison], width: int) -> Iterator[Text]:
    """What the columns mean, where there are any."""
    if any(effect.detectable for one in found for effect in _chances(one)):
        yield Text("\n" + "; ".join((POINTS, *([INTERVALS] if width >= NARROW else []), DAYS)), style="dim")


@dataclass(frozen=True, slots=True)
class _Lines:
    """Tables of one scenario, all with the same columns."""

    comparison: Comparison
    names: Titles
    width: int

    def of(self, head: str, many: str, effects: Mapping[str, Effect]) -> Iterator[Text | Table]:
        """A line per effect that can be detected, gains first; all others are one line."""
        told = sorted((item for item in effects.items() if item[1].detectable), key=lambda item: -item[1].delta)
        left = len(effects) - len(told)
        if told:
            yield Text()
            yield self._table(head, told)
        if left:
            all_of_them = f"{left} {many if left > 1 else many[:-1]}"
            yield Text(f"  {f'and {left}' if told else all_of_them} without a detectable difference", style="dim")

    def _table(self, head: str, told: Sequence[tuple[str, Effect]]) -> Table:
        sizes = {"": 1, head: 0, "as planned": 10, "with it": 8, "points": 6, "interval": 10, "may be": 10}
        if self.width < NARROW:
            sizes = {name: size for name, size in sizes.items() if name not in ("interval", "may be")}
        sizes[head] = max(self.width - sum(sizes.values()) - len(sizes), 4)
        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
        for name, size in sizes.items():
            side: Literal["left", "right"] = "left" if name in ("", head) else "right"
            table.add_column(name, justify=side, no_wrap=True, overflow="ellipsis", width=size)
        for key, effect in told:
            table.add_row(*self._row(key, effect, head)[: len(sizes)])
        return table

    def _row(self, key: str, effect: Effect, head: str) -> list[Text]:
        good = effect.delta > 0 if not head.startswith("guardrail") else effect.delta < 0
        given = {lever.kind: lever for lever in self.comparison.scenario.lever if _about(lever) == key}
        before = "new" if "add" in given else percent(effect.baseline)
        after = "dropped" if "drop" in given else percent(effect.scenario)
        return [
            Text("E" if effect.rests_on_the_model else "", style="yellow"),
            Text(self.names.of(key)),
            Text(before),
            Text(after),
            Text(signed(100 * effect.delta), style="green" if good else "red"),
            Text(between(100 * effect.low, 100 * effect.high)),
            Text(between(100 * effect.model_low, 100 * effect.model_high)),
        ]


def _about(lever: object) -> str | None:
    """The key result that a lever is about."""
    return getattr(lever, "name", None) or getattr(lever, "key_result", None)


def signed(value: float, digits: int = 0) -> str:
    """A difference with its sign; none as 0."""
    text = f"{value:+.{digits}f}"
    return text if float(text) else "0"


def between(low: float, high: float, digits: int = 0) -> str:
    """An interval of differences, once if both ends read the same."""
    ends = signed(low, digits), signed(high, digits)
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def _overall(overall: Mapping[str, Effect], of: int) -> Iterator[Text]:
    reached, score = overall["reached"], overall["score"]
    text = f"Expected: {reached.baseline:.1f} of {of} key results reached as planned, {reached.scenario:.1f} with it"
    if reached.detectable:
        spread = f"interval {between(reached.low, reached.high, 2)}"
        text += f" ({signed(reached.delta, 2)}; {spread}; may be {between(reached.model_low, reached.model_high, 2)})"
    else:
        text += " (no detectable difference)"
    yield Text(f"{text}; score {score.baseline:.2f}, with it {score.scenario:.2f}.")


def _running(rows: Sequence[Running]) -> Iterator[Text | Table]:
    """What it does to running the business: a line per team that feels it."""
    felt = [row for row in rows if max(abs(row.backlog.delta), abs(row.lost), abs(row.people)) >= LITTLE]
    yield Text()
    if not felt:
        yield Text("Running the business stays as it is.")
        return
    table = _grid("running", "backlog at the end", "switching", "people")
    for row in felt:
        before, after = (number(round(value, 1)) for value in (row.backlog.baseline, row.backlog.scenario))
        backlog = f"{before} > {after}" if abs(row.backlog.delta) >= LITTLE else before
        table.add_row(*map(Text, (plain(row.team), backlog, signed(row.lost, 1), signed(row.people, 1))))
    yield table


def _grid(*heads: str) -> Table:
    """Columns to the right but for the first."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for n, name in enumerate(heads):
        table.add_column(name, justify="right" if n else "left", no_wrap=True, overflow="ellipsis")
    return table


def side_by_side(found: Sequence[Comparison], width: int) -> Iterator[Text | Table]:
    """All scenarios in one table: what each brings, and what it costs."""
    yield Text("\nSide by side", style="bold")
    heads = ("scenario", "reached", "score", "guardrails", "backlog")
    table = _grid(*heads if width >= NARROW else heads[:2])
    first = found[0]
    backlog = sum(row.backlog.baseline for row in first.running)
    planned = (f"{first.overall['reached'].baseline:.1f}", f"{first.overall['score'].baseline:.2f}")
    table.add_row(
        *map(Text, ("as planned", *planned, "", number(round(backlog, 1)))[: len(table.columns)]), style="dim"
    )
    for one in found:
        room = max(width - 46, 12) if width >= NARROW else max(width - 12, 12)
        cells = [cut(one.scenario.name, room), *map(Text, _summary(one))]
        table.add_row(*cells[: len(table.columns)])
    yield table
    said = "guardrails: the largest change of a risk, in points; backlog: of all teams at the end, person-days"
    yield Text("reached: key results expected" + (f"; {said}" if width >= NARROW else ""), style="dim")


def _summary(one: Comparison) -> list[str]:
    if one.nothing:
        return ["no change", "", "", ""]
    risks = [100 * effect.delta for effect in one.guardrails.values() if effect.detectable]
    reached = one.overall["reached"]
    return [
        signed(reached.delta, 2) if reached.detectable else "no diff.",
        signed(one.overall["score"].delta, 2),
        signed(max(risks, key=abs)) if risks else "0",
        signed(sum(row.backlog.delta for row in one.running), 1),
    ]
