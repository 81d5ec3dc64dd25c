from schoolpassport.sharing.sanity.shape import Check, beside

CHECK = Check(
    name="classes-without-students",
    title="Classes without students",
    kind="class",
    wrong=f"NOT EXISTS (SELECT FROM {beside('enrollment', 'e')} AND e.class_id = r.id AND e.role = 'student')",
    needs=("class", "enrollment"),
)
