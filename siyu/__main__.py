"""``python -m siyu`` is the ``siyu`` program."""

from siyu.app.cli import main

main()
