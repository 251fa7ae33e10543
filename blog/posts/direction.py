"""In which direction a text is written: from the script of its language, or by its letters."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# ISO 15924: the scripts that run from right to left.
_SCRIPTS = """
adlm arab aran armi avst chrs cprt elym gara hatr hebr hung khar lydi mand mani mend merc mero
narb nbat nkoo orkh ougr palm phli phlp phnx prti rohg samr sarb sogd sogo syrc syre syrj syrn
thaa todr yezi
"""
# Languages written in one of these scripts by default (CLDR, likely subtags).
_LANGUAGES = """
aao abh abv acm acq acw acx acy adf aeb aec afb aii ajp apc apd ar arc ars ary arz auz avl ayh ayl
ayn ayp azb bal bcc bgn bgp bqi brh ckb dcc dv fa fia gbz gjk gju glk hac haz he hnd hno iw ji khw
ks kvx lah lki lrc luz mid mvy myz mzn nqo ota pbt pbu pes pga phl phr pnb prd prs ps pst rhg sam
sd sdh shu skr smp syc syr trw ug ur wni xco xmn xpr yi yud
"""
# Where the country decides between two scripts.
_BY_COUNTRY = {
    **dict.fromkeys(["az-iq", "az-ir", "kk-af", "kk-cn", "kk-ir", "ku-iq", "ku-ir"], True),
    **dict.fromkeys(["ky-cn", "ms-cc", "pa-pk", "uz-af"], True),
    **dict.fromkeys(["sd-in", "ug-kz", "ug-mn"], False),
}


@lru_cache(maxsize=256)
def is_right_to_left(language: str) -> bool:
    """Tell by a language tag (BCP 47) whether its script runs from right to left."""
    name, *others = language.lower().partition("-x-")[0].split("-")
    script = next((part for part in others if len(part) == 4 and part.isalpha()), "")
    if script:
        return script in _SCRIPTS.split()
    country = next((part for part in others if len(part) == 2), "")
    return _BY_COUNTRY.get(f"{name}-{country}", name in _LANGUAGES.split())


def has_right_to_left(text: str) -> bool:
    """Tell whether a text has a letter of such a script."""
    if text.isascii():
        return False
    return any(unicodedata.bidirectional(character) in ("R", "AL") for character in text)


def needs_direction(text: str, *languages: str) -> bool:
    """Tell whether a text must state its direction, because it or the text around it runs from
    right to left.

    `languages` are those around it, "" for none.
    """
    return has_right_to_left(text) or any(map(is_right_to_left, languages))
