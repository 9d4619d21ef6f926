"""HTTP and WebSockets: what daphne serves."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aifutures_site.settings")

http = get_asgi_application()

from analysis.routing import websocket_urlpatterns  # noqa: E402 - needs the apps to be loaded

application = ProtocolTypeRouter({"http": http, "websocket": URLRouter(websocket_urlpatterns)})
