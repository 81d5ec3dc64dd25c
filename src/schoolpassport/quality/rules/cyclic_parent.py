"""A chain of parents that never ends. Found by doubling: after n rounds every node has jumped 2^n ancestors up."""

from collections.abc import Iterator

from schoolpassport.quality.records import Check, Severity, Subject

NAME = "cyclic parent"


def checks(subject: Subject) -> Iterator[Check]:
    if any(c.field.name == "parent" for c in subject.schema.columns):
        yield Check(
            worth=f"(SELECT count(*) > 0 FROM endless_{subject.table})",
            rule=NAME,
            severity=Severity.ERROR,
            column="parentSourcedId",
            sql="SELECT line, key, \"parentSourcedId\", 'The parents of “' || key || '” go round in a circle; no "
            f"top is ever reached.' FROM {subject.rows} SEMI JOIN endless_{subject.table} USING (key)",
        )
