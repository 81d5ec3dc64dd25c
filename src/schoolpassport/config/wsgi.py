"""What a WSGI server runs: roster requests go the short way, all others through Django."""

from django.core.wsgi import get_wsgi_application

from schoolpassport.rosterapi import wsgi

application = wsgi.before(get_wsgi_application())
