"""A real libzmq to test against, told what to do by JSON lines on stdin; every line is answered by one on stdout.

Parts are hex. `send_many` and `recv_many` work on whole streams of numbered messages, so that 100 000 of them cost one line.
"""
import json
import sys
import time
import zmq

context = zmq.Context()
sockets = {}


def opened(ask):
    socket = context.socket(getattr(zmq, ask["type"]))
    socket.setsockopt(zmq.LINGER, ask.get("linger", 0))
    for name, value in ask.get("options", {}).items():
        if isinstance(value, str):
            value = bytes.fromhex(value)
        socket.setsockopt(getattr(zmq, name), value)
    sockets[ask["id"]] = socket
    result = {}
    if "bind" in ask:
        socket.bind(ask["bind"])
        result["endpoint"] = socket.getsockopt(zmq.LAST_ENDPOINT).rstrip(b"\0").decode()
    if "connect" in ask:
        socket.connect(ask["connect"])
    return result


def recv(ask):
    socket = sockets[ask["id"]]
    if not socket.poll(ask.get("timeout", 10000)):
        return {"parts": None}
    return {"parts": [part.hex() for part in socket.recv_multipart()]}


def send_many(ask):
    socket = sockets[ask["id"]]
    pad = b"x" * ask.get("pad", 0)
    prefix = bytes.fromhex(ask.get("prefix", ""))
    began = time.monotonic()
    for number in range(ask.get("first", 0), ask.get("first", 0) + ask["count"]):
        socket.send(prefix + b"%d " % number + pad)
    return {"seconds": time.monotonic() - began}


def recv_many(ask):
    """Counts numbered messages; says which came first out of order."""
    socket = sockets[ask["id"]]
    wrong = None
    got = 0
    began = None
    for number in range(ask["count"]):
        if not socket.poll(ask.get("timeout", 20000)):
            break
        began = began or time.monotonic()
        seen = int(socket.recv().split(b" ")[0])
        if seen != number and wrong is None:
            wrong = [number, seen]
        got += 1
    return {"got": got, "wrong": wrong, "seconds": time.monotonic() - (began or time.monotonic())}


def answer(ask):
    op = ask["op"]
    if op == "open":
        return opened(ask)
    if op == "send":
        sockets[ask["id"]].send_multipart([bytes.fromhex(part) for part in ask["parts"]])
        return {}
    if op == "send_big":
        sockets[ask["id"]].send(bytes(ask["byte"] for _ in range(1)) * ask["size"])
        return {}
    if op == "recv":
        return recv(ask)
    if op == "recv_big":
        if not sockets[ask["id"]].poll(20000):
            return {"size": None}
        body = sockets[ask["id"]].recv()
        return {"size": len(body), "bytes": sorted(set(body))}
    if op == "send_many":
        return send_many(ask)
    if op == "recv_many":
        return recv_many(ask)
    if op == "subscribe":
        sockets[ask["id"]].setsockopt(zmq.SUBSCRIBE, bytes.fromhex(ask["topic"]))
        return {}
    if op == "unsubscribe":
        sockets[ask["id"]].setsockopt(zmq.UNSUBSCRIBE, bytes.fromhex(ask["topic"]))
        return {}
    if op == "close":
        sockets.pop(ask["id"]).close()
        return {}
    if op == "version":
        return {"libzmq": zmq.zmq_version(), "pyzmq": zmq.__version__}
    raise ValueError("unknown op " + op)


for line in sys.stdin:
    try:
        reply = answer(json.loads(line))
    except Exception as error:  # told to the test, which fails with it
        reply = {"error": repr(error)}
    print(json.dumps(reply), flush=True)

context.destroy(linger=1000)
