from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="run-held",
    title="A run is held until a person decides",
    whom=(Whom.DISTRICT,),
    usual=How.AT_ONCE,
    waits=True,
    subject="{district}: run {run} of {source} is held",
    words="""\
The package that {source} sent last looks too much to be true. Nothing of it was taken; what stood before is served on.

{reasons}

{cause}

It waits until you decide, or until a newer package takes its place.""",
    commands=(
        "{migrate}",
        "schoolpassport sync show {run} --district {at}",
        "schoolpassport sync rehearse --run {run} --district {at}",
        "schoolpassport sync approve {run} --district {at}",
        "schoolpassport sync reject {run} --district {at}",
    ),
    example={
        "district": "Amber Valley",
        "at": "'Amber Valley'",
        "source": "SIS",
        "run": 12,
        "migrate": "schoolpassport sync migrate 12 --district 'Amber Valley'",
        "reasons": ("Only 40% of the ids of users that stand are in the package (at least 80% are expected).",),
        "cause": "As many users arrive as leave: the source seems to give its records new ids (another SIS, or another "
        "column as sourcedId). A migration?",
    },
)
