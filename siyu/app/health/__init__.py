"""Health: every part of the house with a state and a sentence that says what to do; its figures; the nightly check."""

from siyu.app.health.measures import measure
from siyu.app.health.nightly import keep_nightly
from siyu.app.health.parts import Part, look, more

__all__ = ["Part", "keep_nightly", "look", "measure", "more"]
