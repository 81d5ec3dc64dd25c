from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="consent-answered",
    title="A consent that was sent was answered",
    whom=(Whom.DISTRICT,),
    usual=How.AT_ONCE,
    subject="{district}: {application} {answer} the consent",
    words="""\
The consent that you sent to {application} was answered: its side {answer} it.""",
    commands=("schoolpassport consent show --district {at}",),
    example={
        "district": "Amber Valley",
        "at": "'Amber Valley'",
        "application": "Lantern Reader",
        "answer": "approved",
    },
)
