"""The four transaction tables: one row per arrow of the figures in RFC 3261 section 17 as amended by RFC 6026."""

from __future__ import annotations

from typing import Final

from ringline.sip.table import Action, Input, State, Table

_CALLING, _TRYING, _PROCEEDING = State.CALLING, State.TRYING, State.PROCEEDING
_ACCEPTED, _COMPLETED, _CONFIRMED, _TERMINATED = State.ACCEPTED, State.COMPLETED, State.CONFIRMED, State.TERMINATED

INVITE_CLIENT: Final[Table] = {
    (_CALLING, Input.PROVISIONAL): (_PROCEEDING, Action.PASS_UP),
    (_CALLING, Input.SUCCESS): (_ACCEPTED, Action.PASS_UP),
    (_CALLING, Input.FAILURE): (_COMPLETED, Action.ACK_AND_PASS_UP),
    (_CALLING, Input.TIMER_A): (_CALLING, Action.RESEND),
    (_CALLING, Input.TIMER_B): (_TERMINATED, Action.TIME_OUT),
    (_CALLING, Input.TRANSPORT_ERROR): (_TERMINATED, Action.REPORT_ERROR),
    (_CALLING, Input.GIVE_UP): (_TERMINATED, Action.END),
    (_PROCEEDING, Input.PROVISIONAL): (_PROCEEDING, Action.PASS_UP),
    (_PROCEEDING, Input.SUCCESS): (_ACCEPTED, Action.PASS_UP),
    (_PROCEEDING, Input.FAILURE): (_COMPLETED, Action.ACK_AND_PASS_UP),
    (_PROCEEDING, Input.TRANSPORT_ERROR): (_TERMINATED, Action.REPORT_ERROR),
    (_PROCEEDING, Input.GIVE_UP): (_TERMINATED, Action.END),
    (_ACCEPTED, Input.PROVISIONAL): (_ACCEPTED, Action.ABSORB),
    (_ACCEPTED, Input.SUCCESS): (_ACCEPTED, Action.PASS_UP),
    (_ACCEPTED, Input.FAILURE): (_ACCEPTED, Action.ABSORB),
    (_ACCEPTED, Input.TIMER_M): (_TERMINATED, Action.END),
    (_ACCEPTED, Input.TRANSPORT_ERROR): (_ACCEPTED, Action.ABSORB),
    (_ACCEPTED, Input.GIVE_UP): (_ACCEPTED, Action.ABSORB),
    (_COMPLETED, Input.PROVISIONAL): (_COMPLETED, Action.ABSORB),
    (_COMPLETED, Input.SUCCESS): (_COMPLETED, Action.ABSORB),
    (_COMPLETED, Input.FAILURE): (_COMPLETED, Action.RESEND_ACK),
    (_COMPLETED, Input.TIMER_D): (_TERMINATED, Action.END),
    (_COMPLETED, Input.TRANSPORT_ERROR): (_TERMINATED, Action.END),
    (_COMPLETED, Input.GIVE_UP): (_COMPLETED, Action.ABSORB),
}
"INVITE client (RFC 3261 section 17.1.1; Accepted: RFC 6026 section 7.2)."

NON_INVITE_CLIENT: Final[Table] = {
    (_TRYING, Input.PROVISIONAL): (_PROCEEDING, Action.PASS_UP),
    (_TRYING, Input.FINAL): (_COMPLETED, Action.PASS_UP),
    (_TRYING, Input.TIMER_E): (_TRYING, Action.RESEND),
    (_TRYING, Input.TIMER_F): (_TERMINATED, Action.TIME_OUT),
    (_TRYING, Input.TRANSPORT_ERROR): (_TERMINATED, Action.REPORT_ERROR),
    (_TRYING, Input.GIVE_UP): (_TERMINATED, Action.END),
    (_PROCEEDING, Input.PROVISIONAL): (_PROCEEDING, Action.PASS_UP),
    (_PROCEEDING, Input.FINAL): (_COMPLETED, Action.PASS_UP),
    (_PROCEEDING, Input.TIMER_E): (_PROCEEDING, Action.RESEND),
    (_PROCEEDING, Input.TIMER_F): (_TERMINATED, Action.TIME_OUT),
    (_PROCEEDING, Input.TRANSPORT_ERROR): (_TERMINATED, Action.REPORT_ERROR),
    (_PROCEEDING, Input.GIVE_UP): (_TERMINATED, Action.END),
    (_COMPLETED, Input.PROVISIONAL): (_COMPLETED, Action.ABSORB),
    (_COMPLETED, Input.FINAL): (_COMPLETED, Action.ABSORB),
    (_COMPLETED, Input.TIMER_K): (_TERMINATED, Action.END),
    (_COMPLETED, Input.TRANSPORT_ERROR): (_COMPLETED, Action.ABSORB),
    (_COMPLETED, Input.GIVE_UP): (_COMPLETED, Action.ABSORB),
}
"Any other client (RFC 3261 section 17.1.2)."

INVITE_SERVER: Final[Table] = {
    (_PROCEEDING, Input.REPEAT): (_PROCEEDING, Action.RESEND),
    (_PROCEEDING, Input.ACK): (_PROCEEDING, Action.ABSORB),
    (_PROCEEDING, Input.PROVISIONAL): (_PROCEEDING, Action.SEND),
    (_PROCEEDING, Input.SUCCESS): (_ACCEPTED, Action.SEND),
    (_PROCEEDING, Input.FAILURE): (_COMPLETED, Action.SEND),
    (_PROCEEDING, Input.TRANSPORT_ERROR): (_PROCEEDING, Action.ABSORB),
    (_ACCEPTED, Input.REPEAT): (_ACCEPTED, Action.ABSORB),
    (_ACCEPTED, Input.ACK): (_ACCEPTED, Action.PASS_UP),
    (_ACCEPTED, Input.SUCCESS): (_ACCEPTED, Action.SEND),
    (_ACCEPTED, Input.TIMER_L): (_TERMINATED, Action.END),
    (_ACCEPTED, Input.TRANSPORT_ERROR): (_ACCEPTED, Action.ABSORB),
    (_COMPLETED, Input.REPEAT): (_COMPLETED, Action.RESEND),
    (_COMPLETED, Input.ACK): (_CONFIRMED, Action.ABSORB),
    (_COMPLETED, Input.TIMER_G): (_COMPLETED, Action.RESEND),
    (_COMPLETED, Input.TIMER_H): (_TERMINATED, Action.TIME_OUT),
    (_COMPLETED, Input.TRANSPORT_ERROR): (_TERMINATED, Action.REPORT_ERROR),
    (_CONFIRMED, Input.REPEAT): (_CONFIRMED, Action.ABSORB),
    (_CONFIRMED, Input.ACK): (_CONFIRMED, Action.ABSORB),
    (_CONFIRMED, Input.TIMER_I): (_TERMINATED, Action.END),
    (_CONFIRMED, Input.TRANSPORT_ERROR): (_CONFIRMED, Action.ABSORB),
}
"INVITE server (RFC 3261 section 17.2.1; Accepted: RFC 6026 section 7.1)."

NON_INVITE_SERVER: Final[Table] = {
    (_TRYING, Input.REPEAT): (_TRYING, Action.ABSORB),
    (_TRYING, Input.PROVISIONAL): (_PROCEEDING, Action.SEND),
    (_TRYING, Input.FINAL): (_COMPLETED, Action.SEND),
    (_TRYING, Input.TRANSPORT_ERROR): (_TRYING, Action.ABSORB),
    (_PROCEEDING, Input.REPEAT): (_PROCEEDING, Action.RESEND),
    (_PROCEEDING, Input.PROVISIONAL): (_PROCEEDING, Action.SEND),
    (_PROCEEDING, Input.FINAL): (_COMPLETED, Action.SEND),
    (_PROCEEDING, Input.TRANSPORT_ERROR): (_PROCEEDING, Action.ABSORB),
    (_COMPLETED, Input.REPEAT): (_COMPLETED, Action.RESEND),
    (_COMPLETED, Input.FINAL): (_COMPLETED, Action.ABSORB),
    (_COMPLETED, Input.TIMER_J): (_TERMINATED, Action.END),
    (_COMPLETED, Input.TRANSPORT_ERROR): (_COMPLETED, Action.ABSORB),
}
"Any other server (RFC 3261 section 17.2.2)."

TABLES: Final[dict[str, Table]] = {
    "INVITE client": INVITE_CLIENT,
    "non-INVITE client": NON_INVITE_CLIENT,
    "INVITE server": INVITE_SERVER,
    "non-INVITE server": NON_INVITE_SERVER,
}
"All four by name."
