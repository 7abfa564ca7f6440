"""Scenarios as files: written and read back, and what is wrong is said with its place and what to do."""

# ruff: noqa: E501 - a refusal stands on the line of what it is about

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koers.events.errors import InputError
from koers.scenarios.files import MAX_BYTES, load_scenario, scenario_from_toml
from koers.scenarios.model import KINDS, Hire, Scenario
from koers.scenarios.toml import places, to_toml
from tests.scenarios.drawn import SCENARIO

TOP = 'name = "n"\nwhy = "w"\n'
FIRST = f'{TOP}\n[[lever]]\nkind = "hire"\nteam = "a"\npeople = 2\n\n[[lever]] # second\n'
ROW = 'key_result = "x"\ntitle = "y"\nteam = "t"\ncycle = "c"\nunit = "u"\n'
ROW += 'kind = "metric"\ndirection = "increase"\nstart = 2026-01-01\ndue = 2026-02-01\n'


def said(text: str) -> str:
    """What is said of a text that is no scenario."""
    with pytest.raises(InputError) as caught:
        scenario_from_toml(text, "f.toml")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def of_lever(text: str) -> str:
    """What is said of a second lever, whose table begins on line 9."""
    return said(FIRST + text)


@settings(max_examples=200)
@given(SCENARIO)
def test_what_is_written_reads_back_the_same(drawn: Scenario) -> None:
    text = to_toml(drawn)
    again = scenario_from_toml(text, "f.toml")
    assert again == drawn
    assert to_toml(again) == text
    assert scenario_from_toml(text.replace("\n", "\r\n")) == drawn.model_copy(update={"why": again.why})


@settings(max_examples=100)
@given(SCENARIO)
def test_every_lever_knows_its_line(drawn: Scenario) -> None:
    text = to_toml(drawn)
    heads = [n for n, line in enumerate(text.splitlines(), 1) if line == "[[lever]]"] if '"""' not in text else None
    found = scenario_from_toml(text, "f.toml").lever
    assert [lever.place.number for lever in found] == list(range(1, len(found) + 1))
    if heads is not None and "\x0b" not in text and len(text.splitlines()) == text.count("\n"):
        assert [lever.place.line for lever in found] == heads


def test_a_scenario_is_written_as_a_person_would() -> None:
    text = to_toml(Scenario(name="Hire", why="One line.\nAnother.", lever=(Hire(team="a", people=2),)))
    assert (
        text == 'name = "Hire"\nwhy = """\nOne line.\nAnother."""\n\n[[lever]]\nkind = "hire"\nteam = "a"\npeople = 2\n'
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('kind = "hire"\nteam = "a"\npeple = 2\n', "f.toml:12:1: lever 2 (hire): 'peple' is not a key of hire; did you mean people?"),
        ('kind = "hire"\nteam = "a"\n', "f.toml:9: lever 2 (hire): people is missing: hire needs kind, team, people"),
        ('kind = "hire"\nteam = "a"\npeople = "2"\n', "f.toml:12:1: lever 2 (hire): people '2' is no number: write it without quotes"),
        ('kind = "hire"\nteam = "a"\npeople = 0\n', "f.toml:12:1: lever 2 (hire): people 0 is not above 0"),
        ('kind = "hire"\nteam = "a"\npeople = 1e9\n', "lever 2 (hire): people 1,000,000,000 is above 100,000"),
        ('kind = "hire"\nteam = "a"\npeople = nan\n', "people nan is no finite number"),
        ('kind = "hire"\nteam = ""\npeople = 1\n', "f.toml:11:1: lever 2 (hire): team is empty: write a name"),
        ('kind = "hire"\nteam = ["a"]\npeople = 1\n', "team is no text: write it in double quotes"),
        ('kind = "hire"\nteam = "a"\npeople = 1\nramp_up_days = 2.0\n', "ramp_up_days 2 is no whole number"),
        ('kind = "hire"\nteam = "a"\npeople = 1\nstart = 2026-12-01\n', "'start' is not a key of hire; did you mean from?"),
        ('kind = "hire"\nteam = "a"\npeople = 1\nsince = 2026-12-01\n', "f.toml:13:1: lever 2 (hire): 'since' is not a key of a lever; did you mean from?"),
        ('kind = "hire"\nteam = "a"\npeople = 1\nfrom = "2026-12-01"\n', "from '2026-12-01' is no day: write it without quotes and without a time, such as 2026-11-24"),
        ('kind = "hire"\nteam = "a"\npeople = 1\nfrom = 2026-12-01T09:00:00\n', "is no day: write it without quotes and without a time"),
        ('kind = "hire"\nteam = "a"\npeople = 1\nfrom = 0226-12-01\n', "from: 0226-12-01 lies outside the years 1900 to 2199"),
        ('kind = "hire"\nteam = "a"\npeople = 1\nfrom = 2026-12-01\nuntil = 2026-11-01\n', "f.toml:14:1: lever 2 (hire): until 2026-11-01 lies before from 2026-12-01"),
        ('kind = "hire"\nteam = "a"\npeople = 0xfffffffffffffffff\n', "f.toml:12:1: people is too large a number"),
        ('kind = "hir"\n', "f.toml:10:1: lever 2 has a kind that is not known, 'hir'; did you mean hire? (one of move_capacity, "),
        ('kind = ["hire"]\n', "f.toml:10:1: lever 2 has a kind that is no text"),
        ('knd = "hire"\n', "f.toml:9: lever 2 has no kind: write kind = "),
        ('type = "hire"\n', "is 'type' meant to be kind?"),
        ("", "f.toml:9: lever 2 has no kind: write kind = "),
        ('kind = "drop"\nkey_result = "a"\nuntil = 2026-12-01\n', "f.toml:12:1: lever 2 (drop): until does not go with drop, which nothing ends: leave it out"),
        ('kind = "initiative"\ninitiative = "a"\n', "give start, delay or drop = true"),
        ('kind = "initiative"\ninitiative = "a"\ndrop = 1\n', "drop 1 is no truth value: write true or false, without quotes"),
        ('kind = "move_capacity"\nteam = "a"\nto = "chnage"\npeople = 1\n', "f.toml:12:1: lever 2 (move_capacity): to 'chnage' is not known; did you mean change? (one of run, change)"),
        ('kind = "set_policy"\nteam = "a"\npolicy = "ring_fense"\n', "policy 'ring_fense' is not known; did you mean ring_fence?"),
        ('kind = "set_policy"\nteam = "a"\npolicy = "ring_fence"\n', "f.toml:9: lever 2 (set_policy): ring_fence needs share: share is missing"),
        ('kind = "set_policy"\nteam = "a"\npolicy = "ring_fence"\nparameters = { shar = 0.3 }\n', "f.toml:13:1: lever 2 (set_policy): parameter 'shar' is not one of ring_fence; did you mean share?"),
        ('kind = "set_policy"\nteam = "a"\npolicy = "ring_fence"\n[lever.parameters]\nshare = [1]\n', "f.toml:14:1: lever 2 (set_policy): parameter share is neither a number nor text"),
        ('kind = "add"\nkey_result = "x"\n', "key_result 'x' is no table: write [lever.key_result] under the lever"),
        (f'kind = "add"\n[lever.key_result]\n{ROW}', "f.toml:11:1: lever 2 (add): a metric key result needs a target"),
        (f'kind = "add"\n[lever.key_result]\n{ROW}baseline = 3\ntarget = 2\n', "f.toml:18:1: lever 2 (add): from baseline 3 to target 2 is no increase"),
        (f'kind = "add"\n[lever.key_result]\n{ROW}titl = "z"\n', "f.toml:21:1: lever 2 (add): 'titl' is not a key of key_results.csv; did you mean title?"),
    ],
)  # fmt: skip
def test_a_lever_that_cannot_be_meant_is_said_with_its_line_and_what_to_do(text: str, told: str) -> None:
    assert told in of_lever(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "f.toml: this is empty: a scenario has a name, a why, and [[lever]] tables"),
        (" \n\n", "f.toml: this is empty"),
        ("name", "f.toml:1: this is no TOML (Expected '=' after a key in a key/value pair): write key = value"),
        ("name = x\n", "f.toml:1:8: this is no TOML (Invalid value): text stands in double quotes, a date without"),
        (f"{TOP}people = 1,5\n", "f.toml:3:11: this is no TOML (Expected newline or end of document after a statement): one key = value"),
        (f"{TOP}from = 2026-11-31\n", "f.toml:3:8: this is no TOML (Invalid date or datetime): there is no such day"),
        (f'{TOP}name = "again"\n', "f.toml:3:15: this is no TOML (Cannot overwrite a value): the key is there twice"),
        ('name = "n\n', "f.toml:1:10: this is no TOML (Illegal character '\\n')"),
        ('name = "n\x00"\n', "f.toml:1:10: this is no TOML (Illegal character '\\x00')"),
        ('name = "\\ud800"\n', "this is no TOML (Escaped character is not a Unicode scalar value)"),
        ("name = 3\nwhy = 'w'\n", "f.toml:1:1: name 3 is no text: write it in double quotes"),
        ("name = ''\nwhy = 'w'\n", "f.toml:1:1: name is empty: write a name"),
        (f"name = '{'x' * 201}'\nwhy = 'w'\n", "is longer than 200 characters"),
        ("name = 'n'\n", "f.toml:1: why is missing: a scenario needs name, why"),
        (f"{TOP}levers = []\n", "f.toml:3:1: 'levers' is not a key of a scenario; did you mean lever?"),
        (f"{TOP}colour = 1\n", "'colour' is not a key of a scenario; it takes name, why, lever"),
        (f"{TOP}[lever]\nkind = 'hire'\n", "f.toml:3:1: lever is no list of levers: begin each with [[lever]], in double brackets"),
        (f"{TOP}lever = [1]\n", "lever 1 is no table: begin it with [[lever]], in double brackets"),
        (f"{TOP}lever = [{{ kind = 'hire', team = 'a', people = 0 }}]\n", "f.toml:3: lever 1 (hire): people 0 is not above 0"),
        (f"{TOP}x = {'[' * 5_000}{']' * 5_000}\n", "f.toml: tables or lists are nested too deeply"),
        (f"{TOP}x = {'1' * 5_000}\n", "f.toml:3: a number has too many digits"),
    ],
)  # fmt: skip
def test_a_text_that_is_no_scenario_is_said_with_its_place(text: str, told: str) -> None:
    assert said(text).startswith(told) or told in said(text)


def test_contradicting_levers_are_both_named_with_their_lines() -> None:
    text = FIRST + 'kind = "drop"\nkey_result = "x"\n[[lever]]\nkind = "retarget"\ntarget = 3\nkey_result = "x"\n'
    assert said(text) == (
        "f.toml:15:1: lever 2 (drop, line 9) and lever 3 (retarget) both decide on key result 'x': keep one"
    )


def test_keys_are_found_past_strings_comments_and_lists_that_look_like_toml() -> None:
    text = (
        'name = "a # b = [["\nwhy = """\n[[lever]]\nteam = "x"\n"""\n# [[lever]]\n'
        "  [[ lever ]] # 1\n  kind = 'hire'\n  'team' = 'a'\n people = 1\n"
        "[['lever']]\nkind = 'set_policy'\nteam = 'b'\npolicy = 'ring_fence'\nparameters = { share = 0.1 }\n"
    )
    first, second = scenario_from_toml(text, "f.toml").lever
    assert (first.place.line, first.place.of("team"), first.place.of("from")) == (7, (9, 3), (7, None))
    assert (second.place.line, second.place.of("parameters.share")) == (11, (15, 1))
    assert places("x = [\n[1],\n2] # ]\n\ny = 1\n", "f").head.of("y") == (5, 1)


@pytest.mark.parametrize(
    "text",
    [
        "a." * 60_000 + "a = 1",
        '"a".' * 60_000 + '"a" = 1',
        "x = " + "a" * 200_000,
        "x = " + "-" * 200_000,
        '"""\\"""' * 30_000,
        "'" * 200_000,
        '"' * 200_001,
        "[" * 200_000,
        "x = " + "{a=" * 60_000,
        "x = 0x" + "f" * 200_000,
        "[[lever]]\nkind='wip_limit'\nteam='a'\nlimit=1\n" * 5_000,
    ],
    ids=range(11),
)
def test_a_text_made_to_be_slow_is_refused_in_no_time(text: str) -> None:
    begun = time.process_time()
    said(TOP + text)
    assert time.process_time() - begun < 3


@settings(max_examples=300)
@given(
    st.text(max_size=200)
    | st.text("[]{}=.\"'#\n\\ ax1-:,T", max_size=60)
    | st.binary(max_size=60).map(lambda b: b.decode("latin-1"))
)
def test_any_text_is_a_scenario_or_refused_in_one_line(text: str) -> None:
    for whole in (text, TOP + text, FIRST + text):
        try:
            assert isinstance(scenario_from_toml(whole, "f.toml"), Scenario)
        except InputError as error:
            assert str(error).startswith("f.toml")  # noqa: PT017


@pytest.mark.parametrize("content", [TOP.encode(), b"\xef\xbb\xbf" + TOP.encode(), TOP.replace("\n", "\r\n").encode()])
def test_a_file_is_read_with_a_byte_order_mark_or_windows_lines(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f.toml").write_bytes(content)
    assert load_scenario(tmp_path / "f.toml") == Scenario(name="n", why="w")


def test_the_scenarios_of_the_demo_have_names_and_a_file_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_scenario("move-two").lever
    for name in ("move-twoo", "no/move-two", "../scenarios/move-two"):
        with pytest.raises(InputError, match="cannot be read"):
            load_scenario(name)
    Path("move-two").write_text('name = "n"\nwhy = "w"\n')
    assert load_scenario("move-two") == Scenario(name="n", why="w")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", ": this is empty"),
        (TOP.encode("utf-16"), ":1:1: this is UTF-16: save it as UTF-8"),
        (b'name = "n"\nwhy = "caf\xe9"\n', ":2:11: this is not UTF-8 from here on: save the file as UTF-8"),
        (b"# " + b"x" * MAX_BYTES, ": the file is larger than 250 kB: this is no scenario"),
        (b"name = \x00\n", ":1:8: this is no TOML (Invalid value)"),
    ],
)
def test_a_file_that_is_no_text_says_so(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "f.toml"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_scenario(path)
    assert str(caught.value).startswith(f"{path}{told}")


@pytest.mark.parametrize(
    ("text", "place"), [("'\udcbd'=2", "1:2"), ("name = 'n'\nwhy = '\ud800'\n", "2:8"), ("\n# caf\udce9", "2:6")]
)
def test_text_in_memory_that_holds_half_a_character_is_refused_with_the_place(text: str, place: str) -> None:
    with pytest.raises(InputError, match=f"^f.toml:{place}: half a character stands here"):
        scenario_from_toml(text, "f.toml")


@pytest.mark.parametrize(
    ("name", "told"), [("", "this is a folder"), ("none.toml", "cannot be read"), ("a\0b", "cannot be read")]
)
def test_a_path_that_is_no_file_says_so(tmp_path: Path, name: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        load_scenario(tmp_path / name)


def test_a_file_without_end_is_not_read_to_the_end() -> None:
    if not Path("/dev/zero").exists():
        pytest.skip("no /dev/zero here")
    with pytest.raises(InputError, match="larger than"):
        load_scenario("/dev/zero")


def test_every_kind_is_known_to_the_messages() -> None:
    told = of_lever('kind = "nothing of the sort"\n')
    assert all(kind in told for kind in KINDS)
