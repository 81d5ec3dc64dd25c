from schoolpassport.sources.transforms.shape import Example, Given, Made, Parameter, Transform

# What DuckDB leaves to do of Unicode's full mapping: a sigma at the end of a word, and ß, which has no single capital.
_SIGMA = r"regexp_replace(lower({}), '(\p{{L}}\p{{M}}*)σ($|[^\p{{L}}\p{{M}}])', '\1ς\2', 'g')"  # noqa: RUF001 (Greek is meant)
_UPPER = "replace(upper({}), 'ẞ', 'SS')"
# A word ends where its letters do, but for the s of a genitive.
_WORDS = r"'[\p{L}\p{M}\p{N}]+(?:[''’]s\b)?|[^\p{L}\p{M}\p{N}]+'"


def _sql(cell: str, given: Given) -> Made:
    lower = _SIGMA.format(cell)
    match given.text("to"):
        case "lower":
            return Made(value=lower)
        case "upper":
            return Made(value=_UPPER.format(cell))
        case _:
            words = f"regexp_extract_all({lower}, {_WORDS})"
            return Made(value=f"array_to_string(list_transform({words}, lambda w: upper(w[1]) || w[2:]), '')")


TRANSFORM = Transform(
    name="case",
    sentence="Writes a value in small letters, in capitals, or every word with a capital.",
    parameters=(Parameter(name="to", sentence="how", choices=("lower", "upper", "title"), required=True),),
    sql=_sql,
    examples=(
        Example(given="Ada.LOVELACE@Amber.Example", values={"to": "lower"}, becomes="ada.lovelace@amber.example"),
        Example(given="ΟΔΥΣΣΕΥΣ ΣΟΦΟΣ", values={"to": "lower"}, becomes="οδυσσευς σοφος"),
        Example(given="straße", values={"to": "upper"}, becomes="STRASSE"),
        Example(given="ANNE-MARIE O'HARA", values={"to": "title"}, becomes="Anne-Marie O'Hara"),
        Example(given="ÉLODIE'S ÖZ", values={"to": "title"}, becomes="Élodie's Öz"),
        Example(given="王小明", values={"to": "title"}, becomes="王小明"),
    ),
)
