"""Sends a test alert to each receiver, and watches whether Alertmanager gets the notifications out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import sleep

from exporter.doctor.chain import alertmanager
from exporter.doctor.chain.client import Api
from exporter.doctor.chain.configuration import Configuration
from exporter.doctor.chain.counters import Counters
from exporter.doctor.chain.matchers import Labels
from exporter.doctor.chain.routes import Route
from exporter.doctor.chain.specimen import choose, group, starts_a_group
from exporter.doctor.chain.words import count
from exporter.doctor.finding import Notes
from exporter.model.deadline import Deadline

PAUSE = 0.5
"""Seconds between two looks at the counters."""
GRACE = 2.0
"""Seconds after the first failure, in which others may come."""
LIFE = timedelta(minutes=5)
"""After the deadline a test alert ends by itself, should it not be ended."""

ANNOTATIONS = {
    "summary": "This is a test of the way from Alertmanager to you",
    "description": "Somebody has run datastack-exporter verify --send. There is nothing to do.",
}

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Tally:
    """How one kind of integration has done.

    Attributes:
        expected: notifications that ought to come.
        delivered: those that were taken; others than ours may be among them.
        failed: attempts that were not; each is tried again for a while unless it was refused for good.
    """

    expected: int
    delivered: int
    failed: int


class Trial:
    """Test alerts for all receivers of a configuration, sent and ended once.

    Args:
        api: Alertmanager; its deadline is later than `seconds` from now.
        configuration: that it has.
        seconds: how long to wait for the notifications.
    """

    def __init__(self, api: Api, configuration: Configuration, seconds: float) -> None:
        self._api = api
        self._configuration = configuration
        self._seconds = seconds
        self._now = datetime.now(UTC)
        self._run = self._now.strftime("%H%M%S")

    def run(self, notes: Notes, progress: Progress) -> None:
        """Notes how it went.

        Raises:
            ApiError: Alertmanager does not answer.
        """
        chosen = self._choose(notes)
        if not chosen:
            notes.error("no receiver can be tried", "# alertmanager.yml: receivers with slack_configs, ...")
            return
        expected = self.expected(list(chosen.values()))
        reached = {route.receiver for labels in chosen.values() for route in self._told(labels)}
        notes.ok(f"{count(len(chosen), 'test alert')} for {', '.join(sorted(reached))}")
        progress(f"{count(len(chosen), 'test alert')} on the way")
        before = self._counts()
        try:
            self._post(list(chosen.values()), ended=False)
            tallies = self._wait(expected, before, progress)
        finally:
            self._post(list(chosen.values()), ended=True)
        self._judge(notes, tallies, list(chosen.values()))

    def _choose(self, notes: Notes) -> dict[str, dict[str, str]]:
        """Receiver -> labels of the alert for it; none for whom another's alert reaches as well."""
        others: list[Labels] = [alert["labels"] for alert in alertmanager.alerts(self._api)]
        silences = alertmanager.silences(self._api)
        chosen: dict[str, dict[str, str]] = {}
        for name, receiver in self._configuration.receivers.items():
            reached = {route.receiver for labels in chosen.values() for route in self._told(labels)}
            if not receiver.integrations or name in reached:
                continue
            labels = choose(self._configuration, name, self._run, others, self._now)
            if labels is None:
                notes.advice(
                    f"{name} is not tried: no test alert would reach it and leave all others alone",
                    "# alertmanager.yml: its routes and inhibit_rules",
                )
            elif ids := alertmanager.silenced_by(silences, labels):
                notes.advice(f"{name} is not tried: silenced", *(f"amtool silence expire {i}" for i in ids))
            elif name not in {route.receiver for route in self._told(labels)}:
                notes.advice(f"{name} is not tried: not told at this time", "# its routes' time intervals")
            else:
                chosen[name] = labels
                others.append(labels)
        return chosen

    def _told(self, labels: Labels) -> list[Route]:
        taken = self._configuration.route.taken_by(labels)
        return [route for route in taken if self._configuration.tells_now(route, self._now)]

    def expected(self, alerts: Sequence[Labels]) -> Counter[str]:
        """Integration -> how many notifications the alerts make: one for each group of a route."""
        groups = {
            (id(route), group(route, labels)): route for labels in alerts for route in self._told(labels)
        }
        return Counter(kind for route in groups.values() for kind in self._configuration.integrations(route))

    def _post(self, alerts: Sequence[Labels], *, ended: bool) -> None:
        """A new group is told at once of an alert that began before its `group_wait`."""
        routes = [route for labels in alerts for route in self._told(labels)]
        start = self._now - timedelta(seconds=1 + max(route.group_wait for route in routes))
        end = datetime.now(UTC) if ended else self._now + timedelta(seconds=self._seconds) + LIFE
        times = {"startsAt": start.isoformat(), "endsAt": end.isoformat()}
        document = [{"labels": labels, "annotations": ANNOTATIONS, **times} for labels in alerts]
        self._api.post("/api/v2/alerts", document)

    def _counts(self) -> tuple[Counter[str], Counter[str]]:
        counters = Counters.of(self._api.text("/metrics"))
        names = alertmanager.REQUESTS, alertmanager.REQUESTS_FAILED
        all_, failed = (counters.by("integration", name) for name in names)
        return all_, failed

    def _wait(
        self, expected: Mapping[str, int], before: tuple[Counter[str], Counter[str]], progress: Progress
    ) -> dict[str, Tally]:
        """The tallies once all has come, or all but what has failed, or the time is over."""
        deadline, failing, said = Deadline.after(self._seconds), Deadline.after(self._seconds), ""
        while True:
            tallies = self._tallies(expected, before)
            if (line := _line(tallies)) != said:
                progress(line)
                said = line
            if any(tally.failed for tally in tallies.values()):
                failing = failing.at_most(GRACE)
            arrived = all(tally.delivered >= tally.expected for tally in tallies.values())
            settled = all(t.delivered >= t.expected or t.failed for t in tallies.values())
            if arrived or not deadline.left() or (settled and not failing.left()):
                return tallies
            sleep(PAUSE)

    def _tallies(
        self, expected: Mapping[str, int], before: tuple[Counter[str], Counter[str]]
    ) -> dict[str, Tally]:
        now = self._counts()
        tried, failed = (after - earlier for after, earlier in zip(now, before, strict=True))
        return {
            kind: Tally(count, tried[kind] - failed[kind], failed[kind])
            for kind, count in sorted(expected.items())
        }

    def _judge(self, notes: Notes, tallies: Mapping[str, Tally], alerts: Sequence[Labels]) -> None:
        for kind, tally in tallies.items():
            if tally.failed:
                notes.error(
                    f"{kind}: {count(tally.failed, 'attempt')} failed, {_arrived(tally)}",
                    alertmanager.LOG,
                    *alertmanager.files(self._configuration, kind),
                )
            elif tally.delivered < tally.expected:
                notes.error(f"{kind}: {_arrived(tally)} in time", *self._patience(alerts), alertmanager.LOG)
            else:
                notes.ok(f"{kind}: {_arrived(tally)}")

    def _patience(self, alerts: Sequence[Labels]) -> list[str]:
        """Why a notification may come later than we wait, or from elsewhere."""
        later = max(
            (
                route.group_interval
                for labels in alerts
                for route in self._told(labels)
                if not starts_a_group(route, labels, self._run)
            ),
            default=0.0,
        )
        remarks = []
        if later >= self._seconds:
            remarks.append(
                f"# a group that exists already is told after its group_interval: --timeout {later + 30:g}"
            )
        if len(self._api.json("/api/v2/status").get("cluster", {}).get("peers") or ()) > 1:
            remarks.append("# of several Alertmanagers one tells: run verify with the address of each")
        return remarks


def _arrived(tally: Tally) -> str:
    return f"{min(tally.delivered, tally.expected)} of {tally.expected} test notifications taken"


def _line(tallies: Mapping[str, Tally]) -> str:
    parts = (
        f"{kind} {min(tally.delivered, tally.expected)}/{tally.expected}"
        + (f" ({count(tally.failed, 'attempt')} failed)" if tally.failed else "")
        for kind, tally in tallies.items()
    )
    return f"taken so far: {', '.join(parts)}"
