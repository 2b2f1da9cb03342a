#!/bin/bash
# SPDX-License-Identifier: MIT
#
# baton completion: what the tables and the daemon offer, through bash's own machinery, quickly and without a word.
# shellcheck source=tests/cli/lib.sh disable=SC2016,SC2119,SC2317 # quoted for inner shells; called by name
. "$(dirname "$0")/lib.sh"
start_daemon

eval "$("$BATON" completion bash)"

# completed LINE: what bash would be offered at its end, in one line.
completed() {
    COMP_LINE=$1
    COMP_POINT=${#1}
    # As readline does it: at blanks, ":" and "=" too.
    mapfile -t COMP_WORDS < <(grep -oE '[^[:blank:]:=]+|[:=]+' <<<"$1")
    [[ $1 != *[[:blank:]] ]] || COMP_WORDS+=('')
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _baton
    echo "${COMPREPLY[*]}"
}
equal() { check "$1" [ "$2" = "$3" ] || echo "  got: $2"; }

baton chan make jobs --cap 3
baton chan make jokes --cap 3
baton chan make 'a:one' --cap 3
baton chan make 'x*y' --cap 3

equal "commands" "$(completed "$BATON pi")" ping
equal "verbs" "$(completed "$BATON chan c")" "close cap"
equal "behind global options" "$(completed "$BATON -q -t 1s chan rec")" recv
equal "options" "$(completed "$BATON chan recv --r")" --raw
equal "global options" "$(completed "$BATON chan recv --vers")" --version
equal "operands of an option" "$(completed "$BATON -o j")" json
equal "names" "$(completed "$BATON chan recv jo")" "jobs jokes"
equal "names of the kind asked for" "$(completed "$BATON mutex lock jo")" ""
equal "names behind an option and its operand" "$(completed "$BATON chan recv --count 3 jobs")" jobs
equal "a name with a colon" "$(completed "$BATON chan close a:o")" one
equal "a star is a star" "$(completed "$BATON chan close x*")" 'x*y'
equal "kinds" "$(completed "$BATON inspect ch")" chan
equal "names of a kind given" "$(completed "$BATON inspect chan jok")" jokes
equal "nothing behind a mistake" "$(completed "$BATON chan rvec jo")" ""
_command_offset() { COMPREPLY=("command at $1"); }
equal "CMD is bash's to complete" "$(completed "$BATON lock jobs -- gr")" "command at 4"
equal "CMD without --" "$(completed "$BATON lock jobs ")" "command at 3"
unset -f _command_offset
equal "an option before CMD" "$(completed "$BATON lock --tr")" --try

# A daemon that does not answer, or is not there, costs a moment and no word.
kill -STOP "$daemon"
begun=$(date +%s%N)
says=$("$BATON" completion words -- chan recv jo 2>&1)
took=$((($(date +%s%N) - begun) / 1000000))
kill -CONT "$daemon"
equal "a daemon that hangs: nothing" "$says" words
check "for a moment ($took ms)" [ $took -lt 5000 ]
equal "no daemon: nothing" "$("$BATON" -s unix:/nowhere completion words -- chan recv jo 2>&1)" words
equal "no daemon, as the line has it: nothing" "$("$BATON" completion words -- -s unix:/nowhere chan recv jo 2>&1)" words
stop_daemon
finish
