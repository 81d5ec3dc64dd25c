from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="removals-wait",
    title="Removals are held until a person decides",
    whom=(Whom.DISTRICT,),
    usual=How.AT_ONCE,
    waits=True,
    subject="{district}: removals of {source} wait for you, {count} in all",
    words="""\
Run {run} of {source} was taken. What it would have removed looks too much to be true, so that alone waits, and
stays as it is:

{reasons}

It waits until you decide, or until {source} brings the records back.""",
    commands=(
        "schoolpassport sync held --district {at}",
        "schoolpassport sync release --rehearse --source {source_at} --district {at}",
        "schoolpassport sync release --source {source_at} --district {at}",
        "schoolpassport sync keep --source {source_at} --district {at}",
    ),
    example={
        "district": "Amber Valley",
        "at": "'Amber Valley'",
        "source": "SIS",
        "run": 12,
        "source_at": "SIS",
        "count": 31,
        "reasons": ("31 of 60 users of “Fir School” would be removed.",),
    },
)
