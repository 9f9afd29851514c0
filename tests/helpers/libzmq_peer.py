"""A real libzmq to test against, told what to do by JSON lines on stdin; every line is answered by one on stdout.

Parts are hex. `send_many` and `recv_many` work on whole streams of numbered messages, so that 100 000 of them cost one line.
"""
import json
import sys
import time
import zmq

context = zmq.Context()


def dumps(value):
    """A tnetstring of our own, so that the codec under test does not judge itself."""
    if value is None:
        return b"0:~"
    if isinstance(value, bool):
        return b"4:true!" if value else b"5:false!"
    if isinstance(value, int):
        body, kind = str(value).encode(), b"#"
    elif isinstance(value, float):
        body, kind = repr(value).encode(), b"^"
    elif isinstance(value, str):
        body, kind = value.encode(), b","
    elif isinstance(value, list):
        body, kind = b"".join(dumps(item) for item in value), b"]"
    else:
        body, kind = b"".join(dumps(key) + dumps(item) for key, item in value.items()), b"}"
    return b"%d:" % len(body) + body + kind


def load(data):
    size, rest = data.split(b":", 1)
    body, kind, rest = rest[: int(size)], rest[int(size) : int(size) + 1], rest[int(size) + 1 :]
    if kind == b",":
        return body.decode(), rest
    if kind == b"#":
        return int(body), rest
    if kind == b"^":
        return float(body), rest
    if kind == b"!":
        return body == b"true", rest
    if kind == b"~":
        return None, rest
    items = []
    while body:
        item, body = load(body)
        items.append(item)
    return (items if kind == b"]" else dict(zip(items[::2], items[1::2]))), rest


def send_tnet(ask):
    """An item as publishers send it: alone, or under a topic."""
    payload = ask.get("mark", "").encode() + dumps(ask["value"])
    topic = [ask["topic"].encode()] if "topic" in ask else []
    sockets[ask["id"]].send_multipart(topic + [payload])
    return {}


def request_tnet(ask):
    socket = sockets[ask["id"]]
    socket.send(dumps(ask["value"]))
    if not socket.poll(10000):
        return {"reply": None, "timeout": True}
    return {"reply": load(socket.recv())[0]}


def publish_like_pypubcontrol(ask):
    """Discovery over the command socket, then PUSH: the order and the calls of pypubcontrol's ZmqPubControlClient."""
    req = context.socket(zmq.REQ)
    req.connect(ask["uri"])
    if not req.poll(3000, zmq.POLLOUT):
        raise ValueError("uri discovery request failed: pollout timeout")
    req.send(dumps({"method": "get-zmq-uris"}))
    if not req.poll(3000, zmq.POLLIN):
        raise ValueError("uri discovery request failed: pollin timeout")
    found = load(req.recv())[0]
    req.close()
    push = context.socket(zmq.PUSH)
    push.connect(found["value"]["publish-pull"])
    push.linger = -1
    push.send(dumps(ask["value"]))
    push.close()
    return {"found": found}


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


def recv_stats(ask):
    """A packet of the statistics socket: type, space, T and a tnetstring or J and JSON, one part."""
    socket = sockets[ask["id"]]
    if not socket.poll(ask.get("timeout", 10000)):
        return {"packet": None}
    kind, body = socket.recv().split(b" ", 1)
    mark = body[:1].decode()
    fields = load(body[1:])[0] if mark == "T" else json.loads(body[1:])
    return {"mark": mark, "packet": {"type": kind.decode(), "fields": fields}}


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
    if op == "send_tnet":
        return send_tnet(ask)
    if op == "request_tnet":
        return request_tnet(ask)
    if op == "recv_stats":
        return recv_stats(ask)
    if op == "pypubcontrol":
        return publish_like_pypubcontrol(ask)
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
