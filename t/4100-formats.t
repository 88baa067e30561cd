#!/bin/sh
# Every output format and time format, to the byte, against hand-worked
# answers.

. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$NTDB_SRC/t"

python3 - <<'EOF'
import datetime
import json
import re
from blackbox import *

root = tempdir() + "/root"
NOW = ["--now", "2030-01-01"]
LINES = """\
a/count 42 2026-05-01 12:00:00
a/count -7 2026-05-01 12:00:10.5
a/temp 21.50 2026-05-01 12:00:00
a/temp 8.3 2026-05-01 12:00:00.000000001
a/temp 21.0 2026-05-02
b/comma,x 3000000000 2026-05-01 12:00:00
b/x{code="200"} 0.123456789 2026-05-01 12:00:00
odd/v NaN 2026-05-01 12:00:00
odd/v +Inf 2026-05-01 12:00:01
odd/v -Inf 2026-05-01 12:00:02
odd/v -0.0 2026-05-01 12:00:03
odd/v 0.0 2026-05-01 12:00:03
odd/v 1e300 2026-05-01 12:00:04
odd/v 1e-7 2026-05-01 12:00:05
odd/v 1e21 2026-05-01 12:00:06
odd/v 1e20 2026-05-01 12:00:07
odd/v 0.000001 2026-05-01 12:00:08
old/v 1 1969-12-31 23:59:58.5
old/v 2 1969-12-31 23:59:59
"""
ALL = [*NOW, *EVER]
plan(46)
r = ingest(root, LINES, *NOW)
same((r.status, r.err), (0, b""), "ingest")


def is_out(args, want, name):
    r = query(root, *args)
    if not same((r.status, r.out.decode()), (0, want), name):
        diag(r)


def is_lines(args, want, name):
    r = query(root, *args)
    if not same((r.status, r.out.decode().splitlines()), (0, want), name):
        diag(r)


# csv.
is_out([*ALL, "-f", "csv", "a"], """\
metric,time,type,value
a/count,2026-05-01T12:00:00.000000000Z,int32,42
a/count,2026-05-01T12:00:10.500000000Z,int32,-7
a/temp,2026-05-01T12:00:00.000000000Z,float32,21.5
a/temp,2026-05-01T12:00:00.000000001Z,float32,8.3
a/temp,2026-05-02T00:00:00.000000000Z,float32,21
""", "csv")
is_out([*ALL, "-f", "csv", "b"], """\
metric,time,type,value
"b/comma,x",2026-05-01T12:00:00.000000000Z,int64,3000000000
"b/x{code=""200""}",2026-05-01T12:00:00.000000000Z,float64,0.123456789
""", "csv quotes commas and quotes")
is_out([*ALL, "-f", "csv", "--time-format", "ns", "odd"], """\
metric,time,type,value
odd/v,1777636800000000000,float64,NaN
odd/v,1777636801000000000,float64,+Inf
odd/v,1777636802000000000,float64,-Inf
odd/v,1777636803000000000,float64,-0
odd/v,1777636803000000000,float64,0
odd/v,1777636804000000000,float64,1e+300
odd/v,1777636805000000000,float64,1e-07
odd/v,1777636806000000000,float64,1e+21
odd/v,1777636807000000000,float64,100000000000000000000
odd/v,1777636808000000000,float64,0.000001
""", "numbers as text")
HEAD = "metric,time,type,value\n"
for style, first, second in (
        ("rfc3339", "1969-12-31T23:59:58.500000000Z",
         "1969-12-31T23:59:59.000000000Z"),
        ("human", "1969-12-31 23:59:58.500000000",
         "1969-12-31 23:59:59.000000000"),
        ("s", "-1.5", "-1"), ("ms", "-1500", "-1000"),
        ("ns", "-1500000000", "-1000000000")):
    is_out([*ALL, "-f", "csv", "--time-format", style, "old"],
           HEAD + "old/v,%s,int32,1\nold/v,%s,int32,2\n" % (first, second),
           "--time-format %s before 1970" % style)
for style, want in (("s", ["1777636800", "1777636800.000000001",
                           "1777680000"]),
                    ("ms", ["1777636800000", "1777636800000.000001",
                            "1777680000000"]),
                    ("ns", ["1777636800000000000", "1777636800000000001",
                            "1777680000000000000"])):
    r = query(root, *ALL, "-f", "csv", "--time-format", style, "a/temp")
    same([row[1] for row in csv_rows(r.out)], want,
         "--time-format %s keeps the fraction" % style)
is_out([*NOW, "-f", "csv", "a/none*"], HEAD, "csv of nothing is a heading")
is_out([*NOW, "-s", "2026-05-01T12:00", "-e", "2026-05-01T12:01", "-a",
        "min,max,sum,avg,count,first,last", "-f", "csv", "a/count"], """\
metric,aggregate,start,end,type,value
a/count,min,2026-05-01T12:00:00.000000000Z,2026-05-01T12:01:00.000000000Z,\
int64,-7
a/count,max,2026-05-01T12:00:00.000000000Z,2026-05-01T12:01:00.000000000Z,\
int64,42
a/count,sum,2026-05-01T12:00:00.000000000Z,2026-05-01T12:01:00.000000000Z,\
int64,35
a/count,avg,2026-05-01T12:00:00.000000000Z,2026-05-01T12:01:00.000000000Z,\
float64,17.5
a/count,count,2026-05-01T12:00:00.000000000Z,2026-05-01T12:01:00.000000000Z,\
int64,2
a/count,first,2026-05-01T12:00:00.000000000Z,2026-05-01T12:01:00.000000000Z,\
int64,42
a/count,last,2026-05-01T12:00:00.000000000Z,2026-05-01T12:01:00.000000000Z,\
int64,-7
""", "csv of aggregates, one bucket")
is_out([*NOW, "-s", "2026-05-01T12:00:00", "-a", "count", "-w", "1s", "-f",
        "csv", "--time-format", "s", "a/temp"], """\
metric,aggregate,start,end,type,value
a/temp,count,1777636800,1777636801,int64,2
a/temp,count,1777680000,1777680001,int64,1
""", "buckets; empty ones are left out")
is_out([*NOW, "-s", "2026-05-01T11:59:30", "-e", "2026-05-02T00:00:00", "-a",
        "count", "-w", "12h", "-f", "csv", "--time-format", "s", "a/temp"],
       """\
metric,aggregate,start,end,type,value
a/temp,count,1777636800,1777680000,int64,2
a/temp,count,1777680000,1777680000,int64,1
""", "a sample at an included end has a bucket with start = end")
is_out([*NOW, "-s", "2026-05-01T11:00", "-e", "2026-05-02T01", "-a", "last",
        "-w", "1d", "-f", "csv", "--time-format", "s", "a/temp"], """\
metric,aggregate,start,end,type,value
a/temp,last,1777633200,1777680000,float64,8.3
a/temp,last,1777680000,1777683600,float64,21
""", "buckets are clipped to the ends that were given")
is_out([*NOW, "-a", "last", "-w", "1w", "-f", "csv", "--time-format",
        "human", "a/temp"], """\
metric,aggregate,start,end,type,value
a/temp,last,2026-04-27 00:00:00.000000000,2026-05-04 00:00:00.000000000,\
float64,21
""", "a week begins on Monday; implied ends do not clip")

# jsonl and json.
ROW = ('{"metric":"a/count","time":"2026-05-01T12:00:00.000000000Z",'
       '"type":"int32","value":42}')


def is_json(args, want, name):
    r = query(root, *args)
    try:
        got = [list(json.loads(line, parse_float=str, parse_int=str).items())
               for line in r.out.decode().splitlines()]
    except ValueError as e:
        got = "%s: %r" % (e, r)
    same(got, want, name)


def keys(*rows):
    names = ("metric", "time", "type", "value")
    return [list(zip(names, row)) for row in rows]


is_json([*ALL, "-f", "jsonl", "a/count"], keys(
    ("a/count", "2026-05-01T12:00:00.000000000Z", "int32", "42"),
    ("a/count", "2026-05-01T12:00:10.500000000Z", "int32", "-7")), "jsonl")
is_json([*ALL, "-f", "jsonl", "b"], keys(
    ("b/comma,x", "2026-05-01T12:00:00.000000000Z", "int64", "3000000000"),
    ('b/x{code="200"}', "2026-05-01T12:00:00.000000000Z", "float64",
     "0.123456789")), "jsonl escapes quotes")
r = query(root, *ALL, "-f", "jsonl", "odd")
values = [line.rpartition('"value":')[2].strip(" }")
          for line in r.out.decode().splitlines()]
same(values, ['"NaN"', '"+Inf"', '"-Inf"', "-0", "0", "1e+300", "1e-07",
              "1e+21", "100000000000000000000", "0.000001"],
     "values in JSON: numbers, and three strings")
is_out([*ALL, "-f", "jsonl", "a/none*"], "", "jsonl of nothing is nothing")
r = query(root, *NOW, "-f", "jsonl", "-a", "avg", "-w", "1d", "a/temp")
same([list(json.loads(x).items()) for x in r.out.splitlines()], [
    [("metric", "a/temp"), ("aggregate", "avg"),
     ("start", "2026-05-01T00:00:00.000000000Z"),
     ("end", "2026-05-02T00:00:00.000000000Z"), ("type", "float64"),
     ("value", 14.9)],
    [("metric", "a/temp"), ("aggregate", "avg"),
     ("start", "2026-05-02T00:00:00.000000000Z"),
     ("end", "2026-05-03T00:00:00.000000000Z"), ("type", "float64"),
     ("value", 21)]], "jsonl of aggregates")
lines = query(root, *ALL, "-f", "jsonl", "*").out.splitlines()
r = query(root, *ALL, "-f", "json", "*")
same(json.loads(r.out), [json.loads(x) for x in lines],
     "json is one array of what jsonl has")
ok(r.out.endswith(b"]\n"), "json ends with a newline")
r = query(root, *NOW, "-f", "json", "a/none*")
same((r.status, json.loads(r.out)), (0, []), "json of nothing is []")
r = query(root, *ALL, "-f", "jsonl", "--time-format", "ns", "a/count")
same([int(json.loads(x)["time"]) for x in r.out.splitlines()],
     [1777636800000000000, 1777636810500000000], "jsonl with times in ns")

# Line protocol.
is_lines([*NOW, "-f", "lp", "a"], [
    "a/count 42i 2026-05-01 12:00:00.000000000",
    "a/count -7i 2026-05-01 12:00:10.500000000",
    "a/temp 21.5 2026-05-01 12:00:00.000000000",
    "a/temp 8.3 2026-05-01 12:00:00.000000001",
    "a/temp 21.0 2026-05-02 00:00:00.000000000"],
    "lp without a range is everything")
is_lines([*NOW, "-f", "lp", "odd"], [
    "odd/v %s 2026-05-01 12:00:0%d.000000000" % x for x in (
        ("NaN", 0), ("+Inf", 1), ("-Inf", 2), ("-0.0", 3), ("0.0", 3),
        ("1e+300", 4), ("1e-07", 5), ("1e+21", 6),
        ("100000000000000000000.0", 7), ("0.000001", 8))],
    "lp: floats never look like integers")
r = query(root, *NOW, "-f", "lp", "*")
days = [x.split(" ")[2] for x in r.out.decode().splitlines()]
same(days, sorted(days), "lp goes by UTC day")
same([x for x in r.out.decode().splitlines() if "2026-05-01" in x][:4],
     ["a/count 42i 2026-05-01 12:00:00.000000000",
      "a/count -7i 2026-05-01 12:00:10.500000000",
      "a/temp 21.5 2026-05-01 12:00:00.000000000",
      "a/temp 8.3 2026-05-01 12:00:00.000000001"],
     "lp: in a day by metric, then time")
again = tempdir() + "/again"
r2 = ingest(again, r.out, *NOW)
same((r2.status, r2.err), (0, b""), "the backup is taken back")
same(query(again, *NOW, "-f", "lp", "*").out, r.out,
     "and gives the same backup")
same(samples(again, "*"), samples(root, "*"), "types and all")
is_lines([*NOW, "-f", "lp", "-a", "avg,count", "-w", "1d", "a/temp"], [
    "a/temp.avg 14.9 2026-05-01 00:00:00.000000000",
    "a/temp.count 2i 2026-05-01 00:00:00.000000000",
    "a/temp.avg 21.0 2026-05-02 00:00:00.000000000",
    "a/temp.count 1i 2026-05-02 00:00:00.000000000"],
    "lp of aggregates has them as metrics, stamped with the start")
is_lines([*NOW, "-f", "lp", "-a", "max", "-w", "1d", "b/x*"],
         ['b/x.max{code="200"} 0.123456789 2026-05-01 00:00:00.000000000'],
         "the aggregate's name comes before a label part")

# Table.
GAP = " {1,2}"
r = query(root, *ALL, "a")
table = r.out.decode().split("\n")
ok(re.fullmatch("TIME {25}" + GAP + " {19}VALUE" + GAP + "METRIC", table[0]),
   "table: heading") or diag(repr(table[0]))
row = re.compile("(.{29})" + GAP + "(.{24})" + GAP + "(.*)")
cells = [row.fullmatch(x).groups() if row.fullmatch(x) else x
         for x in table[1:-1]]
same(cells, [
    ("2026-05-01 12:00:00.000000000", "%24s" % "42", "a/count"),
    ("2026-05-01 12:00:10.500000000", "%24s" % "-7", "a/count"),
    ("2026-05-01 12:00:00.000000000", "%24s" % "21.5", "a/temp"),
    ("2026-05-01 12:00:00.000000001", "%24s" % "8.3", "a/temp"),
    ("2026-05-02 00:00:00.000000000", "%24s" % "21", "a/temp")],
    "table: rows of fixed width")
same(table[-1], "", "table ends with a newline")
r = query(root, *NOW, "-a", "min", "-w", "1d", "b/comma*")
table = [x.split() for x in r.out.decode().splitlines()]
same(table, [["START", "END", "AGGREGATE", "VALUE", "METRIC"],
             ["2026-05-01", "00:00:00.000000000", "2026-05-02",
              "00:00:00.000000000", "min", "3000000000", "b/comma,x"]],
     "table of aggregates")
r = query(root, *NOW, "a")
same([x.split()[2:] for x in r.out.decode().splitlines()[1:]],
     [["-7", "a/count"], ["21", "a/temp"]],
     "the default is the last value of each metric")

# Rows of one day share most of their time: days, their ends, fractions.
DAY = 86400 * 10**9


def date(t_ns, middle):
    day, rest = divmod(t_ns, DAY)
    d = datetime.date(1970, 1, 1) + datetime.timedelta(day)
    s, frac = divmod(rest, 10**9)
    return "%s%s%02d:%02d:%02d.%09d" % (d.isoformat(), middle, s // 3600,
                                        s // 60 % 60, s % 60, frac)


days = [-2**63 // DAY * DAY, -DAY, 0, 20000 * DAY, (2**63 - 1) // DAY * DAY]
moments = [0, 1, 999999999, 10**9, 59 * 10**9, 60 * 10**9 + 123456789,
           61 * 10**9 + 123456789, 763 * 10**9 + 10**8, 3599 * 10**9,
           3600 * 10**9, DAY // 2, DAY - 10**9, DAY - 1]
times = [d + m for d in days for m in moments
         if -2**63 <= d + m < 2**63] + [-2**63, 2**63 - 1]
times.sort()
clock = tempdir() + "/clock"
r = ingest(clock, "".join("a/t %d %d\n" % (i, t)
                          for i, t in enumerate(times)),
           "-p", "ns", "--now", "2262-04-11T23:47:16")
same((r.status, r.err), (0, b""), "times of the first, last and other days")
# The last day of one metric is followed by the first day of the next.
r = ingest(clock, "".join("a/u %d %d\n" % (i, t)
                          for i, t in enumerate(times)),
           "-p", "ns", "--now", "2262-04-11T23:47:16")
r = query(clock, *NOW, "-s", "1677-09-21T00:12:43.145224192", "-f", "csv",
          "*")
same([row[:2] for row in csv_rows(r.out)],
     [[m, date(t, "T") + "Z"] for m in ("a/t", "a/u") for t in times],
     "their dates, and two metrics of one type")
r = query(clock, *NOW, "-f", "lp", "a/t")
same([x.split(" ", 2)[2] for x in r.out.decode().splitlines()],
     [date(t, " ") for t in times], "and in line protocol")

# Misuse.
same(query(root, "-f", "xml", "a").status, 64, "unknown format: 64")
same(query(root, "--time-format", "us", "a").status, 64,
     "unknown time format: 64")
done()
EOF
