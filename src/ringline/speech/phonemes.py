"""X-SAMPA as IPA, for engines that only know one of the two alphabets of `<phoneme>`."""

from __future__ import annotations

from typing import Final

_LETTERS: Final = {
    # longer symbols are found first, whatever their place here
    "r\\`": "ɻ", "b_<": "ɓ", "d_<": "ɗ", "g_<": "ɠ", "G\\_<": "ʛ", "J\\_<": "ʄ", "|\\|\\": "ǁ", "x\\": "ɧ",
    "d`": "ɖ", "h\\": "ɦ", "j\\": "ʝ", "l\\": "ɺ", "l`": "ɭ", "n`": "ɳ", "p\\": "ɸ", "r\\": "ɹ", "r`": "ɽ",
    "s\\": "ɕ", "s`": "ʂ", "t`": "ʈ", "v\\": "ʋ", "z\\": "ʑ", "z`": "ʐ", "B\\": "ʙ", "G\\": "ɢ", "H\\": "ʜ",
    "J\\": "ɟ", "K\\": "ɮ", "L\\": "ʟ", "M\\": "ɰ", "N\\": "ɴ", "O\\": "ʘ", "R\\": "ʀ", "X\\": "ħ", "I\\": "ɪ̈",
    "U\\": "ʊ̈", "3\\": "ɞ", "@\\": "ɘ", "@`": "ɚ", "?\\": "ʕ", "<\\": "ʢ", ">\\": "ʡ", "!\\": "ǃ", "|\\": "ǀ",
    "=\\": "ǂ", ":\\": "ˑ",
    "A": "ɑ", "B": "β", "C": "ç", "D": "ð", "E": "ɛ", "F": "ɱ", "G": "ɣ", "H": "ɥ", "I": "ɪ", "J": "ɲ", "K": "ɬ",
    "L": "ʎ", "M": "ɯ", "N": "ŋ", "O": "ɔ", "P": "ʋ", "Q": "ɒ", "R": "ʁ", "S": "ʃ", "T": "θ", "U": "ʊ", "V": "ʌ",
    "W": "ʍ", "X": "χ", "Y": "ʏ", "Z": "ʒ", "g": "ɡ", "1": "ɨ", "2": "ø", "3": "ɜ", "4": "ɾ", "5": "ɫ", "6": "ɐ",
    "7": "ɤ", "8": "ɵ", "9": "œ", "{": "æ", "}": "ʉ", "@": "ə", "&": "ɶ", "?": "ʔ",
    '"': "ˈ", "%": "ˌ", ":": "ː", "-": "", "|": "", "'": "ʲ", "`": "˞", "~": "̃", "=": "̩",
    "_h": "ʰ", "_j": "ʲ", "_w": "ʷ", "_G": "ˠ", "_?\\": "ˤ", "_~": "̃", "_0": "̥", "_v": "̬", "_d": "̪", "_^": "̯",
    "_=": "̩", "_}": "̚",
}  # fmt: skip
"X-SAMPA symbols that differ from IPA; lower-case letters that are missing here mean themselves."

_LONGEST: Final = max(map(len, _LETTERS))


def ipa(alphabet: str, symbols: str) -> str | None:
    """Give the symbols of a `<phoneme>` in IPA; None for an alphabet we do not know."""
    if alphabet == "ipa":
        return symbols
    if alphabet != "x-sampa":
        return None
    out: list[str] = []
    at = 0
    while at < len(symbols):
        for length in range(_LONGEST, 0, -1):
            known = _LETTERS.get(symbols[at : at + length])
            if known is not None and at + length <= len(symbols):
                out.append(known)
                at += length
                break
        else:
            out.append(symbols[at])
            at += 1
    return "".join(out)
