# programs.sh LIMIT_S SETTINGS PROGRAM...
# Says what this machine is, then has one program after another measure itself. For POSIX shells, Android's too.
#
# LIMIT_S: for each program. SETTINGS: NAME=VALUE of the measuring protocol, separated by spaces.
# A program that fails gives the line: failed NUMBER EXIT_STATUS LAST_WORDS

limit_s=$1 settings=$2
shift 2
. ./device.sh
printf 'machine end\n'

number=0
for program in "$@"; do
    [ -x "$program" ] || chmod 700 "$program"
    # $settings are several words.
    result=$(limited "./$program" --bench "$number" $settings 2>errors </dev/null)
    status=$(cat outcome)
    if [ "$status" = 0 ]; then
        printf '%s\n' "$result"
    else
        printf 'failed %s %s %s\n' "$number" "$status" "$(tail -n 1 errors)"
    fi
    number=$((number + 1))
done
