from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="own-consent-suspended",
    title="A district suspended a consent",
    whom=(Whom.PARTNER,),
    usual=How.AT_ONCE,
    subject="{application}: {district} suspended the consent",
    words="""\
{district} suspended its consent with {application}: nothing is served until the district resumes it. Nothing is
lost; whatever you miss comes then.""",
    commands=(),
    example={
        "district": "Amber Valley",
        "application": "Lantern Reader",
    },
)
