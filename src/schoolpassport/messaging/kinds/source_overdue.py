from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="source-overdue",
    title="A source without a timetable brought nothing new for much longer than usual",
    whom=(Whom.DISTRICT,),
    usual=How.DAILY,
    subject="{district}: nothing new of {source} since {since}",
    words="""\
Something new of {source} used to come {often}, and no package of it has changed anything since {since}. On holidays
that may be right; while imports rest, nothing is missed. Else ask whoever sends its packages, or look whether its
export still runs.""",
    commands=(
        "schoolpassport sync list --district {at}",
        "schoolpassport sources check {source_at} --district {at}",
        "schoolpassport district rollover --source {source_at} --district {at}",
    ),
    example={
        "district": "Amber Valley",
        "at": "'Amber Valley'",
        "source": "SIS",
        "source_at": "SIS",
        "often": "every 7 days",
        "since": "2026-09-01",
    },
)
