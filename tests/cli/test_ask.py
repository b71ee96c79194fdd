"""``tamis ask``: passages with their probability, and answers from whatever an endpoint does."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.schema import TextNode
from PIL import Image
from typer.testing import CliRunner

from tamis.cli import app
from tamis.retrievers import Store
from tamis.testing import FakeEmbedder, FakeImageEmbedder

KEY = "sk-test-very-secret"


class _Endpoint(BaseHTTPRequestHandler):
    """Speaks chat completions, well or badly, as the model's name asks."""

    requests: list[dict[str, Any]]
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.requests.append({**asked, "authorization": self.headers.get("Authorization")})
        status, body = 200, b""
        match asked["model"]:
            case "good":
                body = self._completion("The bus is \x1b[31mred\x1b[0m.")
            case "dripping":
                self._drip(self._completion("At last."))
                return
            case "chatty":
                body = self._completion("The bus leaves at ni", "length")
            case "silent":
                body = self._completion("")
            case "failing":
                status, body = 500, json.dumps({"error": {"message": f"key {KEY} is bad"}}).encode()
            case "garbage":
                body = b"<html>not json"
            case "odd":
                body = b'{"choices": []}'
            case "slow":
                time.sleep(3)
        # Whoever asked may be tired of waiting.
        with contextlib.suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def _drip(self, body: bytes) -> None:
        """A byte now and then for some seconds, and then all that was asked for."""
        with contextlib.suppress(OSError):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body) + 40))
            self.end_headers()
            for _ in range(40):
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.1)
            self.wfile.write(body)

    @staticmethod
    def _completion(text: str, ended: str = "stop") -> bytes:
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": ended}
        return json.dumps(
            {"id": "1", "object": "chat.completion", "created": 1, "model": "good", "choices": [choice]}
        ).encode()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def endpoint() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    requests: list[dict[str, Any]] = []
    handler = type("Endpoint", (_Endpoint,), {"requests": requests})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1", requests
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three passages, and a tamis.toml in the current folder that asks for the scorer without a model."""
    monkeypatch.chdir(tmp_path)
    for name in ("TAMIS_LLM_URL", "TAMIS_LLM_MODEL", "TAMIS_LLM_API_KEY", "TAMIS_STORE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "tamis.toml").write_text('[rerank]\nscorer = "fake"\n')
    place = tmp_path / "store"
    with Store.open(place, FakeEmbedder(), create=True) as opened:
        opened.add(
            [
                TextNode(id_="bus", text="the red bus goes to town", metadata={"file_path": "bus.md"}),
                TextNode(id_="boat", text="a boat sails \x1b]0;owned\x07 at noon", metadata={"file_path": "b\x1b[2J"}),
                TextNode(id_="tax", text="income tax law of 1999", metadata={"file_path": "t.pdf", "page_label": "7"}),
            ]
        )
    return place


def _ask(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["ask", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_passages_are_printed_with_their_probability_and_source(store: Path) -> None:
    code, out, err = _ask("red bus to town", "--store", str(store))
    assert (code, err) == (0, "")
    first = out.splitlines()
    assert first[0].startswith("1. P = 0.")
    assert first[0].endswith("bus.md")
    assert first[1].strip() == "the red bus goes to town"


def test_a_page_is_named(store: Path) -> None:
    assert "t.pdf, page 7" in _ask("income tax law", "--store", str(store))[1]


def test_json_is_one_document_best_first_with_the_place_in_context(store: Path) -> None:
    code, out, _ = _ask("income tax law", "--store", str(store), "--min-k", "3", "--json")
    document = json.loads(out)
    assert (code, document["abstained"], document["answer"]) == (0, False, None)
    assert document["passages"][0]["id"] == "tax"
    probabilities = [passage["p_relevant"] for passage in document["passages"]]
    assert probabilities == sorted(probabilities, reverse=True)
    assert all(0 < probability < 1 for probability in probabilities)
    assert sorted(passage["position"] for passage in document["passages"]) == [1, 2, 3]


def test_nothing_relevant_is_said_plainly(store: Path) -> None:
    (store.parent / "tamis.toml").write_text(
        '[rerank]\nscorer = "fake"\n[select]\npolicy = { name = "threshold", eta = 0.5 }\n'
    )
    code, out, _ = _ask("xylophone quagmire", "--store", str(store))
    assert code == 0
    assert "Nothing in the store is relevant enough" in out
    document = json.loads(_ask("xylophone quagmire", "--store", str(store), "--json")[1])
    assert (document["abstained"], document["passages"]) == (True, [])


def test_top_k_bounds_how_many_are_kept(store: Path) -> None:
    document = json.loads(_ask("bus boat tax", "--store", str(store), "--min-k", "2", "--top-k", "2", "--json")[1])
    assert len(document["passages"]) == 2


@pytest.mark.parametrize("more", [[], ["--full"]])
def test_retrieved_text_cannot_steer_the_terminal(store: Path, more: list[str]) -> None:
    out = _ask("a boat sails at noon", "--store", str(store), *more)[1]
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "\\x1b]0;owned\\x07" in out


def test_an_answer_is_written_from_the_passages_and_the_key_goes_nowhere_else(
    store: Path, endpoint: tuple[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, requests = endpoint
    monkeypatch.setenv("TAMIS_LLM_API_KEY", KEY)
    monkeypatch.setenv("TAMIS_LLM_MODEL", "good")
    code, out, err = _ask("red bus to town", "--store", str(store), "--llm-url", url)
    assert (code, err) == (0, "")
    assert out.endswith("The bus is \\x1b[31mred\\x1b[0m.\n")
    assert KEY not in out
    assert requests[0]["authorization"] == f"Bearer {KEY}"
    assert "the red bus goes to town" in json.dumps(requests[0]["messages"])


@pytest.mark.parametrize("model", ["good", "broken"])
def test_no_connection_to_the_endpoint_is_left_open(
    store: Path, endpoint: tuple[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    import httpx

    used: list[httpx.Client] = []
    send = httpx.Client.send

    def seen(client: httpx.Client, *arguments: Any, **settings: Any) -> httpx.Response:
        used.append(client)
        return send(client, *arguments, **settings)

    monkeypatch.setattr(httpx.Client, "send", seen)
    _ask("red bus", "--store", str(store), "--llm-url", endpoint[0], "--llm-model", model)
    assert used
    assert all(client.is_closed for client in used)


def test_the_key_of_another_service_is_not_sent(
    store: Path, endpoint: tuple[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, requests = endpoint
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else")
    code, _, _ = _ask("red bus", "--store", str(store), "--llm-url", url, "--llm-model", "good")
    assert code == 0
    assert "somebody-else" not in str(requests[0]["authorization"])


@pytest.mark.parametrize("model", ["failing", "garbage", "odd", "slow", "silent"])
def test_a_failing_endpoint_is_told_and_the_passages_are_kept(
    store: Path, endpoint: tuple[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.setenv("TAMIS_LLM_API_KEY", KEY)
    options = ["--llm-url", endpoint[0], "--llm-model", model, "--llm-timeout", "1"]
    code, out, err = _ask("red bus to town", "--store", str(store), *options)
    assert code == 2
    assert "the red bus goes to town" in out
    assert err.startswith("tamis: the endpoint gave")
    assert err.count("\n") == 1
    assert KEY not in out + err
    code, out, err = _ask("red bus to town", "--store", str(store), "--json", *options)
    document = json.loads(out)
    assert (code, document["answer"], bool(document["passages"])) == (2, None, True)
    assert document["answer_error"]


def test_an_endpoint_that_keeps_sending_is_waited_for_no_longer_than_was_said(
    store: Path, endpoint: tuple[str, list[dict[str, Any]]]
) -> None:
    options = ["--llm-url", endpoint[0], "--llm-model", "dripping", "--llm-timeout", "0.5"]
    code, out, err = _ask("red bus to town", "--store", str(store), *options)
    assert (code, "the red bus goes to town" in out) == (2, True)
    assert err == "tamis: the endpoint gave no whole answer in 0.5 s; --llm-timeout is how long\n"


def test_an_answer_that_was_cut_off_is_printed_with_a_warning(
    store: Path, endpoint: tuple[str, list[dict[str, Any]]]
) -> None:
    options = ["--llm-url", endpoint[0], "--llm-model", "chatty"]
    code, out, err = _ask("red bus to town", "--store", str(store), *options)
    assert (code, out.endswith("The bus leaves at ni\n")) == (0, True)
    assert err.startswith("tamis: warning: the answer was cut off at the model's limit; raise it")
    assert err.count("\n") == 1
    code, out, err = _ask("red bus to town", "--store", str(store), "--json", *options)
    document = json.loads(out)
    assert (code, document["answer"], document["answer_cut_off"]) == (0, "The bus leaves at ni", True)
    assert "cut off" in err
    options[-1] = "good"
    code, out, err = _ask("red bus to town", "--store", str(store), "--json", *options)
    assert (err, json.loads(out)["answer_cut_off"]) == ("", False)


def test_an_endpoint_that_is_not_there_is_told(store: Path) -> None:
    code, out, err = _ask("red bus", "--store", str(store), "--llm-url", "http://127.0.0.1:1/v1", "--llm-model", "m")
    assert code == 2
    assert "bus.md" in out
    assert "the endpoint gave no answer" in err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["  "], "the question is empty"),
        ([], "the question is empty"),
        (["q", "--image", "none.png"], "none.png"),
        (["q", "--config", "none.toml"], "none.toml"),
        (["q", "--policy", "magic"], "magic"),
        (["q", "--calibrator", "none.json"], "none.json"),
        (["q", "--llm-url", "ftp://x", "--llm-model", "m"], "http://"),
        (["q", "--llm-url", "http://localhost:1"], "--llm-model"),
        (["q", "--min-k", "5", "--top-k", "2"], "max_k"),
    ],
)
def test_bad_input_ends_with_2_names_the_value_and_prints_nothing(
    store: Path, arguments: list[str], named: str
) -> None:
    code, out, err = _ask(*arguments, "--store", str(store))
    assert (code, out) == (2, "")
    assert named in err


def test_a_store_that_is_not_there_is_named_and_not_made(tmp_path: Path) -> None:
    code, _, err = _ask("q", "--store", str(tmp_path / "none"))
    assert code == 2
    assert str(tmp_path / "none") in err
    assert not (tmp_path / "none").exists()


def test_an_empty_store_abstains(store: Path) -> None:
    with Store.open(store) as opened:
        opened.delete(opened.ids())
    code, out, _ = _ask("anything", "--store", str(store))
    assert (code, "Nothing in the store" in out) == (0, True)


def test_settings_that_do_not_exist_are_named(store: Path) -> None:
    (store.parent / "tamis.toml").write_text("[select]\nfixed = 3\n")
    code, _, err = _ask("q", "--store", str(store))
    assert (code, "fixed" in err) == (2, True)


@pytest.mark.parametrize("line", ["guard = true", "guard = []", "rerank = 5"])
def test_what_must_be_a_table_is_said_to_be_one(store: Path, line: str) -> None:
    (store.parent / "tamis.toml").write_text(f"{line}\n")
    code, _, err = _ask("q", "--store", str(store))
    name = line.split()[0]
    assert (code, f"it must be a table: [{name}] on a line of its own" in err) == (2, True)
    assert "there is no table" not in err


def test_an_image_is_a_question(store: Path) -> None:
    seen = store.parent / "seen"
    with Store.open(seen, FakeImageEmbedder(), create=True) as opened:
        opened.add([TextNode(id_="red", text="something red"), TextNode(id_="blue", text="something blue")])
    Image.new("RGB", (20, 20), (0, 0, 255)).save(store.parent / "q.png")
    # A picture has no words for the stand-in scorer, so everything is shown in the retriever's order.
    code, out, err = _ask("--image", "q.png", "--store", str(seen), "--min-k", "2", "--json")
    assert code == 0
    assert "warning: fake left 2 of 2 candidates unscored" in err
    assert json.loads(out)["passages"][0]["id"] == "blue"


def test_a_broken_image_is_named(store: Path) -> None:
    (store.parent / "q.png").write_bytes(b"\x89PNG\r\n\x1a\nxx")
    code, _, err = _ask("what is this", "--image", "q.png", "--store", str(store))
    assert (code, "q.png" in err) == (2, True)
