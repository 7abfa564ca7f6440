"""Two teams with people, policies, tickets, KPIs and initiatives, as tables; they stand at `world.NOW`."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from tests.cli.world import DUE, NOW, START, shown

TODAY = NOW.date()
KNOWN = "2026-07-01"
HELD = f"{START},{DUE}"

TABLES = {
    "cycles": ["cycle,start,end", f"2026-Q4,{HELD}"],
    "teams": ["team,title", "intake,Client intake", "platform,Platform"],
    "objectives": [
        "objective,title,team,cycle",
        "help,Clients are helped the first time,intake,2026-Q4",
        "ship,Teams ship without asking us,platform,2026-Q4",
    ],
    "key_results": [
        "key_result,title,objective,team,owner,cycle,unit,kind,direction,baseline,target,start,due,weight",
        f"chat,Questions answered by chat,help,intake,Bram,2026-Q4,%,metric,increase,10,35,{HELD},2",
        f"repeat,Calls that are repeats,help,intake,Anouk,2026-Q4,%,metric,decrease,42,30,{HELD},1",
        f"guides,Guides written by their users,ship,platform,Fleur,2026-Q4,guides,milestone,increase,0,15,{HELD},1",
        f"catalogue,Service catalogue is live,ship,platform,Daan,2026-Q4,live,binary,increase,0,1,{HELD},1",
    ],
    "capacity": [
        "team,from,people,recorded_on",
        f"intake,{KNOWN},6,{KNOWN}",
        f"intake,2026-12-07,7,{KNOWN}",
        f"platform,{KNOWN},4,{KNOWN}",
        f"platform,2026-12-14,3,{KNOWN}",
    ],
    "absences": ["team,from,until,days,recorded_on", f"platform,2026-12-01,2026-12-04,8,{KNOWN}"],
    "policies": [
        "team,from,policy,parameters,recorded_on",
        f'intake,{KNOWN},buffer,"{{""share"":0.4,""days"":2}}",{KNOWN}',
        f'platform,{KNOWN},threshold,"{{""share"":0.5,""upper"":1.0,""lower"":0.4,""wip_limit"":1}}",{KNOWN}',
    ],
    "initiatives": [
        "initiative,title,team,key_result,low,mode,high,impact,lag,depends_on,start,recorded_on",
        f"bot,Chat bot,intake,chat,5,8,16,6,7,,2026-12-01,{KNOWN}",
        f"scripts,Call scripts,intake,repeat,3,4,8,-2,5,bot,,{KNOWN}",
        f"search,Search in the guides,platform,guides,2,4,6,3,0,,2026-11-25,{KNOWN}",
    ],
    "kpis": [
        "kpi,title,team,unit,lower,upper",
        "phone,Phone answered within a minute,intake,%,80,",
        "waiting,Backlog of the platform,platform,backlog days per person,,2",
    ],
    "kpi_values": ["kpi,effective_on,value", "phone,2026-11-20,78.5"],
}


def tables(folder: Path, **instead: list[str]) -> Path:
    """Write the tables, some of them as given `instead`; an empty list leaves one out."""
    folder.mkdir(parents=True, exist_ok=True)
    known = TABLES | {"check_ins": _check_ins(), "run_work": _run_work()} | instead
    for name, lines in known.items():
        if lines:
            (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def _check_ins() -> list[str]:
    found = ["key_result,effective_on,value"]
    for week in range(1, 8):
        day = START + timedelta(weeks=week)
        found += [f"chat,{day},{10 + 2.2 * week + week % 2:.1f}", f"repeat,{day},{42 - 0.9 * week:.1f}"]
        found += [f"guides,{day},{week}", f"catalogue,{day},0"]
    return found


def _run_work() -> list[str]:
    """Tickets since August: some mornings many, as on a help desk; each closed within days."""
    found = ["item,team,opened,closed,effort_days"]
    day, n = date(2026, 8, 3), 0
    while day <= TODAY:
        for team, usual in (("intake", 6), ("platform", 3)) if day.weekday() < 5 else ():
            for item in range((n * 7919) % (2 * usual + 1)):
                closed = day + timedelta(days=(n + item) % 3)
                done = f"{closed},{0.3 + ((n + item) % 5) / 8:.2f}" if closed <= TODAY else ","
                found.append(f"{team}-{n}-{item},{team},{day},{done}")
            n += 1
        day += timedelta(days=1)
    return found


def staffed_log(path: Path, **instead: list[str]) -> Path:
    """A log of these tables."""
    shown("--log", path, "import", tables(path.parent / f"{path.stem}-tables", **instead))
    return path
