from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="view-held",
    title="What an application would see changes too much, and is held",
    whom=(Whom.DISTRICT,),
    usual=How.AT_ONCE,
    subject="{district}: news for {application} is held",
    words="""\
The last revision would change more of what {application} sees than its consent lets happen by itself. It goes
on seeing what it saw.""",
    commands=(
        "schoolpassport consent show --district {at}",
        "schoolpassport consent release {app_at} --district {at}",
    ),
    example={
        "district": "Amber Valley",
        "at": "'Amber Valley'",
        "application": "Lantern Reader",
        "app_at": "'Lantern Reader'",
    },
)
