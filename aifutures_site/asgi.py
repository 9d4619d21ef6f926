"""HTTP and WebSockets: what daphne serves."""

import gc
import os

import django
from channels.routing import ProtocolTypeRouter, URLRouter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aifutures_site.settings")

django.setup(set_prefix=False)

from accounts.api.kept import KeptAnswers  # noqa: E402 - all need the apps to be loaded
from accounts.stamps import ACCOUNTS  # noqa: E402
from aifutures_site.handlers import Handler  # noqa: E402
from analysis.routing import websocket_urlpatterns  # noqa: E402
from analysis.services.publication import BASELINE  # noqa: E402

http = KeptAnswers(Handler(), prefix="/api/v1/scenarios", subjects=(ACCOUNTS, BASELINE))
application = ProtocolTypeRouter({"http": http, "websocket": URLRouter(websocket_urlpatterns)})

gc.freeze()  # what is loaded stays: to look through it for garbage would stop all requests for a tenth of a second
