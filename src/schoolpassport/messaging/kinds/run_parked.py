from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="run-parked",
    title="A run failed too often, and is not tried again",
    whom=(Whom.DISTRICT,),
    usual=How.AT_ONCE,
    subject="{district}: run {run} of {source} is parked",
    words="""\
It was begun again and again, and never came to an end. It is not tried again by itself, and other runs of the
district go on. Look at the package and at the log, then retry it.""",
    commands=(
        "schoolpassport sync show {run} --district {at}",
        "schoolpassport sync retry {run} --district {at}",
    ),
    example={
        "district": "Amber Valley",
        "at": "'Amber Valley'",
        "source": "SIS",
        "run": 12,
    },
)
