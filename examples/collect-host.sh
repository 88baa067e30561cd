#!/bin/sh
# Print metrics of this machine as line protocol, read from /proc.
# usage: collect-host.sh | ntdb-ingest -d host

while read -r one five fifteen _; do
	printf 'load.1m %s\nload.5m %s\nload.15m %s\n' "$one" "$five" \
	    "$fifteen"
done < /proc/loadavg

while read -r key value unit; do
	case $key in
	MemTotal: | MemAvailable: | SwapFree:)
		[ "$unit" = kB ] && echo "memory.${key%:}_kib ${value}i"
		;;
	esac
done < /proc/meminfo

while read -r seconds _; do
	echo "uptime_s $seconds"
done < /proc/uptime

# Received and sent bytes of each network interface.
sed -n 's/^ *\([^: ]*\): *\(.*\)$/\1 \2/p' /proc/net/dev |
while read -r name received _ _ _ _ _ _ _ sent _; do
	printf 'net.%s.received_bytes %si\nnet.%s.sent_bytes %si\n' \
	    "$name" "$received" "$name" "$sent"
done

# Temperatures, in degrees, where the kernel knows some.
for zone in /sys/class/thermal/thermal_zone*/temp; do
	[ -r "$zone" ] || continue
	milli=$(cat "$zone" 2>/dev/null) || continue
	name=${zone%/temp}
	name=${name##*/}
	echo "$milli" | awk -v name="$name" \
	    '/^-?[0-9]+$/ { printf "temperature.%s %.3f\n", name, $1 / 1000 }'
done
