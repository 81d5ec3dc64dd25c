"""Names that people give to what they make."""


class BadName(ValueError):
    """No fit name; the message says why."""


def fit_name(text: str, *, most: int = 200) -> str:
    """The name without blanks around it: one line of at most so many characters. Raises ``BadName``."""
    stripped = text.strip()
    if not stripped:
        raise BadName("A name is blank. Give one that people will know it by.")
    if len(stripped) > most:
        raise BadName(f"The name “{stripped[:30]}…” has {len(stripped):,} characters; {most} is the most.")
    if not stripped.isprintable():
        raise BadName(f"The name {stripped!r} holds characters that cannot be seen, like line ends. Leave them out.")
    return stripped
