from schoolpassport.sharing.sanity.shape import Check

CHECK = Check(
    name="people-without-school",
    title="People without a school",
    kind="user",
    wrong="coalesce(cardinality(r.orgs), 0) = 0",
    needs=("user", "org"),
)
