"""The API's description of itself: valid, complete, without a warning."""

from pathlib import Path

import pytest
import yaml
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer

SNAPSHOT = Path(__file__).with_name("openapi.yaml")
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def description():
    return SchemaGenerator().get_schema(public=True)


def operations(description):
    for path, item in description["paths"].items():
        for method in METHODS & set(item):
            yield f"{method.upper()} {path}", item[method]


def test_is_valid_and_gives_no_warning(tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "openapi.yaml"))


def test_every_operation_says_what_it_does_needs_and_answers(description):
    for name, operation in operations(description):
        assert operation["summary"], name
        assert operation.get("tags"), name
        answers = operation["responses"]
        assert {status for status in answers if status < "400"}, name
        assert {"400", "406", "503"} <= set(answers), name
        assert ("401" in answers) == ("security" in operation) or "auth/token" in name, name
        for status, answer in answers.items():
            assert answer["description"], (name, status)
            if status >= "400":
                assert set(answer["content"]) == {"application/problem+json"}, (name, status)


def test_operations_have_names_of_their_own(description):
    names = [operation["operationId"] for _, operation in operations(description)]
    assert len(names) == len(set(names))


@pytest.mark.django_db
def test_is_served_in_json_and_yaml(client, description):
    given = client.get("/api/v1/schema")
    assert given["Content-Type"] == "application/vnd.oai.openapi+json"
    assert given.json()["paths"].keys() == description["paths"].keys()
    given = client.get("/api/v1/schema", headers={"Accept": "application/vnd.oai.openapi"})
    assert yaml.safe_load(given.content)["info"]["title"] == "AI Futures"
    again = client.get("/api/v1/schema", headers={"If-None-Match": client.get("/api/v1/schema")["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("path", ["/api/v1/docs", "/api/v1/docs/redoc"])
def test_pages_take_scripts_from_here_alone(client, path):
    page = client.get(path)
    policy = page["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "script-src" not in policy
    assert "http" not in page.text.replace("<!doctype html>", "")
    assert "<script>" not in page.text


def test_is_as_committed(description):
    """A change of the API is seen in its commit: `make openapi` renews the file."""
    now = yaml.safe_load(OpenApiYamlRenderer().render(description))
    same = yaml.safe_load(SNAPSHOT.read_text()) == now
    assert same, "The API has changed: run `make openapi` and commit tests/contract/openapi.yaml."


def test_a_change_needs_what_its_service_needs(description):
    parts = description["components"]["schemas"]
    assert parts["InfluenceChangeRequest"]["required"] == ["reason"]
    assert parts["ClusterChangeRequest"]["required"] == ["reason"]
    assert "required" not in parts["PatchedEvidenceInputRequest"]
