# crashes at random moments of recording and refreshing; ROUNDS=N (50) of them
# shellcheck shell=bash

need_for_crash() {
	need_for_tap
}

part_crash() {
	rounds_of crash 023_crash.pl 50
}
