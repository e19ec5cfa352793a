"""SIP on real sockets: UDP, TCP and TLS, the clock for the user agent, and the search for addresses."""

from ringline.io.sip.pump import SipPump
from ringline.io.sip.resolver import SipResolver
from ringline.io.sip.sockets import SipSockets

__all__ = ["SipPump", "SipResolver", "SipSockets"]
