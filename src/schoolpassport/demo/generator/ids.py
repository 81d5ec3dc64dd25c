"""sourcedIds as a student information system writes them: a prefix for the kind and a running number.

The same rules stand as macros in ``engine``, for the many; these are for the few who are named.
"""


def student_id(no: int) -> str:
    return f"stu-{no:07d}"


def guardian_id(no: int) -> str:
    return f"par-{no:07d}"


def teacher_id(no: int) -> str:
    return f"tch-{no:06d}"


def class_id(no: int) -> str:
    return f"sec-{no:07d}"


def school_id(no: int) -> str:
    return f"sch-{no + 1:03d}"
