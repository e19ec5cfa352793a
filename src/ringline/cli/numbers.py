"""`ringline numbers`: the account's numbers and the applications they lead to, over the REST API."""

from __future__ import annotations

from typing import Annotated, Any, Final

import phonenumbers
import typer
from rich.table import Table

from ringline.base import ConfigError
from ringline.cli._console import console, plain_errors, say
from ringline.cli._installation import ConfigOption, UrlOption, installation
from ringline.cli._rest import Rest, RestError

app = typer.Typer(help="Numbers: list, add, remove, link to an application, unlink.", no_args_is_help=True)
NumberArgument = Annotated[str, typer.Argument(metavar="NUMBER", help="International, such as 442079460000")]
CountryOption = Annotated[str | None, typer.Option(help="Two letters (default: found from the number)")]
_PAGE = 100
_HINTS: Final = {
    "/number/buy": "it is in the account already, or not on sale: see `ringline numbers list` and account.number_pool",
    "/number/cancel": "it is not in the account: see `ringline numbers list`",
    "/number/update": "it is not in the account, or there is no such application: see `ringline numbers list` and "
    "`ringline apps list`",
}
"What stands behind the API's bare refusals (420)."


@app.command("list")
def list_numbers(config: ConfigOption = None, url: UrlOption = None) -> None:
    """List all numbers and where they lead."""
    with plain_errors():
        rest = installation(config).account_rest(url)
        table = Table("number", "country", "application", box=None, header_style="bold")
        for one in _all(rest):
            table.add_row(one["msisdn"], one.get("country") or "–", one.get("app_id") or "–")
        console().print(table)


@app.command()
def add(
    number: NumberArgument, country: CountryOption = None, config: ConfigOption = None, url: UrlOption = None
) -> None:
    """Take a number into the account."""
    _change(config, url, "/number/buy", number, country)
    say(f"{number} is one of the account's numbers")


@app.command()
def remove(
    number: NumberArgument, country: CountryOption = None, config: ConfigOption = None, url: UrlOption = None
) -> None:
    """Give a number back."""
    _change(config, url, "/number/cancel", number, country)
    say(f"{number} is given back")


@app.command()
def link(
    number: NumberArgument,
    application: Annotated[str, typer.Argument(metavar="APPLICATION", help="Its id")],
    country: CountryOption = None,
    config: ConfigOption = None,
    url: UrlOption = None,
) -> None:
    """Let calls to a number go to an application."""
    _change(config, url, "/number/update", number, country, app_id=application)
    say(f"calls to {number} go to application {application}")


@app.command()
def unlink(
    number: NumberArgument, country: CountryOption = None, config: ConfigOption = None, url: UrlOption = None
) -> None:
    """Let calls to a number go nowhere."""
    _change(config, url, "/number/update", number, country, app_id="")
    say(f"calls to {number} go nowhere now")


def _change(config: Any, url: str | None, path: str, number: str, country: str | None, **fields: str) -> None:
    with plain_errors():
        digits = number.removeprefix("+").removeprefix("00").replace(" ", "")
        if not (digits.isascii() and digits.isdigit()):
            raise ConfigError("is no international number, such as 442079460000", where="command line", key=number)
        form = {"country": country or _country(digits), "msisdn": digits, **fields}
        try:
            answer = installation(config).account_rest(url).post_form(path, form)
        except RestError as error:
            if error.status != 420:
                raise
            raise RestError(f"{number}: {error}\n  {_HINTS[path]}", status=420) from None
        code = str((answer or {}).get("error-code", "200"))
        if code != "200":
            raise RestError(f"the API answered {code}: {answer.get('error-code-label', 'no reason given')}")


def _country(digits: str) -> str:
    try:
        found = phonenumbers.region_code_for_number(phonenumbers.parse("+" + digits))
    except phonenumbers.NumberParseException:
        found = None
    if found is None:
        raise ConfigError("is of no country that is known; give --country", where="command line", key=digits)
    return str(found)


def _all(rest: Rest) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    page = 1
    while True:
        document = rest.get("/account/numbers", index=page, size=_PAGE)
        found += document.get("numbers", [])
        if len(found) >= int(document.get("count", 0)) or not document.get("numbers"):
            return found
        page += 1
