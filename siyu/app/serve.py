"""What the web server loads: one application per process, made from the environment."""

from typing import Any

from siyu.app.logging import configure_logging, slow_log
from siyu.app.runtime import Runtime, spare_collector
from siyu.app.web import create_app
from siyu.kernel.http import add_request_id
from siyu.kernel.settings import load, urls_of


def make() -> Any:
    """The ASGI application of this process."""
    settings = load().settings
    configure_logging(
        settings.log_level, add_request_id, slow_into=slow_log(settings.home, command=False)
    )
    runtime = Runtime(settings, urls_of(settings), pool=8)
    application = create_app(runtime)
    spare_collector()
    return application
