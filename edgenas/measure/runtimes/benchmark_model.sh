# benchmark_model.sh PROGRAM LIMIT_S ROUNDS MAX_ROUNDS PATIENCE_S AGREEMENT TIMES CLOCK_US FLAG... <GRAPHS
# Says what this machine is, then runs benchmark_model in rounds for one graph after another (a path in each line) and
# shows all that it says, for benchmark_output.py. For POSIX shells, Android's too.
#
# A round is TIMES runs of the program, of three inferences each; of a graph faster than CLOCK_US, of as many as take
# that long. Rounds end when the lowest ROUNDS minima agree to AGREEMENT thousandths.

program=$1 limit_s=$2 rounds=$3 max_rounds=$4 patience_s=$5 agreement=$6 times=$7 clock_us=$8
shift 8
. ./device.sh
[ -x "$program" ] || chmod 700 "$program"
printf 'machine program %s\nmachine end\n' "$(sha256sum <"$program")"

# run INFERENCES WARM_UP_S FLAG...: `status` is how it ended, `found` the figures that it gave for the inferences.
run() {
    inferences=$1 warm_up_s=$2
    shift 2
    said=$(limited "$program" "--graph=$graph" --warmup_runs=1 "--warmup_min_secs=$warm_up_s" \
        "--num_runs=$inferences" --min_secs=0 "$@" 2>&1 </dev/null)
    status=$(cat outcome)
    printf 'run\n%s\nexit %s\n' "$said" "$status"
    found=$(printf '%s\n' "$said" | sed -n 's/.*\(count=[0-9].*\)/\1/p' | sed -n 2p)
}

# value NAME: of `found`, in hundredths; of equal inferences only one figure is given.
value() {
    case $found in
        *" $1="*) text=${found##* "$1"=} ;;
        *) text=${found##* curr=} ;;
    esac
    text=${text%%[!0-9.]*}
    case $text in
        *.*) rest=${text#*.}00 text=${text%%.*}; text=$text${rest%"${rest#??}"} ;;
        ?*) text=${text}00 ;;
    esac
    printf '%s' "$text"
}

agreed() {
    lowest=$(printf '%s\n' $minima | sort -n | sed -n "1p;${rounds}p")
    first=${lowest%%[!0-9]*} last=${lowest##*[!0-9]}
    [ "$last" -le $((first + first / 1000 * agreement)) ]
}

measure() {
    run 3 0.3 "$@"
    [ "$status" = 0 ] && [ "$found" ] || return
    fastest=$(value min) inferences=3 name=min minima='' round=0
    if [ "$fastest" -lt $((clock_us * 100)) ]; then
        inferences=$((clock_us * 100 / (fastest + 1) + 1)) name=avg
    fi
    start=$(date +%s)
    while [ $round -lt "$max_rounds" ]; do
        printf 'round %s %s\n' $name "$inferences"
        minimum='' time=0
        while [ $time -lt "$times" ]; do
            run "$inferences" 0.05 "$@"
            [ "$status" = 0 ] && [ "$found" ] || return
            now=$(value $name)
            [ "$minimum" ] && [ "$minimum" -le "$now" ] || minimum=$now
            time=$((time + 1))
        done
        minima="$minima $minimum" round=$((round + 1))
        [ $round -lt "$rounds" ] && continue
        agreed || [ $(($(date +%s) - start)) -ge "$patience_s" ] && break
    done
    printf 'operators\n'
    run 20 0.05 --enable_op_profiling=true "$@"
}

number=0
while IFS= read -r graph; do
    printf 'graph %s\n' $number
    measure "$@"
    printf 'done %s\n' $number
    number=$((number + 1))
done
