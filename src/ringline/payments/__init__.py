"""Card payments by keypad as rules: what a card looks like, how its digits are collected, what is said. No I/O."""

from ringline.payments.cards import Brand, Card, FieldVerdict, brand_of, judge_code, judge_expiry, judge_number, luhn
from ringline.payments.collector import KEY_WAIT_S, Collector
from ringline.payments.prompts import FIELDS, CardField, error_text, prompt_text

__all__ = [
    "FIELDS",
    "KEY_WAIT_S",
    "Brand",
    "Card",
    "CardField",
    "Collector",
    "FieldVerdict",
    "brand_of",
    "error_text",
    "judge_code",
    "judge_expiry",
    "judge_number",
    "luhn",
    "prompt_text",
]
