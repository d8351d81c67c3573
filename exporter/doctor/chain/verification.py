"""The whole of `verify`: one server after the other, and what is wrong with each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.doctor.chain import alertmanager, grafana, prometheus, routing, rule_files, rules, scraping
from exporter.doctor.chain.client import ANSWER_SECONDS, Api, ApiError
from exporter.doctor.chain.sending import Trial
from exporter.doctor.finding import Finding, Notes
from exporter.model.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.doctor.chain.configuration import Configuration
    from exporter.doctor.chain.matchers import Labels


@dataclass(frozen=True, slots=True, repr=False)
class Plan:
    """What is to be looked at. The addresses may hold passwords.

    Attributes:
        prometheus: its address.
        alertmanager: its address.
        grafana: its address; None to leave it out.
        token: a token of Grafana, or None.
        rules: a folder with the rules that Prometheus ought to have, or None.
        dashboards: a folder with the dashboards that Grafana ought to have, or None.
        send: whether test alerts are sent to all receivers.
        seconds: for the questions to each server, and for the notifications.
    """

    prometheus: str
    alertmanager: str
    grafana: str | None
    token: str | None
    rules: Path | None
    dashboards: Path | None
    send: bool
    seconds: float


class Verification:
    """One look at the chain.

    Args:
        plan: what is to be looked at.
        families: collector -> its family, for all collectors that there are.
        progress: is told what takes long.
    """

    def __init__(self, plan: Plan, families: Mapping[str, str], progress: Callable[[str], None]) -> None:
        self._plan = plan
        self._families = families
        self._progress = progress
        self._findings: list[Finding] = []
        self._told: Sequence[Labels] = ()

    def run(self) -> list[Finding]:
        """The findings, in the order of the chain. Nothing that a server says makes it fail."""
        self._prometheus()
        self._alertmanager()
        if self._plan.grafana is not None:
            api = self._api(self._plan.grafana, self._plan.token)
            with self._noted(f"Grafana at {api.shown}", api) as notes:
                grafana.examine(api, notes, self._plan.dashboards)
        return self._findings

    def _prometheus(self) -> None:
        api = self._api(self._plan.prometheus)
        with self._noted(f"Prometheus at {api.shown}", api) as notes:
            if not prometheus.answers(api, notes):
                return
            scraping.examine(api, notes, self._families)
            loaded = rules.examine(api, notes)
            if self._plan.rules is not None:
                rule_files.compare(api, notes, loaded, self._plan.rules)
            prometheus.alertmanagers(api, notes, self._api(self._plan.alertmanager).shown)
            added = prometheus.external_labels(api)
            self._told = [{**added, **rule.told} for rule in loaded if rule.alerting]

    def _alertmanager(self) -> None:
        api = self._api(self._plan.alertmanager)
        configuration = None
        with self._noted(f"Alertmanager at {api.shown}", api) as notes:
            configuration = alertmanager.answers(api, notes)
            if configuration is None:
                return
            alertmanager.counts(api, notes, configuration)
            alertmanager.watchdog(api, notes)
            alertmanager.overall(notes, alertmanager.silences(api), self._told)
            routing.examine(notes, configuration, self._told)
        if self._plan.send and configuration is not None:
            self._send(configuration)

    def _send(self, configuration: Configuration) -> None:
        seconds = self._plan.seconds
        api = Api(self._plan.alertmanager, Deadline.after(seconds + 4 * ANSWER_SECONDS))
        with self._noted("test notifications", api) as notes:
            Trial(api, configuration, seconds).run(notes, self._progress)

    def _api(self, base: str, token: str | None = None) -> Api:
        return Api(base, Deadline.after(self._plan.seconds), token)

    @contextmanager
    def _noted(self, target: str, api: Api) -> Iterator[Notes]:
        """Keeps what is noted of a server; what it does not answer, or answers oddly, is one finding more."""
        notes = Notes(target)
        try:
            yield notes
        except ApiError as error:
            notes.error(str(error), "# its log says more; more time: --timeout SECONDS")
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            what = f"answers otherwise than expected: {type(error).__name__}: {error}"
            notes.error(what, f"# is that its address? {api.shown}")
        self._findings += notes.findings
