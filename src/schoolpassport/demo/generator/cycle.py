from pathlib import Path

from schoolpassport.demo.generator.facts import Reason, RejectedRow


def add_cyclic_orgs(*, folder: Path) -> tuple[RejectedRow, ...]:
    """Append two departments that are each other's parent to a package's orgs, as no day has them by itself."""
    pair = ("dep-901", "dep-902")
    with (folder / "orgs.csv").open("a", encoding="utf-8", newline="") as orgs:
        for source_id, parent in (pair, pair[::-1]):
            orgs.write(f"{source_id},,,Department {source_id[-3:]},department,,{parent}\n")
    return tuple(
        RejectedRow(file="orgs", source_id=source_id, column="parentSourcedId", reason=Reason.CYCLIC_PARENT)
        for source_id in pair
    )
