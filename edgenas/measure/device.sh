# What programs.sh and benchmark_model.sh share. For POSIX shells, Android's too.

# limited PROGRAM WORD...: run it for at most $limit_s seconds; `outcome` holds how it ended. timeout's own exit status
# cannot be relied on: toybox 0.8.9 now and then gives 127 for a program that ends at once.
limited() {
    rm -f outcome
    timeout -s KILL "$limit_s" sh -c '"$@"; echo $? >outcome' sh "$@"
    [ -s outcome ] || echo 137 >outcome
}

first_line() {
    [ -r "$2" ] && IFS= read -r line <"$2" && printf 'machine %s %s\n' "$1" "$line"
}

# What this machine is and what it does now, a fact a line, for machine.py.
printf 'machine architecture %s\n' "$(uname -m)"
printf 'machine system %s\n' "$(uname -s -r)"
first_line online /sys/devices/system/cpu/online
printf 'machine cores %s\n' "$(grep -c '^cpu[0-9]' /proc/stat)"
while IFS= read -r line; do
    case $line in "model name"* | Model* | Hardware* | "CPU implementer"* | "CPU part"*)
        printf 'machine cpuinfo %s\n' "$line" ;;
    esac
done </proc/cpuinfo
first_line memory /proc/meminfo
first_line load /proc/loadavg
first_line governor /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor
first_line frequency_khz /sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq
first_line temperature_mc /sys/class/thermal/thermal_zone0/temp
printf 'machine disk %s\n' "$(df -P -k . | tail -n 1)"
