from schoolpassport.sharing.sanity.shape import Check

CHECK = Check(
    name="classes-without-term",
    title="Classes without a term",
    kind="class",
    wrong="coalesce(cardinality(r.terms), 0) = 0",
    needs=("class", "academicSession"),
)
