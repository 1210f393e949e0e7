"""What the web server loads: one application per process, made from the environment."""

from typing import Any

from siyu.app.logging import configure_logging
from siyu.app.runtime import Runtime, spare_collector, urls_of
from siyu.app.web import create_app
from siyu.kernel.settings import load


def make() -> Any:
    """The ASGI application of this process."""
    settings = load().settings
    configure_logging(settings.log_level)
    runtime = Runtime(settings, urls_of(settings), pool=8)
    application = create_app(runtime)
    spare_collector()
    return application
