"""`/account/numbers` and `/number/…`: the installation's numbers and the applications they belong to.

Reads are GET with a query, writes are POST with a form; answers carry a code and a label.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AfterValidator

from ringline.accounts import Account, Application, Forward, Number
from ringline.api.audit import note
from ringline.api.fields import Body, Flag, Text, empty_is_absent, read, read_web_url, refused, whole
from ringline.api.resource import Desk
from ringline.base import ApiError, ApplicationId
from ringline.routing import country_of, read_e164, read_forward

_SUCCESS: Final = {"error-code": "200", "error-code-label": "success"}
_FAILED: Final = "method failed"
_INVALID: Final = "Invalid params"
_SETTINGS: Final = (
    "app_id",
    "voiceCallbackType",
    "voiceCallbackValue",
    "voiceStatusCallback",
    "moHttpUrl",
    "moSmppSysType",
    "messagesCallbackType",
    "messagesCallbackValue",
)
_DIGITS: Final = re.compile(r"[0-9]{1,15}")

_Query = TypeVar("_Query", bound=Body)


def _check_country(country: str) -> str:
    if len(country) != 2 or not country.isascii() or not country.isalpha():
        raise refused("must be two letters")
    return country.upper()


def _check_digits(text: str) -> str:
    digits = text.strip().removeprefix("+")
    if not _DIGITS.fullmatch(digits):
        raise refused("must be a number")
    return digits


Country = Annotated[Text, AfterValidator(_check_country)]


class PatternQuery(Body):
    """What the queries for own and for free numbers have in common."""

    pattern: Text = ""
    search_pattern: Annotated[int, whole(0, 2)] = 0
    "0: begins with the pattern, 1: contains it, 2: ends with it."
    size: Annotated[int, whole(1, 100)] = 10
    index: Annotated[int, whole(1)] = 1
    "The page."

    def matches(self, msisdn: str) -> bool:
        match self.search_pattern:
            case 1:
                return self.pattern in msisdn
            case 2:
                return msisdn.endswith(self.pattern)
            case _:
                return msisdn.startswith(self.pattern)

    def page(self, found: Sequence[dict[str, Any]]) -> dict[str, Any]:
        first = (self.index - 1) * self.size
        return {"count": len(found), "numbers": list(found[first : first + self.size])}


class OwnedQuery(PatternQuery):
    """Which of the account's numbers are asked for."""

    country: Country | None = None
    application_id: Text | None = None
    has_application: Flag | None = None


class FreeQuery(PatternQuery):
    """Which numbers that nobody has are asked for."""

    country: Country
    type: Text | None = None
    features: Text = ""


class NumberForm(Body):
    """Which number is meant."""

    msisdn: Annotated[Text, AfterValidator(_check_digits)]
    country: Country | None = None
    target_api_key: Text | None = None


class Numbers:
    """The resource `numbers`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._needs = desk.needs
        self._directory = desk.needs.directory
        self._changing = asyncio.Lock()
        "Held from look-up to save, so that a change cannot bring back what is being given up."

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/account/numbers", self.list, methods=["GET"])
        router.add_api_route("/number/search", self.search, methods=["GET"])
        router.add_api_route("/number/buy", self.buy, methods=["POST"])
        router.add_api_route("/number/cancel", self.cancel, methods=["POST"])
        router.add_api_route("/number/update", self.update, methods=["POST"])
        return router

    async def list(self, request: Request) -> Response:
        """The numbers the account has."""
        self._desk.gate.account_of_numbers(request)
        query = _read(OwnedQuery, empty_is_absent(request.query_params))
        found = [
            _owned(number)
            for number in self._directory.numbers().values()
            if query.matches(number.msisdn)
            and query.country in (None, _country(number))
            and query.application_id in (None, number.application_id)
            and query.has_application in (None, number.application_id is not None)
        ]
        return JSONResponse(query.page(found))

    async def search(self, request: Request) -> Response:
        """Numbers of the installation's pool that nobody has."""
        self._desk.gate.account_of_numbers(request)
        query = _read(FreeQuery, empty_is_absent(request.query_params))
        voice = query.type in (None, "landline") and "VOICE" in (query.features.upper() or "VOICE")
        found = [
            {"country": query.country, "msisdn": msisdn, "type": "landline", "cost": "0.00", "features": ["VOICE"]}
            for msisdn in self._needs.options.number_pool
            if voice
            and query.matches(msisdn)
            and country_of(msisdn) == query.country
            and self._directory.number(msisdn) is None
        ]
        return JSONResponse(query.page(found))

    async def buy(self, request: Request) -> Response:
        """Take a number out of the pool."""
        account, _, form = await self._enter(request)
        options = self._needs.options
        on_sale = options.any_number or form.msisdn in options.number_pool
        async with self._changing:
            if self._directory.number(form.msisdn) is not None or not on_sale:
                raise ApiError(420, _FAILED)
            note(self._desk, request, account, "number.buy", form.msisdn)
            await self._save(Number(msisdn=form.msisdn, country=form.country or country_of(form.msisdn)))
        return JSONResponse(_SUCCESS)

    async def cancel(self, request: Request) -> Response:
        """Give a number back."""
        account, _, form = await self._enter(request)
        async with self._changing:
            number = self._find(form)
            note(self._desk, request, account, "number.cancel", number.msisdn)
            await self._needs.registry.delete_number(number.msisdn)
            self._directory.drop_number(number.msisdn)
        return JSONResponse(_SUCCESS)

    async def update(self, request: Request) -> Response:
        """Link a number to an application or unlink it, forward it, and say who hears of the ends of its calls."""
        account, raw, form = await self._enter(request)
        async with self._changing:
            changed = self._updated(self._find(form), raw)
            told = {name: raw[name] for name in ("app_id", "voiceCallbackType", "voiceCallbackValue") if name in raw}
            note(self._desk, request, account, "number.update", changed.msisdn, **told)
            await self._save(changed)
        return JSONResponse(_SUCCESS)

    def _updated(self, number: Number, raw: Mapping[str, str]) -> Number:
        """The number as the form wants it; what the form leaves out stays.

        A form that sets nothing at all clears everything: so the Node library unlinks, which drops an empty `app_id`.
        """
        if not any(name in raw for name in _SETTINGS):
            return replace(number, application_id=None, forward=None, status_callback=None)
        kind, value = raw.get("voiceCallbackType"), raw.get("voiceCallbackValue", "")
        if kind is not None:
            number = replace(number, forward=_forward(kind, value))
        wanted = raw.get("app_id") if "app_id" in raw else (value or None if kind == "app" else None)
        if wanted is not None:
            number = replace(number, application_id=self._application(wanted).id if wanted else None)
        if (callback := raw.get("voiceStatusCallback")) is not None:
            number = replace(number, status_callback=_callback(callback))
        return number

    async def _enter(self, request: Request) -> tuple[Account, Mapping[str, str], NumberForm]:
        raw = await self._desk.read_form(request)
        account = self._desk.gate.account_of_numbers(request, raw)
        form = _read(NumberForm, empty_is_absent({**request.query_params, **raw}))
        _own_account(form, account)
        return account, raw, form

    def _find(self, form: NumberForm) -> Number:
        number = self._directory.number(form.msisdn)
        if number is None or (form.country is not None and form.country != (_country(number) or form.country)):
            raise ApiError(420, _FAILED)
        return number

    def _application(self, written: str) -> Application:
        application = self._directory.application(ApplicationId(written.strip().lower()))
        if application is None:
            raise ApiError(420, _INVALID)
        return application

    async def _save(self, number: Number) -> None:
        await self._needs.registry.save_number(number)
        self._directory.put_number(number)


def _read(model: type[_Query], given: Mapping[str, Any]) -> _Query:
    """Read a query or form; this API has a status of its own for what is wrong with it."""
    try:
        return read(model, given)
    except ApiError as error:
        what = ", ".join(f"{name} {reason}" for name, reason in error.parameters)
        raise ApiError(420, f"{_INVALID}: {what}") from None


def _own_account(form: NumberForm, account: Account) -> None:
    if form.target_api_key not in (None, account.api_key):
        raise ApiError(420, _INVALID)


def _forward(kind: str, value: str) -> Forward | None:
    """Where calls are connected straight to; any kind but `sip` and `tel` ends that."""
    match kind:
        case "sip":
            if read_forward(value) is None:
                what = "a SIP URI, or several with commas between, with timeouts from 2000 to 20000"
                raise ApiError(420, f"{_INVALID}: voiceCallbackValue must be {what}")
            return Forward(kind="sip", target=value.strip())
        case "tel":
            digits = read_e164(value)
            if digits is None:
                raise ApiError(420, f"{_INVALID}: voiceCallbackValue must be a number of 7 to 15 digits")
            return Forward(kind="tel", target=digits)
        case "" | "app":
            return None
        case _:
            raise ApiError(420, f"{_INVALID}: voiceCallbackType must be one of: sip, tel, app")


def _callback(url: str) -> str | None:
    if not url:
        return None
    try:
        return read_web_url(url)
    except ValueError:
        raise ApiError(420, f"{_INVALID}: voiceStatusCallback must be an absolute http or https URL") from None


def _country(number: Number) -> str | None:
    return number.country or country_of(number.msisdn)


def _owned(number: Number) -> dict[str, Any]:
    body: dict[str, Any] = {
        "msisdn": number.msisdn,
        "type": "landline",
        "features": ["VOICE"],
        "moHttpUrl": "",
    }
    if (country := _country(number)) is not None:
        body["country"] = country
    if number.forward is not None:
        body["voiceCallbackType"] = number.forward.kind
        body["voiceCallbackValue"] = number.forward.target
    elif number.application_id is not None:
        body["voiceCallbackType"] = "app"
        body["voiceCallbackValue"] = number.application_id
    if number.application_id is not None:
        body["app_id"] = number.application_id
    if number.status_callback is not None:
        body["voiceStatusCallback"] = number.status_callback
    return body
