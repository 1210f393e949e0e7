"""The one refusal of the engines: an expected «cannot start», said in a sentence that tells what to do."""


class EngineRefused(Exception):
    """An engine or the supervisor cannot do what was asked; the message says why and what to do.

    Print ``str(error)`` to the person and leave; a traceback helps nobody here.
    """
