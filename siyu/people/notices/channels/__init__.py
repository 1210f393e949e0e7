"""Ways to reach somebody, opened from the settings when a process opens."""

from typing import Any

from siyu.people import customers
from siyu.people.notices.channels.codes import SmsCodes
from siyu.people.notices.channels.inbox import DemoInbox
from siyu.people.notices.channels.mail import Mail
from siyu.people.notices.channels.sms import SmsGateway
from siyu.people.notices.ports import plugs

__all__ = ["DemoInbox", "Mail", "SmsCodes", "SmsGateway", "open_channels"]


async def open_channels(runtime: Any) -> None:
    """Plug in what the settings name; outside the demo sign-in codes then go through the gateway too."""
    settings = runtime.settings
    plugs.channels = {}
    if runtime.is_demo:
        plugs.channels["inbox"] = DemoInbox(runtime.database)
    if settings.sms_url:
        gateway = SmsGateway(runtime.egress, settings.sms_url, settings.sms_token)
        plugs.channels["sms"] = gateway
        customers.plugs.code_sender = SmsCodes(runtime.database, gateway)
    if settings.smtp_url:
        plugs.channels["mail"] = Mail(settings.smtp_url)
