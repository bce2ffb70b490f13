"""tests/fetch-blocks against a node of its own, which knows one block."""

import http.server
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "fetch-blocks"

SENDER, OTHER, MINER = ("0x" + byte * 20 for byte in ("a1", "b2", "fe"))
BEACON_ROOTS = "0x000f3df6d732807ef1319fb7b8bb8522d0beac02"
# A block of Cancun's time.
TIME = 1710338135
BLOCK = {
    "number": "0x3",
    "timestamp": hex(TIME),
    "miner": MINER,
    "hash": "0x03",
    "withdrawals": [{"address": OTHER, "amount": "0x1"}],
    "transactions": [{"from": SENDER}, {"from": SENDER}],
}
TRACES = [
    {"txHash": "0x0", "result": {SENDER: {"balance": "0x9", "nonce": 4}}},
    {"txHash": "0x1", "result": {SENDER: {"balance": "0x8", "nonce": 5, "storage": {"0x1": "0x2"}}}},
]


class Answers(http.server.BaseHTTPRequestHandler):
    refuses = False

    def do_POST(self):
        calls = json.loads(self.rfile.read(int(self.headers["content-length"])))
        # A node may answer a batch in any order.
        answers = [self.answer(call) for call in reversed(calls)]
        body = json.dumps(answers).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer(self, call):
        if self.refuses:
            return {"id": call["id"], "error": {"code": -32601, "message": "no such method"}}
        method, parameters = call["method"], call["params"]
        result = {
            "eth_getBlockByNumber": lambda number, full: BLOCK if full else {"hash": f"hash of {number}"},
            "debug_traceBlockByNumber": lambda number, tracer: TRACES,
            "eth_getBalance": lambda address, height: "0x64",
            "eth_getTransactionCount": lambda address, height: "0x1",
            "eth_getCode": lambda address, height: "0x00" if address == BEACON_ROOTS else "0x",
            "eth_getStorageAt": lambda address, slot, height: f"{int(slot, 16)} at {height}",
        }[method](*parameters)
        return {"id": call["id"], "result": result}

    def log_message(self, *_):
        pass


def unpack(frame):
    """The content of a Zstandard frame of raw blocks."""
    magic, descriptor, size = struct.unpack("<IBQ", frame[:13])
    assert (magic, descriptor) == (0xFD2FB528, 0xE0)
    content, place, is_last = b"", 13, False
    while not is_last:
        header = int.from_bytes(frame[place : place + 3], "little")
        is_last, kind, length = header & 1, header >> 1 & 3, header >> 3
        assert kind == 0
        content += frame[place + 3 : place + 3 + length]
        place += 3 + length
    assert (place, len(content)) == (len(frame), size)
    return content


class FetchBlocks(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.into = pathlib.Path(folder.name)
        self.handler = type("Handler", (Answers,), {})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_port}"

    def fetch(self, url):
        command = [sys.executable, SCRIPT, "--rpc", url, "--into", self.into, "3"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_a_bundle_holds_what_the_block_starts_from(self):
        done = self.fetch(self.url)
        self.assertEqual(done.returncode, 0, done.stderr)
        bundle = json.loads(unpack((self.into / "3.json.zst").read_bytes()))
        self.assertEqual(bundle["block"], BLOCK)
        state = bundle["prestate"]
        # The first occurrence wins, and slots of later ones are added.
        self.assertEqual((state[SENDER]["balance"], state[SENDER]["nonce"]), ("0x9", 4))
        self.assertEqual(state[SENDER]["storage"], {"0x1": "0x2"})
        # The beneficiary, a withdrawal's recipient and a system contract, as of the block before.
        for address in (MINER, OTHER, BEACON_ROOTS):
            self.assertEqual(state[address]["balance"], "0x64")
        slots = [TIME % 8191, TIME % 8191 + 8191]
        self.assertEqual(
            state[BEACON_ROOTS]["storage"], {f"0x{slot:064x}": f"{slot} at 0x2" for slot in slots}
        )
        self.assertEqual(
            bundle["blockHashes"], {str(number): f"hash of {hex(number)}" for number in range(3)}
        )

    def test_a_node_that_refuses_is_said(self):
        self.handler.refuses = True
        done = self.fetch(self.url)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no such method", done.stderr)
        self.assertEqual(list(self.into.iterdir()), [])

    def test_a_node_that_is_not_there_is_said(self):
        done = self.fetch("http://127.0.0.1:1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("127.0.0.1:1", done.stderr)
        self.assertNotIn("Traceback", done.stderr)


if __name__ == "__main__":
    unittest.main()
