from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="source-silent",
    title="A source brought nothing new for a week",
    whom=(Whom.DISTRICT,),
    usual=How.DAILY,
    subject="{district}: nothing new of {source} since {since}",
    words="""\
{source} is fetched by its timetable, and no package of it has changed anything since {since}. On holidays that
may be right. Else look whether its export still runs.""",
    commands=(
        "schoolpassport sync list --district {at}",
        "schoolpassport sources check {source_at} --district {at}",
    ),
    example={
        "district": "Amber Valley",
        "at": "'Amber Valley'",
        "source": "SIS",
        "source_at": "SIS",
        "since": "2026-09-01",
    },
)
