"""The ground floor: tools without domain words.

Keeps   what every room needs and no room owns: the embedded database, safe reading of packages,
        sealed secrets, identifiers, kill points, announcements.
Enter   any room, by the module that is named for its subject (`from schoolpassport.kit import ids`).
        There is no other door: this file re-exports nothing.
Never   imports a room, knows what a pupil, a district or an application is, reads the product's
        settings, or decides anything. What a tool needs to know, its caller tells it.
        A tool without a subject to be named for belongs to the room that uses it.
"""
