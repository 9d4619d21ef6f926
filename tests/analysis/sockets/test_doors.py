"""Who may open the socket, what they may ask, and when they are shown the door."""

import json
import socket
from contextlib import suppress
from uuid import uuid4

import pytest
from django.test import Client as Browser
from django.utils import timezone
from websockets.exceptions import ConnectionClosed, InvalidStatus

from accounts.keys import key_create, key_revoke
from accounts.models import ApiKey
from accounts.policies import Role, Scope
from accounts.services import role_assign, user_save
from accounts.tokens import AccessToken, ticket_issue
from analysis.models import AnalysisRun
from analysis.services.sharing import computation_share
from tests.analysis.sockets.conftest import connect, lose_subscription
from tests.factories import AnalysisRunFactory, UserFactory
from tests.processes import wait_until

NOBODY = {
    "nothing": [],
    "a name alone": ["bearer"],
    "no token": ["bearer", "nonsense"],
    "no ticket": ["ticket", "nonsense"],
    "no key": ["bearer", "aif_0123456789_nonsense"],
    "another name": ["soap"],
}


def session_of(user):
    browser = Browser()
    browser.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return browser.cookies["sessionid"].value


def cookie_of(user):
    return {"Cookie": f"sessionid={session_of(user)}"}


def shared_run(owner=None):
    return AnalysisRunFactory(owner=owner, is_shared=True, job_id=uuid4().hex)


@pytest.mark.parametrize("offered", NOBODY.values(), ids=NOBODY)
def test_who_is_not_signed_in_is_told_so(offered, open_socket):
    with open_socket(*offered) as client:
        assert client.connection.subprotocol in {None, "bearer", "ticket"}
        assert client.closed() == 4401


def test_a_ticket_opens_one_socket(viewer, open_socket):
    ticket = ticket_issue(user=viewer)
    with open_socket("ticket", ticket) as client:
        assert client.connection.subprotocol == "ticket"
        assert client.ask("ping") == {"type": "pong"}
    with open_socket("ticket", ticket) as client:
        assert client.closed() == 4401


def test_an_api_key_opens_a_socket_with_its_own_rights_until_it_is_revoked(analyst, open_socket):
    key, text = key_create(user=analyst, name="A program", scopes=[Scope.READ_RESULTS.value])
    with open_socket("bearer", text) as client:
        refused = client.ask("start_analysis", parameters={})
        assert (refused["code"], refused["message"]) == ("not_allowed", "This needs the right create:analysis.")
        key_revoke(key=key, actor=analyst)
        assert client.closed() == 4401


@pytest.mark.usefixtures("listening")
def test_what_ended_while_nobody_was_heard_closes_the_socket_too(viewer, open_socket):
    key, text = key_create(user=viewer, name="A program", scopes=[Scope.READ_RESULTS.value])
    with open_socket("bearer", text) as client:
        assert client.ask("ping") == {"type": "pong"}
        ApiKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
        lose_subscription()
        assert client.closed() == 4401


def test_a_browser_comes_with_its_session_from_a_page_of_ours(viewer, server, open_socket):
    headers = cookie_of(viewer)
    with open_socket(additional_headers=headers, origin=f"http://{server}") as client:
        assert client.ask("ping") == {"type": "pong"}
    for origin in ("https://elsewhere.example", "http://127.0.0.1", "null", None):
        with open_socket(additional_headers=headers, origin=origin) as client:
            assert client.closed() == 4403
        token = str(AccessToken.for_user(viewer))
        with open_socket("bearer", token, additional_headers=headers, origin=origin) as client:
            assert client.closed() == 4403
    with open_socket("bearer", str(AccessToken.for_user(viewer)), origin="https://elsewhere.example") as client:
        assert client.ask("ping") == {"type": "pong"}, "whoever brings a token needs no cookie, and no page of ours"


def test_signing_out_closes_the_sockets_of_that_session_alone(viewer, server, open_socket, signed_in):
    browser = Browser()
    browser.force_login(viewer, "django.contrib.auth.backends.ModelBackend")
    headers = {"Cookie": f"sessionid={browser.cookies['sessionid'].value}"}
    with (
        open_socket(additional_headers=headers, origin=f"http://{server}") as client,
        open_socket(additional_headers=cookie_of(viewer), origin=f"http://{server}") as elsewhere,
        signed_in(viewer) as by_token,
    ):
        assert [each.ask("ping")["type"] for each in (client, elsewhere, by_token)] == ["pong"] * 3
        assert browser.post("/accounts/logout").status_code == 302
        assert client.closed() == 4401
        assert [each.ask("ping")["type"] for each in (elsewhere, by_token)] == ["pong"] * 2


def by_an_admin(path, **data):
    """What the admin site does with the form of this address."""
    browser = Browser()
    browser.force_login(
        UserFactory(username=f"admin-{uuid4().hex[:8]}", role="admin"), "django.contrib.auth.backends.ModelBackend"
    )
    answer = browser.post(path, data)
    assert answer.status_code == 302, answer.content.decode()[-2000:]


def test_a_new_password_and_a_deactivation_in_the_admin_site_close_the_users_sockets(
    viewer, analyst, server, signed_in, open_socket
):
    with (
        signed_in(viewer) as by_token,
        open_socket(additional_headers=cookie_of(viewer), origin=f"http://{server}") as by_session,
        open_socket(additional_headers=cookie_of(analyst), origin=f"http://{server}") as another,
    ):
        assert [each.ask("ping")["type"] for each in (by_token, by_session, another)] == ["pong"] * 3
        password = f"correct horse {uuid4().hex}"
        by_an_admin(
            f"/admin/accounts/user/{viewer.pk}/password/",
            password1=password,
            password2=password,
            usable_password="true",
        )
        assert [by_token.closed(), by_session.closed()] == [4401, 4401]
        by_an_admin(f"/admin/accounts/user/{analyst.pk}/change/", username=analyst.username, role="analyst")
        assert another.closed() == 4401


def test_who_has_no_role_may_not_come_in(server, signed_in):
    with signed_in(UserFactory(username=f"nobody-{uuid4().hex[:8]}")) as client:
        assert client.closed() == 4403


def test_there_is_no_socket_elsewhere(server):
    with pytest.raises(InvalidStatus) as refused, connect(f"ws://{server}/ws/elsewhere"):
        pass
    assert refused.value.response.status_code == 403


def test_others_runs_are_not_there_and_shared_ones_are_only_to_look_at(analyst, viewer, signed_in):
    other = UserFactory(username=f"other-{uuid4().hex[:8]}", role="analyst")
    private = AnalysisRunFactory(owner=other, job_id=uuid4().hex)
    shared = shared_run(other)
    with signed_in(analyst) as client:
        for action in ("subscribe", "cancel"):
            refused = client.ask(action, run_id=str(private.pk))
            assert (refused["code"], refused["run_id"]) == ("not_found", str(private.pk))
        assert client.ask("cancel", run_id=str(shared.pk))["code"] == "not_allowed"
        assert client.ask("subscribe", run_id=str(shared.pk))["type"] == "progress"
    with signed_in(viewer) as client:
        assert client.ask("start_analysis", parameters={})["code"] == "not_allowed"
    assert AnalysisRun.objects.get(pk=shared.pk).cancel_requested_at is None


def test_a_run_that_is_shared_no_more_is_closed_to_its_followers_but_not_to_its_owner(analyst, viewer, signed_in):
    run = shared_run(analyst)
    with signed_in(viewer) as follower, signed_in(viewer) as idle, signed_in(analyst) as owner:
        for client in (follower, owner):
            client.ask("subscribe", run_id=str(run.pk))
        computation_share(computation=run, actor=analyst, shared=False)
        assert follower.closed() == 4403
        assert [each.ask("ping") for each in (idle, owner)] == [{"type": "pong"}] * 2


def test_a_change_of_role_and_a_deactivation_close_the_users_sockets(viewer, analyst, server, signed_in, open_socket):
    with (
        signed_in(viewer) as by_token,
        open_socket(additional_headers=cookie_of(viewer), origin=f"http://{server}") as by_session,
        signed_in(analyst) as another,
    ):
        assert [each.ask("ping")["type"] for each in (by_token, by_session, another)] == ["pong"] * 3
        role_assign(user=viewer, role=Role.CURATOR)
        assert [by_token.closed(), by_session.closed()] == [4401, 4401]
        analyst.is_active = False
        user_save(user=analyst, role=Role.ANALYST, actor=None)
        assert another.closed() == 4401


def test_what_is_none_of_our_messages_is_answered_and_the_third_in_a_row_closes(viewer, signed_in):
    broken = ["{", "[]", '{"action": "dance"}', '{"action": "subscribe", "run_id": "x"}', '{"action": "ping", "a": 1}']
    with signed_in(viewer) as client:
        for text in (broken[0], broken[1], None, broken[2], broken[3], None):
            client.connection.send(text if text is not None else json.dumps({"action": "ping"}))
            expected = ("pong", None) if text is None else ("error", "broken")
            heard = client.hear()
            assert (heard["type"], heard.get("code")) == expected
        client.connection.send(b"bytes")
        assert client.hear()["message"] == "Messages are text, not bytes."
        client.connection.send(json.dumps({"action": "ping", "a": "x" * 70_000}))
        assert client.hear()["message"] == "The message is bigger than 65,536 bytes."
        client.connection.send(broken[4])
        assert client.hear()["message"] == "a: There is no such field."
        assert client.closed() == 4400


def test_wrong_parameters_are_named_as_the_api_names_them_and_close_nothing(analyst, signed_in):
    wrong = [{"iterations": "many"}, {"iterations": 0}, {"hypotheses": ["H99"]}, {"colour": "red"}]
    with signed_in(analyst) as client:
        for parameters in wrong:
            refused = client.ask("start_analysis", parameters=parameters)
            assert refused["code"] == "invalid", refused
            assert refused["errors"][0]["path"].startswith(next(iter(parameters)))
        assert client.ask("ping") == {"type": "pong"}
    assert not AnalysisRun.objects.filter(owner=analyst).exists()


def test_runs_count_against_the_users_limit(analyst, signed_in):
    with signed_in(analyst) as client:
        for seed in range(3):
            parameters = {"iterations": 4096, "seed": seed, "fresh": True}
            client.say("start_analysis", parameters=parameters)
            while (heard := client.hear())["type"] != "accepted":
                assert heard["type"] in {"progress", "result", "cancelled"}
            client.ask("cancel", run_id=heard["run_id"])
        client.say("start_analysis", parameters={"iterations": 4096, "fresh": True})
        while (heard := client.hear())["type"] != "error":
            pass
        assert (heard["code"], 0 < heard["retry_after"] <= 3600) == ("limit", True)


def test_a_user_has_so_many_sockets_and_a_socket_so_many_messages(viewer, signed_in):
    with signed_in(viewer) as one, signed_in(viewer) as two, signed_in(viewer) as three:
        assert [each.ask("ping")["type"] for each in (one, two, three)] == ["pong"] * 3
        with signed_in(viewer) as four:
            assert four.closed() == 4429
        with suppress(ConnectionClosed):
            for _ in range(300):
                two.say("ping")
        assert two.closed() == 4429

    def let_in():
        with signed_in(viewer) as again:
            return again.ask("ping") == {"type": "pong"}

    wait_until(lambda: _quietly(let_in), what="places are given back")


def _quietly(ask):
    try:
        return ask()
    except Exception:
        return False


def test_who_reads_slowly_is_told_the_newest_and_holds_nobody_up(viewer, analyst, signed_in, server):
    """Ten times the same megabyte does not lie in the server's memory."""
    scenarios = {f"{'AB' * 50}{n}": n / 7 for n in range(8000)}
    big = AnalysisRunFactory(owner=analyst, succeeded=True, result={"scenario_probabilities": scenarios})
    waiting = AnalysisRunFactory(owner=analyst, job_id=uuid4().hex)
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    host, port = server.split(":")
    small.connect((host, int(port)))
    offered = ["bearer", str(AccessToken.for_user(analyst))]
    with connect(
        f"ws://{server}/ws/analysis/progress", sock=small, subprotocols=offered, max_queue=1, max_size=None
    ) as slow:
        for _ in range(10):
            slow.send(json.dumps({"action": "subscribe", "run_id": str(big.pk)}))
        slow.send(json.dumps({"action": "cancel", "run_id": str(waiting.pk)}))
        with signed_in(viewer) as other:
            assert other.ask("ping") == {"type": "pong"}
        wait_until(lambda: AnalysisRun.objects.get(pk=waiting.pk).is_final, what="all was listened to")
        types = []
        while "cancelled" not in types:
            types.append(json.loads(slow.recv(60))["type"])
    assert 1 <= types.count("result") <= 5, "what the client itself keeps, and the newest"
