"""One family of errors: each says whose turn it is.

RinglineError
├── ProtocolError              a specification is broken
│   ├── LocalProtocolError     by us: fix the caller
│   └── RemoteProtocolError    by the peer: reply with `.sip_status`, keep serving
├── NegotiationError           no codec, crypto or transport in common
├── NccoError                  a script cannot run; `.faults` name the spots (in `ringline.ncco`)
├── MediaError                 the media core cannot do it: no port left, unknown codec
├── ProviderError              speech, storage or webhook backend failed; `.retryable` decides
├── ConfigError                a setting is wrong: `.where`, `.key`, `.why`
└── ApiError                   a REST request is refused: `.status`, `.title`, `.detail`
"""

from __future__ import annotations


class RinglineError(Exception):
    """Anything Ringline raises on purpose."""


class ProtocolError(RinglineError):
    """A specification is broken."""


class LocalProtocolError(ProtocolError):
    """Broken by us: the calling code asked for something the protocol forbids in this state."""


class RemoteProtocolError(ProtocolError):
    """Broken by the peer: answer with `sip_status` where an answer is possible, and keep serving."""

    def __init__(self, why: str, *, sip_status: int = 400) -> None:
        super().__init__(why)
        self.sip_status = sip_status


class NegotiationError(RinglineError):
    """Nothing in common to talk with; a SIP peer gets 488."""


class MediaError(RinglineError):
    """The media core cannot do what was asked (no free port, unknown codec, unknown leg)."""


class ProviderError(RinglineError):
    """A speech, storage or webhook backend failed. `retryable` tells whether asking again may help."""

    def __init__(self, why: str, *, retryable: bool = False) -> None:
        super().__init__(why)
        self.retryable = retryable


class ConfigError(RinglineError):
    """A setting is wrong: where it stands (file or environment), which key, and why it cannot be used."""

    def __init__(self, why: str, *, where: str, key: str) -> None:
        super().__init__(f"{where}: {key}: {why}")
        self.where = where
        self.key = key
        self.why = why


class ApiError(RinglineError):
    """A REST request is refused with `status`; `parameters` lists (name, reason) of wrong fields.

    `code` names the kind of refusal where an API has several with one status.
    """

    def __init__(
        self, status: int, detail: str, *, title: str = "", code: str = "", parameters: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.code = code
        self.detail = detail
        self.parameters = parameters
