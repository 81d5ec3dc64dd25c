from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="own-consent-answered",
    title="A district answered a consent",
    whom=(Whom.PARTNER,),
    usual=How.AT_ONCE,
    subject="{application}: {district} {answer} the consent",
    words="""\
The consent that {application} sent to {district} was answered: the district {answer} it.""",
    commands=(),
    example={
        "district": "Amber Valley",
        "application": "Lantern Reader",
        "answer": "approved",
    },
)
