from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="delivery-failed",
    title="Files could not be delivered",
    whom=(Whom.DISTRICT,),
    usual=How.AT_ONCE,
    subject="{district}: the delivery {delivery} failed",
    words="""\
Files for {application} could not be delivered, and this delivery is not tried again by itself. The next one is,
by its timetable or with the next revision.""",
    commands=(
        "schoolpassport delivery history {delivery} --district {at}",
        "schoolpassport delivery check {delivery} --district {at}",
        "schoolpassport delivery send {delivery} --district {at}",
    ),
    example={
        "district": "Amber Valley",
        "at": "'Amber Valley'",
        "application": "Lantern Reader",
        "delivery": "nightly",
    },
)
