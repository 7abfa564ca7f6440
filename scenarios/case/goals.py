"""The objectives and key results of the case: 47 that have ended, and 20 of the quarter under way."""

from __future__ import annotations

from typing import NamedTuple

from koers.events.model import Ambition, Direction, Kind


class Goal(NamedTuple):
    """A key result. `pace` is the progress by due that its owner's plan is good for; `take` names its draws."""

    name: str
    owner: str
    title: str
    unit: str
    baseline: float
    target: float
    digits: int = 0
    kind: Kind = "metric"
    pace: float = 1.0
    take: int = 0
    lower: float | None = None

    @property
    def direction(self) -> Direction:
        """The direction that goes with baseline and target, or with the limit."""
        if self.kind == "control":
            return "maintain_above"
        return "increase" if self.target > self.baseline else "decrease"


class Objective(NamedTuple):
    """An objective of a team in a cycle."""

    name: str
    cycle: str
    team: str
    title: str
    why: str
    parent: str
    goals: tuple[Goal, ...]
    ambition: Ambition = "aspirational"


PARENTS = {
    "2025-nearby": ("2025", "service", "Close by when it matters", "Members left over letters, not over prices."),
    "2025-sound": ("2025", "platform", "A house that stands", "Half of what we run is older than our students."),
    "2026-nearby": ("2026", "service", "Helped the first time", "Every second call is a repeat."),
    "2026-sound": ("2026", "platform", "One administration, no surprises", "The old one is out of support in 2027."),
}
"""What the organisation wants of a year: cycle, the team that leads it, title and why."""

PAST = (
    Objective("24q4-letters", "2024-Q4", "service", "Members understand what we write",
        "A third of calls are about a letter.", "", (
            Goal("24q4-plain", "Esra", "Letters in plain language", "letters", 0, 30, kind="milestone"),
            Goal("24q4-why-calls", "Bram", "Calls about a letter, per week", "calls", 610, 420),
        )),
    Objective("24q4-portal", "2024-Q4", "digital", "The portal is worth a log-in",
        "One in nine members has ever seen it.", "", (
            Goal("24q4-logins", "Sanne", "Members who log in, per month", "members", 8200, 12500),
            Goal("24q4-steps", "Joris", "Steps to report damage", "steps", 14, 8, kind="milestone"),
        )),
    Objective("24q4-desk", "2024-Q4", "brokers", "Brokers get an answer today",
        "They sell what answers fast.", "", (
            Goal("24q4-answer", "Joost", "Broker questions answered in a day", "%", 41, 65, pace=0.45),
            Goal("24q4-guide", "Lotte", "Product guides for brokers", "guides", 0, 10, kind="milestone"),
        )),
    Objective("25q1-claims", "2025-Q1", "claims", "A claim is clear in a week",
        "Waiting is what members remember.", "2025-nearby", (
            Goal("25q1-week", "Anouk", "Claims decided within a week", "%", 44, 62),
            Goal("25q1-ask", "Ruben", "Claims we ask about twice", "%", 37, 24),
        )),
    Objective("25q1-data", "2025-Q1", "data", "One version of the numbers",
        "Four teams count policies in five ways.", "2025-sound", (
            Goal("25q1-terms", "Fleur", "Terms defined and in use", "terms", 0, 60, kind="milestone"),
            Goal("25q1-late", "Milan", "Reports later than the 5th", "reports", 17, 4),
        )),
    Objective("25q1-brokers", "2025-Q1", "brokers", "Brokers choose us",
        "We lost two of the ten largest.", "2025-nearby", (
            Goal("25q1-quotes", "Joost", "Quotes through the broker site", "quotes", 240, 520, pace=0.45, take=4),
        )),
    Objective("25q2-ship", "2025-Q2", "platform", "A release is no event any more",
        "Teams wait for release days.", "2025-sound", (
            Goal("25q2-deploys", "Chantal", "Deployments per week", "deploys", 4, 20),
            Goal("25q2-lead", "Daan", "Median lead time of a change", "days", 9.5, 3.5, 1),
        )),
    Objective("25q2-app", "2025-Q2", "digital", "The app does what the phone does",
        "Members under 35 do not call.", "2025-nearby", (
            Goal("25q2-installs", "Sanne", "Members with the app", "members", 3100, 9000),
            Goal("25q2-rating", "Joris", "Rating in the app stores", "stars", 2.9, 4.2, 2),
        )),
    Objective("25q2-brokers", "2025-Q2", "brokers", "Less paper between us and brokers",
        "A policy takes eleven mails.", "2025-nearby", (
            Goal("25q2-mails", "Joost", "Mails per new policy", "mails", 11, 5, 1, pace=0.4, take=4),
            Goal("25q2-forms", "Lotte", "Forms gone digital", "forms", 0, 24, kind="milestone"),
        )),
    Objective("25q3-first", "2025-Q3", "service", "Helped without calling back",
        "Every second call is a repeat.", "2025-nearby", (
            Goal("25q3-repeat", "Bram", "Calls that are repeats", "%", 52, 38, 1),
            Goal("25q3-letters", "Esra", "Letters rewritten", "letters", 0, 40, kind="milestone", pace=0.6, take=5),
        )),
    Objective("25q3-base", "2025-Q3", "platform", "Systems that wake nobody",
        "Two engineers left after a summer of nights.", "2025-sound", (
            Goal("25q3-nights", "Daan", "Night calls per month", "calls", 22, 8),
            Goal("25q3-restore", "Chantal", "Services restored in a drill", "services", 0, 10, kind="milestone"),
        )),
    Objective("25q3-price", "2025-Q3", "data", "Prices that fit the street",
        "Our flood model is from 2011.", "2025-sound", (
            Goal("25q3-streets", "Fleur", "Homes with their own flood risk", "%", 12, 60),
            Goal("25q3-model", "Milan", "New flood model in use", "done", 0, 1, kind="binary"),
        )),
    Objective("25q4-photos", "2025-Q4", "digital", "A photo says enough",
        "Half of all visits find what a photo shows.", "2025-nearby", (
            Goal("25q4-photos", "Sanne", "Claims that come with photos", "%", 18, 45),
            Goal("25q4-tests", "Joris", "Journeys under automatic test", "journeys", 6, 40, kind="milestone"),
        )),
    Objective("25q4-claims", "2025-Q4", "claims", "Fewer visits, faster money",
        "A visit costs a member eleven days.", "2025-nearby", (
            Goal("25q4-visits", "Anouk", "Claims settled without a visit", "%", 35, 55),
            Goal("25q4-days", "Ruben", "Median days to payment", "days", 19, 11),
        )),
    Objective("25q4-brokers", "2025-Q4", "brokers", "A desk that calls first",
        "Brokers hear of changes from members.", "2025-nearby", (
            Goal("25q4-ahead", "Joost", "Changes told to brokers ahead", "%", 20, 75, pace=0.4),
            Goal("25q4-visits-b", "Lotte", "Brokers visited", "brokers", 0, 36, kind="milestone"),
        )),
    Objective("26q1-admin", "2026-Q1", "platform", "The new administration carries us",
        "The old one is out of support in 2027.", "2026-sound", (
            Goal("26q1-products", "Daan", "Products on the new system", "products", 2, 14, kind="milestone", take=3),
            Goal("26q1-batch", "Chantal", "Jobs left in the night batch", "jobs", 64, 20, take=5),
        ), "committed"),
    Objective("26q1-storm", "2026-Q1", "claims", "Ready for the next storm",
        "In 2022 we were not.", "2026-nearby", (
            Goal("26q1-partners", "Anouk", "Repairers who start in 48 hours", "firms", 9, 30),
            Goal("26q1-status", "Ruben", "Claims that show their status", "%", 15, 80),
        )),
    Objective("26q1-service", "2026-Q1", "service", "Answers that hold",
        "A wrong answer costs three calls.", "2026-nearby", (
            Goal("26q1-right", "Esra", "Answers right the first time", "%", 71, 88),
            Goal("26q1-articles", "Bram", "Questions with one good answer", "articles", 40, 160, kind="milestone"),
        )),
    Objective("26q2-admin", "2026-Q2", "platform", "Everything on one administration",
        "Two cost us two of everything.", "2026-sound", (
            Goal("26q2-policies", "Daan", "Policies moved over", "%", 30, 85, take=5),
            Goal("26q2-faults", "Chantal", "Messages that fail, per day", "messages", 180, 30, take=1),
        ), "committed"),
    Objective("26q2-tariffs", "2026-Q2", "data", "Prices by the month",
        "Rivals move while we count.", "2026-sound", (
            Goal("26q2-tariffs", "Fleur", "Tariffs on the model", "tariffs", 3, 18, kind="milestone", pace=0.5, take=4),
            Goal("26q2-weeks", "Milan", "Weeks from model to price", "weeks", 14, 5, 1),
        )),
    Objective("26q2-brokers", "2026-Q2", "brokers", "Brokers on the new administration",
        "They key in everything twice.", "2026-sound", (
            Goal("26q2-moved", "Joost", "Brokers moved over", "brokers", 5, 60, pace=0.4, take=3),
        )),
    Objective("26q3-self", "2026-Q3", "digital", "Members arrange it themselves",
        "The phone is our only form.", "2026-nearby", (
            Goal("26q3-self", "Sanne", "Changes members make themselves", "%", 28, 50),
            Goal("26q3-pilot", "Joris", "Pilot with two housing funds", "done", 0, 1, kind="binary"),
        )),
    Objective("26q3-calm", "2026-Q3", "platform", "Calm after the spring",
        "Nobody remembers a week without incidents.", "2026-sound", (
            Goal("26q3-faults", "Chantal", "Incidents from the new system", "per week", 21, 6, take=6),
            Goal("26q3-docs", "Daan", "Services with a run book", "services", 5, 30, kind="milestone"),
        )),
    Objective("26q3-brokers", "2026-Q3", "brokers", "No broker keys in twice",
        "Ten minutes a policy, 900 a month.", "2026-sound", (
            Goal("26q3-api", "Joost", "Policies by the interface", "%", 4, 40, pace=0.4, take=2),
            Goal("26q3-train", "Lotte", "Brokers trained", "brokers", 0, 45, kind="milestone"),
            Goal("26q3-errors", "Lotte", "Policies sent back", "%", 13, 6, 1),
        )),
)  # fmt: skip

RUNNING = (
    Objective("26q4-admin", "2026-Q4", "platform", "Renewals without a night shift",
        "Renewals are on the new system for the first time.", "2026-sound", (
            Goal("26q4-nights", "Daan", "Night calls per month", "calls", 26, 10),
            Goal("26q4-old", "Chantal", "Policies on the old system", "%", 48, 5, take=5),
            Goal("26q4-restart", "Daan", "Services that restart", "services", 4, 24, kind="milestone", take=1),
            Goal("26q4-switch", "Chantal", "Old system switched off", "done", 0, 1, kind="binary"),
        ), "committed"),
    Objective("26q4-fast", "2026-Q4", "claims", "Paid the same day",
        "Waiting is what members remember.", "2026-nearby", (
            Goal("26q4-sameday", "Anouk", "Claims paid the same day", "%", 12, 40, take=3),
            Goal("26q4-open", "Ruben", "Claims open over a month", "claims", 310, 180, take=9),
            Goal("26q4-fraud", "Ruben", "False alarms, fraud check", "%", 61, 35, take=5),
        )),
    Objective("26q4-once", "2026-Q4", "service", "One call is enough",
        "Every second call is a repeat.", "2026-nearby", (
            Goal("26q4-repeat", "Bram", "Calls that are repeats", "%", 46, 34, 1, take=2),
            Goal("26q4-phone", "Esra", "Phone answered in a minute", "%", 0, 0.9, 0, "control", lower=80.0),
            Goal("26q4-coach", "Esra", "Colleagues coached", "people", 0, 24, kind="milestone", take=10),
        )),
    Objective("26q4-intake", "2026-Q4", "digital", "A claim needs no phone",
        "Half of all calls report damage.", "2026-nearby", (
            Goal("26q4-intake", "Sanne", "Claims that come complete", "%", 38, 62, take=6),
            Goal("26q4-chat", "Joris", "Questions answered by chat", "%", 6, 30, take=2),
            Goal("26q4-access", "Joris", "Pages anybody can use", "pages", 20, 90, kind="milestone", take=5),
        )),
    Objective("26q4-price", "2026-Q4", "data", "A price that explains itself",
        "Members ask why, we do not know.", "2026-sound", (
            Goal("26q4-explain", "Fleur", "Prices with a reason", "%", 15, 70),
            Goal("26q4-feeds", "Milan", "Feeds checked every night", "feeds", 8, 40, kind="milestone", take=1),
            Goal("26q4-weeks", "Milan", "Weeks from model to price", "weeks", 9, 4, 1, take=4),
        )),
    Objective("26q4-broker", "2026-Q4", "brokers", "Brokers renew without us",
        "Renewals take the desk six weeks.", "2026-nearby", (
            Goal("26q4-renew", "Joost", "Renewals done by brokers", "%", 10, 55, pace=0.45, take=4),
            Goal("26q4-api", "Joost", "Policies by the interface", "%", 22, 50, pace=0.45),
            Goal("26q4-claims-b", "Lotte", "Brokers who follow claims", "brokers", 12, 60, take=9),
            Goal("26q4-chat-b", "Lotte", "Broker questions by chat", "%", 5, 35, take=3),
        )),
)  # fmt: skip
