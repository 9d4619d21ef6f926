"""The API's description of itself: valid, complete, without a warning."""

from pathlib import Path

import pytest
import yaml
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from jsonschema import Draft202012Validator

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


def contents(operation):
    """The request's and the good answers' contents, with the names of their places."""
    bodies = {"request": operation.get("requestBody", {})}
    bodies |= {status: answer for status, answer in operation["responses"].items() if status < "300"}
    for place, body in bodies.items():
        for media_type, content in body.get("content", {}).items():
            yield f"{place} {media_type}", content


def test_every_parameter_is_described(description):
    undescribed = [
        (name, parameter["in"], parameter["name"])
        for name, operation in operations(description)
        for parameter in operation.get("parameters", [])
        if not parameter.get("description")
    ]
    assert not undescribed


def test_every_body_has_an_example_of_its_schema(description):
    """Examples are kept in each app's `api/examples.json`, or stand beside the operation."""
    without, wrong = [], []
    for name, operation in operations(description):
        for place, content in contents(operation):
            if content["schema"].get("format") == "binary":
                continue
            given = [each["value"] for each in content.get("examples", {}).values()]
            given += [content["example"]] if "example" in content else []
            if not given:
                without.append((name, place))
            schema = as_json_schema(content["schema"], description)
            wrong += [
                (name, place, error.json_path, error.message[:200])
                for value in given
                for error in Draft202012Validator(schema).iter_errors(value)
            ]
    assert not without
    assert not wrong


def as_json_schema(schema, description):
    """A schema of OpenAPI 3.0 as one of JSON Schema: what `nullable` says is said there by the type."""

    def plain(part):
        if isinstance(part, list):
            return [plain(each) for each in part]
        if not isinstance(part, dict):
            return part
        found = {key: plain(value) for key, value in part.items() if key != "nullable"}
        return {"anyOf": [found, {"type": "null"}]} if part.get("nullable") is True else found

    return plain({**schema, "components": description["components"]})


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
