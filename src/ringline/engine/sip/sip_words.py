"""What the words of SIP and SDP mean to the heart and to the media core."""

from __future__ import annotations

from collections.abc import Sequence

from ringline import sdp
from ringline.agent import Failed, OutgoingInvite, UserAgent
from ringline.base import LegId
from ringline.calls import events
from ringline.engine.ports import RtpPlan, SrtpKeys


def rtp_plan(agreed: sdp.Negotiated) -> RtpPlan:
    """What the media core does with the outcome of an offer and answer."""
    return RtpPlan(
        remote_host=agreed.remote_host,
        remote_port=agreed.remote_port,
        codec=agreed.codec,
        payload_type=agreed.payload_type,
        dtmf_payload_type=agreed.dtmf_payload_type,
        ptime_ms=agreed.ptime_ms,
        send=agreed.send,
        receive=agreed.receive,
        clock_hz=agreed.clock_hz,
        dtmf_clock_hz=agreed.dtmf_clock_hz,
        rtcp_port=agreed.rtcp_port,
        rtcp_mux=agreed.rtcp_mux,
        srtp=_keys(agreed.srtp),
    )


def _keys(agreed: sdp.Encryption | None) -> SrtpKeys | None:
    if agreed is None:
        return None
    return SrtpKeys(
        send_suite=agreed.suite, send_key=agreed.send_key, receive_suite=agreed.suite, receive_key=agreed.receive_key
    )


def dial_all(leg: LegId, invites: Sequence[OutgoingInvite], agent: UserAgent, now: float) -> None:
    """Call one place, or several of the same person at once."""
    if len(invites) == 1:
        agent.dial(leg, invites[0], now=now)
    else:
        agent.dial_all(leg, invites, now=now)


def failure_of(failed: Failed) -> events.LegFailed:
    """What a failed call of ours means to the heart."""
    if failed.status is None:
        return events.LegFailed(leg=failed.leg, cause="no-response", why=failed.why)
    return events.LegFailed(
        leg=failed.leg, cause="response", sip_code=failed.status, q850=failed.q850, why=failed.reason
    )


def error_of(status: int | None) -> int | None:
    """A status that says that something went wrong; None for all others."""
    return status if status is not None and status >= 400 else None
