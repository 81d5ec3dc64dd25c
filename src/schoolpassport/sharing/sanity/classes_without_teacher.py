from schoolpassport.sharing.sanity.shape import Check, beside

CHECK = Check(
    name="classes-without-teacher",
    title="Classes without a teacher",
    kind="class",
    wrong=f"NOT EXISTS (SELECT FROM {beside('enrollment', 'e')} AND e.class_id = r.id AND e.role = 'teacher')",
    needs=("class", "enrollment"),
)
