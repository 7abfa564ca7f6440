"""Copies, workbooks and the template, by command."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl

from koers.events.log import open_log
from tests.cli.world import goal, koers, refused, shown, told, write_log
from tests.small import AS_OF

DEMO = ("--log", "koers-demo.db")


def test_a_backup_is_restored_with_the_same_head_and_the_same_date(demo: Path) -> None:
    with open_log(demo) as log:
        head = log.head()
    assert shown(*DEMO, "export", "backup.jsonl") == f"backup.jsonl: {head.position:,} events\n"
    done = told("--log", "again.db", "import", "backup.jsonl", "--json")
    assert done == {"added": head.position, "already": 0, "log_position": head.position, "log_head": head.hash}
    with open_log("again.db") as log:
        assert (log.verify(), log.as_of) == (head, AS_OF)
    assert shown("--log", "again.db", "status") == shown(*DEMO, "status")
    again = shown("--log", "again.db", "import", "backup.jsonl")
    assert again.splitlines()[0] == f"0 events added, {head.position:,} known already."
    left = {path.name for path in Path().iterdir() if not path.name.startswith("koers-demo.db")}
    assert left == {"again.db", "again.db.lock", "backup.jsonl"}


def test_a_copy_with_a_fault_leaves_no_log_behind(demo: Path) -> None:
    shown(*DEMO, "export", "backup.jsonl")
    lines = Path("backup.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    Path("cut.jsonl").write_text("".join(lines[:50] + lines[51:]), encoding="utf-8")
    before = sorted(Path().iterdir())
    assert refused("--log", "again.db", "import", "cut.jsonl").startswith("cut.jsonl:51: position 52: follows 50")
    assert "cannot be made: No such file or directory" in refused("--log", "no/again.db", "import", "backup.jsonl")
    assert sorted(Path().iterdir()) == before
    head = told(*DEMO, "import", "backup.jsonl", "--json")["log_head"]
    assert refused(*DEMO, "import", "cut.jsonl").startswith("cut.jsonl:51: ")
    assert told(*DEMO, "import", "backup.jsonl", "--json")["log_head"] == head


def test_a_restored_log_takes_new_events_as_if_nothing_had_happened(demo: Path) -> None:
    shown(*DEMO, "export", "backup.jsonl")
    shown("--log", "again.db", "import", "backup.jsonl")
    write_log(Path("other.db"), [goal("nps")])
    shown("--log", "other.db", "export", "other.jsonl")
    assert shown("--log", "again.db", "import", "other.jsonl").startswith("2 events added")
    with open_log("again.db") as log:
        log.verify()


def test_events_and_tables_are_imported_apart(here: Path) -> None:
    assert refused("import", "a.jsonl", "b.csv").startswith("CloudEvents (.jsonl) and tables are imported apart")


def test_the_ending_says_what_an_export_writes(demo: Path) -> None:
    tables = told(*DEMO, "export", "all", "--json")
    assert told(*DEMO, "export", "all.xlsx", "--json") == tables
    assert shown(*DEMO, "export", "more.xlsx").splitlines()[0] == f"more.xlsx, cycles: {tables['cycles']} rows"
    assert told(*DEMO, "export", "all.jsonl", "--json") == {"events": len(Path("all.jsonl").read_text().splitlines())}
    done = told("--log", "from-sheets.db", "import", "all.xlsx", "--json")
    assert done["added"] == sum(tables.values()) - done["already"]
    for name in ("all", "all.xlsx", "all.jsonl"):
        assert "already" in refused(*DEMO, "export", name)


def test_a_template_filled_in_is_imported(here: Path) -> None:
    assert shown("template", "--out", "ours.xlsx") == "Fill in ours.xlsx, then: koers import ours.xlsx\n"
    assert "there is a file here already" in refused("template", "--out", "ours.xlsx")
    assert told("template", "--out", "more.xlsx", "--json") == {"template": "more.xlsx"}
    book = openpyxl.load_workbook("ours.xlsx")
    row = ("nps", "Better", None, "red", None, "q4", "points", "metric", "increase", 30, 40, "2026-10-01", "2026-12-31")
    book["key_results"].append(row)
    book["check_ins"].append(("nps", "2026-10-08", "thirty"))
    book.save("ours.xlsx")
    assert refused("import", "ours.xlsx").startswith("ours.xlsx:check_ins!C2: value 'thirty' is no number")
    assert not Path("koers.db").exists()
    book["check_ins"]["C2"] = 31
    book.save("ours.xlsx")
    assert json.loads(koers("import", "ours.xlsx", "--json").stdout)["added"] == 2
    assert "nps" in shown("status", "--json")
