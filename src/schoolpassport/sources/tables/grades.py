from schoolpassport.sources.tables.shape import Table

CODES = ("IT", "PR", "PK", "TK", "KG", *(f"{n:02d}" for n in range(1, 14)), "PS", "UG", "Other")
"""The grade levels of CEDS, as OneRoster wants them."""

_NAMES = {
    "IT": ("infant/toddler", "infant", "toddler"),
    "PR": ("preschool", "pre-school"),
    "PK": ("pre-k", "prek", "prekindergarten", "pre-kindergarten", "-1", "p3", "p4", "pk3", "pk4"),
    "TK": ("transitional kindergarten",),
    "KG": ("k", "kindergarten", "0", "00", "kn", "kf"),
    "PS": ("postsecondary", "post-secondary"),
    "UG": ("ungraded", "none"),
}
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth".split()  # noqa: SIM905 (a sentence reads better)
)
_ENDS = {1: "st", 2: "nd", 3: "rd"}


def _numbered() -> dict[str, str]:
    words: dict[str, str] = {}
    for n, ordinal in enumerate(_ORDINALS, 1):
        end = _ENDS.get(n, "th")
        for way in (f"{n}", f"grade {n}", f"grade {n:02d}", f"gr {n}", f"gr. {n}", f"{n}{end}", f"{n}{end} grade"):
            words[way] = f"{n:02d}"
        words[ordinal] = words[f"{ordinal} grade"] = f"{n:02d}"
    return words


TABLE = Table(
    name="grades",
    sentence="Grades as schools write them → CEDS. It also takes what is a habit of some systems only: 0 for "
    "kindergarten, -1 for the year before.",
    words={
        **{code: code for code in CODES},
        **{name: code for code, names in _NAMES.items() for name in names},
        **_numbered(),
        "freshman": "09",
        "sophomore": "10",
        "junior": "11",
        "senior": "12",
    },
)
