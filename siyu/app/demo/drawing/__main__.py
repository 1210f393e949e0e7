"""``python -m siyu.app.demo.drawing``: draws what it is asked for."""

import sys

from siyu.app.demo.drawing import draw_all

draw_all(sys.stdin.buffer, sys.stdout.buffer)
