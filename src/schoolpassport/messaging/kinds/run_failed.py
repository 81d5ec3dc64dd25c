from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="run-failed",
    title="A run failed, and is tried again",
    whom=(Whom.DISTRICT,),
    usual=How.DAILY,
    subject="{district}: run {run} of {source} failed",
    words="""\
The run came to no end; nothing was changed. Where a worker walked it, it is tried again by itself.""",
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
