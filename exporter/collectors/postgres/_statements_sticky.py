"""Who has series of its own: those that take most time just now, with hysteresis. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

FADE = 0.9
"""What is left of a weight, the time that was taken, from one reading to the next."""
CLEARLY = 2.0
"""How many times the weight of the lightest shown one makes another take its place."""
LIFETIME = 1e-12
"""The weight of time that lies before the first reading: it decides where nothing else is known."""
FORGOTTEN = 1e-6
"""Below this weight one is as good as one that has done nothing."""


@dataclass(slots=True)
class Sticky(Generic[K]):
    """Chooses `size` of them. Membership lasts: only who was clearly heavier in the last minutes comes in.

    Attributes:
        size: how many are shown.
        weights: of all that did something lately.
    """

    size: int
    weights: dict[K, float] = field(default_factory=dict)

    def add(self, key: K, weight: float) -> None:
        """It took so much time since the last reading."""
        self.weights[key] = self.weights.get(key, 0.0) + weight

    def fade(self) -> None:
        """A reading has passed."""
        self.weights = {key: weight * FADE for key, weight in self.weights.items() if weight > FORGOTTEN}

    def choose(self, shown: Collection[K]) -> tuple[list[K], list[K]]:
        """Who is to be shown from now on, and who no more."""
        weights = self.weights
        hidden = [key for key in weights if key not in shown]
        heaviest = nlargest(self.size, hidden, key=weights.__getitem__)
        entering = heaviest[: max(0, self.size - len(shown))]
        leaving = []
        lightest = sorted(shown, key=lambda key: weights.get(key, 0.0))
        for newcomer, lighter in zip(heaviest[len(entering) :], lightest, strict=False):
            if weights[newcomer] <= max(CLEARLY * weights.get(lighter, 0.0), FORGOTTEN):
                break
            leaving.append(lighter)
            entering.append(newcomer)
        return entering, leaving
