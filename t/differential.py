"""Random queries, asked of ntdb-query and of the oracle, and compared."""

import json

import oracle
from blackbox import clip, csv_rows, diag, query

NS = oracle.NS
WINDOWS = ["250ms", "1s", "13s", "20s", "1m", "5m", "7m", "15m", "1h",
           "1h30m", "5h", "1d", "3d", "1w"]
ROWS_MAX = 20000


def civil(t, rng):
    """A time as a date, cut to some precision, in some zone."""
    human = oracle.format_human(t)
    form = rng.randrange(8)
    if form < 4:
        text = human[:(10, 13, 16, 19)[form]]
        return text.replace(" ", rng.choice(" T"))
    if form == 4:
        return human
    if form == 5:
        return human.replace(" ", "T") + "Z"
    if form == 6:
        return human.replace(" ", "T").rstrip("0").rstrip(".") + "Z"
    minutes = rng.choice([60, 345, -300, -570])
    human = oracle.format_human(t + minutes * 60 * NS).replace(" ", "T")
    return "%s%s%02d:%02d" % (human, "+" if minutes > 0 else "-",
                              abs(minutes) // 60, abs(minutes) % 60)


def fixed(t, digits):
    sign = "-" if t < 0 else ""
    whole, part = divmod(abs(t), 10**digits)
    text = ("%s%d.%0*d" % (sign, whole, digits, part)).rstrip("0")
    return text.rstrip(".")


def time_text(t, now, rng):
    """Some form of (about) this time that ntdb-query's options take."""
    if not -2**62 * 1.9 < t < 2**62 * 1.9:
        return oracle.format_human(t)
    form = rng.randrange(8)
    if form < 3:
        return civil(t, rng)
    if form == 3 and 0 <= now - t:
        return rng.choice(["now-%dns", "%dns", "-%dns"]) % (now - t)
    if form == 4:
        seconds = (now - t) // NS
        h, s = divmod(abs(seconds), 3600)
        return "now%s%dh%ds" % ("-" if seconds >= 0 else "+", h, s)
    if form == 5:
        return fixed(t, 9)
    if form == 6 and 10**11 <= abs(t // 10**6) < 10**14:
        return fixed(t, 6)
    if form == 7 and 10**14 <= abs(t // 1000) < 10**17:
        return fixed(t, 3)
    return str(t) if abs(t) >= 10**17 else fixed(t, 9)


def some_time(store, rng, window):
    """A time on a sample, beside one, on a bucket's edge, or anywhere."""
    series = store.series[rng.choice(store.names())]
    t = rng.choice(series.times)
    how = rng.randrange(6)
    if how == 1:
        t += rng.choice([-1, 1])
    elif how == 2:
        t += rng.randrange(-3600 * NS, 3600 * NS)
    elif how == 3 and window:
        t = oracle.bucket_start(t, window)
    elif how == 4:
        t = rng.choice([series.times[0], series.times[-1]])
    return min(max(t, oracle.T_MIN), oracle.T_MAX)


def glob_of(name, rng):
    """A glob that matches the name, and maybe others."""
    how = rng.randrange(4)
    i = rng.randrange(len(name) + 1)
    if how == 0:
        return name[:i] + "*"
    if how == 1:
        return "*" + name[i:]
    j = rng.randrange(i, len(name) + 1)
    if how == 2 and i < len(name):
        return name[:i] + "?" + name[i + 1:]
    return name[:i] + "*" + name[j:]


def regex_of(name, rng):
    """An extended regex, never itself a name, that matches the name."""
    i = rng.randrange(len(name))
    j = rng.randrange(i + 1, len(name) + 1)
    part = "".join("\\" + c if c in ".[]{}()*+?^$|\\" else c
                   for c in name[i:j])
    return rng.choice(["(%s)", "(%s|zzz)", ".*%s", "%s.*$", "(%s)+"]) % part


def some_target(store, rng, regex):
    name = rng.choice(store.names())
    db, _, metric = name.partition("/")
    if regex:
        return db + "/" + regex_of(metric, rng)
    how = rng.randrange(10)
    if how < 4:
        return name
    if how == 4:
        return db
    if how == 5:
        return rng.choice(["*", "*/" + metric])
    if how == 6:
        return db + "/nosuch*"
    return db + "/" + glob_of(metric, rng)


class Ask:
    """One random query: argv, and the oracle's answer."""

    def __init__(self, store, rng, now, many):
        args, kw = ["--now", oracle.format_human(now)], {"now": now}
        kw["regex"] = rng.random() < 0.2
        if kw["regex"]:
            args.append("-E")
        self.aggregates = rng.random() < 0.6
        window = None
        if self.aggregates:
            n = rng.choice([1, 1, 2, 4, 13])
            kw["aggregates"] = rng.sample(oracle.AGGREGATES, n)
            args += ["-a", ",".join(kw["aggregates"])]
            if rng.random() < 0.8:
                text = rng.choice(WINDOWS)
                window = kw["window"] = oracle.scan_duration(text)
                args += ["-w", text]
        self._range(store, rng, now, window, args, kw)
        if not self.aggregates:
            if rng.random() < 0.25:
                kw["stride"] = rng.choice([1, 2, 3, 7, 100])
                args += ["--stride", str(kw["stride"])]
            if rng.random() < 0.15:
                kw["last"] = True
                args.append("--last")
        if rng.random() < 0.25:
            kw["limit"] = rng.choice([1, 2, 10, 1000, -1, -2, -10, -1000])
            args += ["--limit", str(kw["limit"])]
        self.format = rng.choice(["csv", "csv", "jsonl"])
        args += ["-f", self.format, "--time-format", "ns"]
        targets = [some_target(store, rng, kw["regex"])
                   for _ in range(rng.choice([1, 1, 2, 3]))]
        self.argv = args + targets
        asked = oracle.Query(targets, **kw)
        self.too_big = self._rows(asked, store) > many
        if not self.too_big:
            self.want = (asked.buckets(store) if self.aggregates
                         else asked.samples(store))

    @staticmethod
    def _range(store, rng, now, window, args, kw):
        ends = sorted(some_time(store, rng, window) for _ in range(2))
        for key, option, t in (("start", "-s", ends[0]),
                               ("end", "-e", ends[1])):
            if rng.random() < 0.8:
                text = time_text(t, now, rng)
                kw[key], relative = oracle.scan_time(text, now)
                if key == "start":
                    kw["relative"] = relative
                args += [rng.choice([option, "--" + key]), text]
                if text.startswith("-"):
                    args[-2:] = ["--%s=%s" % (key, text)]
        if ("start" in kw and "end" in kw and kw["start"] > kw["end"]):
            del kw["end"]
            del args[-1 if args[-1].startswith("--end=") else -2:]

    @staticmethod
    def _rows(asked, store):
        """About how many rows the answer has at most."""
        n = 0
        for s in store.select(asked.targets, asked.regex):
            i, j = asked.range(s)
            if i < j and asked.window:
                n += len(asked.aggregates) * min(
                    j - i, (s.times[j - 1] - s.times[i]) // asked.window + 1)
                n += (j - i) // 10
            elif asked.aggregates:
                n += len(asked.aggregates) + (j - i) // 10
            else:
                n += (j - i) // asked.stride
        return n


def number(is_int, x):
    """A value of csv or JSON as the number that it is."""
    if is_int:
        return int(x)
    return float(x)


def parse(text, fmt, aggregates):
    """The rows of an answer, in the oracle's form."""
    if fmt == "csv":
        rows = csv_rows(text)
    else:
        keys = (["metric", "aggregate", "start", "end", "type", "value"]
                if aggregates else ["metric", "time", "type", "value"])
        rows = []
        for line in text.splitlines():
            found = json.loads(line, parse_float=str, parse_int=str)
            if list(found) != keys:
                raise ValueError("keys " + " ".join(found))
            rows.append([found[k] for k in keys])
    if not aggregates:
        return [(m, int(t), kind, number(kind.startswith("int"), v))
                for m, t, kind, v in rows]
    return [(m, a, int(s), int(e), kind.startswith("int"),
             number(kind.startswith("int"), v))
            for m, a, s, e, kind, v in rows]


def row_differs(want, got):
    """Whether an aggregate's row is wrong."""
    if want[0:2] != got[0:2]:
        return True
    if any(w is not None and w != g for w, g in zip(want[2:4], got[2:4])):
        return True
    if want[4] != got[4]:
        return True
    if want[4]:
        return want[5] != got[5]
    return not oracle.close(want[1], want[5], got[5])


def sample_differs(want, got):
    return (want[:3] != got[:3] or oracle.bits(want[3])
            != oracle.bits(got[3]))


def differs(ask, root):
    """What is wrong with the answer to a query, or None."""
    r = query(root, *ask.argv)
    if r.status != 0 or r.err:
        return repr(r)
    try:
        got = parse(r.out, ask.format, ask.aggregates)
    except ValueError as e:
        return "%s in %s" % (e, clip(r.out, 300))
    if len(got) != len(ask.want):
        at = next((i for i, (w, g) in enumerate(zip(ask.want, got))
                   if w[0:2] != g[0:2]), min(len(got), len(ask.want)))
        return "%d rows, not %d; row %d: got %s want %s" % (
            len(got), len(ask.want), at, got[at:at + 1],
            ask.want[at:at + 1])
    test = row_differs if ask.aggregates else sample_differs
    for i, (w, g) in enumerate(zip(ask.want, got)):
        if test(w, g):
            return "row %d\n  got  %s\n  want %s" % (i, g, w)
    return None


def campaign(store, root, rng, now, n, many=ROWS_MAX, quiet=False):
    """Ask n queries; the number of wrong answers, each told of.

    Fewer, if the store is such that nearly all have too large answers.
    """
    wrong = asked = rows = tried = 0
    while asked < n and tried < 50 * n:
        tried += 1
        ask = Ask(store, rng, now, many)
        if ask.too_big:
            continue
        asked += 1
        rows += len(ask.want)
        what = differs(ask, root)
        if what is not None:
            wrong += 1
            if wrong <= 10:
                diag("ntdb-query " + " ".join(
                    "'%s'" % a for a in ask.argv))
                diag("  " + what)
    if not quiet:
        diag("%d queries, %d rows, %d wrong" % (asked, rows, wrong))
    return wrong
