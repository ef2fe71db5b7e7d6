#!/usr/bin/env python3
"""A detector for tests that behaves as badly as it is told: detector.py BEHAVIOUR.

By itself it is sound: it opens one alert above 20 goroutines, names the site where they wait once a
profile has shown it, and says `unknown` while reads fail. At observation 6, or the next one, it does what its name says.
"""
import json, os, signal, subprocess, sys, time, urllib.request

AT = 6


def write(data):
    sys.stdout.buffer.write(data if isinstance(data, bytes) else data.encode())
    sys.stdout.buffer.flush()


def say(**line):
    write(json.dumps(line) + "\n")


def forever():
    while True:
        time.sleep(60)


def flood(stream, piece):
    while True:
        stream.write(piece)


def spin():
    while True:
        pass


def hoard():
    kept = bytearray(300 << 20)
    for at in range(0, len(kept), 4096):
        kept[at] = 1
    forever()


def leave_a_child():
    subprocess.Popen(["sleep", "1000"])
    os._exit(3)


def close_and_stay(descriptor):
    os.close(descriptor)
    forever()


def done(seq):
    say(type="done", seq=seq)


def read_the_target():
    with urllib.request.urlopen(gateway[0] + "/debug/pprof/goroutine") as answer:
        say(type="open", id="read", why=answer.read().decode().splitlines()[0])


BEHAVIOURS = {
    "sound": lambda seq: None,
    "lingers": lambda seq: None,
    "ends-badly": lambda seq: None,
    "draws-lots": lambda seq: say(type="open", id="a", amount=os.getpid()),
    "reads": lambda seq: read_the_target(),
    "paints": lambda seq: sys.stderr.write("\u2603\u202e\x1b[2J\n"),
    "paints-keys": lambda seq: say(type="unknown", **{"\u2603\u202e\x1b[2J" + "\u2603" * 40: 1}),
    "talks": lambda seq: sys.stderr.write("one word\n"),
    "exits": lambda seq: (sys.stderr.write("no more of this\n"), os._exit(3)),
    "exits-cleanly": lambda seq: os._exit(0),
    "crashes": lambda seq: os.kill(os.getpid(), signal.SIGSEGV),
    "leaves-a-child": lambda seq: leave_a_child(),
    "closes-output": lambda seq: close_and_stay(1),
    "closes-input": lambda seq: close_and_stay(0),
    "hangs": lambda seq: forever(),
    "floods": lambda seq: flood(sys.stdout, '{"type":"unknown"}\n'),
    "floods-alerts": lambda seq: [say(type="open", id=str(i)) for i in range(2000)],
    "floods-errors": lambda seq: flood(sys.stderr, "x" * 4096),
    "long-line": lambda seq: flood(sys.stdout, "x" * 4096),
    "hoards": lambda seq: hoard(),
    "spins": lambda seq: spin(),
    "no-json": lambda seq: write("alert: it leaks\n"),
    "half-json": lambda seq: write('{"type":"done"\n'),
    "no-object": lambda seq: write("[1, 2]\n"),
    "deep-json": lambda seq: write("[" * 60000 + "\n"),
    "twice-a-key": lambda seq: write('{"type":"done","seq":6,"seq":6}\n'),
    "bad-utf8": lambda seq: write(b'{"type":"open","id":"\xff\xfe"}\n'),
    "nul": lambda seq: write(b'{"type":"open","id":"a\\u0000b"}\n'),
    "unknown-type": lambda seq: say(type="alarm", id="a"),
    "unknown-key": lambda seq: say(type="open", id="a", sevrity="red"),
    "missing-key": lambda seq: say(type="open", cause="any"),
    "wrong-type": lambda seq: say(type="open", id=7),
    "wrong-cause": lambda seq: say(type="open", id="a", cause="chan-recieve"),
    "negative": lambda seq: say(type="open", id="a", amount=-1),
    "long-why": lambda seq: say(type="open", id="a", why="x" * 5000),
    "answers-twice": lambda seq: done(seq),
    "answers-the-past": lambda seq: done(seq - 1),
    "answers-the-future": lambda seq: done(seq + 1),
    "claims-the-future": lambda seq: say(type="open", id="a", seq=seq + 100),
    "claims-an-unseen-site": lambda seq: say(type="open", id="a", site="main.secret"),
    "claims-an-unseen-instance": lambda seq: say(type="open", id="a", instance=4),
    "closes-what-is-not-open": lambda seq: say(type="close", id="nothing"),
    "updates-what-is-not-open": lambda seq: say(type="update", id="nothing", amount=3),
    "opens-twice": lambda seq: [say(type="open", id="a"), say(type="open", id="a")],
    "knows-again": lambda seq: say(type="known"),
    "gives-up": lambda seq: say(type="gave-up", why="this is not a Go program"),
}
IN_HELLO = {
    "banner": lambda: write("Detector 1.0, ready\n"),
    "alerts-in-hello": lambda: say(type="open", id="a"),
    "never-says-hello": forever,
}
behaviour = sys.argv[1]
is_open = is_blind = is_zipped = has_acted = False
seen = ""

out = open(os.environ.get("OUT", os.devnull), "ab")
out.write(repr((os.getcwd(), sys.argv[1:], sorted(os.environ.items()))).encode() + b"\n")

for raw in sys.stdin.buffer:
    out.write(raw)
    told = json.loads(raw)
    kind, seq = told["type"], told["seq"]
    if kind == "hello":
        gateway = told.get("gateway")
        IN_HELLO.get(behaviour, lambda: None)()
    elif behaviour == "slow":
        time.sleep(1.5)
    if seq >= AT and not has_acted:
        has_acted = True
        BEHAVIOURS.get(behaviour, lambda seq: None)(seq)
    if kind == "profile":
        body = open(told["path"], "rb").read()
        out.write(body)
        is_zipped = body.startswith(b"\x1f\x8b")
        seen = "main.wait" if b"main.wait" in body else seen
    if kind == "failed" or is_blind:
        is_blind = kind == "failed"
        say(type="unknown" if is_blind else "known", why="a read failed")
    if kind == "life" and told["life"] == "ended":
        is_open = False  # closed for us
    count = told.get("values", {}).get("go_sched_goroutines_count", 0)
    if count > 20 and is_open:
        say(type="update", id="count", amount=count)
    elif count > 20 and (seen or is_zipped):
        is_open = True
        say(type="open", id="count", cause="chan-receive", site=seen, amount=count, why=f"{count:.0f} goroutines")
    done(seq)

if behaviour == "lingers":
    forever()
sys.exit(4 if behaviour == "ends-badly" else 0)
