from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="own-consent-ends",
    title="A district's consent ends within a month",
    whom=(Whom.PARTNER,),
    usual=How.DAILY,
    subject="{application}: the consent of {district} ends on {day}",
    words="""\
The consent of {district} with {application} ends on {day}. From that instant on nothing is served, unless both
sides agree to another one.""",
    commands=(),
    example={
        "district": "Amber Valley",
        "application": "Lantern Reader",
        "day": "2027-06-30",
    },
)
