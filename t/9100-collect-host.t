#!/bin/sh
# examples/collect-host: what it makes of files like those of /proc, and
# that ntdb-ingest takes what it prints on this machine.

. "$(dirname "$0")/lib.sh"
plan 16
collect=$NTDB_SRC/examples/collect-host
cd "$TMP" || bail "no $TMP"

# A small machine: one core, an SD card, one interface, two sensors, one of
# which is off.
mkdir -p proc/net sys/class/thermal/thermal_zone0 \
    sys/class/thermal/thermal_zone1 sys/class/thermal/thermal_zone2
echo '0.52 0.58 0.59 2/345 6789' >proc/loadavg
cat >proc/stat <<'EOT'
cpu  4705 356 584 3699176 23060 0 277 12 0 0
cpu0 4705 356 584 3699176 23060 0 277 12 0 0
intr 114930548 113199788 3 0
ctxt 99999999999
btime 1062191376
processes 26442
procs_running 2
procs_blocked 1
EOT
cat >proc/meminfo <<'EOT'
MemTotal:         947732 kB
MemFree:          123456 kB
MemAvailable:     654321 kB
Buffers:           11111 kB
SwapTotal:        102396 kB
SwapFree:         102390 kB
EOT
echo '350735.47 234388.90' >proc/uptime
cat >proc/diskstats <<'EOT'
   1       0 ram0 0 0 0 0 0 0 0 0 0 0 0
 179       0 mmcblk0 20410 7083 1653312 30912 7421 9132 9223372036 151980 0 81610 182890
 179       1 mmcblk0p1 134 512 10440 92 1 0 1 0 0 88 92
EOT
cat >proc/net/dev <<'EOT'
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
  eth0:18446744073 2345 0 0 0 0 0 0 1234567 890 0 0 0 0 0 0
EOT
echo 48312 >sys/class/thermal/thermal_zone0/temp
echo -2500 >sys/class/thermal/thermal_zone2/temp
cat >want <<'EOT'
pi/cpu.ctxt 99999999999
pi/cpu.idle 3699176
pi/cpu.iowait 23060
pi/cpu.irq 0
pi/cpu.nice 356
pi/cpu.processes 26442
pi/cpu.procs_blocked 1
pi/cpu.procs_running 2
pi/cpu.softirq 277
pi/cpu.steal 12
pi/cpu.system 584
pi/cpu.user 4705
pi/disk.mmcblk0.reads 20410
pi/disk.mmcblk0.sectors_read 1653312
pi/disk.mmcblk0.sectors_written 9223372036
pi/disk.mmcblk0.writes 7421
pi/load.15m 0.59
pi/load.1m 0.52
pi/load.5m 0.58
pi/memory.MemAvailable_kib 654321
pi/memory.MemFree_kib 123456
pi/memory.MemTotal_kib 947732
pi/memory.SwapFree_kib 102390
pi/memory.SwapTotal_kib 102396
pi/net.eth0.received_bytes 18446744073
pi/net.eth0.received_packets 2345
pi/net.eth0.sent_bytes 1234567
pi/net.eth0.sent_packets 890
pi/temperature.zone0 48.312
pi/temperature.zone2 -2.500
pi/uptime_s 350735.47
EOT
export COLLECT_HOST_PROC="$TMP/proc" COLLECT_HOST_SYS="$TMP/sys"
run_ok "$collect" -d pi
is "$(cat "$ERR")" "" "nothing on stderr"
sort "$OUT" >got
same got want "the files give these metrics"
rm -r proc/diskstats proc/net proc/loadavg sys
run_ok "$collect"
is "$(grep -c ^host/ "$OUT") $(grep -c -v ^host/ "$OUT")" "18 0" \
    "what a container hides is left out"

# Once a second, until nobody reads any more.
"$collect" 1 >stream 2>&1 &
running=$!
twice() {
	[ "$(grep -c ^host/uptime_s stream)" -ge 2 ]
}
ok "with an interval it goes on" poll 20 twice
kill "$running"
wait "$running" 2>/dev/null

rm -r proc
run_fails 66 "$collect"
like "$(cat "$ERR")" "is /proc mounted" "without /proc it says so"
run_fails 64 "$collect" soon
run_fails 64 "$collect" 0
run_fails 64 "$collect" -x
unset COLLECT_HOST_PROC COLLECT_HOST_SYS

if ! [ -r /proc/stat ]; then
	skip "no /proc" 5
	exit 0
fi
"$collect" >once
run_silent ntdb-ingest -r root once
run_ok ntdb-query -r root -f csv host
is "$(sed 1d "$OUT" | wc -l)" "$(wc -l <once)" "every line became a metric"
run_silent ntdb-flush -r root --force
run_ok ntdb-query -r root host/cpu.user
