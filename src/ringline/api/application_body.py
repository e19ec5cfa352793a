"""Applications as the Application API writes them (version 2; reference of applications, section 1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, model_validator

from ringline.accounts import (
    REGIONS,
    Application,
    PublicKeyError,
    RtcCapability,
    VoiceCapability,
    Webhook,
    answer_webhook,
    event_webhook,
    read_public_key,
)
from ringline.api.fields import (
    Body,
    Flag,
    Method,
    Text,
    one_of,
    read_text,
    read_web_url,
    refused,
    refused_parts,
    whole,
)

OTHER_CAPABILITIES: Final = ("messages", "vbc", "verify", "meetings", "network_apis", "video", "bulk")
"Stored for others and returned as they came."
_STORED_OF_VOICE: Final = ("payment_enabled", "payments")
_LONGEST_NAME: Final = 255


def _read_address(value: object) -> str:
    return "" if value == "" else read_web_url(value)


def _check_name(name: str) -> str:
    name = name.strip()
    if not name:
        raise refused("must not be empty")
    if len(name) > _LONGEST_NAME:
        raise refused(f"must have at most {_LONGEST_NAME} characters")
    return name


def _check_key(pem: str) -> str | None:
    """An empty key is none: the answer of a read may be sent back as it was."""
    if not pem.strip():
        return None
    try:
        return read_public_key(pem)
    except PublicKeyError as error:
        raise refused(str(error)) from None


def _read_object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise refused("must be an object")
    return value


def _read_messages(value: object) -> dict[str, Any]:
    """Kept as it came, but its webhooks can be called by POST only."""
    messages = _read_object(value)
    hooks = {} if messages.get("webhooks") is None else messages["webhooks"]
    if not isinstance(hooks, dict):
        raise refused_parts([(".webhooks", "must be an object")])
    for name, hook in hooks.items():
        if hook is not None and not isinstance(hook, dict):
            raise refused_parts([(f".webhooks.{name}", "must be an object")])
        method = (hook or {}).get("http_method")
        if method is not None and not (isinstance(method, str) and method.upper() == "POST"):
            raise refused_parts([(f".webhooks.{name}.http_method", "must be one of: POST")])
    return messages


def _read_nothing(value: object) -> dict[str, Any]:
    if value != {}:
        raise refused("must be an empty object")
    return {}


class HookBody(Body):
    """One webhook. The connect timeout has two names; the newer one wins."""

    address: Annotated[str, BeforeValidator(_read_address)]
    http_method: Method | None = None
    connect_timeout: Annotated[int | None, whole(300, 1000)] = None
    connection_timeout: Annotated[int | None, whole(300, 1000)] = None
    socket_timeout: Annotated[int | None, whole(1000, 5000)] = None

    def webhook(self, usual: Webhook) -> Webhook | None:
        """The webhook with the values of `usual` where none were given; None if it has no address."""
        if not self.address:
            return None
        return Webhook(
            address=self.address,
            http_method=self.http_method or usual.http_method,
            connect_timeout_ms=self.connect_timeout or self.connection_timeout or usual.connect_timeout_ms,
            socket_timeout_ms=self.socket_timeout or usual.socket_timeout_ms,
        )


class EventHookBody(HookBody):
    """An event webhook: it may take longer."""

    socket_timeout: Annotated[int | None, whole(1000, 10_000)] = None


class VoiceHooksBody(Body):
    """The webhooks of the voice capability."""

    answer_url: HookBody | None = None
    fallback_answer_url: HookBody | None = None
    event_url: EventHookBody | None = None


class VoiceBody(Body):
    """The voice capability: webhooks, how long things are kept, where."""

    webhooks: VoiceHooksBody = VoiceHooksBody()
    signed_callbacks: Flag = True
    conversations_ttl: Annotated[int, whole(0, 9000)] = 48
    leg_persistence_time: Annotated[int, whole(1, 31)] = 2
    region: Annotated[str | None, one_of(*REGIONS)] = None
    payment_enabled: Flag | None = None
    payments: Annotated[dict[str, Any] | None, BeforeValidator(_read_object)] = None

    def capability(self) -> VoiceCapability:
        hooks = self.webhooks
        answer, events = answer_webhook(""), event_webhook("")
        return VoiceCapability(
            answer_url=hooks.answer_url.webhook(answer) if hooks.answer_url else None,
            fallback_answer_url=hooks.fallback_answer_url.webhook(answer) if hooks.fallback_answer_url else None,
            event_url=hooks.event_url.webhook(events) if hooks.event_url else None,
            signed_callbacks=self.signed_callbacks,
            conversations_ttl_h=self.conversations_ttl,
            leg_persistence_days=self.leg_persistence_time,
            region=self.region,
            other=json.dumps({name: value for name in _STORED_OF_VOICE if (value := getattr(self, name)) is not None}),
        )


class RtcHooksBody(Body):
    """The webhook of the RTC capability."""

    event_url: EventHookBody | None = None


class RtcBody(Body):
    """The RTC capability: where the conversation service tells what happens."""

    webhooks: RtcHooksBody = RtcHooksBody()
    signed_callbacks: Flag = True

    def capability(self) -> RtcCapability:
        hook = self.webhooks.event_url
        return RtcCapability(
            event_url=hook.webhook(event_webhook("")) if hook else None, signed_callbacks=self.signed_callbacks
        )


Stored = Annotated[dict[str, Any] | None, BeforeValidator(_read_object)]


class CapabilitiesBody(Body):
    """What an application can do; what is no voice is kept and shown as it came."""

    voice: VoiceBody | None = None
    rtc: RtcBody | None = None
    messages: Annotated[dict[str, Any] | None, BeforeValidator(_read_messages)] = None
    vbc: Annotated[dict[str, Any] | None, BeforeValidator(_read_nothing)] = None
    verify: Stored = None
    meetings: Stored = None
    network_apis: Stored = None
    video: Stored = None
    bulk: Stored = None


class KeysBody(Body):
    """The key its tokens are checked with."""

    public_key: Annotated[str | None, AfterValidator(_check_key), BeforeValidator(read_text)] = None


class PrivacyBody(Body):
    """What its data may be used for besides."""

    improve_ai: Flag = False


class ApplicationBody(Body):
    """The body of `POST` and `PUT`."""

    name: Annotated[Text, AfterValidator(_check_name)]
    keys: KeysBody = KeysBody()
    capabilities: CapabilitiesBody = CapabilitiesBody()
    privacy: PrivacyBody = PrivacyBody()

    @model_validator(mode="before")
    @classmethod
    def _empty_lists_are_objects(cls, data: Any) -> Any:
        """PHP writes an object without members as `[]`."""
        if not isinstance(data, Mapping):
            return data
        return {key: {} if value == [] else value for key, value in data.items()}

    def applied_to(self, application: Application) -> Application:
        """The application as the body wants it. All of its capabilities are replaced; a key only if one is given."""
        other = {
            name: stored for name in OTHER_CAPABILITIES if (stored := getattr(self.capabilities, name)) is not None
        }
        voice, rtc = self.capabilities.voice, self.capabilities.rtc
        return replace(
            application,
            name=self.name,
            public_key=self.keys.public_key or application.public_key,
            voice=voice.capability() if voice is not None else None,
            rtc=rtc.capability() if rtc is not None else None,
            improve_ai=self.privacy.improve_ai,
            other_capabilities=json.dumps(other),
        )


def write_application(application: Application, *, private_key: str | None = None) -> dict[str, Any]:
    """Write an application's body; `private_key` is for the one answer that carries it."""
    keys = {}
    if application.public_key is not None:
        keys["public_key"] = application.public_key
    if private_key is not None:
        keys["private_key"] = private_key
    return {
        "id": application.id,
        "name": application.name,
        "keys": keys,
        "privacy": {"improve_ai": application.improve_ai},
        "capabilities": _capabilities(application),
        "_links": {"self": {"href": f"/v2/applications/{application.id}"}},
    }


def _capabilities(application: Application) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if (voice := application.voice) is not None:
        # The PHP library reads both of these without looking whether they are there.
        hooks = {
            "answer_url": _hook(voice.answer_url) or {"address": "", "http_method": "GET"},
            "event_url": _hook(voice.event_url) or {"address": "", "http_method": "POST"},
        }
        if voice.fallback_answer_url is not None:
            hooks["fallback_answer_url"] = _hook(voice.fallback_answer_url)
        out["voice"] = {
            "webhooks": hooks,
            "signed_callbacks": voice.signed_callbacks,
            "conversations_ttl": voice.conversations_ttl_h,
            "leg_persistence_time": voice.leg_persistence_days,
        }
        if voice.region is not None:
            out["voice"]["region"] = voice.region
        out["voice"] |= json.loads(voice.other)
    if (rtc := application.rtc) is not None:
        event = rtc.event_url
        address = {"address": event.address, "http_method": event.http_method} if event else None
        out["rtc"] = {
            "webhooks": {"event_url": address or {"address": "", "http_method": "POST"}},
            "signed_callbacks": rtc.signed_callbacks,
        }
    stored: dict[str, Any] = json.loads(application.other_capabilities)
    return out | stored


def _hook(webhook: Webhook | None) -> dict[str, Any]:
    if webhook is None:
        return {}
    return {
        "address": webhook.address,
        "http_method": webhook.http_method,
        "connect_timeout": webhook.connect_timeout_ms,
        "connection_timeout": webhook.connect_timeout_ms,
        "socket_timeout": webhook.socket_timeout_ms,
    }
