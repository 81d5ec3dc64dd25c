from schoolpassport.sharing.sanity.shape import Check, beside

CHECK = Check(
    name="teachers-without-class",
    title="Teachers without a class",
    kind="user",
    wrong=f"r.role = 'teacher' AND NOT EXISTS (SELECT FROM {beside('enrollment', 'e')} AND e.user_id = r.id)",
    needs=("user", "enrollment"),
)
