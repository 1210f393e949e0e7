"""Who acts in the simulated world, a file for each trade. A module that wants its own actors adds a file and its ``ACTS``."""

from siyu.app.simulate.actors import paying, shoppers, staff
from siyu.app.simulate.world import Act

ACTS: list[Act] = [*shoppers.ACTS, *paying.ACTS, *staff.ACTS]
"""What may happen at a moment of a day; one that stands there twice happens twice as often."""
