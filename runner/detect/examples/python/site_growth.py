#!/usr/bin/env python3
"""A leak detector of Python's standard library alone: goroutines that pile up at one place.

It claims a site whose goroutines rose in each of WINDOW profiles, by `growth` or more in all.
"""
import collections, gzip, json, re, sys

WINDOW = 8
PERIODIC = ["profile", "goroutine", "pprof", "period"]
MACHINERY = ("runtime.", "runtime/", "internal/", "sync.", "sync/", "syscall.", "time.Sleep")

def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at

def fields(data):
    """{field number: [values]} of a protobuf message; a profile has only integers and bytes."""
    found, at = collections.defaultdict(list), 0
    while at < len(data):
        key, at = varint(data, at)
        value, at = varint(data, at)
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        found[key >> 3].append(value)
    return found

def numbers(values):
    """A field of several integers: each by itself, or packed into bytes."""
    for value in values:
        at = 0 if isinstance(value, bytes) else None
        while at is not None and at < len(value):
            number, at = varint(value, at)
            yield number
        if at is None:
            yield value

def sites(path):
    """How many goroutines stand where: {first function outside the machinery: count}."""
    profile = fields(gzip.open(path).read())
    texts = [re.sub(r"\[.*\]", "[...]", text.decode()) for text in profile[6]]
    functions = {f[1][0]: texts[f[2][0]] for f in map(fields, profile[5])}
    places = {p[1][0]: [functions[fields(line)[1][0]] for line in p[4]] for p in map(fields, profile[4])}
    count = collections.Counter()
    for sample in map(fields, profile[2]):
        names = [name for place in numbers(sample[1]) for name in places[place]]
        count[next((n for n in names if not n.startswith(MACHINERY)), "")] += next(numbers(sample[2]))
    return count

def say(**line):
    print(json.dumps(line), flush=True)

growth, history, claimed, blind = 20, collections.defaultdict(list), set(), set()
for told in map(json.loads, sys.stdin):
    life = (told.get("instance"), told.get("incarnation"))
    if told["type"] == "hello":
        growth = int(told["options"].get("growth", growth))
    elif told["type"] == "failed" and told["profile"] == "goroutine":
        blind.add(life[0])
        say(type="unknown", why="the profile could not be read: " + told["failure"])
    elif [told.get(key) for key in ("type", "profile", "format", "purpose")] == PERIODIC:
        if life[0] in blind:
            blind.remove(life[0])
            say(type="known")
        history[life] = history[life][1 - WINDOW:] + [sites(told["path"])]
        for site in sorted(set().union(*history[life]) - {""}):
            counts, name = [count[site] for count in history[life]], f"{life[0]}.{life[1]}.{site}"
            rose = len(counts) == WINDOW and all(a < b for a, b in zip(counts, counts[1:]))
            if rose and counts[-1] - counts[0] >= growth and name not in claimed:
                claimed.add(name)
                say(type="open", id=name, site=site, amount=counts[-1], why=f"{counts} goroutines")
            elif name in claimed and counts[-1] < counts[-2]:
                claimed.remove(name)
                say(type="close", id=name, why=f"{counts} goroutines")
    say(type="done", seq=told["seq"])
