"""The fields of a card in the order they are asked for, and what is said where a script says nothing of its own."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from ringline.payments.cards import FieldVerdict


class CardField(StrEnum):
    """One entry of the dialogue, named as the NCCO's prompts are."""

    NUMBER = "CardNumber"
    EXPIRY = "ExpirationDate"
    CODE = "SecurityCode"


FIELDS: Final = (CardField.NUMBER, CardField.EXPIRY, CardField.CODE)
"In the order in which they are asked for."

_PROMPTS: Final = {
    CardField.NUMBER: "Please enter your card number.",
    CardField.EXPIRY: "Please enter the expiry date: two digits for the month, and two digits for the year.",
    CardField.CODE: "Please enter the security code of your card.",
}
_ERRORS: Final = {
    FieldVerdict.INVALID_CARD_TYPE: "Sorry, this type of card is not accepted.",
    FieldVerdict.INVALID_CARD_NUMBER: "Sorry, this card number is not valid.",
    FieldVerdict.INVALID_EXPIRATION_DATE: "Sorry, this expiry date is not valid.",
    FieldVerdict.INVALID_SECURITY_CODE: "Sorry, this security code is not valid.",
    FieldVerdict.TIMEOUT: "Sorry, your entry did not come in time.",
}


def prompt_text(field: CardField) -> str:
    """The built-in English prompt for a field."""
    return _PROMPTS[field]


def error_text(verdict: FieldVerdict) -> str:
    """The built-in English text for a failed entry; empty for one that did not fail."""
    return _ERRORS.get(verdict, "")
