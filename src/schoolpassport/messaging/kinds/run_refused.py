from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="run-refused",
    title="A package was refused",
    whom=(Whom.DISTRICT,),
    usual=How.AT_ONCE,
    subject="{district}: the package of {source} was refused",
    words="""\
The package of run {run} cannot be trusted, and nothing of it was taken. What stood before is served on.

{reason}

The run and its findings say more. Mend it at the source, and send it again.""",
    commands=(
        "schoolpassport sync show {run} --district {at}",
        "schoolpassport sync findings {run} --district {at}",
    ),
    example={
        "district": "Amber Valley",
        "at": "'Amber Valley'",
        "source": "SIS",
        "run": 12,
        "reason": "Found: users.csv: missing column.",
    },
)
