"""览 – boards: the figures people start their day with, each defined once, in one sentence."""

from siyu.insight.boards.rules import DEFINITIONS

__all__ = ["DEFINITIONS"]
