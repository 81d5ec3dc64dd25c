from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="consent-over",
    title="A consent is over",
    whom=(Whom.DISTRICT,),
    usual=How.AT_ONCE,
    subject="{district}: the consent with {application} is over",
    words="""\
The consent with {application} {how}. Nothing is shared by it any more.""",
    commands=("schoolpassport consent show --district {at}",),
    example={
        "district": "Amber Valley",
        "at": "'Amber Valley'",
        "application": "Lantern Reader",
        "how": "has expired",
    },
)
