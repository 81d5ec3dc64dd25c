"""Every address of the house, and what is said at all others."""

from schoolpassport.rosterapi.urls import handler400, handler404, handler500, urlpatterns

__all__ = ["handler400", "handler404", "handler500", "urlpatterns"]
