from schoolpassport.sharing.sanity.shape import Check, beside

CHECK = Check(
    name="students-without-class",
    title="Students without a class",
    kind="user",
    wrong=f"r.role = 'student' AND NOT EXISTS (SELECT FROM {beside('enrollment', 'e')} AND e.user_id = r.id)",
    needs=("user", "enrollment"),
)
