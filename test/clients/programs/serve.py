"""Serves the WSGI application `app` of a file: serve.py FILE PORT.

GET /clock-ahead sets the clock of the client libraries one hour ahead, so that their access tokens have expired.
"""
import datetime
import importlib.util
import sys
import time
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

AHEAD_SECONDS = 3600


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *args):
        pass


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class FutureTime(datetime.datetime):
    @classmethod
    def utcnow(cls):
        return super().utcnow() + datetime.timedelta(seconds=AHEAD_SECONDS)


def set_clock_ahead():
    now = time.time
    time.time = lambda: now() + AHEAD_SECONDS
    storage = sys.modules.get('social_core.storage')
    if storage:
        storage.datetime = FutureTime


file, port = sys.argv[1:]
spec = importlib.util.spec_from_file_location('client_app', file)
module = importlib.util.module_from_spec(spec)
sys.modules['client_app'] = module
spec.loader.exec_module(module)
if 'django' in sys.modules:
    from django.core.management import call_command

    call_command('migrate', verbosity=0)


def serve(environ, start_response):
    if environ['PATH_INFO'] != '/clock-ahead':
        return module.app(environ, start_response)
    set_clock_ahead()
    start_response('204 No Content', [])
    return []


make_server('localhost', int(port), serve, Server, QuietHandler).serve_forever()
