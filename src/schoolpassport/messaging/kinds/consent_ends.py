from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="consent-ends",
    title="A consent ends within a month",
    whom=(Whom.DISTRICT,),
    usual=How.DAILY,
    subject="{district}: the consent with {application} ends on {day}",
    words="""\
The consent with {application} ends on {day}. From that instant on it reads nothing; what it holds becomes
`tobedeleted`. Who wants it to go on drafts another one.""",
    commands=(
        "schoolpassport consent show --district {at}",
        "schoolpassport consent draft {app_at} --as district --district {at}",
    ),
    example={
        "district": "Amber Valley",
        "at": "'Amber Valley'",
        "application": "Lantern Reader",
        "app_at": "'Lantern Reader'",
        "day": "2027-06-30",
    },
)
