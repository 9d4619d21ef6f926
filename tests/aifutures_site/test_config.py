"""Every way to say something to the configuration, and every way to say it wrongly."""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from aifutures_site.config import ConfigError, load_config
from aifutures_site.environment import PROJECT
from aifutures_site.secret import secret_key
from tests.processes import environment, manage


def refusal(**environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(environ)
    message = str(caught.value)
    assert "\n" not in message
    return message


def pem(key) -> str:
    if hasattr(key, "private_bytes"):
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture
def file(tmp_path):
    def write(text: str, name: str = "a.yaml") -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def test_defaults():
    config = load_config({})
    assert config.analysis.evidence.as_of == date(2026, 3, 1)
    assert config.analysis.evidence.model_discrepancy_sd == 0.25
    assert config.analysis.monte_carlo.default_iterations == 5_000_000
    assert config.analysis.monte_carlo.max_iterations == 100_000_000
    assert config.analysis.causal_network.model == "dependency_network"
    assert config.analysis.causal_network.strength_cv == 0.25
    assert config.computation.parallel_processing.max_workers is None
    assert config.output.export_formats == ("json", "csv", "parquet")
    assert config.service.data_dir == PROJECT / "var"
    assert config.service.allowed_hosts == ("localhost", "127.0.0.1", "[::1]")
    assert config.service.debug is False


def test_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        load_config({}).output.precision = 2


def test_environment_comes_after_file_comes_after_defaults(file):
    path = file("analysis: {monte_carlo: {default_iterations: 1000, random_seed: 7}}\noutput: {precision: 6}")
    config = load_config({"AIFUTURES_CONFIG": path, "MONTE_CARLO_ITERATIONS": "2000"})
    assert config.analysis.monte_carlo.default_iterations == 2000
    assert config.analysis.monte_carlo.random_seed == 7
    assert config.output.precision == 6
    assert config.analysis.monte_carlo.sampler == "sobol"


def test_json_file(file):
    path = file(json.dumps({"analysis": {"evidence": {"as_of": "2027-01-02", "max_age_years": 5}}}), "a.json")
    evidence = load_config({"AIFUTURES_CONFIG": path}).analysis.evidence
    assert (evidence.as_of, evidence.max_age_years) == (date(2027, 1, 2), 5)


def test_yaml_numbers_as_people_write_them(file):
    path = file("analysis: {causal_network: {convergence_epsilon: 1e-7}}")
    assert load_config({"AIFUTURES_CONFIG": path}).analysis.causal_network.convergence_epsilon == 1e-7


def test_empty_file_changes_nothing(file):
    assert load_config({"AIFUTURES_CONFIG": file("# nothing\n")}) == load_config({})


@pytest.mark.parametrize(
    ("variable", "value", "read"),
    [
        ("MAX_WORKERS", "3", lambda c: c.computation.parallel_processing.max_workers == 3),
        ("CHUNK_SIZE", "500", lambda c: c.computation.parallel_processing.chunk_size == 500),
        ("ENABLE_JIT", "false", lambda c: c.computation.optimization.enable_jit is False),
        ("DEBUG", "1", lambda c: c.service.debug is True),
        ("LOG_LEVEL", "warning", lambda c: c.service.log_level == "WARNING"),
        ("ALLOWED_HOSTS", "a.org, b.org", lambda c: c.service.allowed_hosts == ("a.org", "b.org")),
        ("CORS_ORIGINS", '["https://a.org"]', lambda c: c.service.cors_origins == ("https://a.org",)),
        ("DATA_DIR", "/srv/data", lambda c: c.service.data_dir == Path("/srv/data")),
        ("EMAIL_FROM", "A B <a@b.org>", lambda c: c.service.email_from == "A B <a@b.org>"),
        ("DATABASE_POOL_SIZE", "20", lambda c: c.service.database_pool_size == 20),
        ("REDIS_URL", "", lambda c: c.service.redis_url is None),
        ("TRUSTED_PROXIES", "10.0.0.0/8, ::1", lambda c: c.service.trusted_proxies == ("10.0.0.0/8", "::1/128")),
    ],
)
def test_environment(variable, value, read):
    assert read(load_config({variable: value}))


def test_secret_in_a_file(tmp_path):
    (tmp_path / "key").write_text("x" * 40 + "\n")
    config = load_config({"SECRET_KEY_FILE": str(tmp_path / "key"), "SECRET_KEY": ""})
    assert config.service.secret_key == "x" * 40
    assert "x" * 40 not in repr(config)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("analysis: {evidence: {quality_treshold: 0.3}}", "analysis.evidence.quality_treshold in {}: unknown key"),
        ("anlysis: {}", "anlysis in {}: unknown key"),
        ("analysis: {evidence: {quality_threshold: 3}}", "analysis.evidence.quality_threshold in {}: should be"),
        ("analysis: {evidence: {quality_threshold: .nan}}", "analysis.evidence.quality_threshold in {}: must be"),
        ("analysis: {evidence: {as_of: yesterday}}", "analysis.evidence.as_of in {}: should be a valid date"),
        ("analysis: {evidence: {authority_weight: 0.2}}", "analysis.evidence in {}: the four quality weights must sum"),
        ("analysis: {monte_carlo: {random_seed: 1.5}}", "analysis.monte_carlo.random_seed in {}: should be"),
        ("analysis: {monte_carlo: {sampler: dice}}", "analysis.monte_carlo.sampler in {}: should be"),
        ("analysis: {monte_carlo: {max_iterations: 10}}", "analysis.monte_carlo.default_iterations in {}: should be"),
        ("analysis: {causal_network: {model: magic}}", "analysis.causal_network.model in {}: should be"),
        ("analysis: 3", "analysis in {}: "),
        ("computation: {optimization: {enable_jit: 'yes'}}", "computation.optimization.enable_jit in {}: should be"),
        ("output: {export_formats: [xlsx]}", "output.export_formats[0] in {}: should be"),
        (
            "limits: {viewer: {scenario_queries: many}}",
            "limits.viewer.scenario_queries in {}: should be a rate",
        ),
        (
            "limits: {viewer: {scenario_queries: 0/hour}}",
            "limits.viewer.scenario_queries in {}: should be a rate",
        ),
        ("limits: {viewer: {everything: 1/hour}}", "limits.viewer.everything in {}: unknown key"),
        ("limits: {king: {}}", "limits.king in {}: unknown key"),
        ("analysis: [", "{}, line 1: not valid YAML"),
        ("- a", "{}: must be a mapping"),
    ],
)
def test_bad_file(file, text, expected):
    path = file(text)
    assert refusal(AIFUTURES_CONFIG=path).startswith("configuration: " + expected.format(path))


def test_limits_of_a_file_change_what_they_name(file):
    limits = load_config({"AIFUTURES_CONFIG": file("limits: {analyst: {analysis_runs: 99/day}}")}).limits
    assert (limits.analyst.analysis_runs, limits.analyst.evidence_queries) == ("99/day", "100/hour")
    assert limits.admin.analysis_runs is None


def test_several_faults_are_counted(file):
    assert refusal(AIFUTURES_CONFIG=file("output: {a: 1, b: 2}")).endswith("unknown key (and 1 more)")


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("MONTE_CARLO_ITERATIONS", "many", "should be a valid integer"),
        ("MONTE_CARLO_ITERATIONS", "200000000", "should be at most max_iterations, 100000000"),
        ("MAX_WORKERS", "0", "should be greater than or equal to 1"),
        ("ENABLE_JIT", "perhaps", "should be a valid boolean"),
        ("DEBUG", "perhaps", "should be a valid boolean"),
        ("LOG_LEVEL", "LOUD", "should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR', not 'LOUD'"),
        ("ALLOWED_HOSTS", '["a"', "should be a JSON array or words between commas"),
        ("REDIS_URL", "localhost:6379", "should be a URL that starts with redis:// or rediss:// or unix://"),
        ("DATABASE_URL", "mysql://u:open-sesame@h/d", "should be a URL that starts with postgres://"),
        ("DATABASE_URL", "postgres://u:open/sesame@h/d", "should be a URL; percent-encode what is special"),
        ("REDIS_URL", "redis://h:bad", "should be a URL"),
        ("CSRF_TRUSTED_ORIGINS", "example.org", "should match pattern"),
        ("ALLOWED_HOSTS", '{"a": 1}', "should match pattern"),
        ("SECRET_KEY", "open-sesame", "should have at least 32 characters"),
        ("JWT_SIGNING_KEY", "open-sesame", "should have at least 32 characters, or be a PEM key"),
        ("JWT_SIGNING_KEY", "-----BEGIN open-sesame", "should be an unencrypted PEM key"),
        ("JWT_SIGNING_KEY", pem(Ed25519PrivateKey.generate().public_key()), "should be a private key"),
        ("JWT_PREVIOUS_KEY", pem(generate_private_key(65537, 1024)), "should be an Ed25519 key, or an RSA key of 2048"),
        ("JWT_PREVIOUS_KEY", pem(X25519PrivateKey.generate()), "should be an Ed25519 key, or an RSA key"),
        ("TRUSTED_PROXIES", "10.0.0.1, proxy", "should be an IP address or a network such as 10.0.0.0/8"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "should be an IP address or a network such as 10.0.0.0/8"),
        ("DASK_SCHEDULER_ADDRESS", "host:8786", "should be a URL that starts with tcp:// or tls://"),
        ("EMAIL_FROM", "AI Futures", "should match pattern"),
        ("EMAIL_FROM", "a@b.org, c@d.org", "should match pattern"),
        ("CACHE_TTL", "-1", "should be greater than or equal to 0"),
        ("AIFUTURES_CONFG", "a.yaml", "unknown variable"),
    ],
)
def test_bad_environment(variable, value, expected):
    message = refusal(**{variable: value})
    assert message.startswith(f"configuration: {variable} in the environment: {expected}")
    assert "open-sesame" not in message


def test_bad_files_in_the_environment(tmp_path):
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "key").write_text("x" * 40)
    key = str(tmp_path / "key")
    assert "SECRET_KEY and SECRET_KEY_FILE" in refusal(SECRET_KEY="y" * 40, SECRET_KEY_FILE=key)
    assert "SECRET_KEY_FILE in the environment: names no file" in refusal(SECRET_KEY_FILE="")
    assert f"{tmp_path / 'empty'} is empty" in refusal(SECRET_KEY_FILE=str(tmp_path / "empty"))
    assert "cannot read /nowhere: No such file" in refusal(SECRET_KEY_FILE="/nowhere")
    assert "AIFUTURES_CONFIG: cannot read /nowhere.yaml: No such file" in refusal(AIFUTURES_CONFIG="/nowhere.yaml")


def test_secret_key_is_made_once(tmp_path):
    service = load_config({"DATA_DIR": str(tmp_path / "data")}).service
    key = secret_key(service)
    assert len(key) >= 50
    assert secret_key(service) == key
    assert (tmp_path / "data" / "secret_key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret_key"]


def test_a_cluster_needs_an_address():
    assert "DASK_SCHEDULER_ADDRESS in the environment: must be given with ENABLE_DISTRIBUTED" in refusal(
        ENABLE_DISTRIBUTED="true"
    )
    service = load_config({"ENABLE_DISTRIBUTED": "true", "DASK_SCHEDULER_ADDRESS": "tcp://host:8786"}).service
    assert (service.dask_scheduler_address, service.distributed_fallback) == ("tcp://host:8786", True)


def test_server_needs_a_secret_key():
    with pytest.raises(ConfigError, match="SECRET_KEY in the environment: missing"):
        secret_key(load_config({"DATABASE_URL": "postgres://h/d"}).service)


@pytest.mark.parametrize("start", ["manage.py", "aifutures_site.asgi", "aifutures_site.wsgi"])
def test_programs_stop_with_one_line(start, tmp_path):
    env = environment(tmp_path, MAX_WORKERS="none")
    if start == "manage.py":
        ended = manage("check", env=env)
    else:
        command = [sys.executable, "-c", f"import {start}"]
        ended = subprocess.run(command, env=env, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith("configuration: MAX_WORKERS in the environment: should be a valid integer")
    assert ended.stderr.count("\n") == 1
