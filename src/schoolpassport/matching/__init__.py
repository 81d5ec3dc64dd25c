"""Who is who, where several sources speak: rules by which rows mean the same person, and proposals where none decides.

Keeps: what a district decided about matching (``policies``): domains of uniqueness, master fields, several roles; the
model by which people are compared (``model``, ``weights.json``); proposals, and what was decided about them.
Enter by ``policies`` and ``decisions`` (which write them down), by ``actions`` and ``queries`` (proposals), and by
``exact`` (only sync does): set work on a run's columns.
Never: links by a name alone, by an e-mail that several people have, or a student with a teacher, unless told so; links
anybody because it is probable: that is for a person to say.
"""
